import HTTPTransport
import HTTPTypes
import PKI
import Testing
import Wire

@testable import ACME

@Suite("Accounts")
struct AccountTests {
    /// Answers a registration as given.
    private func registering(_ response: Response) -> StubServer {
        StubServer { $0.url.hasSuffix("/new-acct") ? response : nil }
    }

    @Test("a new account is signed with its key and answers with its URL byte for byte (A2, J3)")
    func new() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = registering(
            .json(["status": "valid"], status: .created, headers: ["Location": "https://ca.example/acct/9?x=%41"]))
        let account = try await stub.server().newAccount(
            NewACMEAccount(contact: ["mailto:a@example.com"], agreesToTermsOfService: true), key: key)
        #expect(account.url == "https://ca.example/acct/9?x=%41")
        #expect(account.isNew)
        let post = try #require(stub.posts.first)
        #expect(post.protected?["jwk"] == key.publicKey.jwk)
        #expect(post.protected?["kid"] == nil)
        #expect(post.payload == #"{"contact":["mailto:a@example.com"],"termsOfServiceAgreed":true}"#)
    }

    @Test("nobody agrees to terms unasked, and no contact means no member (A1)")
    func bare() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        let stub = registering(.json(["status": "valid"], headers: ["Location": "/acct/3"]))
        let account = try await stub.server().newAccount(NewACMEAccount(), key: key)
        #expect(account.url == "https://ca.example/acct/3")
        #expect(!account.isNew)
        #expect(stub.posts.first?.payload == "{}")
        #expect(stub.posts.first?.protected?["alg"] == "EdDSA")
    }

    @Test("looking for an account asks for nothing else, and a key without one has none (A3)")
    func existing() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let none = registering(.problem("accountDoesNotExist", status: 400))
        #expect(try await none.server().existingAccount(of: key) == nil)
        #expect(none.posts.first?.payload == #"{"onlyReturnExisting":true}"#)
        let limited = registering(.problem("rateLimited", status: 429))
        let error = await expectACMEError { () throws(ACMEError) in try await limited.server().existingAccount(of: key)
        }
        #expect(error?.refusal?.status == 429)
    }

    @Test("a server that requires a binding is not asked without one (E3)")
    func bindingRequired() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            var directory = StubServer.directory
            directory["meta"] = ["externalAccountRequired": true]
            return request.url.hasSuffix("/dir") ? .json(directory) : nil
        }
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.server().newAccount(NewACMEAccount(), key: key)
        }
        #expect(error?.advice == .permanent)
        #expect(stub.posts.isEmpty)
    }

    @Test(
        "the binding is an HMAC over the account key, with the URL and without a nonce (E1, J4)",
        arguments: [
            (ExternalAccountBinding.Algorithm.hs256, HMAC.sha256), (.hs384, .sha384), (.hs512, .sha512),
        ])
    func binding(algorithm: ExternalAccountBinding.Algorithm, hmac: HMAC) async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let secret: [UInt8] = Array(repeating: 0xFB, count: 48)
        let stub = registering(.json([:], status: .created, headers: ["Location": "https://ca.example/acct/1"]))
        let binding = try ExternalAccountBinding(
            keyID: "kid-1", encodedKey: Array(Base64.encodeURL(secret).utf8), algorithm: algorithm)
        _ = try await stub.server().newAccount(NewACMEAccount(binding: binding), key: key)
        let payload = try JSONValue(parsing: try #require(stub.posts.first?.payload))
        let inner = try #require(payload["externalAccountBinding"])
        let protected = try #require(inner["protected"]?.stringValue)
        let content = try #require(inner["payload"]?.stringValue)
        #expect(
            try JSONValue(parsing: #require(Base64.decodeURL(protected)))
                == ["alg": .string(algorithm.rawValue), "kid": "kid-1", "url": "https://ca.example/new-acct"])
        #expect(try JSONValue(parsing: #require(Base64.decodeURL(content))) == key.publicKey.jwk)
        let expected = try hmac.authenticate(Array("\(protected).\(content)".utf8), key: secret)
        #expect(inner["signature"]?.stringValue == Base64.encodeURL(expected))
    }

    @Test(
        "a binding key is read in every encoding CAs use, with white space around it (E2)",
        arguments: ["-_-_Aw", "-_-_Aw==", "+/+/Aw==", "  -_-_Aw\n", "\r\n+/+/Aw==\r\n"])
    func bindingKey(text: String) throws {
        let binding = try ExternalAccountBinding(keyID: " kid\n", encodedKey: Array(text.utf8))
        #expect(binding.keyID == "kid")
        #expect(!"\(binding)".contains("251"))
    }

    @Test("a binding key that is no base64 is refused", arguments: ["", " ", "a b", "é", "=", "-_+/"])
    func badBindingKey(text: String) {
        #expect(throws: ACMEError.self) { try ExternalAccountBinding(keyID: "kid", encodedKey: Array(text.utf8)) }
    }

    @Test("an update of contacts sends the contacts alone (A7)")
    func update() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer {
            $0.url.hasSuffix("/acct/7") ? .json(["status": "valid", "contact": ["mailto:b@c.example"]]) : nil
        }
        let account = try await stub.client(key).updateContact(["mailto:b@c.example"])
        #expect(account.contact == ["mailto:b@c.example"])
        #expect(stub.posts.first?.payload == #"{"contact":["mailto:b@c.example"]}"#)
    }

    @Test(
        "a contact no server may take is refused before it is sent (A5)",
        arguments: ["mailto:", "mailto:a", "mailto:a@b?subject=x", "mailto:a@b,c@d", "mailto:ä@b.example", "mailto:@b"])
    func contacts(contact: String) async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer()
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.server().newAccount(NewACMEAccount(contact: [contact]), key: key)
        }
        #expect(error?.advice == .permanent)
        #expect(stub.posts.isEmpty)
    }
}

