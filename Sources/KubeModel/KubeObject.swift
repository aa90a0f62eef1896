package import Wire

/// An object the API server keeps. `apiVersion` and `kind` are facts of the type: they are written by `document()` and
/// never stored.
package protocol KubeObject: Codable, Sendable {
    static var resource: ResourceType { get }
    /// Whether requests for this type ask for `PartialObjectMetadata` in place of the whole object.
    static var isMetadataOnly: Bool { get }
    var metadata: ObjectMeta { get set }
}

extension KubeObject {
    package static var isMetadataOnly: Bool { false }

    package var key: ObjectKey { metadata.key }

    /// The object as it is sent, `apiVersion` and `kind` first.
    package func document() throws(ValueDecodingError) -> JSONValue {
        let fields: JSONValue
        do {
            fields = try JSONValue(encoding: self)
        } catch {
            throw ValueDecodingError(path: "", reason: "the \(Self.resource.kind) cannot be written: \(error)")
        }
        var document: JSONObject = [
            "apiVersion": .string(Self.resource.apiVersion), "kind": .string(Self.resource.kind),
        ]
        for member in fields.objectValue ?? [:] { document[member.key] = member.value }
        return .object(document)
    }
}

/// Only the metadata of objects of another type (`meta.k8s.io/v1 PartialObjectMetadata`).
package struct PartialObject<Whole: KubeObject>: KubeObject, Hashable {
    package static var resource: ResourceType { Whole.resource }
    package static var isMetadataOnly: Bool { true }
    package var metadata: ObjectMeta

    package init(metadata: ObjectMeta) { self.metadata = metadata }
}

/// A reference to an object as Events and reviews write it (`core/v1 ObjectReference`).
package struct ObjectReference: Codable, Sendable, Hashable {
    package var apiVersion: String?
    package var kind: String?
    package var namespace: String?
    package var name: String?
    package var uid: String?
    package var resourceVersion: String?
    package var fieldPath: String?

    package init(
        apiVersion: String? = nil, kind: String? = nil, namespace: String? = nil, name: String? = nil,
        uid: String? = nil, resourceVersion: String? = nil, fieldPath: String? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.fieldPath = fieldPath
    }

    package init(_ object: some KubeObject) {
        let resource = type(of: object).resource
        let meta = object.metadata
        self.init(
            apiVersion: resource.apiVersion, kind: resource.kind, namespace: meta.namespace, name: meta.name,
            uid: meta.uid, resourceVersion: meta.resourceVersion)
    }
}
