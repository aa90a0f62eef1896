package import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import Wire

/// OVHcloud (api.ovh.com/console, /domain/zone; help.ovhcloud.com, "First steps with the OVHcloud APIs").
///
/// Least privilege: a consumer key with GET on /domain/zone, and GET, POST and DELETE on /domain/zone/ZONE/record*, and POST on
/// /domain/zone/ZONE/refresh.
package struct OVH: OwnDNSProvider {
    package static let key = "ovh"
    package static let fields = [
        "endpoint", "applicationKeySecretRef", "applicationSecretSecretRef", "consumerKeySecretRef",
    ]

    /// The fields of `config`.
    package struct Config: Decodable, Sendable, Hashable {
        package var endpoint: String?
        package var applicationKeySecretRef: SecretKeySelector
        package var applicationSecretSecretRef: SecretKeySelector
        package var consumerKeySecretRef: SecretKeySelector
    }

    /// By the names of OVH's own libraries.
    static let endpoints = [
        "ovh-eu": "https://eu.api.ovh.com/1.0", "ovh-ca": "https://ca.api.ovh.com/1.0",
        "ovh-us": "https://api.us.ovhcloud.com/1.0", "kimsufi-eu": "https://eu.api.kimsufi.com/1.0",
        "kimsufi-ca": "https://ca.api.kimsufi.com/1.0", "soyoustart-eu": "https://eu.api.soyoustart.com/1.0",
        "soyoustart-ca": "https://ca.api.soyoustart.com/1.0",
    ]

    private static let ttlSeconds = 60
    private static let right =
        "a consumer key for GET on /domain/zone, GET, POST and DELETE on /domain/zone/ZONE/record*, and POST on "
        + "/domain/zone/ZONE/refresh"

    private let api: ProviderAPI

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        var problems = config.applicationKeySecretRef.problems(at: path["applicationKeySecretRef"])
        problems += config.applicationSecretSecretRef.problems(at: path["applicationSecretSecretRef"])
        problems += config.consumerKeySecretRef.problems(at: path["consumerKeySecretRef"])
        if let endpoint = config.endpoint.nonEmpty, endpoints[endpoint] == nil {
            problems.append(.notSupported(path["endpoint"], endpoint, endpoints.keys.sorted()))
        }
        return problems
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let application = try await context.text(of: config.applicationKeySecretRef, in: "applicationKeySecretRef")
        let secret = try await context.text(of: config.applicationSecretSecretRef, in: "applicationSecretSecretRef")
        let consumer = try await context.text(of: config.consumerKeySecretRef, in: "consumerKeySecretRef")
        let endpoint = config.endpoint.nonEmpty ?? "ovh-eu"
        let time = context.time
        api = ProviderAPI(
            "OVH", base: Self.endpoints[endpoint] ?? "", in: context, secrets: [secret, consumer, application]
        ) { request in
            let now = "\(time.now().secondsSince1970)"
            request.headers[.application] = application.reveal()
            request.headers[.consumer] = consumer.reveal()
            request.headers[.timestamp] = now
            request.headers[.signature] = Self.signature(request, secret.reveal(), consumer.reveal(), now)
        }
    }

    /// Of a request, as "First steps with the OVHcloud APIs" describes it.
    static func signature(_ request: TransportRequest, _ secret: String, _ consumer: String, _ now: String) -> String {
        let body = String(decoding: request.body ?? [], as: UTF8.self)
        let text = [secret, consumer, request.method.rawValue, request.url, body, now].joined(separator: "+")
        return "$1$" + Hex.encode(Digest.sha1(Array(text.utf8)))
    }

    // Nothing is published without a refresh, also when the answer to the change before it got lost: so each errand ends with
    // one.
    package func present(_ record: TXTRecord) async throws(DNSProviderError) {
        let zone = try await zone(of: record.name)
        if try await !records(at: record.name, in: zone).contains(where: { $0.value == record.value }) {
            let body: JSONValue = [
                "fieldType": "TXT", "subDomain": .string(zone.relative(record.name)),
                "target": .string(TXTText.quoted(record.value)), "ttl": .integer(Int64(Self.ttlSeconds)),
            ]
            _ = try await call(.post, path(zone) + "/record", body, to: .init("create a record", needs: Self.right))
        }
        try await refresh(zone)
    }

    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) {
        let zone = try await zone(of: record.name)
        for stored in try await records(at: record.name, in: zone) where stored.value == record.value {
            _ = try await call(
                .delete, "\(path(zone))/record/\(stored.id.escapedForPath)",
                to: .init("delete a record", needs: Self.right), accepting: [404])
        }
        try await refresh(zone)
    }

    private func refresh(_ zone: ProviderZone) async throws(DNSProviderError) {
        _ = try await call(.post, path(zone) + "/refresh", to: .init("publish the zone", needs: Self.right))
    }

    private func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        try await api.zone(of: name, needs: Self.right) { () async throws(DNSProviderError) in
            let answer = try await call(.get, "/domain/zone", to: .init("list the zones", needs: Self.right))
            let names = try api.need(try answer.json().arrayValue, "list")
            let zones = names.compactMap { $0.stringValue.flatMap { ProviderZone($0) } }
            guard !zones.isEmpty else {
                throw api.malformed("the list of zones is empty; is the consumer key of the account that has the zone?")
            }
            return zones
        }
    }

    private func records(
        at name: DNSName, in zone: ProviderZone
    ) async throws(DNSProviderError) -> [StoredRecord] {
        let purpose = ProviderAPI.Purpose("list the records", needs: Self.right)
        let target = "\(path(zone))/record?fieldType=TXT&subDomain=\(zone.relative(name).escapedForPath)"
        let answer = try await call(.get, target, to: purpose, accepting: [404])
        if answer.status == 404 { throw api.goneZone(of: name, needs: Self.right) }
        var records: [StoredRecord] = []
        for id in try api.need(try answer.json().arrayValue, "list").compactMap(\.intValue) {
            let found = try await call(.get, "\(path(zone))/record/\(id)", to: purpose, accepting: [404])
            // Removed by somebody else between the two.
            if found.status == 404 { continue }
            let text = try api.need(try found.json()["target"]?.stringValue, "target")
            records.append(StoredRecord(id: "\(id)", value: TXTText.unquoted(text)))
        }
        return records
    }

    private func path(_ zone: ProviderZone) -> String { "/domain/zone/\(zone.id.escapedForPath)" }

    /// A key that nobody has, and one that may not, are both answered with 403.
    private func call(
        _ method: HTTPRequest.Method, _ target: String, _ body: JSONValue? = nil, to purpose: ProviderAPI.Purpose,
        accepting: Set<Int> = []
    ) async throws(DNSProviderError) -> APIAnswer {
        let answer = try await api.call(method, target, body, for: purpose, accepting: accepting.union([400, 403]))
        guard answer.status == 400 || answer.status == 403 else { return answer }
        let code = (try? answer.json())?["errorCode"]?.stringValue ?? ""  // what has no code is judged by its status
        if ["INVALID_CREDENTIAL", "INVALID_KEY", "NOT_CREDENTIAL", "INVALID_SIGNATURE", "EXPIRED"].contains(code) {
            throw .wrongCredentials(provider: api.provider, detail: answer.message.map(api.clean) ?? "")
        }
        if code == "QUERY_TIME_OUT" {
            throw .refused(
                provider: api.provider, detail: "the clock of this machine is wrong, and signatures carry the time")
        }
        throw api.failure(answer, for: purpose)
    }
}

extension HTTPField.Name {
    fileprivate static let application = HTTPField.Name("X-Ovh-Application")!  // legal field names, all four
    fileprivate static let consumer = HTTPField.Name("X-Ovh-Consumer")!
    fileprivate static let timestamp = HTTPField.Name("X-Ovh-Timestamp")!
    fileprivate static let signature = HTTPField.Name("X-Ovh-Signature")!
}
