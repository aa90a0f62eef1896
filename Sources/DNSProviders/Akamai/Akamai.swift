package import CertificateAPI
package import DNSWire
import HTTPTypes
import KubeModel
import Wire

/// Akamai Edge DNS (techdocs.akamai.com/edge-dns/reference, version 2 of the zone management API).
///
/// A name's values are one record set, and the last writer wins: each write is looked after (`SharedEdit`).
///
/// Least privilege: an API client with READ-WRITE on "DNS—Zone Record Management" alone, in the group of the zone.
package struct Akamai: RecordSetEdit {
    package static let key = "akamai"
    package static let noticesConflicts = false

    /// The fields of `dns01.akamai`.
    package struct Config: Decodable, Sendable, Hashable {
        package var serviceConsumerDomain: String
        package var clientTokenSecretRef: SecretKeySelector?
        package var clientSecretSecretRef: SecretKeySelector?
        package var accessTokenSecretRef: SecretKeySelector?
    }

    private static let ttlSeconds: Int64 = 300
    private static let needs = "READ-WRITE on DNS—Zone Record Management for the zone's group"

    package let context: ProviderContext
    private let api: ProviderAPI

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        guard host(config) == nil else { return [] }
        return [
            .invalid(
                path["serviceConsumerDomain"], config.serviceConsumerDomain,
                "must be the host of the API client, such as akab-xxxx.luna.akamaiapis.net")
        ]
    }

    /// The host alone, as people copy it with or without the scheme.
    private static func host(_ config: Config) -> String? {
        var host = config.serviceConsumerDomain[...]
        if host.hasPrefix("https://") { host = host.dropFirst("https://".count) }
        if host.hasSuffix("/") { host = host.dropLast() }
        let isLegal =
            !host.isEmpty
            && host.utf8.allSatisfy { octet in
                switch octet {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
        return isLegal ? host.lowercased() : nil
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        guard let host = Self.host(config) else { throw .invalid(Self.problems(in: config, at: context.path)) }
        let grid = EdgeGrid(
            clientToken: try await context.text(of: config.clientTokenSecretRef, in: "clientTokenSecretRef"),
            clientSecret: try await context.text(of: config.clientSecretSecretRef, in: "clientSecretSecretRef"),
            accessToken: try await context.text(of: config.accessTokenSecretRef, in: "accessTokenSecretRef"))
        self.context = context
        api = ProviderAPI(
            "Akamai", base: "https://\(host)/config-dns/v2", in: context,
            secrets: [grid.clientToken, grid.clientSecret, grid.accessToken]
        ) { request throws(DNSProviderError) in
            do {
                try grid.sign(&request, at: context.time.now(), nonce: EdgeGrid.nonce())
            } catch {
                throw .refused(provider: "Akamai", detail: "the request could not be signed: \(error)")
            }
        }
    }

    package func turn(in zone: ProviderZone) -> String { "\(api.account.text) \(zone.id)" }

    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.needs) { () async throws(DNSProviderError) in
            try await api.pages(from: Int64(1)) { page throws(DNSProviderError) in
                let json = try await api.call(
                    .get, "/zones?page=\(page)&pageSize=100", for: .init("list the zones", needs: Self.needs)
                ).json()
                let zones = try api.need(json["zones"]?.arrayValue, "zones")
                let total = json["metadata"]?["totalElements"]?.intValue ?? 0
                return (
                    zones.compactMap { $0["zone"]?.stringValue.flatMap { ProviderZone($0) } },
                    page * 100 < total ? page + 1 : nil
                )
            }
        }
    }

    package func read(_ name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> RecordSet {
        let answer = try await api.call(
            .get, target(name, zone), for: .init("read the TXT records of \(name.text)", needs: Self.needs),
            accepting: [404])
        if answer.status == 404 { return .empty }
        let json = try answer.json()
        let values = try api.need(json["rdata"]?.arrayValue, "rdata").compactMap(\.stringValue).map(TXTText.unquoted)
        return RecordSet(values: values, ttlSeconds: json["ttl"]?.intValue.flatMap { Int(exactly: $0) }, version: "")
    }

    package func write(
        _ values: [String], over old: RecordSet, at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) {
        let purpose = ProviderAPI.Purpose("change the TXT records of \(name.text)", needs: Self.needs)
        if values.isEmpty {
            _ = try await api.call(.delete, target(name, zone), for: purpose, accepting: [404])
            return
        }
        let body: JSONValue = [
            "name": .string(name.text), "type": "TXT",
            "ttl": .integer(old.ttlSeconds.map { Int64($0) } ?? Self.ttlSeconds),
            "rdata": .array(values.map { .string(TXTText.quoted($0)) }),
        ]
        let answer = try await api.call(
            old.version == nil ? .post : .put, target(name, zone), body, for: purpose, accepting: [404])
        // The set to be replaced has gone meanwhile; without the zone, creating will say so.
        if answer.status == 404 {
            if old.version == nil { throw api.goneZone(of: name, needs: Self.needs) }
            throw .conflict(provider: api.provider, detail: "")
        }
    }

    private func target(_ name: DNSName, _ zone: ProviderZone) -> String {
        "/zones/\(zone.id.escapedForPath)/names/\(name.text.escapedForPath)/types/TXT"
    }
}
