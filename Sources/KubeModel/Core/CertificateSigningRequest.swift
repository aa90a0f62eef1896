package import Wire

/// A request for a certificate in Kubernetes' own API (certificates.k8s.io/v1). Its spec never changes.
package struct CertificateSigningRequest: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "certificates.k8s.io", version: "v1", kind: "CertificateSigningRequest",
        plural: "certificatesigningrequests", isNamespaced: false)

    package struct Spec: Codable, Sendable, Hashable {
        /// PEM.
        package var request: Base64Data
        package var signerName: String
        /// From Kubernetes 1.22 on; at least 600.
        package var expirationSeconds: Int?
        package var usages: [String]?
        // Who made it, as the API server saw it.
        package var username: String?
        package var uid: String?
        package var groups: [String]?
        package var extra: [String: [String]]?

        package init(request: Base64Data, signerName: String) {
            self.request = request
            self.signerName = signerName
        }
    }
    package struct Status: Codable, Sendable, Hashable {
        package var conditions: [Condition]?
        /// PEM, leaf first.
        package var certificate: Base64Data?

        package init(conditions: [Condition]? = nil, certificate: Base64Data? = nil) {
            self.conditions = conditions
            self.certificate = certificate
        }
    }
    package struct Condition: Codable, Sendable, Hashable {
        package static let approved = "Approved"
        package static let denied = "Denied"
        package static let failed = "Failed"

        package var type: String
        package var status: String
        package var reason: String?
        package var message: String?
        package var lastUpdateTime: Timestamp?
        package var lastTransitionTime: Timestamp?

        package init(
            type: String, status: String = "True", reason: String? = nil, message: String? = nil,
            at time: Timestamp? = nil
        ) {
            self.type = type
            self.status = status
            self.reason = reason
            self.message = message
            lastUpdateTime = time
            lastTransitionTime = time
        }
    }
    package var metadata: ObjectMeta
    package var spec: Spec
    package var status: Status?

    package init(metadata: ObjectMeta, spec: Spec) {
        self.metadata = metadata
        self.spec = spec
    }

    package func isTrue(_ type: String) -> Bool {
        status?.conditions?.contains { $0.type == type && $0.status == "True" } ?? false
    }
}
