import ACME
import ACMEServer
import CertificateAPI
import HTTPServer
import HTTPTypes
import PKI
import Synchronization
import TestSupport
import Testing
import Wire

@Suite("The ACME server, by our own client", .timeLimit(.minutes(2)))
struct FlowTests {
    private let name = ACMEIdentifier.dns("www.example.com")

    @Test(
        "from account to certificate in three writes of the store; the certificate is the request's")
    func whole() async throws {
        let world = try await World()
        let client = try await world.account()
        let ready = try await world.readyOrder([name], by: client)
        #expect(ready.status == .ready)
        let request = try await World.request([.dns("www.example.com")], commonName: "www.example.com")
        let order = try await client.finalize(ready.finalize, orderURL: ready.url, request: request)
        #expect(order.status == .valid)
        let chain = try await client.certificate(try #require(order.certificate))
        try chain.check(against: request, identifiers: [name], now: world.clock.now())
        #expect(chain.certificates.count == 2)
        // The account, the order, what its challenge came to.
        #expect(world.store.writes == 3)
        #expect(
            world.desk.wishes.withLock { $0.map(\.usages) } == [
                ["digital signature", "key encipherment", "server auth"]
            ])
        #expect(try await client.order(ready.url).status == .valid)
        let task = try #require(world.validator.tasks.withLock { $0.first })
        #expect(task.identifier == name)
        #expect(task.keyAuthorization == "\(task.token).\(client.accountKey.thumbprint)")
    }

