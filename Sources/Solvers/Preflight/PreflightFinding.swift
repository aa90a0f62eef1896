package import CertificateAPI

/// Something that will keep a CA from certifying a name, or may.
package struct PreflightFinding: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case caa, clock, address, zone
    }
    package enum Severity: Sendable, Hashable {
        /// The order would fail.
        case fault
        /// It could not be found out from here, or need not be in the way.
        case doubt
    }

    package var kind: Kind
    package var severity: Severity
    /// A sentence that says what to do.
    package var sentence: String

    package init(_ kind: Kind, _ severity: Severity, _ sentence: String) {
        self.kind = kind
        self.severity = severity
        self.sentence = sentence
    }
}

/// What is to be looked into before an order.
package struct PreflightInquiry: Sendable {
    package struct Name: Sendable, Hashable {
        /// As the order spells it; a wildcard keeps its `*.`.
        package var text: String
        /// How it will be proved, such as `dns-01`; nil when no solver of the issuer can.
        package var method: String?
        /// Where the solver stands in `solvers`.
        package var solver: Int?

        package init(_ text: String, method: String? = nil, solver: Int? = nil) {
            self.text = text
            self.method = method
            self.solver = solver
        }
    }

    package var names: [Name]
    package var solvers: [Solver]
    package var policy: CAAPolicy
    /// How far the CA's clock is ahead of ours.
    package var clockSkew: Duration?
    /// Where the Secrets of the solvers lie, and whether the credentials of the machine may be used.
    package var namespace: String
    package var isClusterIssuer: Bool

    package init(
        names: [Name], solvers: [Solver], policy: CAAPolicy, clockSkew: Duration?, namespace: String,
        isClusterIssuer: Bool
    ) {
        self.names = names
        self.solvers = solvers
        self.policy = policy
        self.clockSkew = clockSkew
        self.namespace = namespace
        self.isClusterIssuer = isClusterIssuer
    }
}
