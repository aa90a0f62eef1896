package import KubeModel
import Wire

/// ConfigMaps of the server's namespace, in which it keeps accounts and orders. Nothing in them is secret: an account has
/// a public key, and who reads an order's seed can tell tokens, but not the account's key that goes with them.
enum Record {
    static let resource = ResourceType(
        group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true)
    /// Says what a ConfigMap of ours holds: `account` or `order`.
    static let label = "certwright.dev/acme"
    static let dataKey = "record.json"

    fileprivate enum CodingKeys: String, CodingKey { case metadata, data }

    fileprivate static func read(_ data: [String: String]?) -> JSONValue? {
        guard let text = data?[dataKey] else { return nil }
        return try? JSONValue(parsing: text)  // the caller says that it is no record
    }

    fileprivate static func metadata(_ kind: String, _ id: String, namespace: String, version: String?) -> ObjectMeta {
        var metadata = ObjectMeta(name: "acme-\(kind)-\(id)", namespace: namespace)
        metadata.labels = [label: kind]
        metadata.resourceVersion = version
        return metadata
    }

    fileprivate static func problem(_ kind: String, _ path: [any CodingKey]) -> DecodingError {
        .dataCorrupted(.init(codingPath: path, debugDescription: "expected the record of an ACME \(kind)"))
    }

    fileprivate static func text(_ record: JSONValue) -> [String: String] {
        [dataKey: String(decoding: record.serialized(), as: UTF8.self)]
    }
}

package struct AccountRecord: KubeObject {
    package static var resource: ResourceType { Record.resource }
    package var metadata: ObjectMeta
    let account: ServerAccount

    init(_ account: ServerAccount, namespace: String) {
        metadata = Record.metadata("account", account.id, namespace: namespace, version: account.version)
        self.account = account
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Record.CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        let data = try container.decodeIfPresent([String: String].self, forKey: .data)
        guard var account = Record.read(data).flatMap(ServerAccount.init(record:)) else {
            throw Record.problem("account", decoder.codingPath)
        }
        account.version = metadata.resourceVersion
        self.account = account
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Record.CodingKeys.self)
        try container.encode(metadata, forKey: .metadata)
        try container.encode(Record.text(account.record), forKey: .data)
    }
}

package struct OrderRecord: KubeObject {
    package static var resource: ResourceType { Record.resource }
    package var metadata: ObjectMeta
    let order: ServerOrder

    init(_ order: ServerOrder, namespace: String) {
        metadata = Record.metadata("order", order.id, namespace: namespace, version: order.version)
        self.order = order
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Record.CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        let data = try container.decodeIfPresent([String: String].self, forKey: .data)
        guard var order = Record.read(data).flatMap(ServerOrder.init(record:)) else {
            throw Record.problem("order", decoder.codingPath)
        }
        order.version = metadata.resourceVersion
        self.order = order
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Record.CodingKeys.self)
        try container.encode(metadata, forKey: .metadata)
        try container.encode(Record.text(order.record), forKey: .data)
    }
}
