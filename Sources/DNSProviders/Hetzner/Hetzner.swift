package import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Hetzner's DNS in its Cloud API (docs.hetzner.cloud/reference/cloud, "Zones" and "Zone RRSets"). The old DNS API with
/// `Auth-API-Token` is another one, and ended.
///
/// Values are added and removed one by one.
///
/// Least privilege: a token with Read & Write of a project that holds the challenge's zone alone.
package struct Hetzner: OwnDNSProvider {
    package static let key = "hetzner"
    package static let fields = ["tokenSecretRef"]

    package struct Config: Decodable, Sendable, Hashable {
        package var tokenSecretRef: SecretKeySelector
    }

    /// 3,600 requests an hour for each project ("Rate Limiting").
    private static let paces = [Pace(3600, per: .seconds(3600))]
    private static let ttlSeconds = 60
    private static let needs = "a token with Read & Write of the zone's project"
    /// How long an action may take before the errand is left to another try.
    private static let looks = 20

    private let api: ProviderAPI
    private let context: ProviderContext

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        config.tokenSecretRef.problems(at: path["tokenSecretRef"])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let token = try await context.text(of: config.tokenSecretRef, in: "tokenSecretRef")
        self.context = context
        api = ProviderAPI(
            "Hetzner", base: "https://api.hetzner.cloud/v1", in: context, secrets: [token], paces: Self.paces
        ) { $0.headers[.authorization] = "Bearer \(token.reveal())" }
    }

    package func present(_ record: TXTRecord) async throws(DNSProviderError) {
        let zone = try await zone(of: record.name)
        let set = try await set(at: record.name, in: zone)
        if set?.values.contains(record.value) == true { return }
        // A set that is there takes no other TTL than its own; one without takes none.
        try await change(record, "add_records", ttlSeconds: set.map { $0.ttlSeconds } ?? Self.ttlSeconds, in: zone)
    }

    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) {
        let zone = try await zone(of: record.name)
        guard try await set(at: record.name, in: zone)?.values.contains(record.value) == true else { return }
        try await change(record, "remove_records", ttlSeconds: nil, in: zone)
    }

    private func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.needs) { () async throws(DNSProviderError) in
            try await api.pages(from: Int64(1)) { page throws(DNSProviderError) in
                let json = try await api.call(
                    .get, "/zones?per_page=50&page=\(page)", for: .init("list the zones", needs: Self.needs)
                ).json()
                let zones = try api.need(json["zones"]?.arrayValue, "zones").compactMap { zone -> ProviderZone? in
                    guard let name = zone["name"]?.stringValue, let id = zone["id"]?.intValue else { return nil }
                    return ProviderZone(name, id: String(id))
                }
                return (zones, json["meta"]?["pagination"]?["next_page"]?.intValue)
            }
        }
    }

    /// Nil where there is none.
    private func set(at name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> RecordSet? {
        let answer = try await api.call(
            .get, path(name, zone), for: .init("read the TXT records of \(name.text)", needs: Self.needs),
            accepting: [404])
        if answer.status == 404 { return nil }
        let set = try api.need(try answer.json()["rrset"], "rrset")
        let values = try api.need(set["records"]?.arrayValue, "records").compactMap { $0["value"]?.stringValue }
        return RecordSet(
            values: values.map(TXTText.unquoted), ttlSeconds: set["ttl"]?.intValue.flatMap { Int(exactly: $0) })
    }

    private func change(
        _ record: TXTRecord, _ action: String, ttlSeconds: Int?, in zone: ProviderZone
    ) async throws(DNSProviderError) {
        var body: JSONValue = ["records": [["value": .string(TXTText.quoted(record.value))]]]
        if let ttlSeconds { body["ttl"] = .integer(Int64(ttlSeconds)) }
        let purpose = ProviderAPI.Purpose("change the TXT records of \(record.name.text)", needs: Self.needs)
        let answer = try await api.call(
            .post, "\(path(record.name, zone))/actions/\(action)", body, for: purpose, accepting: [404, 423])
        if answer.status == 423 {
            throw .conflict(provider: api.provider, detail: "another action works on the zone")
        }
        if answer.status == 404 {
            // Removing what has gone meanwhile; adding makes the set by itself, so there it is the zone.
            if action == "remove_records" { return }
            throw api.goneZone(of: record.name, needs: Self.needs)
        }
        try await follow(try api.need(try answer.json()["action"], "action"), purpose)
    }

    /// Waits for the end of an action, which is a matter of moments.
    private func follow(_ action: JSONValue, _ purpose: ProviderAPI.Purpose) async throws(DNSProviderError) {
        var action = action
        let id = try api.need(action["id"]?.intValue, "id")
        for _ in 0..<Self.looks {
            switch action["status"]?.stringValue {
            case "success": return
            case "error":
                let said = action["error"]?["message"]?.stringValue ?? "the action failed"
                throw .refused(provider: api.provider, detail: api.clean(said))
            default: break
            }
            do {
                try await context.time.sleep(for: .milliseconds(500))
            } catch {
                throw .dns(.cancelled)
            }
            action = try api.need(try await api.call(.get, "/actions/\(id)", for: purpose).json()["action"], "action")
        }
        throw .unreachable(provider: api.provider, detail: "the action takes too long")
    }

    private func path(_ name: DNSName, _ zone: ProviderZone) -> String {
        let relative = zone.relative(name)
        return "/zones/\(zone.id)/rrsets/\(relative.isEmpty ? "@" : relative.escapedForPath)/TXT"
    }
}
