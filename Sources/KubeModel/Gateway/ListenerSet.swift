/// More listeners for a Gateway, in an object of their own: a kind that came into the Gateway API under another name.
package protocol ListenerSetObject: KubeObject, Hashable {
    var spec: ListenerSetSpec? { get }
}

/// What of a ListenerSet certificates depend on. It is only read.
package struct ListenerSetSpec: Codable, Sendable, Hashable {
    /// The Gateway, unless it says otherwise; in the namespace of the ListenerSet, unless it names one.
    package struct Parent: Codable, Sendable, Hashable {
        package var group: String?
        package var kind: String?
        package var name: String
        package var namespace: String?

        package init(name: String, namespace: String? = nil) {
            self.name = name
            self.namespace = namespace
        }
    }
    package var parentRef: Parent?
    package var listeners: [Listener]?

    package init(parentRef: Parent? = nil, listeners: [Listener]? = nil) {
        self.parentRef = parentRef
        self.listeners = listeners
    }
}

/// A ListenerSet (gateway.networking.k8s.io/v1, Gateway API 1.5 and later).
package struct ListenerSet: ListenerSetObject {
    package static let resource = ResourceType(
        group: Gateway.group, version: "v1", kind: "ListenerSet", plural: "listenersets", isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: ListenerSetSpec?

    package init(metadata: ObjectMeta, spec: ListenerSetSpec?) {
        self.metadata = metadata
        self.spec = spec
    }
}

/// What ListenerSets were called while they were an experiment (gateway.networking.x-k8s.io/v1alpha1, Gateway API 1.3).
package struct ExperimentalListenerSet: ListenerSetObject {
    package static let resource = ResourceType(
        group: "gateway.networking.x-k8s.io", version: "v1alpha1", kind: "XListenerSet", plural: "xlistenersets",
        isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: ListenerSetSpec?

    package init(metadata: ObjectMeta, spec: ListenerSetSpec?) {
        self.metadata = metadata
        self.spec = spec
    }
}
