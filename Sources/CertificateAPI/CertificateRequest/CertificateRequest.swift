package import KubeModel
package import Wire

/// One signing of one certificate signing request: never changed after creation, answered in its status.
package struct CertificateRequest: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: Names.group, version: Names.version, kind: "CertificateRequest", plural: "certificaterequests",
        isNamespaced: true)

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
            try container.decodeIfPresent(Spec.self, forKey: .spec)
            ?? Spec(request: Base64Data([]), issuerRef: .init(name: ""))
        status = try container.decodeIfPresent(Status.self, forKey: .status)
    }

    package struct Spec: Codable, Sendable, Hashable {
        /// A PEM certificate signing request.
        package var request: Base64Data
        package var issuerRef: IssuerReference
        package var duration: String?
        package var isCA: Bool?
        package var usages: [String]?
        // Who created the request, as the webhook stamps it.
        package var username: String?
        package var uid: String?
        package var groups: [String]?
        package var extra: [String: [String]]?

        package init(request: Base64Data, issuerRef: IssuerReference) {
            self.request = request
            self.issuerRef = issuerRef
        }
    }

    package struct Status: Codable, Sendable, Hashable {
        package var conditions: [Condition]?
        /// PEM, leaf first, then its chain.
        package var certificate: Base64Data?
        /// PEM of the root, where the issuer knows it.
        package var ca: Base64Data?
        package var failureTime: Timestamp?

        package init() {}
    }
}
