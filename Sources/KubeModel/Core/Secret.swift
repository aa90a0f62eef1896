package import Wire

package struct Secret: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "Secret", plural: "secrets", isNamespaced: true)

    package var metadata: ObjectMeta
    /// Cannot be changed once the Secret exists.
    package var type: String?
    /// Prints only the sizes of its values.
    package var data: [String: Base64Data]
    package var immutable: Bool?

    package init(
        metadata: ObjectMeta, type: String? = nil, data: [String: Base64Data] = [:], immutable: Bool? = nil
    ) {
        self.metadata = metadata
        self.type = type
        self.data = data
        self.immutable = immutable
    }

    private enum CodingKeys: String, CodingKey {
        case metadata, type, data, immutable
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        type = try container.decodeIfPresent(String.self, forKey: .type)
        data = try container.decodeIfPresent([String: Base64Data].self, forKey: .data) ?? [:]
        immutable = try container.decodeIfPresent(Bool.self, forKey: .immutable)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(metadata, forKey: .metadata)
        try container.encodeIfPresent(type, forKey: .type)
        if !data.isEmpty { try container.encode(data, forKey: .data) }
        try container.encodeIfPresent(immutable, forKey: .immutable)
    }
}

package struct ConfigMap: KubeObject, Hashable {
    package static let resource = ResourceType(
        group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true)

    package var metadata: ObjectMeta
    package var data: [String: String]?
    package var binaryData: [String: Base64Data]?

    package init(metadata: ObjectMeta, data: [String: String]? = nil, binaryData: [String: Base64Data]? = nil) {
        self.metadata = metadata
        self.data = data
        self.binaryData = binaryData
    }
}