    @Test("the same for an Issuer, whose directory has its namespace in its path")
    func namespaced() async throws {
        let world = try await World()
        let issuer = IssuerName(namespace: "machines", name: "own")
        world.issuers.set(issuer, .ready)
        world.store.add(try World.credential("web", [Names.ACMECredential.issuers: "Issuer/own"]))
        let client = try await world.account(issuer: issuer)
        let ready = try await world.readyOrder([name], by: client)
        let request = try await World.request([.dns("www.example.com")])
        let order = try await client.finalize(ready.finalize, orderURL: ready.url, request: request)
        let chain = try await client.certificate(try #require(order.certificate))
        try chain.check(against: request, identifiers: [name], now: world.clock.now())
    }

    @Test("an order that another replica has seen proved is finalized, though this one has not heard of it yet")
    func lateWatch() async throws {
        let world = try await World()
        let client = try await world.account()
        let ready = try await world.readyOrder([name], by: client)
        world.store.fallBehind()
        #expect(try await client.order(ready.url).status == .pending)
        let request = try await World.request([.dns("www.example.com")])
        let order = try await client.finalize(ready.finalize, orderURL: ready.url, request: request)
        let chain = try await client.certificate(try #require(order.certificate))
        try chain.check(against: request, identifiers: [name], now: world.clock.now())
    }

    @Test("a name, a wildcard and an address in one order, each by a challenge that can prove it")
    func kinds() async throws {
        let world = try await World()
        let client = try await world.account()
        let address = try ACMEIdentifier(ip: "192.0.2.7")
        let order = try await client.newOrder(
            NewACMEOrder(identifiers: [name, .dns("*.example.com"), address]))
        var offered: [String: Set<String>] = [:]
        for url in order.authorizations {
            let authorization = try await client.authorization(url)
            let key =
                authorization.isWildcard ? "wildcard of \(authorization.identifier)" : "\(authorization.identifier)"
            offered[key] = Set(authorization.challenges.map(\.type))
            #expect(Set(authorization.challenges.compactMap(\.token)).count == authorization.challenges.count)
        }
        #expect(
            offered == [
                "www.example.com": ["http-01", "dns-01", "tls-alpn-01"], "wildcard of example.com": ["dns-01"],
                "192.0.2.7": ["http-01", "tls-alpn-01"],
            ])
    }

    @Test("an account is found by its key, changes its contacts, and ends for good")
    func account() async throws {
        let world = try await World()
        let key = try await PrivateKey.generate(.ecdsa(.p384))
        #expect(try await world.server().existingAccount(of: key) == nil)
        let client = try await world.account(key: key)
        let found = try #require(try await world.server().existingAccount(of: key))
        #expect(found.url == client.accountURL)
        #expect(try await client.updateContact(["mailto:b@example.com"]).contact == ["mailto:b@example.com"])
        #expect(try await client.account().contact == ["mailto:b@example.com"])
        #expect(try await client.deactivate().status == .deactivated)
        let after = await refusal { _ = try await client.newOrder(NewACMEOrder(identifiers: [name])) }
        #expect(after?.problemType == .unauthorized)
        let anew = await refusal { _ = try await world.account(key: key) }
        #expect(anew?.problemType == .unauthorized, "the key of an account that ended makes no other")
    }

    @Test("keys of every kind sign; a changed key counts from then on, one that has an account cannot be taken")
    func keys() async throws {
        for algorithm in [KeyAlgorithm.rsa(bits: 2048), .ecdsa(.p256), .ecdsa(.p521), .ed25519] {
            let world = try await World()
            let client = try await world.account(key: try await PrivateKey.generate(algorithm))
            let other = try await world.account()
            let taken = try await PrivateKey.generate(.ecdsa(.p256))
            let owner = try await world.account(key: taken)
            let conflict = await refusal { _ = try await client.changeKey(to: taken) }
            guard case .problem(let refused)? = conflict else {
                Issue.record("no refusal: \(conflict as Any)")
                continue
            }
            #expect(refused.status == 409)
            #expect(refused.location == owner.accountURL)
            let changed = try await client.changeKey(to: try await PrivateKey.generate(.ecdsa(.p256)))
            #expect(changed.accountURL == client.accountURL)
            _ = try await changed.account()
            let old = await refusal { _ = try await client.account() }
            // Which of the two depends on whether the new key is of the old one's kind.
            #expect([.malformed, .badSignatureAlgorithm].contains(old?.problemType), "\(algorithm): the old key signs")
            _ = try await other.account()
        }
    }

    @Test("a key that an account was made with and has no longer can have an account of its own")
    func keyAgain() async throws {
        let world = try await World()
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let first = try await world.account(key: key)
        _ = try await first.changeKey(to: try await PrivateKey.generate(.ecdsa(.p256)))
        #expect(try await world.server().existingAccount(of: key) == nil)
        let second = try await world.account(key: key)
        #expect(second.accountURL != first.accountURL)
        _ = try await second.account()
    }

    @Test("what fails is said where the RFC has it: in the challenge, and as the order's error")
    func failure() async throws {
        let world = try await World()
        let client = try await world.account()
        world.validator.set { _ in
            ServerProblem(.connection, .badRequest, "www.example.com could not be asked.")
        }
        let order = try await world.readyOrder([name], by: client)
        #expect(order.status == .invalid)
        #expect(order.error?.type == .connection)
        let authorization = try await client.authorization(order.authorizations[0])
        #expect(authorization.status == .invalid)
        #expect(authorization.challenges.map(\.type) == ["http-01"], "only the one that was tried is left")
        #expect(authorization.failure?.detail == "www.example.com could not be asked.")
        let late = await refusal {
            _ = try await client.finalize(
                order.finalize, orderURL: order.url, request: try await World.request([.dns("www.example.com")]))
        }
        #expect(late?.problemType == .orderNotReady)
        #expect(late?.status == 403)
    }

    @Test("a look that takes long is processing for whoever asks, and its outcome is found later")
    func slow() async throws {
        let world = try await World()
        let client = try await world.account()
        let gate = Mutex<CheckedContinuation<Void, Never>?>(nil)
        world.validator.set { _ in
            await withCheckedContinuation { continuation in gate.withLock { $0 = continuation } }
            return nil
        }
        let order = try await client.newOrder(NewACMEOrder(identifiers: [name]))
        let challenge = try #require(
            try await client.authorization(order.authorizations[0]).challenges.first { $0.type == "http-01" })
        async let answer = client.respond(to: challenge.url)
        await world.clock.waitForSleepers()
        world.clock.advance(by: .seconds(2))
        #expect(try await answer.status == .processing)
        #expect(try await client.authorization(order.authorizations[0]).status == .pending)
        // Answered again, it is looked at no second time.
        #expect(try await client.respond(to: challenge.url).status == .processing)
        gate.withLock { $0 }?.resume()
        while try await client.challenge(challenge.url).status != .valid { await Task.yield() }
        #expect(world.validator.tasks.withLock { $0.count } == 1)
        #expect(try await client.order(order.url).status == .ready)
    }

    @Test("what a replica began and did not finish is taken over by the one that is asked, once that is sure")
    func takeOver() async throws {
        let world = try await World()
        let client = try await world.account()
        let order = try await client.newOrder(NewACMEOrder(identifiers: [name]))
        var kept = try #require(world.store.allOrders.first)
        expectTrue(kept.authorizations[0].begin(.http01, at: world.clock.now()))
        world.store.put(kept)
        _ = try await client.authorization(order.authorizations[0])
        #expect(world.validator.tasks.withLock { $0.isEmpty }, "another may be at it")
        world.clock.advance(by: NetworkValidator.limit + .seconds(1))
        while try await client.authorization(order.authorizations[0]).status != .valid { await Task.yield() }
        #expect(world.validator.tasks.withLock { $0.count } == 1)
    }

