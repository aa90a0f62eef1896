package import Wire

package struct Pod: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "Pod", plural: "pods", isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: JSONValue?
    package var status: Status?

    package struct Status: Codable, Sendable, Hashable {
        package var phase: String?
        package var podIP: String?
        package var reason: String?
        package var message: String?
        package var conditions: [Condition]?

        package init(
            phase: String? = nil, podIP: String? = nil, reason: String? = nil, message: String? = nil,
            conditions: [Condition]? = nil
        ) {
            self.phase = phase
            self.podIP = podIP
            self.reason = reason
            self.message = message
            self.conditions = conditions
        }
    }

    package struct Condition: Codable, Sendable, Hashable {
        package var type: String
        package var status: String
        package var reason: String?
        package var message: String?

        package init(type: String, status: String, reason: String? = nil, message: String? = nil) {
            self.type = type
            self.status = status
            self.reason = reason
            self.message = message
        }
    }

    package init(metadata: ObjectMeta, spec: JSONValue? = nil, status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    package var isReady: Bool { status?.conditions?.contains { $0.type == "Ready" && $0.status == "True" } ?? false }
}

package struct Service: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "Service", plural: "services", isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: JSONValue?

    package init(metadata: ObjectMeta, spec: JSONValue? = nil) {
        self.metadata = metadata
        self.spec = spec
    }
}

package struct Ingress: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "networking.k8s.io", version: "v1", kind: "Ingress", plural: "ingresses", isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: JSONValue?

    package init(metadata: ObjectMeta, spec: JSONValue? = nil) {
        self.metadata = metadata
        self.spec = spec
    }
}

package struct Namespace: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)

    package var metadata: ObjectMeta
    package var status: Status?

    package struct Status: Codable, Sendable, Hashable {
        /// "Active" or "Terminating".
        package var phase: String?

        package init(phase: String? = nil) { self.phase = phase }
    }

    package init(metadata: ObjectMeta, status: Status? = nil) {
        self.metadata = metadata
        self.status = status
    }
}
