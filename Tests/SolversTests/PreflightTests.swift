import CertificateAPI
import DNSProviders
import DNSWire
import KubeModel
import NIOPosix
import TestSupport
import Testing
import Wire

@testable import Solvers

/// Against a real DNS server: everything is looked up as in production.
@Suite("Preflight against Knot", .enabled(if: Knot.isInstalled, "knotd is not installed"))
struct PreflightTests {
    private struct Secrets: SecretSource {
        let secrets: [ObjectKey: Secret]
        func secret(_ key: ObjectKey) async throws -> Secret? { secrets[key] }
    }

    private static let secret = "azN5VDBrZW4tdHNpZy0wMTIzNDU2Nzg5YWJjZGVmMDE="
    private static let account = "https://ca.example/acct/1"

    private static let options: Knot.Options = {
        var options = Knot.Options()
        options.zone = "test"
        options.keys = [.init(name: "update", algorithm: "hmac-sha256", secret: secret)]
        options.records = [
            "other CAA 0 issue \"other.example\"", "www.other A 192.0.2.1", "other A 192.0.2.1",
            "alias CNAME other", "none CAA 0 issue \";\"", "none A 192.0.2.1",
            "wild CAA 0 issue \"ca.example\"", "wild CAA 0 issuewild \"other.example\"", "wild AAAA 2001:db8::1",
            "bound CAA 0 issue \"ca.example; accounturi=https://ca.example/acct/2\"", "bound A 192.0.2.1",
            "method CAA 0 issue \"ca.example; validationmethods=dns-01\"", "method A 192.0.2.1",
            "critical CAA 128 future \"x\"", "critical A 192.0.2.1", "plain A 192.0.2.1", "empty TXT \"no address\"",
        ]
        return options
    }()

    private func solver(_ knot: Knot, key: String = "tsig") throws -> Solver {
        var solver = Solver()
        var dns01 = Solver.DNS01()
        dns01.providers = [
            "rfc2136": [
                "nameserver": .string(knot.endpoint.description), "tsigKeyName": "update",
                "tsigAlgorithm": "HMACSHA256", "tsigSecretSecretRef": ["name": .string(key), "key": "secret"],
            ]
        ]
        solver.dns01 = dns01
        return solver
    }

