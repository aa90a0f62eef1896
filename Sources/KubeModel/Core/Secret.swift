package import Wire

/// A Secret (core/v1). Its values never appear in descriptions.
package struct Secret: KubeObject, Hashable, CustomStringConvertible {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "Secret", plural: "secrets", isNamespaced: true)

    package var metadata: ObjectMeta
    package var type: String?
    package var immutable: Bool?
    package var data: [String: Base64Data]?

    package init(metadata: ObjectMeta, type: String? = nil, data: [String: Base64Data]? = nil) {
        self.metadata = metadata
        self.type = type
        self.data = data
    }

    package subscript(key: String) -> [UInt8]? { data?[key]?.bytes }

    package var description: String { "Secret \(key) (\((data?.keys.sorted() ?? []).joined(separator: ", ")))" }
}

/// An object of any kind of which only the metadata is read (`meta/v1` PartialObjectMetadata).
///
/// It is always asked for by another type's path: its own resource stands for Secrets, the one kind read this way.
package struct SecretMetadata: KubeObject, Hashable {
    package static let resource = Secret.resource
    package var metadata: ObjectMeta

    package init(metadata: ObjectMeta) { self.metadata = metadata }
}

/// A Namespace (core/v1).
package struct Namespace: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)

    package struct Status: Codable, Sendable, Hashable {
        package var phase: String?
    }
    package var metadata: ObjectMeta
    package var status: Status?

    package init(name: String) { metadata = ObjectMeta(name: name) }
}
