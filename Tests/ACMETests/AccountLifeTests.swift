import HTTPTransport
import HTTPTypes
import PKI
import Testing
import Wire

@testable import ACME

/// A server that also changes keys, revokes and tells of renewals.
private let directory: JSONValue = [
    "newNonce": "https://ca.example/nonce", "newAccount": "https://ca.example/new-acct",
    "newOrder": "https://ca.example/new-order", "revokeCert": "https://ca.example/revoke",
    "keyChange": "https://ca.example/key-change", "renewalInfo": "https://ca.example/ari/",
]

private func server(_ answer: @escaping @Sendable (StubServer.Request) throws -> Response?) -> StubServer {
    StubServer { request in request.url.hasSuffix("/dir") ? .json(directory) : try answer(request) }
}

@Suite("The end of accounts and keys")
struct AccountLifeTests {
    @Test("a key change is signed by the old key around a message of the new one without a nonce (K1, K2, J3)")
    func keyChange() async throws {
        let old = try await PrivateKey.generate(.ecdsa(.p256))
        let new = try await PrivateKey.generate(.ecdsa(.p384))
        let stub = server { $0.url.hasSuffix("/key-change") ? .json(["status": "valid"]) : nil }
        let client = try await stub.client(old).changeKey(to: new)
        #expect(client.accountKey == new.publicKey)
        #expect(client.accountURL == "https://ca.example/acct/7")
        let post = try #require(stub.posts.first)
        #expect(post.protected?["kid"] == "https://ca.example/acct/7")
        #expect(post.protected?["jwk"] == nil)
        #expect(post.protected?["alg"] == "ES256")
        let inner = try JSONValue(parsing: try #require(post.payload))
        #expect(inner.objectValue?.keys.sorted() == ["payload", "protected", "signature"])
        let protected = try #require(inner["protected"]?.stringValue)
        let payload = try #require(inner["payload"]?.stringValue)
        #expect(
            try JSONValue(parsing: #require(Base64.decodeURL(protected)))
                == ["alg": "ES384", "jwk": new.publicKey.jwk, "url": "https://ca.example/key-change"])
        #expect(
            try JSONValue(parsing: #require(Base64.decodeURL(payload)))
                == ["account": "https://ca.example/acct/7", "oldKey": old.publicKey.jwk])
        let signature = try #require(inner["signature"]?.stringValue.flatMap { Base64.decodeURL($0) })
        #expect(new.publicKey.isValidJWSSignature(signature, of: Array("\(protected).\(payload)".utf8)))
    }

    @Test("a key that has an account of its own is a conflict, told without a problem document too (K4)")
    func conflict() async throws {
        let old = try await PrivateKey.generate(.ecdsa(.p256))
        let new = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = server {
            $0.method == "POST"
                ? .text("", status: .conflict, headers: ["Location": "https://ca.example/acct/9"]) : nil
        }
        let error = await expectACMEError { () throws(ACMEError) in try await stub.client(old).changeKey(to: new) }
        #expect(error?.refusal?.status == 409)
        #expect(error?.refusal?.location == "https://ca.example/acct/9")
    }

    @Test("the key that the account has is no new key, and is not sent (K5)")
    func sameKey() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = server { _ in nil }
        let error = await expectACMEError { () throws(ACMEError) in try await stub.client(key).changeKey(to: key) }
        #expect(error?.advice == .permanent)
        #expect(stub.posts.isEmpty)
    }