    private func preflight(_ endpoint: Endpoint) -> Preflight {
        let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(2))
        let resolver = Resolver(
            servers: [.plain(endpoint)], client: client, authoritativePort: endpoint.port)
        var wrong = Secret(metadata: ObjectMeta(name: "wrong", namespace: "web"))
        wrong.data = ["secret": Base64Data(utf8: "AAAA")]
        var right = Secret(metadata: ObjectMeta(name: "tsig", namespace: "web"))
        right.data = ["secret": Base64Data(utf8: Self.secret)]
        let probe = ZoneProbe(
            options: DNS01Options(recursiveServers: [.plain(endpoint)]), client: client,
            secrets: Secrets(secrets: [right.key: right, wrong.key: wrong]), http: ScriptedTransport([]),
            time: SystemTime())
        return Preflight(resolver: resolver, addresses: resolver, zones: probe)
    }

    private func inquiry(
        _ names: [PreflightInquiry.Name], solvers: [Solver] = [], skew: Duration? = nil
    ) -> PreflightInquiry {
        PreflightInquiry(
            names: names, solvers: solvers, policy: CAAPolicy(identities: ["ca.example"], accountURL: Self.account),
            clockSkew: skew, namespace: "web", isClusterIssuer: false)
    }

    @Test("CAA records forbid what they forbid, and the sentence names the record to add (D5)")
    func authorizations() async throws {
        try await Knot.run(Self.options) { try await proveAuthorizations(at: $0.endpoint) }
    }

    @Test(
        "CAA records as BIND serves them mean the same (D5)", .enabled(if: Bind.isInstalled, "named is not installed"))
    func authorizationsOfBind() async throws {
        try await Bind.run(zone: Self.options.zone, records: Self.options.records) {
            try await proveAuthorizations(at: $0)
        }
    }

    private func proveAuthorizations(at server: Endpoint) async throws {
        let preflight = preflight(server)
        func look(_ name: String) async -> [String] {
            let method = name.hasPrefix("*.") ? "dns-persist-01" : "http-01"
            let findings = await preflight.inspect(inquiry([.init(name, method: method)]))
            #expect(findings.allSatisfy { $0.kind == .caa && $0.severity == .fault })
            return findings.map(\.sentence)
        }
        #expect(await look("plain.test") == [])
        let other = "the CAA records of other.test allow only other.example; add the record: "
        #expect(await look("www.other.test") == ["www.other.test: \(other)other.test. CAA 0 issue \"ca.example\""])
        #expect(
            await look("*.other.test") == ["*.other.test: \(other)other.test. CAA 0 issuewild \"ca.example\""])
        // The records at the end of an alias count, as for a CA; the tree is climbed from the alias itself.
        #expect(await look("alias.test").count == 1)
        #expect(
            await look("none.test").first?.contains("allow no CA; add the record: none.test. CAA 0 issue") == true)
        #expect(await look("wild.test") == [])
        #expect(await look("*.wild.test").first?.contains("issuewild \"ca.example\"") == true)
        #expect(
            await look("bound.test").first?.hasSuffix(
                "add the record: bound.test. CAA 0 issue \"ca.example; accounturi=\(Self.account)\"") == true)
        #expect(
            await look("method.test").first?.hasSuffix(
                "method.test. CAA 0 issue \"ca.example; validationmethods=dns-01,http-01\"") == true)
        #expect(await look("critical.test").first?.contains("critical property \"future\"") == true)
    }

    @Test("a name for HTTP-01 without an address, and a clock that is off, are found")
    func addresses() async throws {
        try await Knot.run(Self.options) { knot in
            let preflight = preflight(knot.endpoint)
            let names = ["plain.test", "wild.test", "empty.test", "nowhere.test", "192.0.2.1", "2001:db8::1"]
            let findings = await preflight.inspect(
                inquiry(names.map { .init($0, method: "http-01") }, skew: .seconds(-90)))
            #expect(findings.map(\.kind) == [.clock, .address, .address])
            #expect(findings.map(\.severity) == [.doubt, .fault, .fault])
            #expect(findings.first?.sentence.contains("90 s ahead of") == true)
            #expect(findings.dropFirst().map { $0.sentence.prefix(12) } == ["empty.test h", "nowhere.test"])
            let off = await preflight.inspect(inquiry([.init("plain.test")], skew: .seconds(7200)))
            #expect(off.map(\.severity) == [.fault])
        }
    }

    @Test("a zone that the key may not change, and a Secret that is not there, are found; nothing is written")
    func zones() async throws {
        try await Knot.run(Self.options) { knot in
            let preflight = preflight(knot.endpoint)
            func look(_ name: String, key: String) async throws -> [PreflightFinding] {
                await preflight.inspect(
                    inquiry([.init(name, method: "dns-01", solver: 0)], solvers: [try solver(knot, key: key)]))
            }
            #expect(try await look("plain.test", key: "tsig") == [])
            let wrong = try await look("plain.test", key: "wrong")
            #expect(wrong.map(\.severity) == [.fault])
            #expect(wrong.first?.sentence.contains("BADSIG") == true)
            let missing = try await look("plain.test", key: "missing")
            #expect(missing.first?.sentence.contains("the Secret web/missing does not exist") == true)
            let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton)
            let answer = try await client.query(
                try DNSName("_acme-challenge.plain.test"), .txt, at: .plain(knot.endpoint))
            #expect(answer.answers.isEmpty)
        }
    }

    @Test("a hundred names are told of in a few sentences, and a server that is not there is a doubt")
    func bounded() async throws {
        try await Knot.run(Self.options) { knot in
            let names = (0..<100).map { PreflightInquiry.Name("n\($0).other.test") }
            let findings = await preflight(knot.endpoint).inspect(inquiry(names))
            #expect(findings.count == 6)
            #expect(findings.last?.sentence == "and 95 more names like that")
            // The server holds the zone test and refuses to say anything of others.
            let elsewhere = await preflight(knot.endpoint).inspect(inquiry([.init("a.example")]))
            #expect(elsewhere.map(\.severity) == [.doubt])
        }
    }
}
