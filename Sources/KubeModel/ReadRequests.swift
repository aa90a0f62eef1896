import HTTPTypes

/// What a list asks for; nil leaves the choice to the server.
package struct ListOptions: Sendable, Hashable {
    package var labelSelector: String?
    package var fieldSelector: String?
    package var limit: Int?
    /// The token of the page before; the server ignores `resourceVersion` with it.
    package var continueToken: String?
    package var resourceVersion: String?
    package var isMetadataOnly: Bool

    package init(
        labelSelector: String? = nil, fieldSelector: String? = nil, limit: Int? = nil, continueToken: String? = nil,
        resourceVersion: String? = nil, isMetadataOnly: Bool = false
    ) {
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.limit = limit
        self.continueToken = continueToken
        self.resourceVersion = resourceVersion
        self.isMetadataOnly = isMetadataOnly
    }
}

package struct WatchOptions: Sendable, Hashable {
    package var labelSelector: String?
    package var fieldSelector: String?
    /// Changes after this version; "0" or nil start with whatever the server has at hand.
    package var resourceVersion: String?
    package var bookmarks: Bool
    /// The server ends the watch after that long.
    package var timeoutSeconds: Int
    package var isMetadataOnly: Bool

    package init(
        labelSelector: String? = nil, fieldSelector: String? = nil, resourceVersion: String? = nil,
        bookmarks: Bool = true, timeoutSeconds: Int = 290, isMetadataOnly: Bool = false
    ) {
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.resourceVersion = resourceVersion
        self.bookmarks = bookmarks
        self.timeoutSeconds = timeoutSeconds
        self.isMetadataOnly = isMetadataOnly
    }
}

extension KubeRequest {
    package static func get(
        _ resource: ResourceType, _ key: ObjectKey, subresource: String? = nil, isMetadataOnly: Bool = false
    ) throws(KubeRequestError) -> KubeRequest {
        KubeRequest(
            method: .get, path: try resource.path(of: key, subresource: subresource),
            accept: isMetadataOnly ? .metadata : .json, isRepeatable: true)
    }

    /// - Parameter namespace: nil for every namespace.
    package static func list(
        _ resource: ResourceType, namespace: String? = nil, _ options: ListOptions = ListOptions()
    ) -> KubeRequest {
        var query: [QueryItem] = []
        query.add("labelSelector", options.labelSelector)
        query.add("fieldSelector", options.fieldSelector)
        query.add("limit", options.limit.map(String.init))
        query.add("continue", options.continueToken)
        if options.continueToken == nil { query.add("resourceVersion", options.resourceVersion) }
        return KubeRequest(
            method: .get, path: resource.path(namespace: namespace), query: query,
            accept: options.isMetadataOnly ? .metadataList : .json, isRepeatable: true)
    }

    /// A request whose answer is a line of JSON for each change. The one that starts it may be sent again.
    package static func watch(
        _ resource: ResourceType, namespace: String? = nil, _ options: WatchOptions = WatchOptions()
    ) -> KubeRequest {
        var query = [QueryItem("watch", "true")]
        query.add("labelSelector", options.labelSelector)
        query.add("fieldSelector", options.fieldSelector)
        query.add("resourceVersion", options.resourceVersion)
        if options.bookmarks { query.add("allowWatchBookmarks", "true") }
        query.add("timeoutSeconds", String(options.timeoutSeconds))
        return KubeRequest(
            method: .get, path: resource.path(namespace: namespace), query: query,
            accept: options.isMetadataOnly ? .metadata : .json, isRepeatable: true)
    }
}

extension [KubeRequest.QueryItem] {
    mutating func add(_ name: String, _ value: String?) {
        if let value, !value.isEmpty { append(KubeRequest.QueryItem(name, value)) }
    }
}