@Suite("Orders")
struct OrderTests {
    private func ordering(_ body: JSONValue, headers: [String: String] = ["Location": "https://ca.example/order/4"])
        -> StubServer
    {
        StubServer { $0.url.hasSuffix("/new-order") ? .json(body, status: .created, headers: headers) : nil }
    }

    private let answer: JSONValue = [
        "status": "ready", "expires": "2026-03-08T00:00:00Z", "finalize": "https://ca.example/fin/4",
        "identifiers": [["type": "dns", "value": "b.example"], ["type": "dns", "value": "A.example"]],
        "authorizations": ["https://ca.example/z/1", "https://ca.example/z/2"],
    ]

    @Test("an order names each name once and keeps its URL; the answer's order of names does not matter (O1, O3, O5)")
    func new() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = ordering(answer)
        let order = try await stub.client(key).newOrder(
            NewACMEOrder(identifiers: [.dns("b.example"), .dns("a.example"), .dns("b.example")]))
        #expect(order.url == "https://ca.example/order/4")
        #expect(order.status == .ready)
        #expect(order.expires == Timestamp(rfc3339: "2026-03-08T00:00:00Z"))
        #expect(order.authorizations == ["https://ca.example/z/1", "https://ca.example/z/2"])
        #expect(
            stub.posts.first?.payload
                == #"{"identifiers":[{"type":"dns","value":"a.example"},{"type":"dns","value":"b.example"}]}"#)
    }

    @Test("times are sent without fractions, and only what was asked for is sent (O1)")
    func options() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            var directory = StubServer.directory
            directory["meta"] = ["profiles": ["short": "brief"]]
            return request.url.hasSuffix("/dir") ? .json(directory) : nil
        }
        _ = await expectACMEError { () throws(ACMEError) in
            try await stub.client(key).newOrder(
                NewACMEOrder(
                    identifiers: [.dns("a.example")],
                    notAfter: Timestamp(secondsSince1970: 1_772_366_400, nanoseconds: 5), profile: "short",
                    replaces: "aki.serial"))
        }
        #expect(
            stub.posts.first?.payload == """
                {"identifiers":[{"type":"dns","value":"a.example"}],"notAfter":"2026-03-01T12:00:00Z",\
                "profile":"short","replaces":"aki.serial"}
                """)
    }

    @Test("a profile the server does not offer is refused before an order is made (F1)")
    func profile() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer()
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.client(key).newOrder(NewACMEOrder(identifiers: [.dns("a.example")], profile: "short"))
        }
        #expect(error?.advice == .permanent)
        #expect(stub.posts.isEmpty)
    }

    @Test("an order for other names than asked for is abandoned (O4)")
    func otherNames() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = ordering(answer)
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.client(key).newOrder(NewACMEOrder(identifiers: [.dns("a.example")]))
        }
        guard case .identifiersDiffer = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(error?.advice == .permanent)
    }

    @Test("an order without a URL is malformed")
    func noLocation() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = ordering(answer, headers: [:])
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.client(key).newOrder(NewACMEOrder(identifiers: [.dns("a.example"), .dns("b.example")]))
        }
        guard case .malformed = error else {
            Issue.record("\(error as Any)")
            return
        }
    }

    @Test("finalizing sends the request's DER, keeps the order's URL, and refuses an account key (O9, O10, O3)")
    func finalize() async throws {
        let account = try await PrivateKey.generate(.ecdsa(.p256))
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns("a.example")]
        let request = try await SigningRequest.make(subject: .empty, extensions: extensions, key: key, algorithm: nil)
        let stub = StubServer {
            $0.url.hasSuffix("/fin/4")
                ? .json(
                    ["status": "processing", "finalize": "https://ca.example/fin/4"], headers: ["Retry-After": "3"])
                : nil
        }
        let client = stub.client(account)
        let order = try await client.finalize(
            "https://ca.example/fin/4", orderURL: "https://ca.example/order/4", request: request)
        #expect(order.url == "https://ca.example/order/4")
        #expect(order.retryAfter == .seconds(3))
        #expect(stub.posts.first?.payload == #"{"csr":"\#(Base64.encodeURL(request.der))"}"#)
        let own = try await SigningRequest.make(subject: .empty, extensions: extensions, key: account, algorithm: nil)
        let refused: [(SigningRequest, Set<PublicKey>)] = [(own, []), (request, [key.publicKey])]
        for (bad, known) in refused {
            let error = await expectACMEError { () throws(ACMEError) in
                try await client.finalize(
                    "https://ca.example/fin/4", orderURL: "https://ca.example/order/4", request: bad,
                    knownAccountKeys: known)
            }
            guard case .accountKeyInRequest = error else {
                Issue.record("\(error as Any)")
                return
            }
        }
        #expect(stub.posts.count == 1)
    }

    @Test("a challenge is answered with {} exactly, and an authorization given up with its new status (J10, Z11)")
    func challenges() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            request.method == "POST"
                ? .json(["type": "dns-01", "url": .string(request.url), "status": "processing"]) : nil
        }
        let client = stub.client(key)
        #expect(try await client.respond(to: "https://ca.example/chall/1").status == .processing)
        try await client.deactivateAuthorization("https://ca.example/z/1")
        #expect(stub.posts.map(\.payload) == ["{}", #"{"status":"deactivated"}"#])
    }

    @Test(
        "challenges of unknown types are kept, those without a URL are left out, states are open words (Z1, Z2, Z3, Z8)"
    )
    func authorization() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            guard request.method == "POST" else { return nil }
            return .json([
                "status": "Pending", "identifier": ["type": "dns", "value": "example.com"], "wildcard": true,
                "challenges": [
                    ["type": "dns-persist-01", "url": "https://ca.example/c/1", "issuer-domain-names": ["x"]],
                    ["type": "dns-01"], 7,
                    [
                        "type": "dns-01", "url": "https://ca.example/c/2", "token": "t", "status": "invalid",
                        "error": ["type": "urn:ietf:params:acme:error:dns", "detail": "NXDOMAIN"],
                    ],
                ],
            ])
        }
        let authorization = try await stub.client(key).authorization("https://ca.example/z/1")
        #expect(authorization.status == .pending)
        #expect(authorization.isWildcard)
        #expect(authorization.challenges.map(\.type) == ["dns-persist-01", "dns-01"])
        #expect(authorization.failure?.detail == "NXDOMAIN")
    }
}

