import ACME
import CertificateAPI
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@testable import ACMEServer

@Suite("Parts of the ACME server")
struct PartTests {
    @Test("a nonce is taken once, in any order, and never when it is older than the window")
    func nonces() throws {
        var book = NonceBook()
        let issued = try (0..<100).map { _ in try book.issue() }
        #expect(Set(issued).count == 100)
        for nonce in issued.shuffled() {
            let (first, second) = (book.use(nonce), book.use(nonce))
            #expect(first && !second)
        }
        let old = try book.issue()
        let kept = try book.issue()
        for _ in 0..<Int(NonceBook.window) - 1 { _ = try book.issue() }
        let (oldIsTaken, keptIsTaken) = (book.use(old), book.use(kept))
        #expect(!oldIsTaken)
        #expect(keptIsTaken)
    }

    @Test(
        "a nonce that was changed, made up or made by another replica is none; it tells nothing of how many there were")
    func forgedNonces() throws {
        var (one, other) = (NonceBook(), NonceBook())
        let nonce = try one.issue()
        var octets = try #require(Base64.decodeURL(nonce))
        for index in octets.indices {
            octets[index] ^= 1
            let isTaken = one.use(Base64.encodeURL(octets))
            #expect(!isTaken, "octet \(index)")
            octets[index] ^= 1
        }
        for text in ["", "A", String(repeating: "A", count: 32), nonce + "AAAA"] {
            let isTaken = one.use(text)
            #expect(!isTaken)
        }
        let isTaken = other.use(nonce)
        #expect(!isTaken)
        // The number is masked: the first octets of neighbours have nothing in common.
        let heads = try (0..<32).map { _ in Array(try #require(Base64.decodeURL(try one.issue())).prefix(4)) }
        #expect(Set(heads).count == 32)
    }

    @Test(
        "where challenges may be looked for: private networks, not the machine itself, its link or a cloud's credentials",
        arguments: [
            ("10.1.2.3", true), ("192.168.0.1", true), ("203.0.113.1", true), ("2001:db8::1", true), ("fd12::1", true),
            ("127.0.0.1", false), ("0.0.0.0", false), ("169.254.169.254", false), ("100.100.100.200", false),
            ("168.63.129.16", false), ("224.0.0.1", false), ("255.255.255.255", false), ("::1", false), ("::", false),
            ("fe80::1", false), ("ff02::1", false), ("fd00:ec2::254", false), ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false), ("2001::1", false), ("64:ff9b::a01:203", true),
        ])
    func addresses(text: String, isAllowed: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(AddressRule().allows(address) == isAllowed)
        #expect(
            !AddressRule(forbidden: [try #require(IPRange("0.0.0.0/0")), try #require(IPRange("::/0"))]).allows(address)
        )
    }

    @Test("networks that are named are the only ones, however special; those forbidden are out all the same")
    func networks() throws {
        let rule = AddressRule(
            allowed: [try #require(IPRange("127.0.0.0/8")), try #require(IPRange("10.0.0.0/8"))],
            forbidden: [try #require(IPRange("10.96.0.0/12"))])
        #expect(rule.allows(try #require(IPAddress("127.0.0.1"))))
        #expect(
            rule.allows(try #require(IPAddress(bytes: [UInt8](repeating: 0, count: 10) + [255, 255, 10, 0, 0, 1]))))
        #expect(!rule.allows(try #require(IPAddress("10.97.0.1"))))
        #expect(!rule.allows(try #require(IPAddress("192.168.0.1"))))
    }

    private func secret(_ annotations: [String: String], key: String? = Base64.encodeURL(World.hmac)) -> Secret {
        var metadata = ObjectMeta(name: "web", namespace: "acme")
        metadata.annotations = annotations
        return Secret(metadata: metadata, data: key.map { ["key": Base64Data(utf8: $0)] } ?? [:])
    }

    @Test("credentials that say too little or what cannot be are none, in a sentence without the key")
    func credentials() throws {
        let place = [Credential.Key.namespace: "machines"]
        #expect(throws: Credential.Problem.self) { try Credential(secret([:])) }
        for (annotations, key) in [
            (place, nil), (place, "not base64 ***"), (place, "AAAA"),
            (place.merging([Credential.Key.addresses: "10.0.0.0/33"]) { $1 }, Base64.encodeURL(World.hmac)),
            (place.merging([Credential.Key.challenges: "email-reply-00"]) { $1 }, Base64.encodeURL(World.hmac)),
            (place.merging([Credential.Key.orders: "many"]) { $1 }, Base64.encodeURL(World.hmac)),
            (place.merging([Credential.Key.duration: "a day"]) { $1 }, Base64.encodeURL(World.hmac)),
        ] {
            let problem = #expect(throws: Credential.Problem.self) { try Credential(secret(annotations, key: key)) }
            #expect(!"\(problem as Any)".contains(Base64.encodeURL(World.hmac)))
        }
        let bare = try Credential(secret(place))
        #expect(!bare.allows(World.issuer), "what is not written down is not allowed")
        #expect(bare.objection(to: .dns("www.example.com")) != nil)
        #expect(!"\(bare)".contains("0123456789abcdef"))
    }

    @Test("accounts and orders are read as they were written; half of an order is none")
    func records() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256)).publicKey
        let now = Timestamp(secondsSince1970: 1_790_000_000)
        var account = ServerAccount(
            id: ServerAccount.id(for: key, at: World.issuer), issuer: IssuerName(namespace: "a", name: "b"), key: key,
            contact: ["mailto:a@example.com"], credential: "web", createdAt: now)
        #expect(ServerAccount(record: account.record) == account)
        account.isDeactivated = true
        #expect(ServerAccount(record: account.record) == account)
        var order = ServerOrder(
            id: "0123456789abcdef0123456789abcdef", account: account, credential: try World.credential(),
            identifiers: [.dns("www.example.com"), .dns("*.example.com"), try ACMEIdentifier(ip: "192.0.2.1")],
            seed: Array(0..<16), replaces: "aYhba4dG.AIdl", createdAt: now, lifetime: .seconds(3600))
        #expect(ServerOrder(record: order.record) == order)
        expectTrue(order.authorizations[0].begin(.http01, at: now))
        expectTrue(order.authorizations[1].settle(.dns01, nil, at: now))
        expectTrue(order.authorizations[2].settle(.tlsALPN01, .unauthorized("No."), at: now))
        #expect(ServerOrder(record: order.record) == order)
        let written = order.record
        for index in 0..<3 {
            for member in ["status", "identifier"] {
                var damaged = written
                var list = try #require(written["authorizations"]?.arrayValue)
                list[index][member] = nil
                damaged["authorizations"] = .array(list)
                #expect(ServerOrder(record: damaged) == nil)
            }
        }
        for member in ["id", "account", "issuer", "namespace", "seed", "createdAt", "expires", "authorizations"] {
            var damaged = written
            damaged[member] = nil
            #expect(ServerOrder(record: damaged) == nil, "\(member)")
        }
    }

    @Test("of an authorization the first outcome counts, and what was given up stays so")
    func outcomes() {
        let now = Timestamp(secondsSince1970: 1_790_000_000)
        var authorization = ServerOrder.Authorization(.dns("www.example.com"))
        expectTrue(authorization.settle(.http01, nil, at: now))
        expectTrue(!authorization.settle(.http01, .unauthorized("No."), at: now))
        expectTrue(!authorization.begin(.dns01, at: now))
        #expect(authorization.status(expired: false) == .valid)
        #expect(authorization.status(expired: true) == .expired)
        expectTrue(authorization.deactivate())
        expectTrue(!authorization.deactivate())
        expectTrue(!authorization.settle(.http01, nil, at: now))
        #expect(authorization.status(expired: false) == .deactivated)
    }

    @Test("what no cache has is asked for only so often")
    func misses() {
        var budget = MissBudget(at: .zero)
        expectTrue((0..<60).count { _ in budget.take(at: .zero) } == 50)
        expectTrue((0..<60).count { _ in budget.take(at: .seconds(1)) } == 10)
        expectTrue((0..<60).count { _ in budget.take(at: .seconds(3600)) } == 50)
    }
}
