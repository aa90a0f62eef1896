package import HTTPTypes
package import Wire

/// One request to the API server as a value: made by pure builders, sent by a client.
package struct KubeRequest: Sendable, Hashable {
    package struct QueryItem: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package enum ContentType: String, Sendable, Hashable {
        case json = "application/json"
        /// Server-side apply. The body is JSON all the same, which is YAML too.
        case apply = "application/apply-patch+yaml"
        case mergePatch = "application/merge-patch+json"
        case jsonPatch = "application/json-patch+json"
    }

    package enum Accept: String, Sendable, Hashable {
        case json = "application/json"
        case metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        case metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    }

    package var method: HTTPRequest.Method
    package var path: String
    package var query: [QueryItem]
    package var accept: Accept
    package var contentType: ContentType?
    package var body: JSONValue?
    /// Whether sending it twice leaves the cluster as sending it once does.
    package var isRepeatable: Bool

    package init(
        method: HTTPRequest.Method, path: String, query: [QueryItem] = [], accept: Accept = .json,
        contentType: ContentType? = nil, body: JSONValue? = nil, isRepeatable: Bool
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.accept = accept
        self.contentType = contentType
        self.body = body
        self.isRepeatable = isRepeatable
    }

    package var isWrite: Bool { method != .get }

    /// Path and query as they stand in the request line.
    package var target: String {
        guard !query.isEmpty else { return path }
        return path + "?"
            + query.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }.joined(
                separator: "&")
    }
}

/// A request that no API server could serve, found before it is sent.
package enum KubeRequestError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Empty, ".", ".." or with "/" or "%" in it: never a name, and a different path than the one meant.
    case name(String, kind: String)
    case namespaceMissing(kind: String)

    package var description: String {
        switch self {
        case .name(let name, let kind): "\"\(name)\" cannot be the name of a \(kind)"
        case .namespaceMissing(let kind): "a \(kind) needs a namespace"
        }
    }
}

extension ResourceType {
    /// The path of one object, checked so that it cannot be another's.
    func path(of key: ObjectKey, subresource: String? = nil) throws(KubeRequestError) -> String {
        try check(name: key.name)
        try check(namespace: key.namespace)
        return path(namespace: key.namespace, name: key.name, subresource: subresource)
    }

    func check(namespace: String) throws(KubeRequestError) {
        guard isNamespaced else { return }
        guard !namespace.isEmpty else { throw .namespaceMissing(kind: kind) }
        try check(name: namespace)
    }

    private func check(name: String) throws(KubeRequestError) {
        let isForbidden = name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "%") }
        guard !name.isEmpty, name != ".", name != "..", !isForbidden else { throw .name(name, kind: kind) }
    }
}