    @Test("what the directory does not name is said to be unsupported, and nothing is sent (D1, K7)")
    func unsupported() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let other = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = StubServer { request in
            request.url.hasSuffix("/dir")
                ? .json([
                    "newNonce": "https://ca.example/nonce", "newAccount": "https://ca.example/new-acct",
                    "newOrder": "https://ca.example/new-order",
                ]) : nil
        }
        let client = stub.client(key)
        let leaf = try await TestCertificate.make(key: other)
        let change = await expectACMEError { () throws(ACMEError) in try await client.changeKey(to: other) }
        let revoke = await expectACMEError { () throws(ACMEError) in try await client.revoke(leaf) }
        #expect(change?.advice == .permanent)
        #expect(revoke?.advice == .permanent)
        let identifier = RenewalIdentifier(authorityKeyIdentifier: [1], serial: [2])
        #expect(try await client.server.renewalInformation(for: identifier) == nil)
        #expect(stub.requests.map(\.method) == ["GET"])
    }

    @Test("an account is deactivated by its new status alone (A8)")
    func deactivate() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = server { $0.url.hasSuffix("/acct/7") ? .json(["status": "deactivated"]) : nil }
        #expect(try await stub.client(key).deactivate().status == .deactivated)
        #expect(stub.posts.first?.payload == #"{"status":"deactivated"}"#)
    }

    @Test("a server that wants another algorithm is not given one that it names (J14)")
    func noDowngrade() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let stub = server { request in
            guard request.method == "POST" else { return nil }
            let problem: JSONValue = [
                "type": "urn:ietf:params:acme:error:badSignatureAlgorithm", "algorithms": ["none", "HS256"],
            ]
            return .json(problem, status: .badRequest)
        }
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.client(key).order("https://ca.example/order/1")
        }
        #expect(error?.advice == .permanent)
        #expect(error?.refusal?.problem.algorithms == ["none", "HS256"])
        #expect(stub.posts.map { $0.protected?["alg"] } == ["ES256"])
    }
}

@Suite("Revocation")
struct RevocationTests {
    @Test("an account revokes with its URL, and without a reason when there is none (R1, R2)")
    func byAccount() async throws {
        let leaf = try await TestCertificate.make(key: try await PrivateKey.generate(.ecdsa(.p256)))
        let stub = server { $0.url.hasSuffix("/revoke") ? .text("") : nil }
        let client = stub.client(try await PrivateKey.generate(.ecdsa(.p256)))
        try await client.revoke(leaf)
        try await client.revoke(leaf, reason: .superseded)
        let certificate = Base64.encodeURL(leaf.der)
        #expect(
            stub.posts.map(\.payload) == [
                #"{"certificate":"\#(certificate)"}"#, #"{"certificate":"\#(certificate)","reason":4}"#,
            ])
        #expect(stub.posts.allSatisfy { $0.protected?["kid"] == "https://ca.example/acct/7" })
    }

    @Test("whoever has the certificate's key revokes with it, and with no other key (R1, R2, J3)")
    func byKey() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let leaf = try await TestCertificate.make(key: key)
        let stub = server { $0.url.hasSuffix("/revoke") ? .text("") : nil }
        let server = stub.server()
        try await server.revoke(leaf, withItsKey: key, reason: .keyCompromise)
        #expect(stub.posts.first?.protected?["jwk"] == key.publicKey.jwk)
        #expect(stub.posts.first?.protected?["kid"] == nil)
        let other = try await PrivateKey.generate(.ecdsa(.p256))
        let error = await expectACMEError { () throws(ACMEError) in try await server.revoke(leaf, withItsKey: other) }
        #expect(error?.advice == .permanent)
        #expect(stub.posts.count == 1)
    }

    @Test("one that is revoked already is a success (R4)")
    func again() async throws {
        let leaf = try await TestCertificate.make(key: try await PrivateKey.generate(.ecdsa(.p256)))
        let stub = server { $0.url.hasSuffix("/revoke") ? .problem("alreadyRevoked", status: 400) : nil }
        try await stub.client(try await PrivateKey.generate(.ecdsa(.p256))).revoke(leaf)
        #expect(stub.posts.count == 1)
    }

    @Test("a reason the server will not have is not swapped for another behind anybody's back (R5)")
    func badReason() async throws {
        let leaf = try await TestCertificate.make(key: try await PrivateKey.generate(.ecdsa(.p256)))
        let stub = server { $0.url.hasSuffix("/revoke") ? .problem("badRevocationReason", status: 400) : nil }
        let client = stub.client(try await PrivateKey.generate(.ecdsa(.p256)))
        let error = await expectACMEError { () throws(ACMEError) in
            try await client.revoke(leaf, reason: .aaCompromise)
        }
        #expect(error?.refusal?.problem.type == .badRevocationReason)
        #expect(error?.advice == .permanent)
        #expect(stub.posts.count == 1)
    }

    @Test("reasons go by name; seven, and what is above ten, are none (R3)")
    func reasons() {
        #expect(RevocationReason(name: "KEYCOMPROMISE") == .keyCompromise)
        #expect(RevocationReason(name: "cessationOfOperation")?.rawValue == 5)
        #expect(RevocationReason(rawValue: 7) == nil)
        #expect(RevocationReason(rawValue: 11) == nil)
        #expect(RevocationReason(name: "because") == nil)
    }
}

