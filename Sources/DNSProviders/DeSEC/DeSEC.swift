package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// deSEC (desec.readthedocs.io/en/latest/dns/rrsets.html, version 1 of its API).
///
/// A name's values are one record set, and the last writer wins: each write is looked after (`SharedEdit`).
///
/// Least privilege: a token with policies that let it write TXT at the challenge's name in the challenge's domain, and
/// nothing else (…/auth/tokens.html#token-scoping-policies).
package struct DeSEC: OwnDNSProvider, RecordSetEdit {
    package static let key = "desec"
    package static let noticesConflicts = false
    package static let fields = ["tokenSecretRef"]

    package struct Config: Decodable, Sendable, Hashable {
        package var tokenSecretRef: SecretKeySelector
    }

    /// Of an account (desec.readthedocs.io/en/latest/rate-limits.html: dns_api_cheap, user).
    private static let paces = [
        Pace(10, per: .seconds(1), of: .reads), Pace(50, per: .seconds(60), of: .reads),
        Pace(2000, per: .seconds(86_400)),
    ]

    /// Of changes in a domain (the same, dns_api_per_domain_expensive).
    private static func paces(of zone: ProviderZone) -> [Pace] {
        [(2, 1), (15, 60), (100, 3600), (300, 86_400)].map {
            Pace($0.0, per: .seconds($0.1), of: .changes, scope: zone.name.text)
        }
    }

    /// What most domains have; a domain with another minimum says so.
    private static let ttlSeconds = 3600
    private static let needs = "a token policy with write permission for TXT at this name"

    package let context: ProviderContext
    private let api: ProviderAPI

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        config.tokenSecretRef.problems(at: path["tokenSecretRef"])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let token = try await context.text(of: config.tokenSecretRef, in: "tokenSecretRef")
        self.context = context
        api = ProviderAPI("deSEC", base: "https://desec.io/api/v1", in: context, secrets: [token], paces: Self.paces) {
            $0.headers[.authorization] = "Token \(token.reveal())"
        }
    }

    package func turn(in zone: ProviderZone) -> String { "\(api.account.text) \(zone.id)" }

    package func turnToWrite(in zone: ProviderZone) -> SharedEdit.TurnToWrite? {
        api.turnToWrite(within: Self.paces(of: zone))
    }

    /// Pages are linked (RFC 8288); the minimum TTL is kept behind the domain's name.
    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        let needs = "a token that may read the domain"
        return try await api.zone(of: name, needs: needs) { () async throws(DNSProviderError) in
            try await api.pages(from: "?cursor=") { target throws(DNSProviderError) in
                let answer = try await api.call(
                    .get, "/domains/\(target)", for: .init("list the domains", needs: needs))
                let domains = try api.need(try answer.json().arrayValue, "list of domains")
                let zones = domains.compactMap { domain -> ProviderZone? in
                    guard let name = domain["name"]?.stringValue else { return nil }
                    return ProviderZone(
                        name, id: "\(name) \(domain["minimum_ttl"]?.intValue ?? Int64(Self.ttlSeconds))")
                }
                return (zones, answer.text("Link").flatMap(Self.next))
            }
        }
    }

    /// The query of the next page; the rest of the link is not followed, so that no answer sends the token elsewhere.
    static func next(_ link: String) -> String? {
        for part in link.split(separator: ",") where part.contains("rel=\"next\"") {
            guard let start = part.firstIndex(of: "?"), let end = part[start...].firstIndex(of: ">") else { continue }
            return String(part[start..<end])
        }
        return nil
    }

    package func read(_ name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> RecordSet {
        let answer = try await api.call(
            .get, "\(path(zone))\(subname(name, zone).escapedForPath)/TXT/",
            for: .init("read the TXT records of \(name.text)", needs: Self.needs), accepting: [404])
        if answer.status == 404 { return .empty }
        let json = try answer.json()
        let values = try api.need(json["records"]?.arrayValue, "records").compactMap(\.stringValue).map(
            TXTText.unquoted)
        return RecordSet(values: values, ttlSeconds: json["ttl"]?.intValue.flatMap { Int(exactly: $0) })
    }

    /// A bulk request makes, changes and (without records) removes a set alike.
    package func write(
        _ values: [String], over old: RecordSet, at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) {
        let least = zone.id.split(separator: " ").last.flatMap { Int($0) } ?? Self.ttlSeconds
        let ttl = max(old.ttlSeconds ?? least, least)
        let relative = zone.relative(name)
        _ = try await api.call(
            .patch, path(zone),
            [
                [
                    "subname": .string(relative), "type": "TXT", "ttl": .integer(Int64(ttl)),
                    "records": .array(values.map { .string(TXTText.quoted($0)) }),
                ]
            ], for: .init("change the TXT records of \(name.text)", needs: Self.needs), hasTurn: true)
    }

    private func path(_ zone: ProviderZone) -> String { "/domains/\(zone.name.text.escapedForPath)/rrsets/" }

    private func subname(_ name: DNSName, _ zone: ProviderZone) -> String {
        let relative = zone.relative(name)
        return relative.isEmpty ? "@" : relative
    }
}
