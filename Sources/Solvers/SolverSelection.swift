package import CertificateAPI
import KubeModel

/// Which solver proves control of one name, and by which of the challenges that the CA offers.
package struct SolverSelection: Sendable, Hashable {
    /// Where the solver stands in the issuer's list.
    package var index: Int
    /// The issuer's stanza with the Order's overrides in it.
    package var solver: Solver
    package var method: ChallengeMethod
    package var offered: Order.OfferedChallenge

    /// Why no challenge can be made.
    package enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        case noSolver(name: String, offered: [String])
        case overrides([String])
        /// A route of the Gateway API would attach to nothing.
        case noParent
        /// Only one of two annotations that belong together.
        case halfParent(missing: String)

        package var description: String {
            switch self {
            case .noSolver(let name, let offered):
                "no solver of the issuer can prove control of \(name): the CA offers "
                    + "\(offered.isEmpty ? "no challenge" : offered.joined(separator: ", ")), and no solver whose "
                    + "selector matches the name answers one of them; add such a solver to spec.acme.solvers"
            case .overrides(let keys):
                "at most one of these annotations may be set: \(keys.joined(separator: ", "))"
            case .noParent:
                "the solver's gatewayHTTPRoute names no parentRefs, and no annotation of the Certificate does; set "
                    + "parentRefs in the issuer, or the annotations \(Names.Annotation.http01ParentRefName) and "
                    + "\(Names.Annotation.http01ParentRefKind) on the Certificate"
            case .halfParent(let missing):
                "the annotations \(Names.Annotation.http01ParentRefName) and "
                    + "\(Names.Annotation.http01ParentRefKind) go together; \(missing) is missing"
            }
        }
    }

    /// The best solver of the list. An exact name in a selector beats a zone, a longer zone a shorter one, then more
    /// labels count; of equals the first stands.
    ///
    /// - Parameters:
    ///   - methods: what may be used, first choice first.
    ///   - namespace: the Order's.
    package static func choose(
        from solvers: [Solver], for authorization: Order.Authorization, labels: [String: String],
        annotations: [String: String], namespace: String = "", methods: [ChallengeMethod] = ChallengeMethod.standard
    ) throws(Failure) -> SolverSelection {
        let name = AuthorizedName(authorization)
        var best: (score: Score, selection: SolverSelection)?
        for (index, solver) in solvers.enumerated() {
            guard let (method, offered) = solver.answerable(in: authorization, of: name, by: methods),
                let score = Score(solver.selector, name: name, labels: labels)
            else { continue }
            if let best, best.score >= score { continue }
            best = (score, SolverSelection(index: index, solver: solver, method: method, offered: offered))
        }
        guard var selection = best?.selection else {
            throw .noSolver(name: name.text, offered: (authorization.challenges ?? []).map(\.type))
        }
        try selection.solver.apply(HTTP01Override(annotations))
        try selection.solver.apply(ParentOverride(annotations, namespace: namespace), namespace: namespace)
        return selection
    }

    /// Whether the issuer has this stanza, wherever an Order's annotations may have sent its Ingress or route.
    package static func offers(_ solver: Solver, in solvers: [Solver]) -> Bool {
        let wanted = solver.withoutChoice
        return solvers.contains { $0.withoutChoice == wanted }
    }
}

/// The name of an authorization as selectors spell it.
private struct AuthorizedName {
    let text: String
    let isWildcard: Bool
    let isAddress: Bool

    init(_ authorization: Order.Authorization) {
        let name = (authorization.identifier ?? "").lowercased()
        isWildcard = authorization.wildcard == true
        text = isWildcard ? "*." + name : name
        isAddress = Self.isAddress(name)
    }

    /// Only addresses have colons, and no DNS name ends in a label of digits (RFC 3696 §2).
    private static func isAddress(_ name: String) -> Bool {
        if name.contains(":") { return true }
        let last = name.split(separator: ".").last ?? ""
        return !last.isEmpty && last.allSatisfy(\.isNumber)
    }
}

/// How closely a selector fits, the parts compared in order.
private struct Score: Comparable {
    var exactNames = 0
    var zoneLabels = 0
    var labels = 0

    /// Nil when one of the things that the selector asks for is not there.
    init?(_ selector: Solver.Selector?, name: AuthorizedName, labels: [String: String]) {
        guard let selector else { return }
        if let wanted = selector.matchLabels, !wanted.isEmpty {
            guard wanted.allSatisfy({ labels[$0.key] == $0.value }) else { return nil }
            self.labels = wanted.count
        }
        if let names = selector.dnsNames, !names.isEmpty {
            guard names.contains(where: { Self.canonical($0) == name.text }) else { return nil }
            exactNames = 1
        }
        if let zones = selector.dnsZones, !zones.isEmpty {
            let fitting = zones.map(Self.canonical).filter { name.text == $0 || name.text.hasSuffix("." + $0) }
            guard let closest = fitting.map({ $0.split(separator: ".").count }).max() else { return nil }
            zoneLabels = closest
        }
    }

