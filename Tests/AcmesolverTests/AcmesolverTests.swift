import HTTPServer
import HTTPTypes
import Testing

@testable import acmesolver

@Suite struct AcmesolverTests {
    static func challenge(_ domain: String) -> Challenge {
        var flags = Flags()
        (flags.domain, flags.token, flags.key) = (domain, "tok", "tok.thumb")
        return Challenge(flags)
    }

    static func get(_ path: String, host: String?, method: HTTPRequest.Method = .get) -> ServerRequest {
        var headers = HTTPFields()
        if let host { headers.append(HTTPField(name: HTTPField.Name("Host")!, value: host)) }
        return ServerRequest(method: method, target: path, headers: headers)
    }

    @Test(
        "the key is given for the domain in any spelling of the Host header (H1, H3)",
        arguments: [
            ("example.com", "example.com"), ("example.com", "EXAMPLE.com:80"), ("Example.com", "example.com."),
            ("example.com", "example.com.:8080"), ("10.0.0.1", "10.0.0.1:80"), ("2001:db8::1", "[2001:DB8::1]"),
            ("2001:db8::1", "[2001:db8::1]:80"), ("2001:db8::1", "2001:db8::1"),
        ])
    func served(domain: String, host: String) {
        let answer = Self.challenge(domain).answer(Self.get("/.well-known/acme-challenge/tok?x", host: host))
        #expect(answer.status == .ok)
        #expect(answer.headers[.contentType] == "text/plain")
        #expect(String(decoding: answer.body, as: UTF8.self) == "tok.thumb")
    }

    @Test(
        "anything else is not found, and never shows the key (H2)",
        arguments: [
            ("/.well-known/acme-challenge/tok", "other.com"), ("/.well-known/acme-challenge/tok", nil),
            ("/.well-known/acme-challenge/tok", ""), ("/.well-known/acme-challenge/tok/", "example.com"),
            ("/.well-known/acme-challenge/", "example.com"), ("/.well-known/acme-challenge/TOK", "example.com"),
            ("/x", "example.com"), ("/.well-known/acme-challenge/tok", "example.com.evil"),
        ] as [(String, String?)])
    func refused(path: String, host: String?) {
        let answer = Self.challenge("example.com").answer(Self.get(path, host: host))
        #expect(answer.status == .notFound)
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("thumb"))
    }

    @Test("health is answered for any host, and only GET and HEAD are")
    func health() {
        let challenge = Self.challenge("example.com")
        #expect(challenge.answer(Self.get("/", host: "1.2.3.4")).status == .ok)
        #expect(challenge.answer(Self.get("/healthz", host: nil)).status == .ok)
        #expect(challenge.answer(Self.get("/", host: nil, method: .post)).status == .methodNotAllowed)
    }

    @Test("flags are read in both spellings, and each one that is missing or wrong is named")
    func flags() {
        var expected = Flags()
        (expected.port, expected.domain, expected.token, expected.key) = (90, "a", "t", "k=")
        #expect(Flags.parse(["--listen-port=90", "--domain", "a", "--token", "t", "--key=k="]) == .run(expected))
        #expect(Flags.parse(["--help"]) == .help)
        #expect(Flags.parse(["--domain", "a", "--token", "t"]) == .problem("--key is required."))
        #expect(Flags.parse(["--listen-port", "0"]) == .problem("--listen-port must be from 1 to 65535."))
        #expect(Flags.parse(["--token"]) == .problem("--token needs a value."))
        #expect(Flags.parse(["--verbose=1"]) == .problem("--verbose is not a flag of this program."))
    }
}
