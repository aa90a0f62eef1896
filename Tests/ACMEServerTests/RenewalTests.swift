import ACME
import ACMEServer
import CertificateAPI
import HTTPServer
import HTTPTransport
import HTTPTypes
import PKI
import Synchronization
import TestSupport
import Testing
import Wire

/// Renewal information (RFC 9773).
@Suite("The ACME server tells when to renew", .timeLimit(.minutes(2)))
struct RenewalTests {
    private let name = ACMEIdentifier.dns("www.example.com")

    private func issue(
        _ world: World, _ client: ACMEClient, replacing: RenewalIdentifier? = nil, name: String = "www.example.com"
    ) async throws -> X509Certificate {
        let order = try await finalize(world, client, replacing: replacing, name: name)
        return try await client.certificate(try #require(order.certificate)).leaf
    }

    private func finalize(
        _ world: World, _ client: ACMEClient, replacing: RenewalIdentifier? = nil, name: String = "www.example.com"
    ) async throws -> ACMEOrder {
        let made = try await client.newOrder(
            NewACMEOrder(identifiers: [.dns(name)], replaces: replacing?.text))
        for url in made.authorizations {
            let challenges = try await client.authorization(url).challenges
            for challenge in challenges where challenge.type == "http-01" {
                _ = try await client.respond(to: challenge.url)
            }
        }
        let request = try await World.request([.dns(name)])
        return try await client.finalize(made.finalize, orderURL: made.url, request: request)
    }

    @Test(
        "anybody is told a window from two thirds of a certificate's life to three quarters; of a revoked one, the past"
    )
    func window() async throws {
        let world = try await World()
        let client = try await world.account()
        let leaf = try await issue(world, client)
        let id = try #require(RenewalIdentifier(leaf))
        let writes = world.store.writes
        let told = try #require(try await world.server().renewalInformation(for: id))
        #expect(told.start == (leaf.notBefore + .seconds(57_600)).wholeSeconds)
        #expect(told.end == (leaf.notBefore + .seconds(64_800)).wholeSeconds)
        #expect(told.retryAfter == .seconds(4320))
        try await client.revoke(leaf, reason: .superseded)
        let revoked = try #require(try await world.server().renewalInformation(for: id))
        #expect(revoked.end <= world.clock.now() && revoked.start < revoked.end)
        #expect(world.store.writes == writes)
    }

    @Test("of what is not this directory's, and of what names no certificate, nothing is told")
    func unknown() async throws {
        let world = try await World()
        let leaf = try await issue(world, try await world.account())
        let id = try #require(RenewalIdentifier(leaf))
        world.issuers.set(IssuerName(namespace: nil, name: "other"), .ready)
        let elsewhere = await refusal {
            _ = try await world.server(IssuerName(namespace: nil, name: "other")).renewalInformation(for: id)
        }
        #expect(elsewhere?.status == 404)
        for (text, status) in [
            ("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", 404), ("aYhba4dGQEHhs3uEe6CuLN4ByNQ", 400), (".", 400),
            ("a.b.c", 400),
            ("aYhba4dGQEHhs3uEe6CuLN4ByNQ=.AIdlQyE=", 400), (String(repeating: "A", count: 300) + ".AA", 400),
        ] {
            let error = await refusal {
                _ = try await world.server().renewalInformation(for: RenewalIdentifier(text: text))
            }
            #expect(error?.status == status, "\(text)")
        }
        let posted = await world.raw(
            ServerRequest(
                method: .post, target: "/acme/clusterissuer/ca/renewal-info/\(id.text)",
                headers: [.init("Host")!: "acme.test"], body: []))  // a legal field name
        #expect(posted.status == .methodNotAllowed)
    }

    @Test("an order says what it replaces for as long as it is there, and a certificate is replaced once")
    func replaces() async throws {
        let world = try await World()
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let client = try await world.account(key: key)
        let leaf = try await issue(world, client)
        let id = try #require(RenewalIdentifier(leaf))
        let answers = Answers(ServiceTransport(world.replicas, turns: [0]))
        let listening = ACMEClient(
            server: ACMEServer(
                settings: .init(
                    directoryURL: "\(World.origin)/acme/\(World.issuer.path)/directory",
                    userAgent: "test libcurl/7.88.1"),
                transport: answers, time: world.clock), accountURL: client.accountURL, key: key)
        let order = try await listening.newOrder(NewACMEOrder(identifiers: [name], replaces: id.text))
        #expect(answers.last?["replaces"]?.stringValue == id.text)
        _ = try await listening.order(order.url)
        #expect(answers.last?["replaces"]?.stringValue == id.text)
        // Nothing was asked for yet: another order may say the same.
        _ = try await issue(world, client, replacing: id)
        let again = await refusal { _ = try await issue(world, client, replacing: id) }
        #expect(again?.status == 409 && again?.problemType == .alreadyReplaced)
    }

    @Test("what an order replaces must be of the account and share a name; what is not known is no hindrance")
    func strangers() async throws {
        let world = try await World()
        let client = try await world.account()
        let id = try #require(RenewalIdentifier(try await issue(world, client)))
        let other = try await world.account()
        let stranger = await refusal { _ = try await issue(world, other, replacing: id) }
        #expect(stranger?.problemType == .unauthorized)
        let apart = await refusal { _ = try await issue(world, client, replacing: id, name: "api.example.com") }
        #expect(apart?.problemType == .malformed)
        let nonsense = await refusal { _ = try await issue(world, client, replacing: RenewalIdentifier(text: "x")) }
        #expect(nonsense?.problemType == .malformed)
        _ = try await issue(world, client, replacing: RenewalIdentifier(text: "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"))
    }

    @Test("what failed replaces nothing")
    func failed() async throws {
        let world = try await World()
        let client = try await world.account()
        let id = try #require(RenewalIdentifier(try await issue(world, client)))
        world.desk.next.withLock { $0 = .failed(.unauthorized("The certificate was denied: no.")) }
        #expect(try await finalize(world, client, replacing: id).status == .invalid)
        world.desk.next.withLock { $0 = nil }
        _ = try await issue(world, client, replacing: id)
    }

    @Test(
        "the window of a life of an hour is minutes long and asked for every minutes",
        arguments: [1, 60, 3600, 7_776_000])
    func lives(seconds: Int) {
        let start = Timestamp(secondsSince1970: 1_767_225_600)
        let sight = RenewalSight(
            directory: "clusterissuer/ca", account: "a", names: [], notBefore: start,
            notAfter: start + .seconds(seconds))
        #expect(sight.window.start < sight.window.end && sight.window.start >= start)
        #expect(sight.window.end <= start + .seconds(max(seconds, 2)))
        #expect(sight.pause >= .seconds(60) && sight.pause <= .seconds(21_600))
    }
}

/// Keeps the JSON of the last answer.
private final class Answers: HTTPTransport {
    private let inner: any HTTPTransport
    private let kept = Mutex<JSONValue?>(nil)

    init(_ inner: any HTTPTransport) { self.inner = inner }

    var last: JSONValue? { kept.withLock { $0 } }

    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        let answer = try await inner.send(request)
        if let json = try? JSONValue(parsing: answer.body) { kept.withLock { $0 = json } }
        let body = Mutex<[UInt8]?>(answer.body)
        return try await use(
            answer.head, ResponseBody { () throws(TransportError) in body.withLock { $0.take() } })
    }
}