@Suite("Certificate downloads")
struct DownloadTests {
    /// A leaf for `a.example` under a fresh root of that name, and its request.
    private struct Issued {
        var root: X509Certificate
        var leaf: X509Certificate
        var request: SigningRequest
        var pem: String { leaf.pem + root.pem }

        static func make(rootName: String, key: PrivateKey) async throws -> Issued {
            let now = Timestamp(rfc3339: "2026-03-01T00:00:00Z")!
            let rootKey = try await PrivateKey.generate(.ecdsa(.p256))
            var authority = CertificateExtensions()
            authority.basicConstraints = BasicConstraints(isCA: true)
            let root = try await CertificateTemplate(
                subject: try DistinguishedName(commonName: rootName), publicKey: rootKey.publicKey, notBefore: now,
                notAfter: now + .seconds(86400 * 30), extensions: authority
            ).signed(by: nil, key: rootKey)
            var names = CertificateExtensions()
            names.names = [.dns("a.example")]
            let leaf = try await CertificateTemplate(
                subject: .empty, publicKey: key.publicKey, notBefore: now, notAfter: now + .seconds(86400),
                extensions: names
            ).signed(by: root, key: rootKey)
            let request = try await SigningRequest.make(subject: .empty, extensions: names, key: key, algorithm: nil)
            return Issued(root: root, leaf: leaf, request: request)
        }
    }

    private let url = "https://ca.example/cert/1"

