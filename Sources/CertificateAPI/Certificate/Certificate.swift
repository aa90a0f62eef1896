package import KubeModel
package import Wire

/// A certificate a user wants kept in a Secret: issued now, renewed in time.
package struct Certificate: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: Names.group, version: Names.version, kind: "Certificate", plural: "certificates", isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: Spec
    package var status: Status?

    package init(metadata: ObjectMeta, spec: Spec, status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    /// The schema lets `spec` be absent; it then reads as one with nothing in it, which the rules refuse by field.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        spec =
            try container.decodeIfPresent(Spec.self, forKey: .spec) ?? Spec(secretName: "", issuerRef: .init(name: ""))
        status = try container.decodeIfPresent(Status.self, forKey: .status)
    }

    package struct Status: Codable, Sendable, Hashable {
        package var conditions: [Condition]?
        package var lastFailureTime: Timestamp?
        package var notBefore: Timestamp?
        package var notAfter: Timestamp?
        package var renewalTime: Timestamp?
        package var revision: Int?
        package var nextPrivateKeySecretName: String?
        package var failedIssuanceAttempts: Int?
        package var acme: ACME?

        package init() {}

        package struct ACME: Codable, Sendable, Hashable {
            package var ari: RenewalInformation?

            package init() {}
        }

        /// What the CA last said about when to renew (RFC 9773).
        package struct RenewalInformation: Codable, Sendable, Hashable {
            package var explanationURL: String?
            package var lastChecked: Timestamp?
            package var lastError: String?
            package var nextCheck: Timestamp?
            package var suggestedWindow: Window?

            package init() {}

            package struct Window: Codable, Sendable, Hashable {
                package var start: Timestamp
                package var end: Timestamp

                package init(start: Timestamp, end: Timestamp) {
                    self.start = start
                    self.end = end
                }
            }
        }
    }
}