    static func < (one: Score, other: Score) -> Bool {
        (one.exactNames, one.zoneLabels, one.labels) < (other.exactNames, other.zoneLabels, other.labels)
    }

    private static func canonical(_ text: String) -> String {
        let lowered = text.lowercased()
        return lowered.hasSuffix(".") ? String(lowered.dropLast()) : lowered
    }
}

extension Solver {
    /// The first of these that this solver speaks, the name allows and the CA offers, with the offer.
    fileprivate func answerable(
        in authorization: Order.Authorization, of name: AuthorizedName, by methods: [ChallengeMethod]
    ) -> (ChallengeMethod, Order.OfferedChallenge)? {
        for method in methods {
            let isPossible =
                switch method.kind {
                case .http01: http01 != nil && !name.isWildcard
                case .dns01: dns01 != nil && !name.isAddress
                }
            guard isPossible, let offered = authorization.challenges?.first(where: { $0.type == method.rawValue })
            else { continue }
            return (method, offered)
        }
        return nil
    }

    fileprivate var withoutChoice: Solver {
        var solver = self
        solver.http01?.ingress?.name = nil
        solver.http01?.ingress?.class = nil
        solver.http01?.ingress?.ingressClassName = nil
        solver.http01?.gatewayHTTPRoute?.parentRefs = nil
        return solver
    }

    /// An override of the Ingress replaces every other way the stanza names one.
    fileprivate mutating func apply(_ override: HTTP01Override?) {
        guard let override, var ingress = http01?.ingress else { return }
        ingress.name = nil
        ingress.class = nil
        ingress.ingressClassName = nil
        switch override {
        case .name(let name): ingress.name = name
        case .ingressClass(let name): ingress.class = name
        case .ingressClassName(let name): ingress.ingressClassName = name
        }
        http01?.ingress = ingress
    }
}

extension Solver {
    /// A parent that annotations name joins those of the issuer. One that the issuer names already stays as it is
    /// there, with its section and port.
    fileprivate mutating func apply(
        _ override: ParentOverride?, namespace: String
    ) throws(SolverSelection.Failure) {
        guard let gateway = http01?.gatewayHTTPRoute else { return }
        var parents = gateway.parentRefs ?? []
        if let override, !parents.contains(where: { override.names($0, from: namespace) }) {
            parents.append(override.reference)
        }
        if parents.isEmpty { throw .noParent }
        http01?.gatewayHTTPRoute?.parentRefs = parents
    }
}

/// The parent of a route, as annotations that came down from the Certificate name it.
private struct ParentOverride {
    var reference: Solver.ParentReference

    init?(_ annotations: [String: String], namespace: String) throws(SolverSelection.Failure) {
        typealias Key = Names.Annotation
        switch (annotations[Key.http01ParentRefName].nonEmpty, annotations[Key.http01ParentRefKind].nonEmpty) {
        case (nil, nil): return nil
        case (nil, .some): throw .halfParent(missing: Key.http01ParentRefName)
        case (.some, nil): throw .halfParent(missing: Key.http01ParentRefKind)
        case (let name?, let kind?):
            reference = Solver.ParentReference(name: name)
            reference.kind = kind
            reference.group =
                kind == ExperimentalListenerSet.resource.kind
                ? ExperimentalListenerSet.resource.group : Gateway.group
            reference.namespace = annotations[Key.http01ParentRefNamespace].nonEmpty ?? namespace.nilWhenEmpty
        }
    }

    func names(_ other: Solver.ParentReference, from namespace: String) -> Bool {
        other.name == reference.name
            && (other.kind.nonEmpty ?? Gateway.resource.kind) == reference.kind
            && (other.group ?? Gateway.group) == reference.group
            && (other.namespace.nonEmpty ?? namespace.nilWhenEmpty) == reference.namespace
    }
}

extension String {
    fileprivate var nilWhenEmpty: String? { isEmpty ? nil : self }
}

/// What annotations that came down from the Certificate say about the Ingress of HTTP-01.
private enum HTTP01Override {
    case name(String)
    case ingressClass(String)
    case ingressClassName(String)

    init?(_ annotations: [String: String]) throws(SolverSelection.Failure) {
        typealias Key = Names.Annotation
        let found: [(key: String, override: HTTP01Override)] = [
            (Key.http01OverrideIngressName, HTTP01Override.name),
            (Key.http01OverrideIngressClass, HTTP01Override.ingressClass),
            (Key.http01OverrideIngressClassName, HTTP01Override.ingressClassName),
        ].compactMap { key, make in annotations[key].nonEmpty.map { (key, make($0)) } }
        if found.count > 1 { throw .overrides(found.map(\.key)) }
        guard let only = found.first else { return nil }
        self = only.override
    }
}