    @Test("the chain comes in the server's order, its self-signed root is left out of what is stored (T9, X1, X3, X4)")
    func chain() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let issued = try await Issued.make(rootName: "Root A", key: key)
        let stub = StubServer { [pem = issued.pem] in
            $0.method == "POST"
                ? .text(pem, headers: ["Content-Type": "application/pem-certificate-chain; charset=utf-8"]) : nil
        }
        let account = try await PrivateKey.generate(.ecdsa(.p256))
        let chain = try await stub.client(account).certificate(url)
        #expect(stub.posts.first?.headers[.accept] == "application/pem-certificate-chain")
        #expect(chain.certificates == [issued.leaf, issued.root])
        #expect(chain.pem == issued.leaf.pem)
        let now = Timestamp(rfc3339: "2026-03-01T12:00:00Z")!
        try chain.check(against: issued.request, identifiers: [.dns("a.example")], now: now)
        #expect(throws: ACMEError.self) {
            try chain.check(against: issued.request, identifiers: [.dns("a.example"), .dns("b.example")], now: now)
        }
        #expect(throws: ACMEError.self) {
            try chain.check(against: issued.request, identifiers: [.dns("a.example")], now: now + .seconds(86400))
        }
        let other = try await Issued.make(rootName: "x", key: account)
        #expect(throws: ACMEError.self) {
            try chain.check(against: other.request, identifiers: [.dns("a.example")], now: now)
        }
    }

    @Test("the alternate whose last certificate was issued by the preferred name is taken; else the default (X5, X6)")
    func preferred() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let chains = [
            "1": try await Issued.make(rootName: "Root A", key: key),
            "2": try await Issued.make(rootName: "Root B", key: key),
            "3": try await Issued.make(rootName: "Root C", key: key),
        ].mapValues(\.pem)
        let stub = StubServer { request in
            guard request.method == "POST", let pem = chains[String(request.url.last!)] else { return nil }
            let link =
                #"</cert/1>;rel="alternate", <https://ca.example/cert/2>;rel="alternate", </cert/3>;rel=alternate"#
            return .text(pem, headers: ["Link": link])
        }
        let client = stub.client(try await PrivateKey.generate(.ecdsa(.p256)))
        #expect(try await client.certificate(url).certificates.last?.subject.commonName == "Root A")
        #expect(stub.posts.count == 1)
        #expect(try await client.certificate(url, preference: .issuer(commonName: "Root A")).isPreferred)
        #expect(stub.posts.count == 2)
        let alternate = try await client.certificate(url, preference: .issuer(commonName: "Root C"))
        #expect(alternate.certificates.last?.subject.commonName == "Root C")
        #expect(stub.posts.count == 5)
        let missed = try await client.certificate(url, preference: .issuer(commonName: "Root D"))
        #expect(missed.certificates.last?.subject.commonName == "Root A")
        #expect(!missed.isPreferred)
    }

    @Test("a chain is also chosen by its root's fingerprint or key identifier, and by its size (X6)")
    func chosen() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let long = try await Issued.make(rootName: "A root with a name that is longer than the other's", key: key)
        let short = try await Issued.make(rootName: "B", key: key)
        let chains = ["1": long.pem, "2": short.pem]
        let stub = StubServer { request in
            guard request.method == "POST", let pem = chains[String(request.url.last!)] else { return nil }
            return .text(pem, headers: ["Link": "</cert/2>;rel=alternate"])
        }
        let client = stub.client(try await PrivateKey.generate(.ecdsa(.p256)))
        let fingerprint = Hex.encode(short.root.fingerprintSHA256).uppercased()
        let byPrint = try #require(ChainPreference(root: fingerprint))
        #expect(try await client.certificate(url, preference: byPrint).certificates.last == short.root)
        let identifier = try #require(short.root.extensions.subjectKeyId)
        let byKey = try #require(ChainPreference(root: Hex.encode(identifier)))
        #expect(try await client.certificate(url, preference: byKey).certificates.last == short.root)
        #expect(try await client.certificate(url, preference: .smallest).certificates.last == short.root)
        let nobody = try #require(ChainPreference(root: String(repeating: "ab:", count: 31) + "ab"))
        let missed = try await client.certificate(url, preference: nobody)
        #expect(missed.certificates.last == long.root)
        #expect(!missed.isPreferred)
        #expect(ChainPreference(root: "ISRG Root X1") == nil)
        #expect(ChainPreference(root: "abcd") == nil)
    }

    @Test("a key among the certificates, an empty answer or a broken chain is refused (X2, X4)")
    func refused() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let issued = try await Issued.make(rootName: "Root A", key: key)
        let other = try await Issued.make(rootName: "Root A", key: key)
        let keyPEM = String(decoding: try key.pem(.pkcs8), as: UTF8.self)
        let client: @Sendable (String) async throws -> ACMEError? = { body in
            let stub = StubServer { $0.method == "POST" ? .text(body) : nil }
            let account = try await PrivateKey.generate(.ecdsa(.p256))
            return await expectACMEError { () throws(ACMEError) in
                try await stub.client(account).certificate("https://ca.example/cert/1")
            }
        }
        for body in [
            issued.leaf.pem + keyPEM, "", "<html>", issued.leaf.pem + other.root.pem,
            issued.leaf.pem.replacing("M", with: "%"),
        ] {
            guard case .malformed = try await client(body) else {
                Issue.record("accepted: \(body.prefix(60))")
                return
            }
        }
    }
}
