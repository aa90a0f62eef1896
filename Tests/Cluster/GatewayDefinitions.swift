/// Definitions of the Gateway API's kinds, as small as these tests can do with: the fields used are checked and filled in
/// as the real ones do it, and all others kept. They are not the real ones.
enum GatewayDefinitions {
    static let names = [
        "gateways.gateway.networking.k8s.io", "listenersets.gateway.networking.k8s.io",
        "httproutes.gateway.networking.k8s.io", "xlistenersets.gateway.networking.x-k8s.io",
    ]

    static let yaml = [
        definition("gateway.networking.k8s.io", "v1", "Gateway", "gateways", spec: "listeners: \(listeners)"),
        definition(
            "gateway.networking.k8s.io", "v1", "ListenerSet", "listenersets",
            spec: "listeners: \(listeners), parentRef: {\(open)}"),
        definition("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes", spec: "parentRefs: \(parents)"),
        definition(
            "gateway.networking.x-k8s.io", "v1alpha1", "XListenerSet", "xlistenersets",
            spec: "listeners: \(listeners), parentRef: {\(open)}"),
    ].joined(separator: "---\n")

    private static let open = "type: object, x-kubernetes-preserve-unknown-fields: true"
    private static let listeners =
        "{type: array, items: {\(open), properties: {tls: {\(open), properties: {mode: {type: string, "
        + "default: Terminate}}}}}}"
    private static let parents =
        "{type: array, items: {\(open), properties: {kind: {type: string, default: Gateway}}}}"

    private static func definition(
        _ group: String, _ version: String, _ kind: String, _ plural: String, spec: String
    ) -> String {
        """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata:
          name: \(plural).\(group)
          annotations: {api-approved.kubernetes.io: "unapproved, a test fixture"}
        spec:
          group: \(group)
          scope: Namespaced
          names: {kind: \(kind), listKind: \(kind)List, plural: \(plural), singular: \(kind.lowercased())}
          versions:
            - name: \(version)
              served: true
              storage: true
              subresources: {status: {}}
              schema:
                openAPIV3Schema:
                  type: object
                  properties:
                    spec: {\(open), properties: {\(spec)}}
                    status: {\(open)}

        """
    }
}
