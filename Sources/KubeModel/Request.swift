package import HTTPTypes
package import Wire

/// One request to the API server, as a value: nothing is sent by making it.
package struct KubeRequest: Sendable, Hashable {
    package enum Accept: String, Sendable {
        case json = "application/json"
        case metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
        case metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
    }

    package enum ContentType: String, Sendable {
        case json = "application/json"
        case mergePatch = "application/merge-patch+json"
        case jsonPatch = "application/json-patch+json"
        case apply = "application/apply-patch+yaml"
    }

    package struct QueryItem: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var method: HTTPRequest.Method
    package var path: String
    package var query: [QueryItem]
    package var accept: Accept
    package var contentType: ContentType?
    package var body: JSONValue?
    /// Whether sending it again after an answer got lost does no harm.
    package var isIdempotent: Bool
    /// What of the answer is not read.
    package var limits = JSONLimits.withoutManagedFields

    package init(
        method: HTTPRequest.Method, path: String, query: [QueryItem] = [], accept: Accept = .json,
        contentType: ContentType? = nil, body: JSONValue? = nil, isIdempotent: Bool
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.accept = accept
        self.contentType = contentType
        self.body = body
        self.isIdempotent = isIdempotent
    }

    /// Path and query as they stand in the request line.
    package var target: String {
        guard !query.isEmpty else { return path }
        return path + "?" + query.map { "\($0.name)=\($0.value.escapedForPath)" }.joined(separator: "&")
    }

    /// Whether it changes nothing in the cluster.
    package var isRead: Bool { method == .get }
}

/// What narrows a list or a watch.
package struct ListOptions: Sendable, Hashable {
    /// Nil for all namespaces.
    package var namespace: String?
    package var labelSelector: String?
    package var fieldSelector: String?
    package var metadataOnly = false
    /// Whether `metadata.managedFields`, often half of an object, is read.
    package var keepsManagedFields = false

    package init(
        namespace: String? = nil, labelSelector: String? = nil, fieldSelector: String? = nil, metadataOnly: Bool = false
    ) {
        self.namespace = namespace
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.metadataOnly = metadataOnly
    }

    fileprivate var limits: JSONLimits { keepsManagedFields ? .default : .withoutManagedFields }

    fileprivate var query: [KubeRequest.QueryItem] {
        var items: [KubeRequest.QueryItem] = []
        if let labelSelector { items.append(.init("labelSelector", labelSelector)) }
        if let fieldSelector { items.append(.init("fieldSelector", fieldSelector)) }
        return items
    }
}

/// What must still be true of an object when it is deleted.
package struct Preconditions: Sendable, Hashable {
    package var uid: String?
    package var resourceVersion: String?

    package init(uid: String? = nil, resourceVersion: String? = nil) {
        self.uid = uid
        self.resourceVersion = resourceVersion
    }
}

package enum Propagation: String, Sendable {
    case background = "Background", foreground = "Foreground", orphan = "Orphan"
}

extension KubeRequest {
    package static func get(_ resource: ResourceType, _ key: ObjectKey, metadataOnly: Bool = false) -> KubeRequest {
        KubeRequest(
            method: .get, path: resource.path(namespace: key.namespace, name: key.name),
            accept: metadataOnly ? .metadata : .json, isIdempotent: true)
    }

    /// One page of a list. Without a limit and `continue` token the whole list in one answer.
    package static func list(
        _ resource: ResourceType, _ options: ListOptions, limit: Int? = nil, continueToken: String? = nil,
        resourceVersion: String? = nil
    ) -> KubeRequest {
        var query = options.query
        if let limit { query.append(.init("limit", String(limit))) }
        if let continueToken { query.append(.init("continue", continueToken)) }
        if let resourceVersion { query.append(.init("resourceVersion", resourceVersion)) }
        var request = KubeRequest(
            method: .get, path: resource.path(namespace: options.namespace), query: query,
            accept: options.metadataOnly ? .metadataList : .json, isIdempotent: true)
        request.limits = options.limits
        return request
    }

