package import Wire

/// An IngressRouteTCP (traefik.io/v1alpha1): connections that Traefik passes on, by server name.
package struct IngressRouteTCP: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "traefik.io", version: "v1alpha1", kind: "IngressRouteTCP", plural: "ingressroutetcps",
        isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: JSONValue?

    package init(metadata: ObjectMeta, spec: JSONValue?) {
        self.metadata = metadata
        self.spec = spec
    }
}
