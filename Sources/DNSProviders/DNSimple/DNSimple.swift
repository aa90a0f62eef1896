package import CertificateAPI
package import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// DNSimple (developer.dnsimple.com/v2).
///
/// Least privilege: an account token that is limited to the challenge's zone, where the plan has such tokens.
package struct DNSimple: RecordList, OwnDNSProvider {
    package static let key = "dnsimple"
    package static let fields = ["tokenSecretRef", "accountID"]

    /// The fields of `config`.
    package struct Config: Decodable, Sendable, Hashable {
        package var tokenSecretRef: SecretKeySelector
        /// Needed with a user's token; an account's token knows its own.
        package var accountID: String?
    }

    /// 2,400 requests an hour for each account (developer.dnsimple.com/v2/#rate-limiting).
    private static let paces = [Pace(2400, per: .seconds(3600))]
    private static let ttlSeconds = 60
    private static let right = "a token of the account with full access to the zone"

    private let api: ProviderAPI
    private let accountID: String?

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        var problems = config.tokenSecretRef.problems(at: path["tokenSecretRef"])
        if let id = config.accountID, !id.isEmpty, !id.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            problems.append(.invalid(path["accountID"], id, "must be the number of an account"))
        }
        return problems
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let token = try await context.text(of: config.tokenSecretRef, in: "tokenSecretRef")
        accountID = config.accountID.nonEmpty
        api = ProviderAPI(
            "DNSimple", base: "https://api.dnsimple.com/v2", in: context, secrets: [token],
            scope: [config.accountID ?? ""], paces: Self.paces
        ) { $0.headers[.authorization] = "Bearer \(token.reveal())" }
    }

    /// Zones are known along with the account they are of.
    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.right) { () async throws(DNSProviderError) in
            let account = try await account()
            return try await list("/\(account)/zones?per_page=100", to: .init("list the zones", needs: Self.right)) {
                item in
                guard let name = item["name"]?.stringValue else { return nil }
                return ProviderZone(name, id: "/\(account)/zones/\(name.escapedForPath)")
            }
        }
    }

    private func account() async throws(DNSProviderError) -> String {
        if let accountID { return accountID }
        let answer = try await api.call(.get, "/whoami", for: .init("tell whose the token is", needs: Self.right))
        let data = try api.need(try answer.json()["data"], "data")
        if let id = data["account"]?["id"]?.intValue { return "\(id)" }
        guard data["user"]?["id"] == nil else {
            throw .refused(
                provider: api.provider,
                detail:
                    "the token is a user's, who may have several accounts; name one in accountID, or use an account's")
        }
        throw api.malformed("there is no account in it")
    }

    package func records(
        at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) -> [StoredRecord] {
        let own = zone.relative(name)
        let target = "\(zone.id)/records?type=TXT&per_page=100&name=\(own.escapedForPath)"
        return try await list(target, to: .init("list the records", needs: Self.right)) { item in
            guard item["name"]?.stringValue == own, let id = item["id"]?.intValue,
                let content = item["content"]?.stringValue
            else { return nil }
            return StoredRecord(id: "\(id)", value: TXTText.unquoted(content))
        }
    }

    package func create(_ record: TXTRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        let body: JSONValue = [
            "type": "TXT", "name": .string(zone.relative(record.name)),
            "content": .string(TXTText.quoted(record.value)), "ttl": .integer(Int64(Self.ttlSeconds)),
        ]
        _ = try await api.call(.post, "\(zone.id)/records", body, for: .init("create a record", needs: Self.right))
    }

    package func delete(_ stored: StoredRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        _ = try await api.call(
            .delete, "\(zone.id)/records/\(stored.id.escapedForPath)",
            for: .init("delete a record", needs: Self.right), accepting: [404])
    }

    private func list<Item>(
        _ target: String, to purpose: ProviderAPI.Purpose, _ item: (JSONValue) -> Item?
    ) async throws(DNSProviderError) -> [Item] {
        try await api.pages(from: Int64(1)) { page throws(DNSProviderError) in
            let answer = try await api.call(.get, "\(target)&page=\(page)", for: purpose, accepting: [404])
            if answer.status == 404 {
                api.forgetZones()
                throw api.failure(answer, for: purpose)
            }
            let json = try answer.json()
            let elements = try api.need(json["data"]?.arrayValue, "data")
            return (
                elements.compactMap(item), page < json["pagination"]?["total_pages"]?.intValue ?? 1 ? page + 1 : nil
            )
        }
    }
}