    /// A watch from just behind `resourceVersion`, with bookmarks, that the server ends after `timeoutSeconds`.
    package static func watch(
        _ resource: ResourceType, _ options: ListOptions, from resourceVersion: String, timeoutSeconds: Int
    ) -> KubeRequest {
        let query: [QueryItem] =
            [
                .init("watch", "true"), .init("allowWatchBookmarks", "true"),
                .init("resourceVersion", resourceVersion), .init("timeoutSeconds", String(timeoutSeconds)),
            ] + options.query
        var request = KubeRequest(
            method: .get, path: resource.path(namespace: options.namespace), query: query,
            accept: options.metadataOnly ? .metadata : .json, isIdempotent: true)
        request.limits = options.limits
        return request
    }

    /// Never sent twice blindly: the first may have been carried out.
    package static func create(
        _ resource: ResourceType, namespace: String?, _ manifest: JSONValue, name: String? = nil,
        subresource: String? = nil, fieldManager: String? = nil
    ) -> KubeRequest {
        KubeRequest(
            method: .post, path: resource.path(namespace: namespace, name: name, subresource: subresource),
            query: fieldManager.map { [.init("fieldManager", $0)] } ?? [], contentType: .json, body: manifest,
            isIdempotent: false)
    }

    /// Replaces an object, or with `subresource` "status" its status; the manifest carries the resourceVersion it was
    /// made from. One that does not could undo somebody's change when sent twice.
    package static func replace(
        _ resource: ResourceType, _ key: ObjectKey, _ manifest: JSONValue, subresource: String? = nil,
        fieldManager: String? = nil
    ) -> KubeRequest {
        KubeRequest(
            method: .put, path: resource.path(namespace: key.namespace, name: key.name, subresource: subresource),
            query: fieldManager.map { [.init("fieldManager", $0)] } ?? [], contentType: .json, body: manifest,
            isIdempotent: manifest.namesVersion)
    }

    /// Server-side apply: the manifest says all that `fieldManager` wants to own.
    package static func apply(
        _ resource: ResourceType, _ key: ObjectKey, _ manifest: JSONValue, fieldManager: String, force: Bool,
        subresource: String? = nil
    ) -> KubeRequest {
        KubeRequest(
            method: .patch, path: resource.path(namespace: key.namespace, name: key.name, subresource: subresource),
            query: [.init("fieldManager", fieldManager), .init("force", force ? "true" : "false")],
            contentType: .apply, body: manifest, isIdempotent: true)
    }

    /// A merge patch (RFC 7386). One that carries `metadata.resourceVersion` changes only what it was made from, and
    /// only such a one may be sent twice.
    package static func mergePatch(
        _ resource: ResourceType, _ key: ObjectKey, _ patch: JSONValue, subresource: String? = nil,
        fieldManager: String? = nil
    ) -> KubeRequest {
        KubeRequest(
            method: .patch, path: resource.path(namespace: key.namespace, name: key.name, subresource: subresource),
            query: fieldManager.map { [.init("fieldManager", $0)] } ?? [], contentType: .mergePatch, body: patch,
            isIdempotent: patch.namesVersion)
    }

    /// A JSON patch (RFC 6902); not sent twice blindly, for its steps may add up.
    package static func jsonPatch(
        _ resource: ResourceType, _ key: ObjectKey, _ steps: [JSONValue], subresource: String? = nil,
        fieldManager: String? = nil
    ) -> KubeRequest {
        KubeRequest(
            method: .patch, path: resource.path(namespace: key.namespace, name: key.name, subresource: subresource),
            query: fieldManager.map { [.init("fieldManager", $0)] } ?? [], contentType: .jsonPatch,
            body: .array(steps), isIdempotent: false)
    }

    package static func delete(
        _ resource: ResourceType, _ key: ObjectKey, preconditions: Preconditions = Preconditions(),
        propagation: Propagation = .background
    ) -> KubeRequest {
        var options: JSONValue = [
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": .string(propagation.rawValue),
        ]
        var conditions = JSONObject()
        if let uid = preconditions.uid { conditions["uid"] = .string(uid) }
        if let version = preconditions.resourceVersion { conditions["resourceVersion"] = .string(version) }
        if !conditions.isEmpty { options["preconditions"] = .object(conditions) }
        return KubeRequest(
            method: .delete, path: resource.path(namespace: key.namespace, name: key.name), contentType: .json,
            body: options, isIdempotent: true)
    }
}

extension JSONValue {
    fileprivate var namesVersion: Bool { self["metadata"]?["resourceVersion"]?.stringValue?.isEmpty == false }
}
