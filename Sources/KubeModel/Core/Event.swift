package import Wire

/// An Event (core/v1), the kind that `kubectl describe` shows.
package struct Event: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "Event", plural: "events", isNamespaced: true)

    package struct Source: Codable, Sendable, Hashable {
        package var component: String?
        package var host: String?

        package init(component: String?, host: String? = nil) {
            self.component = component
            self.host = host
        }
    }
    package enum Kind: String, Codable, Sendable { case normal = "Normal", warning = "Warning" }

    package var metadata: ObjectMeta
    package var involvedObject: ObjectReference
    package var reason: String?
    package var message: String?
    package var type: Kind?
    package var source: Source?
    package var firstTimestamp: Timestamp?
    package var lastTimestamp: Timestamp?
    package var count: Int?
    package var reportingComponent: String?
    package var reportingInstance: String?
    package var action: String?

    package init(metadata: ObjectMeta, involvedObject: ObjectReference) {
        self.metadata = metadata
        self.involvedObject = involvedObject
    }
}
