import HTTPTransport
import PKI
import Testing
import Wire

@testable import ACME

@Suite("Identifiers of orders")
struct IdentifierTests {
    @Test(
        "a DNS name is sent in lower case A-labels without its trailing dot (T7, O2)",
        arguments: [
            ("WWW.Example.COM", "www.example.com"), ("example.com.", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"), ("*.Example.com", "*.example.com"),
        ])
    func normalises(raw: String, name: String) throws {
        #expect(try ACMEIdentifier(dns: raw) == .dns(name))
    }

    @Test(
        "what no order can ask for is refused with its reason (O2)",
        arguments: [
            ("", IdentifierError.empty), ("192.0.2.1", .addressAsName("192.0.2.1")),
            ("2001:db8::1", .addressAsName("2001:db8::1")),
            ("a..example", .label("a..example")), ("foo.*.example", .wildcard("foo.*.example")), ("*", .wildcard("*")),
            ("a b.example", .character("a b.example")),
            (String(repeating: "a", count: 64) + ".example", .label(String(repeating: "a", count: 64) + ".example")),
        ])
    func refuses(raw: String, reason: IdentifierError) {
        #expect(throws: reason) { try ACMEIdentifier(dns: raw) }
    }

    @Test("an IPv6 address is compared and sent in the text of RFC 5952 (IP1)")
    func addresses() throws {
        let long = try ACMEIdentifier(ip: "2001:0DB8:0:0:0:0:0:0001")
        #expect(long.value == "2001:db8::1")
        #expect(long == ACMEIdentifier(["type": "ip", "value": "2001:db8:0::1"]))
        #expect(throws: IdentifierError.address("example.com")) { try ACMEIdentifier(ip: "example.com") }
    }

    @Test("one set of names always makes one request, each name once, dns before ip (O2)")
    func ordering() throws {
        let order = NewACMEOrder(identifiers: [
            try ACMEIdentifier(ip: "192.0.2.1"), .dns("b.example"), .dns("a.example"), .dns("b.example"),
        ])
        #expect(order.identifiers.map(\.value) == ["a.example", "b.example", "192.0.2.1"])
    }
}

@Suite("Problem documents")
struct ProblemTests {
    @Test("subproblems, instance and members nobody knows are kept, and all is said in one line (Y1, Y2)")
    func whole() throws {
        // RFC 8555 §6.7.1, with a member added
        let text = #"""
            {"type": "urn:ietf:params:acme:error:malformed", "detail": "Some of the identifiers requested were rejected",
             "extra": {"a": 1}, "subproblems": [
              {"type": "urn:ietf:params:acme:error:malformed", "detail": "Invalid underscore in DNS name \"_example.org\"",
               "identifier": {"type": "dns", "value": "_example.org"}},
              {"type": "urn:ietf:params:acme:error:rejectedIdentifier",
               "detail": "This CA will not issue for \"example.net\"", "identifier": {"type": "dns", "value": "example.net"}}]}
            """#
        let problem = Problem(document: try #require(try JSONValue(parsing: text).objectValue))
        #expect(problem.subproblems.map(\.identifier) == [.dns("_example.org"), .dns("example.net")])
        #expect(problem.subproblems[1].problem.type == .rejectedIdentifier)
        #expect(problem.document["extra"] == ["a": 1])
        #expect(
            "\(problem)" == """
                urn:ietf:params:acme:error:malformed: Some of the identifiers requested were rejected; \
                _example.org: Invalid underscore in DNS name "_example.org"; \
                example.net: This CA will not issue for "example.net"
                """)
    }

    @Test("a type is compared by its last part in any case, and is about:blank when absent (N6, Y3)")
    func types() {
        #expect(ProblemType(rawValue: "urn:acme:error:BadNonce") == .badNonce)
        #expect(Problem(document: [:]).type == .blank)
        #expect(ProblemType.badNonce != .badCSR)
    }

    @Test("a text for people is bounded, has no control characters and no tokens (Y1)")
    func presentable() {
        let detail = "paused, see https://ca.example/sfe/v1/unpause?jwt=eyJhbGciOi.JIUzI1NiJ9.x-_y&lang=en\u{1B}[31m"
        #expect(
            Problem.presentable(detail)
                == "paused, see https://ca.example/sfe/v1/unpause?jwt=redacted&lang=en[31m")
        #expect(Problem.presentable(String(repeating: "x", count: 5000)).count == 1000)
    }
}

@Suite("What to do about an error")
struct AdviceTests {
    static let minuteLater = Timestamp(rfc3339: "2026-03-01T12:01:00Z")!
    let now = Timestamp(rfc3339: "2026-03-01T12:00:00Z")!

    func advice(_ name: String, _ status: Int, retryAt: Timestamp? = nil, detail: String = "") -> ACMEAdvice {
        ACMEError.problem(
            Refusal(
                problem: Problem(type: ProblemType(rawValue: "urn:ietf:params:acme:error:\(name)"), detail: detail),
                status: status, action: .authorizeOrder, retryAt: retryAt, answeredAt: now)
        ).advice
    }

    @Test(
        "each problem type is tried again, waited for, left to a person or given up (Y5)",
        arguments: [
            ("accountDoesNotExist", 400, ACMEAdvice.permanent), ("alreadyReplaced", 409, .retry),
            ("alreadyRevoked", 400, .permanent), ("badCSR", 400, .permanent), ("badNonce", 400, .retry),
            ("badPublicKey", 400, .permanent), ("badRevocationReason", 400, .permanent),
            ("badSignatureAlgorithm", 400, .permanent), ("caa", 403, .permanent), ("compound", 400, .permanent),
            ("conflict", 409, .retry), ("connection", 400, .permanent), ("dns", 400, .permanent),
            ("externalAccountRequired", 403, .permanent), ("incorrectResponse", 403, .permanent),
            ("invalidContact", 400, .permanent), ("invalidProfile", 400, .permanent), ("malformed", 400, .permanent),
            ("malformed", 404, .permanent), ("malformed", 405, .permanent), ("malformed", 415, .permanent),
            ("orderNotReady", 403, .retry), ("rateLimited", 429, .retryAt(AdviceTests.minuteLater)),
            ("rateLimited", 503, .retryAt(AdviceTests.minuteLater)), ("rejectedIdentifier", 400, .permanent),
            ("rejectedIdentifier", 403, .permanent), ("serverInternal", 500, .retry), ("tls", 400, .permanent),
            ("unauthorized", 401, .permanent), ("unauthorized", 403, .permanent),
            ("unsupportedContact", 400, .permanent), ("unsupportedIdentifier", 400, .permanent),
            ("userActionRequired", 403, .userActionRequired), ("agreementRequired", 403, .userActionRequired),
            ("unheardOf", 418, .permanent), ("unheardOf", 500, .retry), ("unheardOf", 502, .retry),
            ("unheardOf", 503, .retry), ("unheardOf", 504, .retry), ("unheardOf", 408, .retry),
            ("unheardOf", 409, .retry), ("unheardOf", 425, .retry), ("unheardOf", 501, .permanent),
        ])
    func table(name: String, status: Int, expected: ACMEAdvice) {
        #expect(advice(name, status) == expected)
    }

    @Test("a 429 is never permanent, whatever its type, and waits at least a minute without a hint (Q1, Q3)")
    func throttled() {
        let later = now + .seconds(3600)
        #expect(advice("rateLimited", 429, retryAt: later) == .retryAt(later))
        #expect(advice("malformed", 429) == .retryAt(now + .seconds(60)))
        #expect(advice("x", 503, retryAt: later) == .retryAt(later))
        #expect(advice("serverInternal", 500, retryAt: later) == .retryAt(later))
    }

    @Test("without Retry-After the time in Let's Encrypt's sentence counts (Q1)")
    func sentence() {
        let detail = "too many certificates already issued: retry after 2026-03-02 03:04:05 UTC: see https://le/docs"
        #expect(advice("rateLimited", 429, detail: detail) == .retryAt(Timestamp(rfc3339: "2026-03-02T03:04:05Z")!))
        #expect(advice("rateLimited", 429, detail: "retry after lunch") == .retryAt(now + .seconds(60)))
    }

    @Test("a paused account needs a person (Q6)")
    func paused() {
        let detail = "paused; unpause at https://le/sfe/v1/unpause?jwt=x"
        #expect(advice("rateLimited", 429, retryAt: now + .seconds(5), detail: detail) == .userActionRequired)
    }
}

@Suite("Link headers")
struct LinkTests {
    @Test("several links in one header, with commas and quotes inside, are told apart (X5)")
    func parsing() {
        let header =
            #"<https://ca/a?x=1,2>; title="a, b; rel=\"no\""; rel="alternate", </b>;REL=Alternate , <c>;rel="up index""#
        let links = LinkHeader.parse(header)
        #expect(links.map(\.target) == ["https://ca/a?x=1,2", "/b", "c"])
        #expect(links.map(\.relations) == [["alternate"], ["alternate"], ["up", "index"]])
        let targets = LinkHeader.targets(of: "alternate", in: [header], base: "https://ca:14000/certZ/1")
        #expect(targets == ["https://ca/a?x=1,2", "https://ca:14000/b"])
    }

    @Test("what is no link is left out", arguments: ["", ",,,", "<", "<>", "https://ca/a", "<a", ";rel=up", "\"<a>"])
    func garbage(header: String) {
        #expect(LinkHeader.parse(header).isEmpty)
    }

    @Test(
        "references are read against the URL they came from",
        arguments: [
            ("https://o/x", "https://o/x"), ("data:text/plain,Do%20what", "data:text/plain,Do%20what"),
            ("//o/x", "https://o/x"), ("/x?y", "https://ca:1/x?y"),
            ("x", "https://ca:1/p/x"),
        ])
    func references(reference: String, url: String) {
        #expect(LinkHeader.resolve(reference, base: "https://ca:1/p/q?r/s") == url)
    }
}

@Suite("Directories")
struct DirectoryTests {
    @Test("unknown members are ignored, optional ones may be absent, the slash after renewalInfo goes (D1, D2, D6)")
    func tolerant() throws {
        let directory = try ACMEDirectory([
            "newNonce": "https://ca/n", "newAccount": "https://ca/a", "newOrder": "https://ca/o",
            "renewalInfo": "https://ca/ari/", "k3lQx": 7,
            "meta": [
                "profiles": ["classic": "https://ca/p", "short": "brief"], "caaIdentities": ["ca.example"],
                "externalAccountRequired": true, "other": [:],
            ],
        ])
        #expect(directory.renewalInfo == "https://ca/ari")
        #expect(directory.profiles.map(\.name) == ["classic", "short"])
        #expect(directory.externalAccountRequired)
        #expect(directory.revokeCert == nil)
        #expect(directory.termsOfService == nil)
    }

    @Test("a directory without newOrder is malformed (D1)")
    func missing() {
        #expect(throws: ACMEError.self) {
            try ACMEDirectory(["newNonce": "https://ca/n", "newAccount": "https://ca/a"])
        }
    }

    @Test("one caller refreshes an old directory while the others use it")
    func cache() throws {
        let directory = try ACMEDirectory(StubServer.directory)
        let now = Timestamp(rfc3339: "2026-03-01T12:00:00Z")!
        let late = now + DirectoryCache.lifetime
        var cache = DirectoryCache()
        #expect(cache.wanted(at: now) == .fetch)
        cache.fetched(directory, at: now)
        #expect(cache.wanted(at: late - .seconds(1)) == .use(directory))
        #expect(cache.wanted(at: late) == .refresh(directory))
        #expect(cache.wanted(at: late) == .use(directory))
        #expect(cache.wanted(at: late + .seconds(61)) == .refresh(directory))
        cache.forget(ifNaming: "https://elsewhere.example/")
        #expect(cache.wanted(at: late + .seconds(62)) == .use(directory))
        cache.forget(ifNaming: directory.newOrder)
        #expect(cache.wanted(at: late + .seconds(62)) == .fetch)
    }
}

@Suite("Challenge tokens")
struct TokenTests {
    @Test(
        "a token that is short or has characters of paths, queries or padding is refused (Z4, T8)",
        arguments: [
            "", "short", "../../../../etc/passwd-long-enough", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr==",
            "evaGxfADs6pSRb2LAv9IZ f17Dt3juxGJ", "evaGxfADs6pSRb2LAv9I\u{e9}",
        ])
    func refuses(token: String) {
        #expect(throws: ACMEError.self) { try ChallengeToken(token) }
    }

    @Test("the key authorization is the token, a dot and the thumbprint; its digest is what DNS carries (Z5, N1d)")
    func keyAuthorization() throws {
        // The key of RFC 7638 §3.1; the digest was computed with openssl.
        let key = try PublicKey(jwk: [
            "kty": "RSA", "e": "AQAB",
            "n": """
            0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn\
            jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qM\
            QvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKn\
            qDKgw
            """,
        ])
        let authorization = try ChallengeToken("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA").keyAuthorization(for: key)
        #expect(
            authorization.reveal()
                == "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        #expect(authorization.dnsValue == "ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8")
        #expect(!"\(authorization)".contains("Nzb"))
    }
}
