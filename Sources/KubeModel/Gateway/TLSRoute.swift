package import Wire

/// A TLSRoute (gateway.networking.k8s.io/v1alpha2): TLS that a Gateway passes on unread, by server name.
package struct TLSRoute: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: Gateway.group, version: "v1alpha2", kind: "TLSRoute", plural: "tlsroutes", isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: JSONValue?

    package init(metadata: ObjectMeta, spec: JSONValue?) {
        self.metadata = metadata
        self.spec = spec
    }
}