    @Test("any replica answers any request; a nonce of one is none of another's, which costs a client one more try")
    func replicas() async throws {
        let world = try await World(replicas: 3)
        let client = try await world.account(through: [0, 1, 2, 2, 1, 0, 0])
        let ready = try await world.readyOrder([name, .dns("api.example.com")], by: client)
        let request = try await World.request([.dns("www.example.com"), .dns("api.example.com")])
        let order = try await client.finalize(ready.finalize, orderURL: ready.url, request: request)
        _ = try await client.certificate(try #require(order.certificate))
        try await client.revoke(try await client.certificate(try #require(order.certificate)).leaf)
    }

    @Test("revocation by who ordered, by who proved the names, by the certificate's key; and by nobody else")
    func revocation() async throws {
        let world = try await World()
        let client = try await world.account()
        func issue(_ key: PrivateKey) async throws -> (X509Certificate, ACMEOrder) {
            let ready = try await world.readyOrder([name], by: client)
            let request = try await World.request([.dns("www.example.com")], key: key)
            let order = try await client.finalize(ready.finalize, orderURL: ready.url, request: request)
            return (try await client.certificate(try #require(order.certificate)).leaf, order)
        }
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let (first, order) = try await issue(key)
        let stranger = try await world.account()
        let strange = await refusal { try await stranger.revoke(first) }
        #expect(strange?.problemType == .unauthorized)
        _ = try await world.readyOrder([name], by: stranger)
        try await stranger.revoke(first, reason: .superseded)
        #expect(try await client.order(order.url).status == .invalid)
        #expect(try await client.order(order.url).error?.detail == "The certificate was revoked.")
        let other = try await PrivateKey.generate(.ecdsa(.p256))
        let (second, _) = try await issue(other)
        let wrong = await refusal { try await client.revoke(second, reason: .caCompromise) }
        #expect(wrong?.problemType == .badRevocationReason)
        try await world.server().revoke(second, withItsKey: other, reason: .keyCompromise)
        let (third, _) = try await issue(try await PrivateKey.generate(.ecdsa(.p256)))
        try await client.revoke(third)
        let foreign = try await World()
        let unknown = await refusal { try await (try await foreign.account()).revoke(third) }
        #expect(unknown?.status == 404)
    }

    @Test("what the issuer says is told: that it works, that it failed, that it was denied")
    func outcomes() async throws {
        let world = try await World()
        let client = try await world.account()
        for (state, status) in [
            (IssuanceState.pending, ACMEStatus.processing),
            (.failed(.unauthorized("The certificate was denied: no policy allows it")), .invalid),
        ] {
            world.desk.next.withLock { $0 = state }
            let ready = try await world.readyOrder([name], by: client)
            let request = try await World.request([.dns("www.example.com")])
            let order = try await client.finalize(ready.finalize, orderURL: ready.url, request: request)
            #expect(order.status == status)
            if status == .processing { #expect(order.retryAfter == .seconds(3)) }
            if status == .invalid { #expect(order.error?.type == .unauthorized) }
            let early = await refusal {
                _ = try await client.finalize(
                    ready.finalize, orderURL: ready.url, request: try await World.request([.dns("www.example.com")]))
            }
            #expect(early?.problemType == .orderNotReady)
        }
    }

    @Test("an authorization that is given up ends its order; orders end with time")
    func ends() async throws {
        let world = try await World()
        let client = try await world.account()
        let ready = try await world.readyOrder([name], by: client)
        try await client.deactivateAuthorization(ready.authorizations[0])
        #expect(try await client.authorization(ready.authorizations[0]).status == .deactivated)
        #expect(try await client.order(ready.url).status == .invalid)
        let second = try await world.readyOrder([name], by: client)
        world.clock.advance(by: .seconds(24 * 3600))
        #expect(try await client.order(second.url).status == .invalid)
        #expect(try await client.authorization(second.authorizations[0]).status == .expired)
        let late = await refusal {
            _ = try await client.finalize(
                second.finalize, orderURL: second.url, request: try await World.request([.dns("www.example.com")]))
        }
        #expect(late?.problemType == .orderNotReady)
    }
}
