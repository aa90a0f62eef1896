package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Scaleway's Domains and DNS (www.scaleway.com/en/developers/api/domains-and-dns, version v2beta1).
///
/// Least privilege: an API key of an IAM application whose policy has DomainsDNSFullAccess on the zone's project alone.
package struct Scaleway: RecordList, OwnDNSProvider {
    package static let key = "scaleway"
    package static let fields = ["secretKeySecretRef", "projectID"]

    /// The fields of `config`.
    package struct Config: Decodable, Sendable, Hashable {
        package var secretKeySecretRef: SecretKeySelector
        /// Only zones of this project are looked at; without it those of all that the key can see.
        package var projectID: String?
    }

    private static let ttlSeconds = 60
    private static let right = "DomainsDNSFullAccess on the zone's project"

    private let api: ProviderAPI
    private let projectID: String?

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        config.secretKeySecretRef.problems(at: path["secretKeySecretRef"])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let key = try await context.text(of: config.secretKeySecretRef, in: "secretKeySecretRef")
        projectID = config.projectID.nonEmpty
        api = ProviderAPI(
            "Scaleway", base: "https://api.scaleway.com/domain/v2beta1", in: context, secrets: [key],
            scope: [config.projectID ?? ""]
        ) { $0.headers[.authToken] = key.reveal() }
    }

    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.right) { () async throws(DNSProviderError) in
            let project = projectID.map { "&project_id=\($0.escapedForPath)" } ?? ""
            let target = "/dns-zones?page_size=100\(project)"
            return try await list(target, "dns_zones", to: .init("list the zones", needs: Self.right)) { item in
                guard let domain = item["domain"]?.stringValue else { return nil }
                let sub = item["subdomain"]?.stringValue ?? ""
                return ProviderZone(sub.isEmpty ? domain : "\(sub).\(domain)")
            }
        }
    }

    package func records(
        at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) -> [StoredRecord] {
        let own = zone.relative(name)
        let target = path(zone) + "?page_size=100&type=TXT&name=\(own.escapedForPath)"
        return try await list(target, "records", to: .init("list the records", needs: Self.right)) { item in
            guard item["type"]?.stringValue == "TXT", item["name"]?.stringValue == own,
                let id = item["id"]?.stringValue, let data = item["data"]?.stringValue
            else { return nil }
            return StoredRecord(id: id, value: TXTText.unquoted(data))
        }
    }

    package func create(_ record: TXTRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        let added: JSONValue = [
            "name": .string(zone.relative(record.name)), "type": "TXT", "data": .string(TXTText.quoted(record.value)),
            "ttl": .integer(Int64(Self.ttlSeconds)),
        ]
        try await change(["add": ["records": [added]]], zone, .init("create a record", needs: Self.right))
    }

    package func delete(_ stored: StoredRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        try await change(
            ["delete": ["id": .string(stored.id)]], zone, .init("delete a record", needs: Self.right), [404])
    }

    private func change(
        _ change: JSONValue, _ zone: ProviderZone, _ purpose: ProviderAPI.Purpose, _ accepting: Set<Int> = []
    ) async throws(DNSProviderError) {
        _ = try await api.call(
            .patch, path(zone),
            ["changes": [change], "return_all_records": false, "disallow_new_zone_creation": true], for: purpose,
            accepting: accepting)
    }

    private func path(_ zone: ProviderZone) -> String { "/dns-zones/\(zone.id.escapedForPath)/records" }

    /// Pages that tell how many items there are in all.
    private func list<Item>(
        _ target: String, _ member: String, to purpose: ProviderAPI.Purpose, _ item: (JSONValue) -> Item?
    ) async throws(DNSProviderError) -> [Item] {
        try await api.pages(from: Int64(1)) { page throws(DNSProviderError) in
            let answer = try await api.call(.get, "\(target)&page=\(page)", for: purpose, accepting: [404])
            if answer.status == 404 {
                api.forgetZones()
                throw api.failure(answer, for: purpose)
            }
            let json = try answer.json()
            let elements = try api.need(json[member]?.arrayValue, member)
            let total = json["total_count"]?.intValue ?? 0
            return (elements.compactMap(item), page * 100 < total && !elements.isEmpty ? page + 1 : nil)
        }
    }
}

extension HTTPField.Name {
    fileprivate static let authToken = HTTPField.Name("X-Auth-Token")!  // a legal field name
}
