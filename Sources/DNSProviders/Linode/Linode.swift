package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Linode's (Akamai Cloud's) DNS Manager (techdocs.akamai.com/linode-api/reference, version 4 of the API).
///
/// Least privilege: a personal access token with the scope domains:read_write, of a user who has access to the challenge's
/// zone alone. Zones are published some minutes after a change.
package struct Linode: RecordList, OwnDNSProvider {
    package static let key = "linode"
    package static let fields = ["tokenSecretRef"]

    /// The fields of `config`.
    package struct Config: Decodable, Sendable, Hashable {
        package var tokenSecretRef: SecretKeySelector
    }

    /// 200 requests a minute for lists, 1,600 for all others (techdocs.akamai.com/linode-api/reference/rate-limits).
    private static let paces = [
        Pace(200, per: .seconds(60), of: .reads), Pace(1600, per: .seconds(60), of: .changes),
    ]
    /// The shortest that the service keeps as it is.
    private static let ttlSeconds = 300
    private static let right = "the scope domains:read_write, and a user with access to the zone"

    private let api: ProviderAPI

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        config.tokenSecretRef.problems(at: path["tokenSecretRef"])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let token = try await context.text(of: config.tokenSecretRef, in: "tokenSecretRef")
        api = ProviderAPI(
            "Linode", base: "https://api.linode.com/v4", in: context, secrets: [token], paces: Self.paces
        ) { $0.headers[.authorization] = "Bearer \(token.reveal())" }
    }

    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.right) { () async throws(DNSProviderError) in
            try await list("/domains", to: .init("list the zones", needs: Self.right)) { item in
                guard let name = item["domain"]?.stringValue, let id = item["id"]?.intValue else { return nil }
                return ProviderZone(name, id: "\(id)")
            }
        }
    }

    package func records(
        at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) -> [StoredRecord] {
        let own = zone.relative(name)
        let filter: JSONValue = ["type": "TXT", "name": .string(own)]
        return try await list(path(zone), filter: filter, to: .init("list the records", needs: Self.right)) { item in
            guard item["type"]?.stringValue == "TXT", item["name"]?.stringValue == own, let id = item["id"]?.intValue,
                let target = item["target"]?.stringValue
            else { return nil }
            return StoredRecord(id: "\(id)", value: target)
        }
    }

    package func create(_ record: TXTRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        let body: JSONValue = [
            "type": "TXT", "name": .string(zone.relative(record.name)), "target": .string(record.value),
            "ttl_sec": .integer(Int64(Self.ttlSeconds)),
        ]
        _ = try await call(.post, path(zone), body, to: .init("create a record", needs: Self.right))
    }

    package func delete(_ stored: StoredRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        _ = try await call(
            .delete, "\(path(zone))/\(stored.id.escapedForPath)", to: .init("delete a record", needs: Self.right),
            accepting: [404])
    }

    /// A token without the scope is refused with 401, like one that nobody has; a user without the grant with 403.
    private func call(
        _ method: HTTPRequest.Method, _ target: String, _ body: JSONValue? = nil, headers: HTTPFields = [:],
        to purpose: ProviderAPI.Purpose, accepting: Set<Int> = []
    ) async throws(DNSProviderError) -> APIAnswer {
        let answer = try await api.call(
            method, target, body, headers: headers, for: purpose, accepting: accepting.union([401]))
        guard answer.status == 401 else { return answer }
        let said = answer.message ?? ""
        guard said.contains("not authorized to use this endpoint") else { throw api.failure(answer, for: purpose) }
        throw .missingPermission(
            provider: api.provider, doing: purpose.doing, needs: purpose.needs, detail: api.clean(said))
    }

    private func path(_ zone: ProviderZone) -> String { "/domains/\(zone.id.escapedForPath)/records" }

    private func list<Item>(
        _ target: String, filter: JSONValue? = nil, to purpose: ProviderAPI.Purpose, _ item: (JSONValue) -> Item?
    ) async throws(DNSProviderError) -> [Item] {
        try await api.pages(from: Int64(1)) { page throws(DNSProviderError) in
            var headers = HTTPFields()
            if let filter { headers[.filter] = "\(filter)" }
            let answer = try await call(
                .get, "\(target)?page_size=500&page=\(page)", headers: headers, to: purpose, accepting: [404])
            if answer.status == 404 {
                api.forgetZones()
                throw api.failure(answer, for: purpose)
            }
            let json = try answer.json()
            let elements = try api.need(json["data"]?.arrayValue, "data")
            return (elements.compactMap(item), page < json["pages"]?.intValue ?? 1 ? page + 1 : nil)
        }
    }
}

extension HTTPField.Name {
    fileprivate static let filter = HTTPField.Name("X-Filter")!  // a legal field name
}
