package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Google Cloud DNS (cloud.google.com/dns/docs/reference/rest/v1).
///
/// A name's values are one record set. A change names the old set whole and is refused (412) when that has changed.
///
/// Least privilege: a role with dns.managedZones.list, dns.resourceRecordSets.{list,create,delete} and dns.changes.create;
/// roles can be given on one managed zone, and with hostedZoneName the list is not asked for.
package struct CloudDNS: RecordSetEdit {
    package static let key = "cloudDNS"
    package static let noticesConflicts = true

    /// The fields of `dns01.cloudDNS`.
    package struct Config: Decodable, Sendable, Hashable {
        package var project: String
        package var hostedZoneName: String?
        package var serviceAccountSecretRef: SecretKeySelector?
    }

    /// 600 requests a minute for each project (cloud.google.com/dns/quotas).
    private static let paces = [Pace(600, per: .seconds(60))]
    private static let ttlSeconds: Int64 = 60

    package let context: ProviderContext
    private let api: ProviderAPI
    private let hostedZone: String?

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let token = try await GoogleCredentials(context: context).token(key: config.serviceAccountSecretRef)
        self.context = context
        hostedZone = config.hostedZoneName.nonEmpty
        api = ProviderAPI(
            GoogleCredentials.provider,
            base: "https://dns.googleapis.com/dns/v1/projects/\(config.project.escapedForPath)",
            in: context, secrets: [token], paces: Self.paces
        ) { $0.headers[.authorization] = "Bearer \(token.reveal())" }
    }

    package func turn(in zone: ProviderZone) -> String { "\(api.base) \(zone.id)" }

    /// Public zones only: nobody outside sees the others.
    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        if let hostedZone { return ProviderZone(name: name, id: hostedZone) }
        let needs = "dns.managedZones.list in the project, or hostedZoneName in the issuer"
        return try await api.zone(of: name, needs: needs) { () async throws(DNSProviderError) in
            try await api.pages(from: "") { token throws(DNSProviderError) in
                let json = try await call(
                    .get, "/managedZones?maxResults=100\(token)", to: .init("list the managed zones", needs: needs))
                guard case .object = json else { throw api.malformed("no object") }
                // A project without zones has no such member.
                let zones = (json["managedZones"]?.arrayValue ?? []).compactMap { zone -> ProviderZone? in
                    guard zone["visibility"]?.stringValue != "private", let name = zone["dnsName"]?.stringValue,
                        let id = zone["name"]?.stringValue
                    else { return nil }
                    return ProviderZone(name, id: id)
                }
                guard json["managedZones"] != nil || json["kind"] != nil else {
                    throw api.malformed("no list of zones")
                }
                return (zones, json["nextPageToken"]?.stringValue.map { "&pageToken=\($0.escapedForPath)" })
            }
        }
    }

    package func read(_ name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> RecordSet {
        let json = try await call(
            .get, "\(path(zone))/rrsets?name=\(name.description.escapedForPath)&type=TXT",
            to: .init("list the records", needs: "dns.resourceRecordSets.list on the zone"))
        let sets = try api.need(json["rrsets"]?.arrayValue, "rrsets")
        guard let set = sets.first(where: { $0["type"]?.stringValue == "TXT" }) else { return .empty }
        let values = try api.need(set["rrdatas"]?.arrayValue, "rrdatas").compactMap(\.stringValue)
        return RecordSet(
            values: values.map(TXTText.unquoted), ttlSeconds: set["ttl"]?.intValue.flatMap { Int(exactly: $0) },
            version: set.description)
    }

    package func write(
        _ values: [String], over old: RecordSet, at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) {
        var body: JSONValue = [:]
        if let version = old.version {
            // It was written from JSON a moment ago.
            body["deletions"] = .array([(try? JSONValue(parsing: version)) ?? .null])
        }
        if !values.isEmpty {
            body["additions"] = [
                [
                    "name": .string(name.description), "type": "TXT",
                    "ttl": .integer(old.ttlSeconds.map { Int64($0) } ?? Self.ttlSeconds),
                    "rrdatas": .array(values.map { .string(TXTText.quoted($0)) }),
                ]
            ]
        }
        _ = try await call(
            .post, "\(path(zone))/changes", body,
            to: .init(
                "change the TXT records of \(name.text)",
                needs: "dns.changes.create and dns.resourceRecordSets.create and .delete on the zone"))
    }

    private func path(_ zone: ProviderZone) -> String { "/managedZones/\(zone.id.escapedForPath)" }

    private func call(
        _ method: HTTPRequest.Method, _ target: String, _ body: JSONValue? = nil, to purpose: ProviderAPI.Purpose
    ) async throws(DNSProviderError) -> JSONValue {
        let answer = try await api.call(method, target, body, for: purpose, accepting: [403, 404])
        if answer.isSuccess { return try answer.json() }
        let error = (try? answer.json())?["error"]
        let reasons = Set((error?["errors"]?.arrayValue ?? []).compactMap { $0["reason"]?.stringValue })
        if !reasons.isDisjoint(with: ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"]) {
            throw api.limited(for: answer.pause(now: context.time.now()))
        }
        // A set that was to be deleted is gone already.
        if answer.status == 404, method == .post, error?["message"]?.stringValue?.contains("deletions") == true {
            throw .conflict(provider: api.provider, detail: "")
        }
        if answer.status == 404 { api.forgetZones() }
        throw api.failure(answer, for: purpose)
    }
}
