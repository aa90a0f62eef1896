import ArgumentParser

/// The programs that flags are for.
enum Program: String, Sendable, CaseIterable {
    case controller, webhook, cainjector
}

/// A feature that can be switched by `--feature-gates`, under the name that users' flags already say.
enum FeatureGate: String, Sendable, CaseIterable {
    case acmeUseARI = "ACMEUseARI"
    case listenerSets = "ListenerSets"
    case certificateSigningRequests = "ExperimentalCertificateSigningRequestControllers"
    case serverSideApply = "ServerSideApply"
    case requestBasicConstraints = "UseCertificateRequestBasicConstraints"
    case gatewayAPI = "ExperimentalGatewayAPISupport"
    case stableRequestName = "StableCertificateRequestName"
    case secretsFilteredCaching = "SecretsFilteredCaching"
    case literalSubject = "LiteralCertificateSubject"
    case nameConstraints = "NameConstraints"
    case otherNames = "OtherNames"
    case pathTypeExact = "ACMEHTTP01IngressPathTypeExact"
    case additionalOutputFormats = "AdditionalCertificateOutputFormats"
    case domainQualifiedFinalizer = "UseDomainQualifiedFinalizer"
    case rotationPolicyAlways = "DefaultPrivateKeyRotationPolicyAlways"
    case disallowInsecureUsages = "DisallowInsecureCSRUsageDefinition"
    case caInjectorMerging = "CAInjectorMerging"
    case validateCAA = "ValidateCAA"

    enum Stage { case alpha, beta, settled }

    /// What switching it does in this program.
    enum Effect: Equatable {
        case switches
        /// Nothing, because the feature is always there; why.
        case alwaysOn(String)
        /// Nothing, because it is gone; why.
        case gone(String)
    }

    var stage: Stage {
        switch self {
        case .acmeUseARI, .listenerSets, .certificateSigningRequests, .serverSideApply, .requestBasicConstraints,
            .validateCAA:
            .alpha
        case .gatewayAPI, .stableRequestName, .secretsFilteredCaching, .literalSubject, .nameConstraints, .otherNames,
            .pathTypeExact:
            .beta
        case .additionalOutputFormats, .domainQualifiedFinalizer, .rotationPolicyAlways, .disallowInsecureUsages,
            .caInjectorMerging:
            .settled
        }
    }

    var isOnByDefault: Bool { stage != .alpha }

    var programs: Set<Program> {
        switch self {
        case .literalSubject, .nameConstraints, .otherNames, .additionalOutputFormats: [.controller, .webhook]
        case .disallowInsecureUsages: [.controller, .webhook]
        case .serverSideApply: [.controller, .cainjector]
        case .caInjectorMerging: [.cainjector]
        default: [.controller]
        }
    }

    var effect: Effect {
        switch self {
        case .acmeUseARI:
            .alwaysOn("renewal information is asked of every ACME server that offers it")
        case .listenerSets, .certificateSigningRequests, .gatewayAPI: .switches
        case .serverSideApply: .alwaysOn("each write says just what it is about, whether by apply or by patch")
        case .requestBasicConstraints:
            .alwaysOn("a request says whether it is for a CA where the Certificate says isCA")
        case .stableRequestName: .alwaysOn("a request's name follows from the Certificate and its revision")
        case .secretsFilteredCaching: .alwaysOn("of Secrets that no Certificate owns only the metadata is read")
        case .literalSubject, .nameConstraints, .otherNames: .alwaysOn("the field is part of the API")
        case .pathTypeExact: .alwaysOn("the path of a challenge is matched exactly")
        case .additionalOutputFormats, .domainQualifiedFinalizer, .rotationPolicyAlways, .disallowInsecureUsages,
            .caInjectorMerging:
            .alwaysOn("the feature is settled")
        case .validateCAA: .gone("the CA checks CAA records itself")
        }
    }
}

/// What `--feature-gates` says.
struct FeatureGates: Sendable, Equatable {
    private(set) var given: [FeatureGate: Bool] = [:]

    struct Problem: Error, Equatable, CustomStringConvertible {
        var description: String
    }

    init() {}

    /// `A=true,B=false`, and `AllAlpha`, `AllBeta` for all of a stage that are not named themselves.
    init(_ text: String, for programs: Set<Program>) throws(Problem) {
        let known = FeatureGate.allCases.filter { !$0.programs.isDisjoint(with: programs) }
        var all: [FeatureGate.Stage: Bool] = [:]
        for entry in CommaList.parse(text) {
            let (name, value) = try Self.parts(of: entry)
            switch name {
            case "AllAlpha": all[.alpha] = value
            case "AllBeta": all[.beta] = value
            default: given[try Self.gate(name, value, among: known)] = value
            }
        }
        for gate in known where given[gate] == nil {
            if let value = all[gate.stage], gate.effect == .switches { given[gate] = value }
        }
    }

    func isOn(_ gate: FeatureGate) -> Bool {
        switch gate.effect {
        case .switches: given[gate] ?? gate.isOnByDefault
        case .alwaysOn: true
        case .gone: false
        }
    }

    /// What to say in the log at start, for each that was given and switches nothing.
    var notices: [String] {
        given.keys.sorted { $0.rawValue < $1.rawValue }.compactMap { gate in
            let start = "The feature gate \(gate.rawValue) does nothing here"
            return switch gate.effect {
            case .switches: nil
            case .alwaysOn(let why): "\(start): the feature is always on, \(why)."
            case .gone(let why): "\(start): \(why)."
            }
        }
    }

    private static func parts(of entry: String) throws(Problem) -> (name: String, value: Bool) {
        let parts = entry.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let value = SwitchSyntax.value(of: parts[1]) else {
            throw Problem(description: "--feature-gates takes Name=true or Name=false; \"\(entry)\" is neither.")
        }
        return (parts[0], value)
    }

    private static func gate(
        _ name: String, _ value: Bool, among known: [FeatureGate]
    ) throws(Problem) -> FeatureGate {
        guard let gate = FeatureGate(rawValue: name), known.contains(gate) else {
            let names = (["AllAlpha", "AllBeta"] + known.map(\.rawValue).sorted()).joined(separator: ", ")
            throw Problem(
                description: "--feature-gates names \"\(name)\", which is not a feature gate here. Known: \(names).")
        }
        guard value || gate.stage != .settled else {
            throw Problem(
                description: "The feature gate \(name) is settled and cannot be switched off; leave it out.")
        }
        return gate
    }
}

struct FeatureFlags: ParsableArguments {
    @Option(
        help: """
            Features to switch, as Name=true,Other=false. docs/flags.md names them and says which are always on here.
            """)
    var featureGates = ""

    func validate(for programs: Set<Program>) throws {
        do throws(FeatureGates.Problem) {
            _ = try FeatureGates(featureGates, for: programs)
        } catch {
            throw ValidationError(error.description)
        }
    }

    /// `validate` has refused what does not parse.
    func gates(for programs: Set<Program>) -> FeatureGates {
        (try? FeatureGates(featureGates, for: programs)) ?? FeatureGates()
    }
}
