/// A Gateway (Gateway API, gateway.networking.k8s.io/v1): what of it certificates depend on. It is only read.
package struct Gateway: KubeObject, Hashable {
    package static let group = "gateway.networking.k8s.io"
    package static let resource = ResourceType(
        group: group, version: "v1", kind: "Gateway", plural: "gateways", isNamespaced: true)

    package struct Spec: Codable, Sendable, Hashable {
        package var listeners: [Listener]?

        package init(listeners: [Listener]? = nil) { self.listeners = listeners }
    }
    package var metadata: ObjectMeta
    package var spec: Spec?

    package init(metadata: ObjectMeta, spec: Spec?) {
        self.metadata = metadata
        self.spec = spec
    }
}

/// One listener of a Gateway or a ListenerSet; the two have the fields below in common.
package struct Listener: Codable, Sendable, Hashable {
    package struct TLS: Codable, Sendable, Hashable {
        /// `Terminate` or `Passthrough`; the API server fills in `Terminate` where it was left out.
        package var mode: String?
        package var certificateRefs: [CertificateReference]?

        package init(mode: String? = nil, certificateRefs: [CertificateReference]? = nil) {
            self.mode = mode
            self.certificateRefs = certificateRefs
        }
    }
    /// A SecretObjectReference: a Secret of the core group unless it says otherwise.
    package struct CertificateReference: Codable, Sendable, Hashable {
        package var group: String?
        package var kind: String?
        package var name: String
        package var namespace: String?

        package init(name: String, group: String? = nil, kind: String? = nil, namespace: String? = nil) {
            self.group = group
            self.kind = kind
            self.name = name
            self.namespace = namespace
        }
    }
    package var name: String
    package var hostname: String?
    package var port: Int?
    package var `protocol`: String?
    package var tls: TLS?

    package init(name: String, hostname: String? = nil, protocol: String? = nil, tls: TLS? = nil) {
        self.name = name
        self.hostname = hostname
        self.protocol = `protocol`
        self.tls = tls
    }
}