@Suite("Renewal information")
struct RenewalInformationTests {
    private let window: JSONValue = ["start": "2026-03-20T00:00:00Z", "end": "2026-03-22T00:00:00Z"]

    /// RFC 9773 §4.1.
    @Test("a certificate is named by key identifier and serial, the zero in front of it kept (ARI1)")
    func identifier() {
        let authority: [UInt8] = [
            0x69, 0x88, 0x5B, 0x6B, 0x87, 0x46, 0x40, 0x41, 0xE1, 0xB3, 0x7B, 0x84, 0x7B, 0xA0, 0xAE, 0x2C, 0xDE, 0x01,
            0xC8, 0xD4,
        ]
        let identifier = RenewalIdentifier(authorityKeyIdentifier: authority, serial: [0, 0x87, 0x65, 0x43, 0x21])
        #expect(identifier.text == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
    }

    @Test("it is asked for without a signature, at the one address that the directory gives (ARI1, ARI4, ARI8)")
    func asks() async throws {
        let window = window
        let stub = server { request in
            guard request.url == "https://ca.example/ari/AQ.Ag" else { return nil }
            return .json(
                ["suggestedWindow": window, "explanationURL": "https://ca.example/why"],
                headers: ["Retry-After": "21600"])
        }
        let found = try await stub.server().renewalInformation(
            for: RenewalIdentifier(authorityKeyIdentifier: [1], serial: [2]))
        #expect(found?.start == Timestamp(rfc3339: "2026-03-20T00:00:00Z"))
        #expect(found?.end == Timestamp(rfc3339: "2026-03-22T00:00:00Z"))
        #expect(found?.explanationURL == "https://ca.example/why")
        #expect(found?.retryAfter == .seconds(21600))
        #expect(stub.requests.map(\.method) == ["GET", "GET"])
        #expect(stub.requests.allSatisfy { $0.body.isEmpty && $0.headers[.userAgent] != nil })
    }

    @Test(
        "a window that is upside down, empty or no window at all is as if nothing had been said (ARI2)",
        arguments: [
            #"{}"#, #"{"suggestedWindow": 7}"#, #"{"suggestedWindow": {"start": "2026-03-20T00:00:00Z"}}"#,
            #"{"suggestedWindow": {"start": "2026-03-22T00:00:00Z", "end": "2026-03-20T00:00:00Z"}}"#,
            #"{"suggestedWindow": {"start": "2026-03-20T00:00:00Z", "end": "2026-03-20T00:00:00Z"}}"#,
            #"{"suggestedWindow": {"start": "soon", "end": "later"}}"#, "[]", "<html>", "",
        ])
    func nonsense(body: String) async throws {
        let stub = server { $0.url.contains("/ari/") ? .text(body) : nil }
        let error = await expectACMEError { () throws(ACMEError) in
            try await stub.server().renewalInformation(
                for: RenewalIdentifier(authorityKeyIdentifier: [1], serial: [2]))
        }
        guard case .malformed = error else {
            Issue.record("\(error as Any)")
            return
        }
    }

