import DNSWire
import NIOPosix
import TestSupport
import Testing
import Wire

@Suite("Against Knot", .enabled(if: Knot.isInstalled, "knotd is not installed"))
struct KnotTests {
    static let secret = "azN5VDBrZW4tdHNpZy0wMTIzNDU2Nzg5YWJjZGVmMDE="
    static let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(2))

    /// One key for each HMAC, each under a name of its own.
    static let options: Knot.Options = {
        var options = Knot.Options()
        options.keys = TSIGAlgorithm.allCases.map { algorithm in
            let name = algorithm.rawValue.lowercased()
            return Knot.Key(name: name, algorithm: "hmac-" + name.dropFirst(4), secret: secret)
        }
        options.records =
            [
                "alias CNAME target", "target TXT \"seen\"", "loop1 CNAME loop2", "loop2 CNAME loop1", "sub NS ns.sub",
                "ns.sub A 127.0.0.1", "elsewhere CNAME host.other.test.",
            ] + (0..<60).map { "many TXT \"\($0) \(String(repeating: "x", count: 100))\"" }
        return options
    }()

    static func key(_ algorithm: TSIGAlgorithm, secret: String = secret) throws -> TSIGKey {
        TSIGKey(
            name: try DNSName(algorithm.rawValue.lowercased()), algorithm: algorithm,
            secret: Redacted(try #require(Base64.decode(secret))))
    }

    static func texts(_ name: String, at knot: Knot) async throws -> [String] {
        let answer = try await client.query(try DNSName(name), .txt, at: .plain(knot.endpoint))
        return answer.answers.compactMap(\.data.text).sorted()
    }

    @Test("updates signed with every HMAC change the zone, by UDP and TCP, again and again")
    func everyHMAC() async throws {
        try await Knot.run(Self.options) { knot in
            let zone = try DNSName(knot.zone)
            for algorithm in TSIGAlgorithm.allCases {
                for transport in [DNSTransport.udp, .tcp] {
                    let name = try DNSName("_acme-challenge.\(algorithm.rawValue)-\(transport.rawValue).\(knot.zone)")
                    let ours = ResourceRecord.txt(name, "ours", ttlSeconds: 60)
                    let theirs = ResourceRecord.txt(name, "theirs", ttlSeconds: 60)
                    let key = try Self.key(algorithm)
                    func send(_ changes: [UpdateMessage.Change]) async throws {
                        try await Self.client.update(
                            UpdateMessage(zone: zone, changes: changes), at: knot.endpoint, over: transport, key: key,
                            now: .now())
                    }
                    for _ in 0..<2 { try await send([.insert(ours)]) }
                    try await send([.insert(theirs)])
                    #expect(try await Self.texts(name.text, at: knot) == ["ours", "theirs"])
                    for _ in 0..<2 { try await send([.remove(ours)]) }
                    #expect(try await Self.texts(name.text, at: knot) == ["theirs"])
                }
            }
        }
    }

    @Test("a wrong key, secret, clock or zone is refused with a sentence that says which")
    func refusals() async throws {
        try await Knot.run(Self.options) { knot in
            func refusal(_ key: TSIGKey?, zone: String? = nil, now: Timestamp = .now()) async throws -> String {
                let zone = try DNSName(zone ?? knot.zone)
                let record = ResourceRecord.txt(try zone.prefixed(by: "x"), "v", ttlSeconds: 60)
                do throws(DNSError) {
                    try await Self.client.update(
                        UpdateMessage(zone: zone, changes: [.insert(record)]), at: knot.endpoint, key: key, now: now)
                    return "accepted"
                } catch {
                    return error.description
                }
            }
            var unknown = try Self.key(.hmacSHA256)
            unknown.name = try DNSName("nobody")
            #expect(try await refusal(unknown).contains("BADKEY"))
            let wrong = try Self.key(.hmacSHA256, secret: "AAAA")
            #expect(try await refusal(wrong).contains("BADSIG"))
            let late = try await refusal(try Self.key(.hmacSHA256), now: .now() - .seconds(4000))
            #expect(late.contains("BADTIME"))
            #expect(late.contains("the server's \(Timestamp.now().rfc3339.prefix(13))"))
            let unsigned = try await refusal(nil)
            #expect(unsigned.contains("REFUSED") || unsigned.contains("NOTAUTH"))
            #expect(try await refusal(try Self.key(.hmacSHA256), zone: "other.test").contains("NOTAUTH"))
        }
    }

    @Test("an answer that does not fit a datagram is fetched over TCP")
    func truncated() async throws {
        try await Knot.run(Self.options) { knot in
            let texts = try await Self.texts("many.\(knot.zone)", at: knot)
            #expect(texts.count == 60)
        }
    }

    @Test("zones and aliases are found")
    func zones() async throws {
        try await Knot.run(Self.options) { knot in
            var resolver = Resolver(servers: [.plain(knot.endpoint)], client: Self.client)
            resolver.authoritativePort = knot.endpoint.port
            let zone = try DNSName(knot.zone)
            for name in [knot.zone, "a.b.c.d.\(knot.zone)", "_acme-challenge.\(knot.zone)", "elsewhere.\(knot.zone)"] {
                #expect(try await resolver.findZone(of: try DNSName(name)) == zone)
            }
            await #expect(throws: DNSError.self) { try await resolver.findZone(of: try DNSName("nowhere.other.test")) }
            #expect(
                try await resolver.followAliases(from: try zone.prefixed(by: "alias")).target
                    == (try zone.prefixed(by: "target")))
            await #expect(throws: DNSError.self) {
                try await resolver.followAliases(from: try zone.prefixed(by: "loop1"))
            }
            let servers = try await resolver.authoritativeServers(of: zone)
            #expect(servers.map(\.host) == [try zone.prefixed(by: "ns1")])
            #expect(servers.flatMap(\.addresses) == [knot.endpoint])
        }
    }

    @Test("a dead server is passed over for one that lives, and named when there is no other")
    func deadServer() async throws {
        let dead = Endpoint(host: "127.0.0.1", port: UInt16(try FreePorts.take(1)[0]))
        try await Knot.run(Self.options) { knot in
            let resolver = Resolver(servers: [.plain(dead), .plain(knot.endpoint)], client: Self.client)
            let answer = try await resolver.query(try DNSName(knot.zone), .soa)
            #expect(answer.responseCode == .noError)
        }
        let lost = Resolver(servers: [.plain(dead)], client: Self.client)
        await #expect(throws: DNSError.unreachable(server: dead.description, detail: "connection refused")) {
            try await lost.query(try DNSName("example.test"), .soa)
        }
    }
}
