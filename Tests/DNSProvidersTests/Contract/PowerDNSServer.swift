import CurlTransport
import DNSProviders
import HTTPTransport
import HTTPTypes
import TestSupport
import Wire

/// A real PowerDNS Authoritative Server with its HTTP API, on free ports of the loopback address.
struct PowerDNSServer: ContractServer {
    static let key = "GoodCredential-k3yT0ken-pdns-4711"
    /// Few zones: its list has no pages.
    static let zones = ["filler.example.net", ContractWorld.zone, ContractWorld.subzone]
    static var isInstalled: Bool { PowerDNSProcess.isInstalled }

    let transport: any HTTPTransport
    let base: String
    var refusedCount: Int { 0 }

    static func run(_ body: (PowerDNSServer) async throws -> Void) async throws {
        try await PowerDNSProcess.run(key: key) { process in
            try await withCurl { transport in
                let server = PowerDNSServer(transport: transport, base: "\(process.host)/api/v1/servers/localhost")
                for _ in 0..<200 {
                    // Not up yet is what is being waited for.
                    if let answer = try? await server.call(.get, ""), answer.status == .ok {
                        return try await body(server)
                    }
                    try await Task.sleep(for: .milliseconds(20))
                }
                throw TestServerError("PowerDNS does not answer: \(process.log())")
            }
        }
    }

    /// Empty zones.
    func reset() async throws {
        for zone in Self.zones {
            _ = try await call(.delete, "/zones/\(zone).")
            let answer = try await call(
                .post, "/zones", ["name": .string("\(zone)."), "kind": "Native", "nameservers": ["ns1.example.net."]])
            guard answer.status.code == 201 else { throw TestServerError("no zone: \(answer.status)") }
        }
    }

    func call(_ method: HTTPRequest.Method, _ target: String, _ body: JSONValue? = nil) async throws -> Response {
        try await transport.send(
            TransportRequest(
                url: base + target, method: method, headers: [.init("X-API-Key")!: Self.key],  // a legal field name
                body: body?.serialized(), proxy: .none))
    }

    private func stored(_ name: String, in zone: String) async throws -> [String] {
        let answer = try await call(.get, "/zones/\(zone).?rrset_name=\(name).&rrset_type=TXT")
        let sets = try JSONValue(parsing: answer.body)["rrsets"]?.arrayValue ?? []
        return sets.filter { $0["name"]?.stringValue == "\(name)." }.flatMap { $0["records"]?.arrayValue ?? [] }
            .compactMap { $0["content"]?.stringValue }.map(TXTText.unquoted)
    }

    func values(at name: String) async throws -> [String] {
        var values: [String] = []
        for zone in Self.zones { values += try await stored(name, in: zone) }
        return values.sorted()
    }

    func zone(holdingRecordsOf name: String) async throws -> [String] {
        var holding: [String] = []
        for zone in Self.zones where !(try await stored(name, in: zone).isEmpty) { holding.append(zone) }
        return holding.sorted()
    }

    func add(_ value: String, at name: String) async throws {
        try await set(try await values(at: name) + [value], at: name)
    }
    func remove(_ value: String, at name: String) async throws {
        try await set(try await values(at: name).filter { $0 != value }, at: name)
    }

    private func set(_ values: [String], at name: String) async throws {
        let records = values.map { value -> JSONValue in ["content": .string(TXTText.quoted(value)), "disabled": false]
        }
        let set: JSONValue = [
            "name": .string("\(name)."), "type": "TXT", "ttl": 60, "changetype": values.isEmpty ? "DELETE" : "REPLACE",
            "records": .array(records),
        ]
        let answer = try await call(.patch, "/zones/\(ContractWorld.zone).", ["rrsets": [set]])
        guard answer.status.code == 204 else { throw TestServerError("not written: \(answer.status)") }
    }
}

extension ContractSubject {
    static func powerDNS(_ host: String) -> ContractSubject {
        ContractSubject(
            key: "powerdns", isOwn: true, config: ["host": .string(host), "apiKeySecretRef": reference("pdns", "key")],
            secrets: secrets("pdns", "key", PowerDNSServer.key),
            wrongSecrets: secrets("pdns", "key", FakeDNS.wrongCredential),
            limits: [.overwrites, .noRestriction], calls: CallCounts(coldPresent: 4, warmPresent: 3, warmCleanUp: 3)
        ) { _, _ in
            preconditionFailure("the suite lends its server")
        }
    }
}
