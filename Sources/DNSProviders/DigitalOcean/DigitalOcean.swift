package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// DigitalOcean's DNS (docs.digitalocean.com/reference/api/digitalocean, "Domains" and "Domain Records").
///
/// Least privilege: a token with the custom scopes domain:read, domain:create and domain:delete. They cannot be narrowed to
/// one domain.
package struct DigitalOcean: RecordList {
    package static let key = "digitalocean"

    /// The fields of `dns01.digitalocean`.
    package struct Config: Decodable, Sendable, Hashable {
        package var tokenSecretRef: SecretKeySelector?
    }

    /// 250 requests in a minute, 5,000 in an hour (…/reference/api/reference/rate-limits).
    private static let paces = [Pace(250, per: .seconds(60)), Pace(5000, per: .seconds(3600))]
    private static let ttlSeconds = 30

    private let api: ProviderAPI

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let token = try await context.text(of: config.tokenSecretRef, in: "tokenSecretRef")
        api = ProviderAPI(
            "DigitalOcean", base: "https://api.digitalocean.com/v2", in: context, secrets: [token], paces: Self.paces
        ) { $0.headers[.authorization] = "Bearer \(token.reveal())" }
    }

    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: "the scope domain:read") { () async throws(DNSProviderError) in
            try await list("/domains?", "domains", for: .init("list the domains", needs: "the scope domain:read")) {
                item in
                item["name"]?.stringValue.flatMap { ProviderZone($0) }
            }
        }
    }

    package func records(
        at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) -> [StoredRecord] {
        let target = path(zone) + "?type=TXT&name=\(name.text.escapedForPath)&"
        return try await list(target, "domain_records", for: .init("list the records", needs: "the scope domain:read"))
        { item in
            guard let id = item["id"]?.intValue, let data = item["data"]?.stringValue else { return nil }
            return StoredRecord(id: String(id), value: TXTText.unquoted(data))
        }
    }

    package func create(_ record: TXTRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        let relative = zone.relative(record.name)
        let value = record.value.hasPrefix("\"") ? TXTText.quoted(record.value) : record.value
        _ = try await api.call(
            .post, path(zone),
            [
                "type": "TXT", "name": .string(relative.isEmpty ? "@" : relative), "data": .string(value),
                "ttl": .integer(Int64(Self.ttlSeconds)),
            ], for: .init("create a record", needs: "the scope domain:create"))
    }

    package func delete(_ stored: StoredRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        _ = try await api.call(
            .delete, "\(path(zone))/\(stored.id)", for: .init("delete a record", needs: "the scope domain:delete"),
            accepting: [404])
    }

    private func path(_ zone: ProviderZone) -> String { "/domains/\(zone.id.escapedForPath)/records" }

    private func list<Item>(
        _ target: String, _ member: String, for purpose: ProviderAPI.Purpose, _ item: (JSONValue) -> Item?
    ) async throws(DNSProviderError) -> [Item] {
        try await api.pages(from: 1) { page throws(DNSProviderError) in
            let answer = try await api.call(.get, "\(target)per_page=200&page=\(page)", for: purpose, accepting: [404])
            if answer.status == 404 { throw api.failure(answer, for: purpose) }
            let json = try answer.json()
            let elements = try api.need(json[member]?.arrayValue, member)
            let isLast = json["links"]?["pages"]?["next"]?.stringValue == nil
            return (elements.compactMap(item), isLast ? nil : page + 1)
        }
    }
}
