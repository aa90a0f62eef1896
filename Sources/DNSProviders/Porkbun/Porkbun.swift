package import CertificateAPI
package import DNSWire
import HTTPTypes
import KubeModel
import Wire

/// Porkbun (porkbun.com/api/json/v3/documentation). Every request is a POST with both keys in its body.
///
/// Least privilege: keys of an account of their own, with "API access" switched on for the challenge's domain alone; the
/// service knows no narrower right.
package struct Porkbun: RecordList, OwnDNSProvider {
    package static let key = "porkbun"
    package static let fields = ["apiKeySecretRef", "secretAPIKeySecretRef"]

    /// The fields of `config`.
    package struct Config: Decodable, Sendable, Hashable {
        package var apiKeySecretRef: SecretKeySelector
        package var secretAPIKeySecretRef: SecretKeySelector
    }

    /// The shortest that the service keeps.
    private static let ttlSeconds = "600"
    private static let right = "API access switched on for the domain, in the account of the keys"
    private static let pageSize: Int64 = 1000

    private let api: ProviderAPI
    private let keys: (key: Redacted<String>, secret: Redacted<String>)

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        config.apiKeySecretRef.problems(at: path["apiKeySecretRef"])
            + config.secretAPIKeySecretRef.problems(at: path["secretAPIKeySecretRef"])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let key = try await context.text(of: config.apiKeySecretRef, in: "apiKeySecretRef")
        let secret = try await context.text(of: config.secretAPIKeySecretRef, in: "secretAPIKeySecretRef")
        keys = (key, secret)
        api = ProviderAPI(
            "Porkbun", base: "https://api.porkbun.com/api/json/v3", in: context, secrets: [key, secret]
        ) { _ in }
    }

    package func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.right) { () async throws(DNSProviderError) in
            try await api.pages(from: Int64(0)) { start throws(DNSProviderError) in
                let answer = try await call(
                    "/domain/listAll", ["start": .string("\(start)")], to: .init("list the domains", needs: Self.right))
                let domains = try api.need(answer["domains"]?.arrayValue, "domains")
                let zones = domains.compactMap { $0["domain"]?.stringValue.flatMap { ProviderZone($0) } }
                return (zones, domains.count >= Self.pageSize ? start + Self.pageSize : nil)
            }
        }
    }

    package func records(
        at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) -> [StoredRecord] {
        let own = zone.relative(name)
        let target =
            "/dns/retrieveByNameType/\(zone.id.escapedForPath)/TXT" + (own.isEmpty ? "" : "/\(own.escapedForPath)")
        let answer = try await call(target, to: .init("list the records", needs: Self.right))
        return try api.need(answer["records"]?.arrayValue, "records").compactMap { item in
            guard item["name"]?.stringValue == name.text, let content = item["content"]?.stringValue,
                let id = item["id"]?.stringValue ?? item["id"]?.intValue.map({ "\($0)" })
            else { return nil }
            return StoredRecord(id: id, value: TXTText.unquoted(content))
        }
    }

    package func create(_ record: TXTRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        let body: JSONValue = [
            "type": "TXT", "name": .string(zone.relative(record.name)), "content": .string(record.value),
            "ttl": .string(Self.ttlSeconds),
        ]
        _ = try await call(
            "/dns/create/\(zone.id.escapedForPath)", body, to: .init("create a record", needs: Self.right))
    }

    package func delete(_ stored: StoredRecord, in zone: ProviderZone) async throws(DNSProviderError) {
        _ = try await call(
            "/dns/delete/\(zone.id.escapedForPath)/\(stored.id.escapedForPath)",
            to: .init("delete a record", needs: Self.right), settles: Code.noSuchRecord)
    }

    /// How failures are told apart; of old, and still in places, by their words alone.
    private struct Code {
        var codes: Set<String>
        var words: [String]

        static let noSuchRecord = Code(codes: ["INVALID_RECORD_ID"], words: ["Invalid record ID"])
        static let wrongKeys = Code(
            codes: ["API_KEY_REQUIRED", "INVALID_API_KEYS_001", "INVALID_TOKEN", "INVALID_USER"], words: ["API key"])
        static let noAccess = Code(codes: [], words: ["not opted in to API access"])
        static let noSuchDomain = Code(codes: ["INVALID_DOMAIN"], words: ["Invalid domain"])

        func means(_ code: String, _ said: String) -> Bool {
            codes.contains(code) || words.contains { said.contains($0) }
        }
    }

    /// Most failures have the status 400. `settles`: one that means that there is nothing to do.
    private func call(
        _ target: String, _ body: JSONValue = [:], to purpose: ProviderAPI.Purpose, settles: Code? = nil
    ) async throws(DNSProviderError) -> JSONValue {
        var body = body
        body["apikey"] = .string(keys.key.reveal())
        body["secretapikey"] = .string(keys.secret.reveal())
        let answer = try await api.call(.post, target, body, for: purpose, accepting: [400, 403])
        let json = try? answer.json()  // a proxy's page is judged by its status
        if answer.isSuccess, json?["status"]?.stringValue != "ERROR" { return try answer.json() }
        let said = json?["message"]?.stringValue ?? ""
        let code = json?["code"]?.stringValue ?? ""
        if settles?.means(code, said) == true { return [:] }
        let detail = api.clean(said)
        if Code.noAccess.means(code, said) {
            throw .missingPermission(
                provider: api.provider, doing: purpose.doing, needs: purpose.needs, detail: detail)
        }
        if Code.wrongKeys.means(code, said) { throw .wrongCredentials(provider: api.provider, detail: detail) }
        if Code.noSuchDomain.means(code, said) { api.forgetZones() }
        throw api.failure(answer, for: purpose)
    }
}
