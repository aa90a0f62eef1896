package import Wire

/// A core/v1 Event: `kubectl describe` reads this group and shows its `count`. The Event lies in the namespace of the
/// object it is about, and in "default" for a cluster-scoped one; the API server refuses any other.
package struct Event: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "Event", plural: "events", isNamespaced: true)

    package var metadata: ObjectMeta
    package var involvedObject: ObjectReference
    package var reason: String?
    package var message: String?
    /// "Normal" or "Warning".
    package var type: String?
    package var source: Source?
    package var firstTimestamp: Timestamp?
    package var lastTimestamp: Timestamp?
    package var count: Int32?
    package var reportingComponent: String?
    package var reportingInstance: String?

    package struct Source: Codable, Sendable, Hashable {
        package var component: String?
        package var host: String?

        package init(component: String? = nil, host: String? = nil) {
            self.component = component
            self.host = host
        }
    }

    package init(
        metadata: ObjectMeta, involvedObject: ObjectReference, reason: String? = nil, message: String? = nil,
        type: String? = nil, source: Source? = nil, firstTimestamp: Timestamp? = nil, lastTimestamp: Timestamp? = nil,
        count: Int32? = nil, reportingComponent: String? = nil, reportingInstance: String? = nil
    ) {
        self.metadata = metadata
        self.involvedObject = involvedObject
        self.reason = reason
        self.message = message
        self.type = type
        self.source = source
        self.firstTimestamp = firstTimestamp
        self.lastTimestamp = lastTimestamp
        self.count = count
        self.reportingComponent = reportingComponent
        self.reportingInstance = reportingInstance
    }
}