    @Test("how far the server's clock is from ours is read from its answers (ARI11)")
    func skew() async throws {
        let stub = server { request in
            request.url.contains("/ari/") ? .text("{}", headers: ["Date": "Sun, 01 Mar 2026 12:02:00 GMT"]) : nil
        }
        let server = stub.server()
        #expect(server.clockSkew == nil)
        _ = await expectACMEError { () throws(ACMEError) in
            try await server.renewalInformation(for: RenewalIdentifier(authorityKeyIdentifier: [1], serial: [2]))
        }
        #expect(server.clockSkew == .seconds(120))
    }
}

@Suite("What a limit holds up")
struct LimitScopeTests {
    private let now = Timestamp(rfc3339: "2026-03-01T12:00:00Z")!

    private func scope(
        _ detail: String, type: String = "rateLimited", status: Int = 429, action: ACMEAction = .authorizeOrder
    ) -> LimitScope? {
        Refusal(
            problem: Problem(type: ProblemType(rawValue: "urn:ietf:params:acme:error:\(type)"), detail: detail),
            status: status, action: action, retryAt: now + .seconds(60), answeredAt: now
        ).limitScope
    }

    @Test("the server's words say whether it is the account, a domain, a name, a set of names or everything (Q3, Q5)")
    func words() {
        #expect(scope("too many new orders (300) from this account in the last 3h0m0s, retry after x") == .account)
        #expect(
            scope(#"too many certificates (50) already issued for "Example.com" in the last 168h0m0s"#)
                == .domain("example.com"))
        #expect(
            scope(#"too many certificates (5) already issued for this exact set of identifiers in the last 168h"#)
                == .sameNames)
        #expect(
            scope(#"too many failed authorizations (5) for "a.example.com" in the last 1h0m0s"#)
                == .name("a.example.com"))
        #expect(scope("slow down") == .request)
        #expect(scope("") == .server)
        #expect(scope("slow down", action: .waitOrder) == .server)
        #expect(scope("busy", type: "serverInternal", status: 503) == .server)
        #expect(scope("no", type: "malformed", status: 400) == nil)
    }

    @Test("a limit holds up what it names, and nothing else (Q5)")
    func covers() {
        let mine: Set<ACMEIdentifier> = [.dns("www.example.com"), .dns("*.example.org")]
        let other: Set<ACMEIdentifier> = [.dns("a.example")]
        #expect(LimitScope.domain("example.com").covers(mine, hitBy: other))
        #expect(LimitScope.domain("example.org").covers(mine, hitBy: other))
        #expect(!LimitScope.domain("ample.com").covers(mine, hitBy: other))
        #expect(!LimitScope.name("example.com").covers(mine, hitBy: other))
        #expect(LimitScope.name("example.org").covers(mine, hitBy: other))
        #expect(!LimitScope.sameNames.covers(mine, hitBy: other))
        #expect(LimitScope.sameNames.covers(mine, hitBy: mine))
        #expect(LimitScope.account.covers(mine, hitBy: other))
        #expect(LimitScope.server.covers(mine, hitBy: other))
        #expect(!LimitScope.request.covers(mine, hitBy: mine))
    }

    @Test(
        "what is kept of a limit is read back as it was",
        arguments: [
            LimitScope.server, .account, .domain("example.com"), .name("a.example"), .sameNames, .request,
        ])
    func kept(scope: LimitScope) {
        #expect(LimitScope(rawValue: scope.rawValue) == scope)
    }
}

/// A certificate that nobody vouches for.
enum TestCertificate {
    static func make(key: PrivateKey) async throws -> X509Certificate {
        let now = Timestamp(rfc3339: "2026-03-01T00:00:00Z")!
        var extensions = CertificateExtensions()
        extensions.names = [.dns("a.example")]
        return try await CertificateTemplate(
            subject: .empty, publicKey: key.publicKey, notBefore: now, notAfter: now + .seconds(86400),
            extensions: extensions
        ).signed(by: nil, key: key)
    }
}
