package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// GoDaddy's domains (developer.godaddy.com/doc/endpoint/domains, version 1).
///
/// Values are added alone and removed by writing the rest; the last writer wins, so each write is looked after (`SharedEdit`).
///
/// There is no least privilege: a key may do everything in the account. Better to lead `_acme-challenge` elsewhere by a CNAME.
package struct GoDaddy: OwnDNSProvider, RecordSetEdit {
    package static let key = "godaddy"
    package static let noticesConflicts = false
    package static let fields = ["keySecretRef", "secretSecretRef"]

    package struct Config: Decodable, Sendable, Hashable {
        package var keySecretRef: SecretKeySelector
        package var secretSecretRef: SecretKeySelector
    }

    /// 60 requests a minute (developer.godaddy.com/getstarted, "Rate limits").
    private static let paces = [Pace(60, per: .seconds(60))]
    private static let ttlSeconds: Int64 = 600
    private static let needs =
        "an account with at least ten domains or a Discount Domain Club plan, and a production key"

    package let context: ProviderContext
    private let api: ProviderAPI

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        config.keySecretRef.problems(at: path["keySecretRef"])
            + config.secretSecretRef.problems(at: path["secretSecretRef"])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let key = try await context.text(of: config.keySecretRef, in: "keySecretRef")
        let secret = try await context.text(of: config.secretSecretRef, in: "secretSecretRef")
        self.context = context
        api = ProviderAPI(
            "GoDaddy", base: "https://api.godaddy.com/v1", in: context, secrets: [key, secret], paces: Self.paces
        ) { $0.headers[.authorization] = "sso-key \(key.reveal()):\(secret.reveal())" }
    }

    /// The account, not the zone: so few requests are allowed that errands of other zones would come between reading
    /// and writing.
    package func turn(in zone: ProviderZone) -> String { api.account.text }

    package func turnToWrite(in zone: ProviderZone) -> SharedEdit.TurnToWrite? { api.turnToWrite() }

    /// Pages go on behind a domain's name.
    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.needs) { () async throws(DNSProviderError) in
            try await api.pages(from: "") { marker throws(DNSProviderError) in
                let json = try await api.call(
                    .get, "/domains?statuses=ACTIVE&limit=500\(marker)",
                    for: .init("list the domains", needs: Self.needs)
                ).json()
                let domains = try api.need(json.arrayValue, "list of domains")
                let names = domains.compactMap { $0["domain"]?.stringValue }
                let next = domains.count < 500 ? nil : names.last.map { "&marker=\($0.escapedForPath)" }
                return (names.compactMap { ProviderZone($0) }, next)
            }
        }
    }

    /// Sets that were emptied keep a record without data, or with a space.
    package func read(_ name: DNSName, in zone: ProviderZone) async throws(DNSProviderError) -> RecordSet {
        let answer = try await api.call(
            .get, target(name, zone), for: .init("read the TXT records of \(name.text)", needs: Self.needs))
        let records = try api.need(try answer.json().arrayValue, "list of records")
        let values = records.compactMap { $0["data"]?.stringValue }.filter { !$0.allSatisfy(\.isWhitespace) }
        return RecordSet(
            values: values.map(TXTText.unquoted),
            ttlSeconds: records.first?["ttl"]?.intValue.flatMap { Int(exactly: $0) })
    }

    package func write(
        _ values: [String], over old: RecordSet, at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) {
        let purpose = ProviderAPI.Purpose("change the TXT records of \(name.text)", needs: Self.needs)
        let ttl = JSONValue.integer(old.ttlSeconds.map { max(Int64($0), Self.ttlSeconds) } ?? Self.ttlSeconds)
        let added = values.filter { !old.values.contains($0) }
        let relative = zone.relative(name)
        if values.isEmpty {
            _ = try await api.call(.delete, target(name, zone), for: purpose, accepting: [404], hasTurn: true)
        } else if values.count == old.values.count + added.count {
            let records = added.map { value -> JSONValue in
                [
                    "type": "TXT", "name": .string(relative.isEmpty ? "@" : relative), "data": .string(value),
                    "ttl": ttl,
                ]
            }
            _ = try await api.call(
                .patch, "/domains/\(zone.id.escapedForPath)/records", .array(records), for: purpose,
                hasTurn: true)
        } else {
            _ = try await api.call(
                .put, target(name, zone), .array(values.map { ["data": .string($0), "ttl": ttl] }), for: purpose,
                hasTurn: true)
        }
    }

    private func target(_ name: DNSName, _ zone: ProviderZone) -> String {
        let relative = zone.relative(name)
        return "/domains/\(zone.id.escapedForPath)/records/TXT/\(relative.isEmpty ? "@" : relative.escapedForPath)"
    }
}
