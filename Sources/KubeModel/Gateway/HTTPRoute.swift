package import Wire

/// An HTTPRoute (gateway.networking.k8s.io/v1). What it is to say is passed on as it is; what Gateways think of it is
/// read.
package struct HTTPRoute: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: Gateway.group, version: "v1", kind: "HTTPRoute", plural: "httproutes", isNamespaced: true)

    package struct Status: Codable, Sendable, Hashable {
        /// What one Gateway says of its taking the route in.
        package struct Parent: Codable, Sendable, Hashable {
            package var parentRef: Reference?
            package var controllerName: String?
            package var conditions: [Condition]?
        }
        package struct Reference: Codable, Sendable, Hashable {
            package var kind: String?
            package var name: String?
            package var namespace: String?
        }
        package struct Condition: Codable, Sendable, Hashable {
            package var type: String
            package var status: String
            package var reason: String?
            package var message: String?
        }
        package var parents: [Parent]?
    }
    package var metadata: ObjectMeta
    package var spec: JSONValue?
    package var status: Status?

    package init(metadata: ObjectMeta, spec: JSONValue?) {
        self.metadata = metadata
        self.spec = spec
    }
}
