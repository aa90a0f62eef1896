import ACME
import CurlTransport
import HTTPTransport
import PKI
import Synchronization
import TestSupport
import Testing
import Wire

/// A client with a fresh account at a Pebble that misbehaves as much as a test can bear.
struct Laboratory: Sendable {
    let pebble: Pebble
    let transport: any HTTPTransport
    let server: ACMEServer
    let records: RequestLog

    final class RequestLog: Sendable {
        private let records = Mutex<[ACMERequestRecord]>([])
        func add(_ record: ACMERequestRecord) { records.withLock { $0.append(record) } }
        var all: [ACMERequestRecord] { records.withLock { $0 } }
    }

    static func run(
        _ options: Pebble.Options = Pebble.Options(), _ body: @escaping @Sendable (Laboratory) async throws -> Void
    ) async throws {
        let transport = CurlTransport(.init(userAgent: "certwright-tests libcurl"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await transport.run() }
            try await Pebble.run(options, over: transport) { pebble in
                let records = RequestLog()
                let server = ACMEServer(
                    settings: .init(
                        directoryURL: pebble.directoryURL, tls: pebble.tls, userAgent: "certwright-tests libcurl"),
                    transport: transport, time: SystemTime()
                ) { records.add($0) }
                try await body(Laboratory(pebble: pebble, transport: transport, server: server, records: records))
            }
            group.cancelAll()
        }
    }

    func account(
        _ algorithm: KeyAlgorithm = .ecdsa(.p256), binding: ExternalAccountBinding? = nil
    ) async throws -> ACMEClient {
        let key = try await PrivateKey.generate(algorithm)
        let account = try await server.newAccount(
            NewACMEAccount(contact: ["mailto:a@example.com"], agreesToTermsOfService: true, binding: binding), key: key)
        return ACMEClient(server: server, accountURL: account.url, key: key)
    }

    /// Takes an order the whole way by dns-01.
    func certificate(
        for identifiers: [ACMEIdentifier], with client: ACMEClient, preferredChain: String? = nil,
        profile: String? = nil
    ) async throws -> (chain: ACMECertificateChain, request: SigningRequest) {
        let order = try await client.newOrder(NewACMEOrder(identifiers: identifiers, profile: profile))
        for url in order.authorizations { try await satisfy(url, with: client) }
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = identifiers.map(\.generalName)
        let request = try await SigningRequest.make(subject: .empty, extensions: extensions, key: key, algorithm: nil)
        var current = try await client.finalize(order.finalize, orderURL: order.url, request: request)
        while current.status == .processing || current.status == .ready {
            try await Task.sleep(for: .milliseconds(50))
            current = try await client.order(order.url, as: .waitOrder)
        }
        let url = try #require(current.certificate, "the order is \(current.status.rawValue): \(current.error as Any)")
        return (
            try await client.certificate(url, preference: preferredChain.map { .issuer(commonName: $0) } ?? .standard),
            request
        )
    }

    func satisfy(_ url: String, with client: ACMEClient) async throws {
        var authorization = try await client.authorization(url)
        if authorization.status == .valid { return }
        let type = authorization.identifier.type == "ip" ? "http-01" : "dns-01"
        let challenge = try #require(authorization.challenges.first { $0.type == type })
        let token = try ChallengeToken(try #require(challenge.token))
        let answer = token.keyAuthorization(for: client.accountKey)
        if type == "dns-01" {
            let name = "_acme-challenge.\(authorization.identifier.value)"
            try await pebble.challengeServer.setTXT(name, answer.dnsValue)
        } else {
            try await pebble.challengeServer.addHTTP01(token: token.text, content: answer.reveal())
        }
        _ = try await client.respond(to: challenge.url)
        while authorization.status == .pending {
            try await Task.sleep(for: .milliseconds(50))
            authorization = try await client.authorization(url, as: .waitAuthorization)
        }
        #expect(authorization.status == .valid, "\(authorization.failure as Any)")
    }
}

extension ACMEIdentifier {
    fileprivate var generalName: GeneralName {
        switch self {
        case .dns(let name): .dns(name)
        case .ip(let address): .ip(address)
        case .other(_, let value): .uri(value)
        }
    }
}

@Suite("Against Pebble", .enabled(if: Pebble.isInstalled(), "pebble is not installed; scripts/test installs it"))
struct PebbleTests {
    @Test("a certificate for an apex, its wildcard and an address, while half of all nonces are refused (T2, O7, Z2)")
    func issue() async throws {
        try await Laboratory.run { laboratory in
            let client = try await laboratory.account()
            let names: [ACMEIdentifier] = [
                try .init(dns: "example.com"), try .init(dns: "*.Example.com"), try .init(dns: "bücher.example"),
            ]
            let (chain, request) = try await laboratory.certificate(for: names, with: client)
            try chain.check(against: request, identifiers: Set(names), now: .now())
            #expect(chain.isPreferred)
            let root = try X509Certificate(pem: try await laboratory.pebble.rootPEM(over: laboratory.transport))
            #expect(chain.certificates.last?.isSigned(by: root) == true)
            // Again: Pebble now reuses some of the authorizations, and the order may be ready at once.
            _ = try await laboratory.certificate(for: names, with: client)
        }
    }

