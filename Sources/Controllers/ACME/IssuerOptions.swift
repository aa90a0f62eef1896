import ACME
import CertificateAPI
import Issuers
import Wire

/// What annotations of ours on an ACME issuer ask for beyond its spec.
struct IssuerOptions: Sendable, Equatable {
    /// Which chain is stored, where it is not `preferredChain` that says it.
    var chain: ChainPreference?
    /// Whether an order goes without its profile where the server will not have it.
    var profileIsPreferred = false
    /// What may be ordered.
    var limits = CALimits()
    /// How Challenges are answered.
    var solving = SolvingOptions()
    /// What cannot be read, a sentence each.
    var problems: [String] = []

    init(_ annotations: [String: String]?, server: String) {
        let annotations = annotations ?? [:]
        if let end = KnownCA(server: server)?.hasEnded { problems.append(end) }
        if let text = annotations[Names.Annotation.preferredRoot] {
            chain = ChainPreference(root: text)
            if chain == nil {
                refuse(
                    Names.Annotation.preferredRoot, text,
                    "64 hexadecimal digits of a SHA-256 fingerprint or 40 of a key identifier")
            }
        }
        switch annotations[Names.Annotation.preferredChain] {
        case nil: break
        case "smallest": chain = .smallest
        case let text?: refuse(Names.Annotation.preferredChain, text, "smallest")
        }
        switch annotations[Names.Annotation.profileMode] {
        case nil, "required": break
        case "preferred": profileIsPreferred = true
        case let text?: refuse(Names.Annotation.profileMode, text, "required or preferred")
        }
        let (limits, unread) = CALimits.read(annotations, server: server)
        self.limits = limits
        problems += unread
        readSolving(annotations)
    }

    private mutating func readSolving(_ annotations: [String: String]) {
        solving.mode = read(Names.Annotation.solverMode, annotations, "shared or each") ?? solving.mode
        solving.selfCheck = read(Names.Annotation.selfCheck, annotations, "name or service") ?? solving.selfCheck
        solving.routing = read(Names.Annotation.tlsRouting, annotations, "service or traefik") ?? solving.routing
        switch annotations[Names.Annotation.persistWildcard] {
        case nil, "false": break
        case "true": solving.persistsWildcards = true
        case let text?: refuse(Names.Annotation.persistWildcard, text, "true or false")
        }
        if let text = annotations[Names.Annotation.challengeTypes] {
            let words = text.split(separator: ",").map { $0.filter { $0 != " " } }
            let methods = words.compactMap { ChallengeMethod(rawValue: $0) }
            if methods.isEmpty || methods.count < words.count {
                let known = ChallengeMethod.allCases.map(\.rawValue).joined(separator: ", ")
                refuse(Names.Annotation.challengeTypes, text, "a list of some of \(known), first choice first")
            } else {
                solving.methods = methods
            }
        }
    }

    private mutating func read<Value: RawRepresentable<String>>(
        _ key: String, _ annotations: [String: String], _ wanted: String
    ) -> Value? {
        guard let text = annotations[key] else { return nil }
        let value = Value(rawValue: text)
        if value == nil { refuse(key, text, wanted) }
        return value
    }

    private mutating func refuse(_ key: String, _ text: String, _ wanted: String) {
        problems.append("the annotation \(key) is \"\(Problem.presentable(text).prefix(60))\" and should be \(wanted)")
    }
}

/// How the Challenges of an issuer are answered, beyond what its solvers say.
struct SolvingOptions: Sendable, Hashable {
    /// Which challenges, first choice first.
    var methods = ChallengeMethod.standard
    var mode = SolverMode.shared
    var selfCheck = SelfCheckPlace.name
    var routing = TLSRouting.service
    /// Whether a record of dns-persist-01 may cover wildcards.
    var persistsWildcards = false

    /// The annotations of a Challenge: it goes by these as long as it lives, whatever becomes of the issuer's.
    func annotations(for method: ChallengeMethod) -> [String: String]? {
        var annotations: [String: String] = [:]
        switch method {
        case .dns01: break
        case .dnsAccount01, .dnsPersist01: annotations[Names.Annotation.challengeType] = method.rawValue
        case .http01: annotations[Names.Annotation.solverMode] = mode.rawValue
        case .tlsALPN01:
            annotations[Names.Annotation.challengeType] = method.rawValue
            annotations[Names.Annotation.tlsRouting] = routing.rawValue
        }
        if method.kind == .http01, selfCheck != .name { annotations[Names.Annotation.selfCheck] = selfCheck.rawValue }
        return annotations.isEmpty ? nil : annotations
    }
}
