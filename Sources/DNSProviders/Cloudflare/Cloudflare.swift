package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Cloudflare's DNS (developers.cloudflare.com/api/resources/dns, version 4 of the API).
///
/// Least privilege: an API token with Zone:DNS:Edit and Zone:Zone:Read, both for the challenge's zone alone.
package struct Cloudflare: RecordList {
    package static let key = "cloudflare"

    /// The fields of `dns01.cloudflare`.
    package struct Config: Decodable, Sendable, Hashable {
        package var email: String?
        package var apiKeySecretRef: SecretKeySelector?
        package var apiTokenSecretRef: SecretKeySelector?
    }

    /// 1,200 requests in five minutes for each user (developers.cloudflare.com/fundamentals/api/reference/limits).
    private static let paces = [Pace(1200, per: .seconds(300))]
    /// The shortest but "automatic", which is longer.
    private static let ttlSeconds = 60
    private static let zoneRead = "Zone:Zone:Read for the zone"
    private static let edit = "Zone:DNS:Edit for the zone"

    private let api: ProviderAPI

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let secret: Redacted<String>
        let fields: [(HTTPField.Name, String)]
        if let reference = config.apiTokenSecretRef {
            secret = try await context.text(of: reference, in: "apiTokenSecretRef")
            fields = [(.authorization, "Bearer \(secret.reveal())")]
        } else {
            secret = try await context.text(of: config.apiKeySecretRef, in: "apiKeySecretRef")
            fields = [(.authEmail, config.email ?? ""), (.authKey, secret.reveal())]
        }
        api = ProviderAPI(
            "Cloudflare", base: "https://api.cloudflare.com/client/v4", in: context, secrets: [secret],
            scope: [config.email ?? ""], paces: Self.paces
        ) { request in
            for (name, value) in fields { request.headers[name] = value }
        }
    }

    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.zoneRead) { () async throws(DNSProviderError) in
            try await list("/zones?per_page=50", to: .init("list the zones", needs: Self.zoneRead)) { item in
                guard let name = item["name"]?.stringValue, let id = item["id"]?.stringValue else { return nil }
                return ProviderZone(name, id: id)
            }
        }
    }

    package func records(
        at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) -> [StoredRecord] {
        let target = path(zone) + "?type=TXT&per_page=100&name=\(name.text.escapedForPath)"
        return try await list(target, to: .init("list the records", needs: Self.edit)) { item in
            guard let id = item["id"]?.stringValue, let content = item["content"]?.stringValue else { return nil }
            return StoredRecord(id: id, value: TXTText.unquoted(content))
        }
    }

    /// One call: Cloudflare itself says when the very record is there already.
    package func present(_ record: TXTRecord) async throws(DNSProviderError) {
        try await create(record, in: try await zone(of: record.name))
    }

    package func create(_ record: TXTRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        let body: JSONValue = [
            "type": "TXT", "name": .string(record.name.text), "content": .string(TXTText.quoted(record.value)),
            "ttl": .integer(Int64(Self.ttlSeconds)),
        ]
        _ = try await call(
            .post, path(zone), body, to: .init("create a record", needs: Self.edit), settles: Code.alreadyThere)
    }

    package func delete(_ stored: StoredRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        _ = try await call(
            .delete, "\(path(zone))/\(stored.id.escapedForPath)",
            to: .init("delete a record", needs: Self.edit), settles: Code.alreadyGone)
    }

    private func path(_ zone: ProviderZone) -> String { "/zones/\(zone.id.escapedForPath)/dns_records" }
}

extension Cloudflare {
    /// Numbers of errors, which say more than the status.
    private enum Code {
        static let alreadyThere: Set<Int64> = [81057, 81058]
        static let alreadyGone: Set<Int64> = [81044]
        /// Not a token or key at all, one that nobody has, or one that has been rolled.
        static let wrongCredentials: Set<Int64> = [6003, 6103, 6111, 9103, 9106, 9107, 9109, 1000, 1001, 1012]
        static let noSuchZone: Set<Int64> = [7003, 7000]
    }

    private func list<Item>(
        _ target: String, to purpose: ProviderAPI.Purpose, _ item: (JSONValue) -> Item?
    ) async throws(DNSProviderError) -> [Item] {
        try await api.pages(from: Int64(1)) { page throws(DNSProviderError) in
            let answer = try await call(.get, "\(target)&page=\(page)", to: purpose)
            let elements = try api.need(answer["result"]?.arrayValue, "result")
            let total = answer["result_info"]?["total_pages"]?.intValue ?? 1
            return (elements.compactMap(item), page < total ? page + 1 : nil)
        }
    }

    /// `settles`: codes of errors that mean that there is nothing to do.
    private func call(
        _ method: HTTPRequest.Method, _ target: String, _ body: JSONValue? = nil,
        to purpose: ProviderAPI.Purpose, settles: Set<Int64> = []
    ) async throws(DNSProviderError) -> JSONValue {
        let answer = try await api.call(method, target, body, for: purpose, accepting: [400, 403, 404])
        if answer.isSuccess { return try answer.json() }
        // An error without codes is told by its status alone.
        let errors = (try? answer.json())?["errors"]?.arrayValue ?? []
        let codes = Set(
            errors.flatMap { [$0] + ($0["error_chain"]?.arrayValue ?? []) }.compactMap { $0["code"]?.intValue })
        if !codes.isDisjoint(with: settles) { return [:] }
        if !codes.isDisjoint(with: Code.wrongCredentials) {
            throw .wrongCredentials(provider: api.provider, detail: answer.message.map(api.clean) ?? "")
        }
        if !codes.isDisjoint(with: Code.noSuchZone) { api.forgetZones() }
        throw api.failure(answer, for: purpose)
    }
}

extension HTTPField.Name {
    fileprivate static let authEmail = HTTPField.Name("X-Auth-Email")!  // a legal field name
    fileprivate static let authKey = HTTPField.Name("X-Auth-Key")!  // a legal field name
}
