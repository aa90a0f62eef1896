import ACME
import CurlTransport
import DNSWire
import HTTPServer
import HTTPTypes
import NIOPosix
import Synchronization
import TestSupport
import Testing
import Wire

@testable import ACMEServer
@testable import PKI

/// Looks at real listeners on loopback.
@Suite("Looks at challenges", .timeLimit(.minutes(2)))
struct ValidationTests {
    private static let token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
    private static let identifier = ACMEIdentifier.ip(IPAddress("127.0.0.1") ?? IPAddress(bytes: [127, 0, 0, 1])!)

    private static func finder(_ rule: AddressRule) -> AddressFinder {
        // Nothing is looked up: what is validated is an address.
        AddressFinder(
            resolver: Resolver(servers: [], client: DNSClient(group: MultiThreadedEventLoopGroup.singleton)), rule: rule
        )
    }

    private static var loopback: AddressRule { AddressRule(allowed: [IPRange("127.0.0.0/8")].compactMap(\.self)) }

    /// What a look at a server that answers so comes to, and what it was asked.
    private func look(
        rule: AddressRule = Self.loopback, _ answer: @escaping @Sendable (ServerRequest, Int) -> ServerResponse
    ) async throws -> (ServerProblem?, [ServerRequest]) {
        let seen = Mutex<[ServerRequest]>([])
        let port = Mutex(0)
        let server = Server(address: "127.0.0.1", port: 0) { request in
            seen.withLock { $0.append(request) }
            return answer(request, port.withLock { $0 })
        }
        let problem = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let bound = try await server.boundPort
            port.withLock { $0 = bound }
            let validation = HTTP01Validation(
                transport: Cluster.engine, finder: Self.finder(rule), port: bound, limit: .seconds(20),
                time: SystemTime())
            let problem = await validation.problem(
                of: Self.identifier, token: Self.token, keyAuthorization: "\(Self.token).thumb")
            group.cancelAll()
            try await group.waitForAll()
            return problem
        }
        return (problem, seen.withLock { $0 })
    }

    @Test("the key authorization passes, with white space behind it too; the request carries no credential")
    func right() async throws {
        let (problem, requests) = try await look { _, _ in ServerResponse(.ok, text: "\(Self.token).thumb\r\n ") }
        #expect(problem == nil)
        let request = try #require(requests.first)
        #expect(requests.count == 1)
        #expect(request.target == "/.well-known/acme-challenge/\(Self.token)")
        #expect(request.headers[.authorization] == nil && request.headers[.cookie] == nil)
    }

    @Test("another text, another status and a long page do not; what they said is not repeated")
    func wrong() async throws {
        for answer in [
            ServerResponse(.ok, text: "secret of somebody"), ServerResponse(.notFound, text: "\(Self.token).thumb"),
            ServerResponse(.ok, text: "\(Self.token).thumb" + String(repeating: "x", count: 1 << 20)),
            ServerResponse(.ok, text: ""), ServerResponse(.ok, text: "\(Self.token).thumb2"),
        ] {
            let (problem, _) = try await look { _, _ in answer }
            #expect(problem != nil)
            #expect(!"\(problem as Any)".contains("secret"))
        }
    }

    @Test("redirects: to itself yes; for ever, to another port, to another address and to another scheme no")
    func redirects() async throws {
        @Sendable func redirect(_ target: String) -> ServerResponse {
            ServerResponse(.found, headers: [.location: target])
        }
        let (fine, requests) = try await look { request, port in
            request.target == "/there"
                ? ServerResponse(.ok, text: "\(Self.token).thumb") : redirect("http://127.0.0.1:\(port)/there")
        }
        #expect(fine == nil)
        #expect(requests.map(\.target).last == "/there")
        let (relative, _) = try await look { request, _ in
            request.target == "/there" ? ServerResponse(.ok, text: "\(Self.token).thumb") : redirect("/there")
        }
        #expect(relative == nil)
        let (endless, many) = try await look { _, _ in redirect("/again") }
        #expect(endless?.type == .unauthorized)
        #expect(many.count == 11)
        for target in [
            "http://127.0.0.1:22/", "http://127.0.0.2/", "http://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/", "http://user:password@127.0.0.1/", "//[::1]/",
        ] {
            let (problem, requests) = try await look { _, _ in redirect(target) }
            #expect(problem?.type == .unauthorized, "\(target)")
            #expect(requests.count == 1, "\(target)")
        }
    }

    @Test(
        "dns-01 and addresses by a real DNS server: the record, along an alias, among others; what points inside is left alone",
        .enabled(if: Knot.isInstalled, "knot is not installed; scripts/test installs it"))
    func names() async throws {
        let value = Base64.encodeURL(Digest.sha256(Array("\(Self.token).thumb".utf8)))
        var options = Knot.Options()
        options.needsKey = false
        options.records = [
            "_acme-challenge.right TXT \"other\"", "_acme-challenge.right TXT \"\(value)\"",
            "_acme-challenge.aliased CNAME _acme-challenge.right", "_acme-challenge.wrong TXT \"\(value)x\"",
            "_acme-challenge.loop CNAME _acme-challenge.pool", "_acme-challenge.pool CNAME _acme-challenge.loop",
            "right A 10.1.2.3", "metadata A 169.254.169.254", "both A 127.0.0.1", "both A 192.0.2.5",
            "mapped AAAA ::ffff:127.0.0.1",
        ]
        try await Knot.run(options) { knot in
            let resolver = Resolver(
                servers: [.plain(knot.endpoint)], client: DNSClient(group: MultiThreadedEventLoopGroup.singleton))
            func problem(_ name: String) async -> ServerProblem? {
                await DNS01Validation(resolver: resolver).problem(
                    of: .dns(name), keyAuthorization: "\(Self.token).thumb")
            }
            #expect(await problem("right.example.test") == nil)
            #expect(await problem("*.right.example.test") == nil, "a wildcard is proved by its base")
            #expect(await problem("aliased.example.test") == nil)
            #expect(await problem("wrong.example.test")?.type == .unauthorized)
            #expect(await problem("nothing.example.test")?.type == .unauthorized)
            #expect(await problem("loop.example.test")?.type == .dns)
            let finder = AddressFinder(resolver: resolver, rule: AddressRule())
            let right = try await finder.addresses(of: "right.example.test")
            #expect(right.map(\.text) == ["10.1.2.3"])
            let both = try await finder.addresses(of: "both.example.test")
            #expect(both.map(\.text) == ["192.0.2.5"])
            for name in ["metadata.example.test", "mapped.example.test", "nothing.example.test"] {
                await #expect(throws: ServerProblem.self, "\(name)") { _ = try await finder.addresses(of: name) }
            }
        }
    }

    @Test("where the rule lets nobody look, nothing is connected to")
    func rule() async throws {
        let (problem, requests) = try await look(rule: AddressRule()) { _, _ in
            ServerResponse(.ok, text: "\(Self.token).thumb")
        }
        #expect(problem?.type == .connection)
        #expect(requests.isEmpty)
    }

    /// What a look at a listener with that certificate for that name comes to.
    private func handshake(
        _ identifier: ACMEIdentifier, showing domain: String, for keyAuthorization: String
    ) async throws -> ServerProblem? {
        let identity = try ServerIdentity(validating: domain, keyAuthorization: keyAuthorization)
        let server = Server(address: "127.0.0.1", port: 0, tls: TLSServing { identity }) { _ in
            ServerResponse(.ok, text: "")
        }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let validation = TLSALPN01Validation(
                finder: Self.finder(Self.loopback), port: try await server.boundPort, limit: .seconds(10))
            let problem = await validation.problem(of: identifier, keyAuthorization: "\(Self.token).thumb")
            group.cancelAll()
            try await group.waitForAll()
            return problem
        }
    }

    @Test("tls-alpn-01: the certificate of this name and key passes, that of another challenge does not")
    func tlsALPN01() async throws {
        #expect(
            try await handshake(Self.identifier, showing: "127.0.0.1", for: "\(Self.token).thumb") == nil)
        let other = try await handshake(Self.identifier, showing: "127.0.0.1", for: "\(Self.token).other")
        #expect(other?.type == .unauthorized)
        // It is asked for under its own name, and shows nothing under another.
        let unnamed = try await handshake(Self.identifier, showing: "www.example.com", for: "\(Self.token).thumb")
        #expect(unnamed != nil)
    }

    @Test("tls-alpn-01: without the protocol, for more names, signed by another, without the mark or with it twice: no")
    func certificates() async throws {
        let name = ACMEIdentifier.dns("www.example.com")
        let keyAuthorization = "\(Self.token).thumb"
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let mark = CertificateExtensions.Raw(
            oid: try #require(OID("1.3.6.1.5.5.7.1.31")), isCritical: true,
            value: [4, 32] + Digest.sha256(Array(keyAuthorization.utf8)))
        func problem(
            _ names: [GeneralName] = [.dns("WWW.example.com")], _ marks: [CertificateExtensions.Raw],
            spoken: String? = "acme-tls/1", signer: PrivateKey? = nil
        ) async throws -> ServerProblem? {
            var extensions = CertificateExtensions()
            extensions.names = names
            extensions.others = marks
            let template = CertificateTemplate(
                subject: try DistinguishedName(commonName: "x"), publicKey: key.publicKey, notBefore: .now(),
                notAfter: .now() + .seconds(3600), extensions: extensions)
            var issuer: X509Certificate?
            if let signer {
                var authority = template
                authority.publicKey = signer.publicKey
                issuer = try await authority.signed(by: nil, key: signer)
            }
            let certificate = try await template.signed(by: issuer, key: signer ?? key)
            return TLSALPN01Validation.problem(
                with: ValidationSight(applicationProtocol: spoken, certificate: certificate.der), of: name,
                keyAuthorization: keyAuthorization)
        }
        #expect(try await problem([.dns("WWW.example.com")], [mark]) == nil)
        #expect(try await problem([.dns("www.example.com"), .dns("b.example.com")], [mark]) != nil)
        #expect(try await problem([.dns("b.example.com")], [mark]) != nil)
        #expect(try await problem([.dns("www.example.com")], []) != nil)
        #expect(try await problem([.dns("www.example.com")], [mark], spoken: "http/1.1")?.type == .tls)
        #expect(try await problem([.dns("www.example.com")], [mark], spoken: nil)?.type == .tls)
        var soft = mark
        soft.isCritical = false
        #expect(try await problem([.dns("www.example.com")], [soft]) != nil)
        var short = mark
        short.value.removeLast()
        #expect(try await problem([.dns("www.example.com")], [short]) != nil)
        let other = try await PrivateKey.generate(.ecdsa(.p256))
        #expect(try await problem([.dns("www.example.com")], [mark], signer: other) != nil)
    }
}
