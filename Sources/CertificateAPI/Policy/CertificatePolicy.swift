package import KubeModel
import PKI
import Wire

/// Who may get which certificates: what the requests that it selects may ask for.
///
/// Off until one exists. A request that no policy selects is approved as without policies; one that some select must be
/// allowed, in everything it asks for, by at least one of them.
package struct CertificatePolicy: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "policy.certwright.dev", version: "v1alpha1", kind: "CertificatePolicy", plural: "certificatepolicies",
        isNamespaced: false)

    package var metadata: ObjectMeta
    package var spec: Spec

    package init(metadata: ObjectMeta, spec: Spec) {
        self.metadata = metadata
        self.spec = spec
    }

    package struct Spec: Codable, Sendable, Hashable {
        /// Absent, it selects every request.
        package var selector: Selector?
        /// Absent, the requests it selects may ask for no name.
        package var allowed: Allowed?

        package init() {}
    }

    package struct Selector: Codable, Sendable, Hashable {
        /// Absent or empty: every issuer.
        package var issuers: [IssuerPattern]?
        /// Patterns of namespaces; absent or empty: all.
        package var namespaces: [String]?

        package init() {}
    }

    /// What is left out fits everything.
    package struct IssuerPattern: Codable, Sendable, Hashable {
        package var name: String?
        package var kind: String?
        package var group: String?

        package init(name: String? = nil, kind: String? = nil, group: String? = nil) {
            self.name = name
            self.kind = kind
            self.group = group
        }
    }

    /// Names: a list that is left out allows none. Everything else: what is left out is not bounded, but a CA must be
    /// allowed.
    package struct Allowed: Codable, Sendable, Hashable {
        package var commonNames: [String]?
        package var organizations: [String]?
        package var organizationalUnits: [String]?
        /// Whether the subject may have anything else: a country, a locality, a serial number, a second common name.
        package var otherSubjectAttributes: Bool?
        package var dnsNames: [String]?
        /// Addresses and ranges, such as `10.0.0.0/8`.
        package var ipAddresses: [String]?
        package var uris: [String]?
        package var emailAddresses: [String]?
        /// By the names of `spec.usages`.
        package var usages: [String]?
        package var isCA: Bool?
        package var minDuration: String?
        package var maxDuration: String?
        package var privateKeys: [Key]?

        package init() {}
    }

    package struct Key: Codable, Sendable, Hashable {
        package var algorithm: String
        package var minSize: Int?
        package var maxSize: Int?

        package init(algorithm: String, minSize: Int? = nil, maxSize: Int? = nil) {
            self.algorithm = algorithm
            self.minSize = minSize
            self.maxSize = maxSize
        }
    }
}

extension CertificatePolicy {
    /// The rules that it breaks. A policy that breaks one allows nothing.
    package func problems() -> [FieldProblem] {
        guard let allowed = spec.allowed else { return [] }
        let path = FieldPath.spec["allowed"]
        var problems: [FieldProblem] = []
        for (index, range) in (allowed.ipAddresses ?? []).enumerated()
        where IPRange(range) == nil && IPAddress(range) == nil {
            problems.append(
                .invalid(path["ipAddresses"][index], range, "must be an IP address or a range in CIDR notation"))
        }
        do throws(FieldProblems) {
            _ = try Usages(allowed.usages ?? [], isCA: false, at: path["usages"])
        } catch {
            problems += error.problems
        }
        for (field, text) in [("minDuration", allowed.minDuration), ("maxDuration", allowed.maxDuration)] {
            if let text, GoDuration(text) == nil {
                problems.append(.invalid(path[field], text, "must be a duration such as 24h"))
            }
        }
        for (index, key) in (allowed.privateKeys ?? []).enumerated() where !Self.algorithms.contains(key.algorithm) {
            problems.append(.notSupported(path["privateKeys"][index]["algorithm"], key.algorithm, Self.algorithms))
        }
        return problems
    }

    static let algorithms = ["RSA", "ECDSA", "Ed25519"]
}
