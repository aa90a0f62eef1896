package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// PowerDNS Authoritative Server (doc.powerdns.com/authoritative/http-api), from 4.6 on.
///
/// A name's values are one record set, and the last writer wins: each write is looked after (`SharedEdit`).
///
/// Least privilege: the API key may do everything on the server; where that is too much, use `rfc2136` with a key for each
/// zone.
package struct PowerDNS: OwnDNSProvider, RecordSetEdit {
    package static let key = "powerdns"
    package static let noticesConflicts = false
    package static let fields = ["host", "serverID", "apiKeySecretRef", "caBundle"]

    package struct Config: Decodable, Sendable, Hashable {
        /// The server's URL, such as https://pdns.example:8081.
        package var host: String
        /// `localhost` where it is not given, which is the server itself.
        package var serverID: String?
        package var apiKeySecretRef: SecretKeySelector
        /// PEM.
        package var caBundle: String?
    }

    private static let ttlSeconds: Int64 = 60
    private static let needs = "a server whose API is switched on (api=yes, webserver-allow-from) and its api-key"

    package let context: ProviderContext
    private let api: ProviderAPI

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        OwnRules.urlProblems(config.host, at: path["host"])
            + config.apiKeySecretRef.problems(at: path["apiKeySecretRef"])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let key = try await context.text(of: config.apiKeySecretRef, in: "apiKeySecretRef")
        guard let base = OwnRules.base(config.host) else { throw .invalid(Self.problems(in: config, at: context.path)) }
        self.context = context
        api = ProviderAPI(
            "PowerDNS", base: "\(base)/api/v1/servers/\((config.serverID.nonEmpty ?? "localhost").escapedForPath)",
            in: context, secrets: [key], tls: OwnRules.tls(config.caBundle)
        ) { $0.headers[.apiKey] = key.reveal() }
    }

    package func turn(in zone: ProviderZone) -> String { "\(api.base) \(zone.id)" }

    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.needs) { () async throws(DNSProviderError) in
            let json = try await api.call(
                .get, "/zones?dnssec=false", for: .init("list the zones", needs: Self.needs)
            ).json()
            return try api.need(json.arrayValue, "list of zones").compactMap { zone in
                guard let name = zone["name"]?.stringValue else { return nil }
                return ProviderZone(name, id: zone["id"]?.stringValue)
            }
        }
    }

    package func read(_ name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> RecordSet {
        let target = "/zones/\(zone.id.escapedForPath)?rrset_name=\(name.description.escapedForPath)&rrset_type=TXT"
        let answer = try await api.call(
            .get, target, for: .init("read the zone", needs: Self.needs), accepting: [404])
        if answer.status == 404 { throw api.goneZone(of: name, needs: Self.needs) }
        let sets = try api.need(try answer.json()["rrsets"]?.arrayValue, "rrsets")
        // Servers before 4.6 answer with the whole zone.
        let set = sets.first { set in
            set["type"]?.stringValue == "TXT" && (set["name"]?.stringValue).flatMap { try? DNSName($0) } == name
        }
        guard let set else { return .empty }
        let records = (set["records"]?.arrayValue ?? []).filter { $0["disabled"]?.boolValue != true }
        return RecordSet(
            values: records.compactMap { $0["content"]?.stringValue }.map(TXTText.unquoted),
            ttlSeconds: set["ttl"]?.intValue.flatMap { Int(exactly: $0) })
    }

    package func write(
        _ values: [String], over old: RecordSet, at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) {
        var set: JSONValue = [
            "name": .string(name.description), "type": "TXT", "changetype": values.isEmpty ? "DELETE" : "REPLACE",
        ]
        if !values.isEmpty {
            set["ttl"] = .integer(old.ttlSeconds.map { Int64($0) } ?? Self.ttlSeconds)
            set["records"] = .array(values.map { ["content": .string(TXTText.quoted($0)), "disabled": false] })
        }
        _ = try await api.call(
            .patch, "/zones/\(zone.id.escapedForPath)", ["rrsets": [set]],
            for: .init("change the TXT records of \(name.text)", needs: Self.needs))
    }
}

extension HTTPField.Name {
    fileprivate static let apiKey = HTTPField.Name("X-API-Key")!  // a legal field name
}