    @Test("an address is proved over http-01 (IP1, IP2)")
    func address() async throws {
        try await Laboratory.run { laboratory in
            let client = try await laboratory.account()
            let names = [try ACMEIdentifier(ip: "127.0.0.1")]
            let (chain, request) = try await laboratory.certificate(for: names, with: client)
            try chain.check(against: request, identifiers: Set(names), now: .now())
        }
    }

    @Test(
        "every kind of account key is taken (J6)",
        arguments: [KeyAlgorithm.ecdsa(.p256), .ecdsa(.p384), .rsa(bits: 2048)])
    func keys(algorithm: KeyAlgorithm) async throws {
        try await Laboratory.run { laboratory in
            let client = try await laboratory.account(algorithm)
            #expect(try await client.account().status == .valid)
        }
    }

    @Test("an account is found again by its key, keeps its URL, and takes new contacts (A2, A4)")
    func accounts() async throws {
        try await Laboratory.run { laboratory in
            let key = try await PrivateKey.generate(.ecdsa(.p256))
            #expect(try await laboratory.server.existingAccount(of: key) == nil)
            let new = NewACMEAccount(contact: ["mailto:a@example.com"], agreesToTermsOfService: true)
            let made = try await laboratory.server.newAccount(new, key: key)
            #expect(made.isNew)
            let found = try #require(try await laboratory.server.existingAccount(of: key))
            #expect(!found.isNew)
            #expect(found.url == made.url)
            let client = ACMEClient(server: laboratory.server, accountURL: made.url, key: key)
            #expect(try await client.updateContact(["mailto:b@example.com"]).contact == ["mailto:b@example.com"])
        }
    }

    @Test("an account tells of its orders, so that one is found again whose URL was lost (O15)")
    func orderList() async throws {
        try await Laboratory.run { laboratory in
            let client = try await laboratory.account()
            #expect(try await client.orderURLs().isEmpty)
            var made: Set<String> = []
            for name in ["a.example", "b.example", "c.example", "d.example", "e.example"] {
                made.insert(try await client.newOrder(NewACMEOrder(identifiers: [.dns(name)])).url)
            }
            #expect(Set(try await client.orderURLs()) == made)
        }
    }

    @Test("terms that nobody agreed to are a matter for a person")
    func terms() async throws {
        try await Laboratory.run { laboratory in
            let key = try await PrivateKey.generate(.ecdsa(.p256))
            await #expect {
                try await laboratory.server.newAccount(NewACMEAccount(), key: key)
            } throws: { error in
                (error as? ACMEError)?.advice == .userActionRequired
            }
        }
    }

