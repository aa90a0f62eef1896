package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Gandi LiveDNS (api.gandi.net/docs/livedns, version 5).
///
/// A name's values are one record set, and the last writer wins: each write is looked after (`SharedEdit`).
///
/// Least privilege: a personal access token of an organisation, restricted to the domain, with "Manage domain name technical
/// configurations".
package struct Gandi: OwnDNSProvider, RecordSetEdit {
    package static let key = "gandi"
    package static let noticesConflicts = false
    package static let fields = ["tokenSecretRef"]

    package struct Config: Decodable, Sendable, Hashable {
        package var tokenSecretRef: SecretKeySelector
    }

    /// 1,000 requests a minute for each address (api.gandi.net/docs/reference, "Rate limits").
    private static let paces = [Pace(1000, per: .seconds(60))]
    private static let ttlSeconds: Int64 = 300
    private static let needs = "a token with \"Manage domain name technical configurations\" for the domain"

    package let context: ProviderContext
    private let api: ProviderAPI

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        config.tokenSecretRef.problems(at: path["tokenSecretRef"])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let token = try await context.text(of: config.tokenSecretRef, in: "tokenSecretRef")
        self.context = context
        api = ProviderAPI(
            "Gandi", base: "https://api.gandi.net/v5/livedns", in: context, secrets: [token], paces: Self.paces
        ) { $0.headers[.authorization] = "Bearer \(token.reveal())" }
    }

    package func turn(in zone: ProviderZone) -> String { "\(api.account.text) \(zone.id)" }

    package func turnToWrite(in zone: ProviderZone) -> SharedEdit.TurnToWrite? { api.turnToWrite() }

    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.needs) { () async throws(DNSProviderError) in
            try await api.pages(from: 1) { page throws(DNSProviderError) in
                let json = try await api.call(
                    .get, "/domains?per_page=100&page=\(page)", for: .init("list the domains", needs: Self.needs)
                ).json()
                let domains = try api.need(json.arrayValue, "list of domains")
                let zones = domains.compactMap { $0["fqdn"]?.stringValue.flatMap { ProviderZone($0) } }
                return (zones, domains.count < 100 ? nil : page + 1)
            }
        }
    }

    package func read(_ name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> RecordSet {
        let answer = try await api.call(
            .get, target(name, zone), for: .init("read the TXT records of \(name.text)", needs: Self.needs),
            accepting: [404])
        if answer.status == 404 { return .empty }
        let json = try answer.json()
        let values = try api.need(json["rrset_values"]?.arrayValue, "rrset_values").compactMap(\.stringValue)
        return RecordSet(
            values: values.map(TXTText.unquoted), ttlSeconds: json["rrset_ttl"]?.intValue.flatMap { Int(exactly: $0) })
    }

    package func write(
        _ values: [String], over old: RecordSet, at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) {
        let purpose = ProviderAPI.Purpose("change the TXT records of \(name.text)", needs: Self.needs)
        if values.isEmpty {
            _ = try await api.call(.delete, target(name, zone), for: purpose, accepting: [404], hasTurn: true)
            return
        }
        _ = try await api.call(
            .put, target(name, zone),
            [
                "rrset_ttl": .integer(old.ttlSeconds.map { Int64($0) } ?? Self.ttlSeconds),
                "rrset_values": .array(values.map { .string(TXTText.quoted($0)) }),
            ], for: purpose, hasTurn: true)
    }

    private func target(_ name: DNSName, _ zone: ProviderZone) -> String {
        let relative = zone.relative(name)
        return "/domains/\(zone.id.escapedForPath)/records/\(relative.isEmpty ? "@" : relative.escapedForPath)/TXT"
    }
}
