import HTTPTypes
package import Wire

/// One step of a JSON patch (RFC 6902 §4).
package enum PatchOperation: Sendable, Hashable {
    case add(path: String, JSONValue)
    case replace(path: String, JSONValue)
    case remove(path: String)
    /// The whole patch fails unless the value stands there.
    case test(path: String, JSONValue)

    package var value: JSONValue {
        switch self {
        case .add(let path, let value): ["op": "add", "path": .string(path), "value": value]
        case .replace(let path, let value): ["op": "replace", "path": .string(path), "value": value]
        case .remove(let path): ["op": "remove", "path": .string(path)]
        case .test(let path, let value): ["op": "test", "path": .string(path), "value": value]
        }
    }

    /// A pointer to nested members (RFC 6901): "~" and "/" inside a key are escaped.
    package static func path(_ keys: String...) -> String {
        keys.map { key in
            key.reduce(into: "/") { text, character in
                switch character {
                case "~": text += "~0"
                case "/": text += "~1"
                default: text.append(character)
                }
            }
        }.joined()
    }
}

/// A delete goes through only while the object is still the one meant.
package struct Preconditions: Sendable, Hashable {
    package var uid: String?
    package var resourceVersion: String?

    package init(uid: String? = nil, resourceVersion: String? = nil) {
        self.uid = uid
        self.resourceVersion = resourceVersion
    }

    package init(_ object: some KubeObject) {
        self.init(uid: object.metadata.uid, resourceVersion: object.metadata.resourceVersion)
    }
}

package enum Propagation: String, Sendable, Hashable {
    case background = "Background"
    case foreground = "Foreground"
    case orphan = "Orphan"
}

extension KubeRequest {
    /// Never repeatable: after a lost answer the object may exist, and with `generateName` a second one would be made.
    package static func create(
        _ resource: ResourceType, namespace: String = "", _ body: JSONValue, manager: String? = nil
    ) throws(KubeRequestError) -> KubeRequest {
        try resource.check(namespace: namespace)
        return write(
            .post, resource.path(namespace: namespace), .json, body, manager: manager, isRepeatable: false)
    }

    /// A create below one object, such as a ServiceAccount's `token` or a Pod's `eviction`.
    package static func create(
        _ subresource: String, of resource: ResourceType, _ key: ObjectKey, _ body: JSONValue, manager: String? = nil
    ) throws(KubeRequestError) -> KubeRequest {
        let path = try resource.path(of: key, subresource: subresource)
        return write(.post, path, .json, body, manager: manager, isRepeatable: false)
    }

    /// An update. With a resourceVersion in the body a repetition can only conflict; without one it could overwrite a
    /// change made by someone else in between, so it is not repeated.
    package static func replace(
        _ resource: ResourceType, _ key: ObjectKey, _ body: JSONValue, subresource: String? = nil,
        manager: String? = nil
    ) throws(KubeRequestError) -> KubeRequest {
        let path = try resource.path(of: key, subresource: subresource)
        return write(.put, path, .json, body, manager: manager, isRepeatable: body.namesVersion)
    }

    package static func replaceStatus(
        _ resource: ResourceType, _ key: ObjectKey, _ body: JSONValue, manager: String? = nil
    ) throws(KubeRequestError) -> KubeRequest {
        try replace(resource, key, body, subresource: "status", manager: manager)
    }

    /// Server-side apply: the manager owns exactly the fields of the body. `apiVersion` and `kind` are filled in.
    package static func apply(
        _ resource: ResourceType, _ key: ObjectKey, _ body: JSONValue, manager: String, force: Bool,
        subresource: String? = nil
    ) throws(KubeRequestError) -> KubeRequest {
        let path = try resource.path(of: key, subresource: subresource)
        var document: JSONObject = [
            "apiVersion": .string(resource.apiVersion), "kind": .string(resource.kind),
        ]
        for member in body.objectValue ?? [:] { document[member.key] = member.value }
        var request = write(.patch, path, .apply, .object(document), manager: manager, isRepeatable: true)
        if force { request.query.add("force", "true") }
        return request
    }

    /// RFC 7386. Repeatable when it names a resourceVersion, as for `replace`.
    package static func mergePatch(
        _ resource: ResourceType, _ key: ObjectKey, _ patch: JSONValue, subresource: String? = nil,
        manager: String? = nil
    ) throws(KubeRequestError) -> KubeRequest {
        let path = try resource.path(of: key, subresource: subresource)
        return write(.patch, path, .mergePatch, patch, manager: manager, isRepeatable: patch.namesVersion)
    }

    /// RFC 6902. Repeatable when it tests the resourceVersion.
    package static func jsonPatch(
        _ resource: ResourceType, _ key: ObjectKey, _ operations: [PatchOperation], subresource: String? = nil,
        manager: String? = nil
    ) throws(KubeRequestError) -> KubeRequest {
        let path = try resource.path(of: key, subresource: subresource)
        let isRepeatable = operations.contains {
            if case .test(path: "/metadata/resourceVersion", _) = $0 { true } else { false }
        }
        let body = JSONValue.array(operations.map(\.value))
        return write(.patch, path, .jsonPatch, body, manager: manager, isRepeatable: isRepeatable)
    }

    /// Repeating it can at worst find nothing left to delete, when a uid pins the object; by name alone it could meet
    /// a successor, so then it is not repeated.
    package static func delete(
        _ resource: ResourceType, _ key: ObjectKey, preconditions: Preconditions? = nil, propagation: Propagation? = nil
    ) throws(KubeRequestError) -> KubeRequest {
        var body: JSONObject = ["apiVersion": "v1", "kind": "DeleteOptions"]
        if let preconditions {
            var pinned: JSONObject = [:]
            if let uid = preconditions.uid { pinned["uid"] = .string(uid) }
            if let version = preconditions.resourceVersion { pinned["resourceVersion"] = .string(version) }
            if !pinned.isEmpty { body["preconditions"] = .object(pinned) }
        }
        if let propagation { body["propagationPolicy"] = .string(propagation.rawValue) }
        return write(
            .delete, try resource.path(of: key), .json, .object(body), manager: nil,
            isRepeatable: body["preconditions"] != nil)
    }

    private static func write(
        _ method: HTTPRequest.Method, _ path: String, _ contentType: ContentType, _ body: JSONValue, manager: String?,
        isRepeatable: Bool
    ) -> KubeRequest {
        var query: [QueryItem] = []
        query.add("fieldManager", manager)
        return KubeRequest(
            method: method, path: path, query: query, contentType: contentType, body: body, isRepeatable: isRepeatable)
    }
}

extension JSONValue {
    fileprivate var namesVersion: Bool { self["metadata"]?["resourceVersion"]?.stringValue?.isEmpty == false }
}
