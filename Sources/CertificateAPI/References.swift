/// Which issuer signs: the `issuerRef` of Certificates, CertificateRequests, Orders and Challenges.
package struct IssuerReference: Codable, Sendable, Hashable {
    package var name: String
    package var kind: String?
    package var group: String?

    package init(name: String, kind: String? = nil, group: String? = nil) {
        self.name = name
        self.kind = kind
        self.group = group
    }

    /// `kind`, or `Issuer` where it was left out.
    package var effectiveKind: String { kind.nonEmpty ?? "Issuer" }
    /// `group`, or `cert-manager.io` where it was left out.
    package var effectiveGroup: String { group.nonEmpty ?? Names.group }
    /// Whether a controller here serves it; other groups belong to external issuers.
    package var isOurs: Bool { effectiveGroup == Names.group }
    package var isClusterIssuer: Bool { isOurs && effectiveKind == "ClusterIssuer" }
    package var isIssuer: Bool { isOurs && effectiveKind == "Issuer" }

    /// The same reference with defaults written out, so that two ways of writing one compare equal.
    package var normalized: IssuerReference {
        IssuerReference(name: name, kind: effectiveKind, group: effectiveGroup)
    }
}

/// One key of a Secret. A namespaced object names a Secret beside it; a ClusterIssuer one in the cluster resource namespace.
package struct SecretKeySelector: Codable, Sendable, Hashable {
    package var name: String
    package var key: String?

    package init(name: String, key: String? = nil) {
        self.name = name
        self.key = key
    }
}

/// An object named in the namespace of its user.
package struct LocalReference: Codable, Sendable, Hashable {
    package var name: String

    package init(name: String) {
        self.name = name
    }
}

/// A service account whose token is requested for `audiences`.
package struct ServiceAccountReference: Codable, Sendable, Hashable {
    package var name: String
    package var audiences: [String]?

    package init(name: String, audiences: [String]? = nil) {
        self.name = name
        self.audiences = audiences
    }
}

extension Optional where Wrapped == String {
    /// The text, or nil where it is absent or empty: Kubernetes treats the two alike.
    package var nonEmpty: String? {
        guard let self, !self.isEmpty else { return nil }
        return self
    }
}