    @Test("an external account is bound with each HMAC, and a wrong key is refused (E1, E2)")
    func binding() async throws {
        var options = Pebble.Options()
        options.externalAccounts = ["kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"]
        try await Laboratory.run(options) { laboratory in
            #expect(try await laboratory.server.directory().externalAccountRequired)
            let text = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n"
            let binding = try ExternalAccountBinding(keyID: "kid-1", encodedKey: Array(text.utf8))
            #expect(try await laboratory.account(binding: binding).account().status == .valid)
            let wrong = try ExternalAccountBinding(keyID: "kid-1", encodedKey: Array("AAAA".utf8))
            await #expect {
                _ = try await laboratory.account(binding: wrong)
            } throws: { error in
                (error as? ACMEError)?.advice == .permanent
            }
        }
    }

    @Test("the preferred chain is found among the alternates by the issuer of its last certificate (X6)")
    func chains() async throws {
        var options = Pebble.Options()
        options.alternateRoots = 2
        options.chainLength = 3
        try await Laboratory.run(options) { laboratory in
            let client = try await laboratory.account()
            let name = [try ACMEIdentifier(dns: "chain.example")]
            for index in 0...2 {
                let pem = try await laboratory.pebble.rootPEM(index, over: laboratory.transport)
                let root = try X509Certificate(pem: pem)
                let wanted = try #require(root.subject.commonName)
                let (chain, _) = try await laboratory.certificate(for: name, with: client, preferredChain: wanted)
                #expect(chain.isPreferred)
                #expect(chain.certificates.count == 4)
                #expect(chain.certificates.last?.isSigned(by: root) == true)
            }
            let (chain, _) = try await laboratory.certificate(for: name, with: client, preferredChain: "Nobody")
            #expect(!chain.isPreferred)
        }
    }

    @Test("a name the server will not issue for is named in the refusal")
    func blocked() async throws {
        var options = Pebble.Options()
        options.blockedDomains = ["blocked.example"]
        try await Laboratory.run(options) { laboratory in
            let client = try await laboratory.account()
            await #expect {
                _ = try await client.newOrder(
                    NewACMEOrder(identifiers: [.dns("a.blocked.example"), .dns("fine.example")]))
            } throws: { error in
                guard let error = error as? ACMEError, let refusal = error.refusal else { return false }
                return refusal.problem.type == .rejectedIdentifier && error.advice == .permanent
                    && "\(error)".contains("\(refusal.status) urn:ietf:params:acme:error:rejectedIdentifier")
            }
        }
    }

    @Test("a validation that fails makes authorization and order invalid, and both say why")
    func failedValidation() async throws {
        try await Laboratory.run { laboratory in
            let client = try await laboratory.account()
            let order = try await client.newOrder(NewACMEOrder(identifiers: [.dns("nothing.example")]))
            let url = try #require(order.authorizations.first)
            var authorization = try await client.authorization(url)
            let challenge = try #require(authorization.challenges.first { $0.type == "dns-01" })
            _ = try await client.respond(to: challenge.url)
            while authorization.status == .pending {
                try await Task.sleep(for: .milliseconds(50))
                authorization = try await client.authorization(url)
            }
            #expect(authorization.status == .invalid)
            #expect(authorization.failure?.type == .unauthorized)
            #expect(try await client.order(order.url).status == .invalid)
        }
    }

    @Test("an authorization that is given up is deactivated (Z11)")
    func deactivation() async throws {
        try await Laboratory.run { laboratory in
            let client = try await laboratory.account()
            let order = try await client.newOrder(NewACMEOrder(identifiers: [.dns("given-up.example")]))
            let url = try #require(order.authorizations.first)
            try await client.deactivateAuthorization(url)
            #expect(try await client.authorization(url).status == .deactivated)
        }
    }

    @Test("an account gets another key, and the old one signs for nothing any more (K1, K2, J11)")
    func keyChange() async throws {
        try await Laboratory.run { laboratory in
            let old = try await laboratory.account()
            let key = try await PrivateKey.generate(.ecdsa(.p384))
            let new = try await old.changeKey(to: key)
            #expect(try await new.account().status == .valid)
            #expect(try await laboratory.server.existingAccount(of: key)?.url == old.accountURL)
            await #expect(throws: ACMEError.self) { _ = try await old.account() }
            // A key that has an account already is none for another.
            let other = try await laboratory.account()
            await #expect {
                _ = try await other.changeKey(to: key)
            } throws: { error in
                // RFC 8555 §7.3.5 says 409; this Pebble says 500.
                [409, 500].contains((error as? ACMEError)?.refusal?.status)
            }
        }
    }

    @Test("a deactivated account is told apart, and may order nothing (A8, A9)")
    func deactivatedAccount() async throws {
        try await Laboratory.run { laboratory in
            let client = try await laboratory.account()
            #expect(try await client.deactivate().status == .deactivated)
            await #expect {
                _ = try await client.newOrder(NewACMEOrder(identifiers: [.dns("a.example")]))
            } throws: { error in
                (error as? ACMEError)?.advice == .permanent
            }
        }
    }

    @Test("a certificate is revoked by its account or its own key, and a second time too (R1, R2, R4)")
    func revocation() async throws {
        try await Laboratory.run { laboratory in
            let client = try await laboratory.account()
            let name = [try ACMEIdentifier(dns: "revoked.example")]
            let (chain, _) = try await laboratory.certificate(for: name, with: client)
            try await client.revoke(chain.leaf, reason: .superseded)
            try await client.revoke(chain.leaf, reason: .superseded)
        }
    }

    @Test("an order nobody made is gone, and a nonce more costs nothing")
    func unknown() async throws {
        try await Laboratory.run { laboratory in
            let client = try await laboratory.account()
            let url = laboratory.pebble.directoryURL.replacing("/dir", with: "/my-order/nobody")
            await #expect {
                _ = try await client.order(url)
            } throws: { error in
                (error as? ACMEError)?.isGone == true
            }
            // Nonces come with answers: HEAD was needed for the first request alone, or after refusals in a row.
            let heads = laboratory.records.all.filter { $0.method == "HEAD" }.count
            #expect(heads < laboratory.records.all.count / 2)
        }
    }

    @Test("twenty orders at once share one pool of nonces")
    func concurrency() async throws {
        try await Laboratory.run { laboratory in
            let client = try await laboratory.account()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let name = try ACMEIdentifier(dns: "n\(number).example")
                        let (chain, request) = try await laboratory.certificate(for: [name], with: client)
                        try chain.check(against: request, identifiers: [name], now: .now())
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}

@Suite(
    "Against the newer Pebble",
    .enabled(if: Pebble.isInstalled(.next), "pebble-next is not installed; scripts/test installs it"))
struct NewerPebbleTests {
    @Test("a profile that is offered is used; Retry-After comes in either form (F1, Z7)")
    func profiles() async throws {
        var options = Pebble.Options()
        options.version = .next
        options.profiles = ["short": 7200, "long": 864000]
        options.retryAfterSeconds = 2
        try await Laboratory.run(options) { laboratory in
            let client = try await laboratory.account()
            #expect(Set(try await laboratory.server.directory().profiles.map(\.name)) == ["short", "long"])
            let name = try ACMEIdentifier(dns: "profile.example")
            let (chain, _) = try await laboratory.certificate(for: [name], with: client, profile: "short")
            #expect(chain.leaf.notAfter - chain.leaf.notBefore < .seconds(7300))
            // In either form, at random: eight looks see both.
            let order = try await client.newOrder(NewACMEOrder(identifiers: [.dns("waiting.example")]))
            let authorization = try await client.authorization(try #require(order.authorizations.first))
            let challenge = try #require(authorization.challenges.first { $0.type == "dns-01" })
            _ = try await client.respond(to: challenge.url)
            for _ in 1...8 {
                let now = try await client.authorization(authorization.url)
                guard now.status == .pending else { break }
                if let wait = now.retryAfter { #expect((Duration.seconds(0)...Duration.seconds(3)).contains(wait)) }
            }
        }
    }

    @Test("a profile nobody offers is refused in the words other tools look for")
    func unknownProfile() async throws {
        var options = Pebble.Options()
        options.version = .next
        options.profiles = ["short": 7200]
        try await Laboratory.run(options) { laboratory in
            let client = try await laboratory.account()
            await #expect {
                _ = try await client.newOrder(NewACMEOrder(identifiers: [.dns("a.example")], profile: "unsupported"))
            } throws: { error in
                "\(error)".contains("certificate authority does not advertise a profile with name unsupported")
            }
        }
    }

    @Test("renewal windows lie within the certificate's life, and in the past once it is revoked (ARI1, R7)")
    func renewalWindows() async throws {
        var options = Pebble.Options()
        options.version = .next
        try await Laboratory.run(options) { laboratory in
            let client = try await laboratory.account()
            let name = try ACMEIdentifier(dns: "window.example")
            let (chain, _) = try await laboratory.certificate(for: [name], with: client)
            let identifier = try #require(RenewalIdentifier(chain.leaf))
            let found = try #require(try await laboratory.server.renewalInformation(for: identifier))
            #expect(found.start > chain.leaf.notBefore)
            #expect(found.end < chain.leaf.notAfter)
            #expect(found.retryAfter != nil)
            // The order that follows says whom it follows; a second one may not.
            let next = try await follow(identifier, for: name, client)
            #expect(next.url != "")
            try await client.revoke(chain.leaf)
            let moved = try #require(try await laboratory.server.renewalInformation(for: identifier))
            #expect(moved.end < .now())
        }
    }

    /// Pebble hands a certificate out before it notes which order that came from, and until then answers with 500.
    private func follow(
        _ predecessor: RenewalIdentifier, for name: ACMEIdentifier, _ client: ACMEClient
    ) async throws -> ACMEOrder {
        for attempt in 1... {
            do {
                return try await client.newOrder(NewACMEOrder(identifiers: [name], replaces: predecessor.text))
            } catch {
                guard error.refusal?.status == 500, attempt < 50 else { throw error }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        preconditionFailure("the loop above ends only by return or throw")
    }
}
