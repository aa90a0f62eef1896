import HTTPServer
import HTTPTypes
import Testing

@testable import acmesolver

@Suite struct AcmesolverTests {
    static func challenge(_ domain: String) -> Challenge {
        Challenge(Flags(answer: .one(domain: domain, token: "tok", key: "tok.thumb")))
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

    @Test("every token of an account is answered, for whatever host is routed here, and nothing that is no token (H2)")
    func shared() {
        let challenge = Challenge(Flags(answer: .any(thumbprint: "thumb")))
        let token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-_0"
        for host in ["a.example", "b.example:80", nil] {
            let answer = challenge.answer(Self.get("/.well-known/acme-challenge/\(token)?x=1", host: host))
            #expect(answer.status == .ok)
            #expect(String(decoding: answer.body, as: UTF8.self) == "\(token).thumb")
            #expect(answer.headers[.contentType] == "text/plain")
            #expect(answer.headers[.xContentTypeOptions] == "nosniff")
        }
        let wrong = [
            "", "short", "<script>alert(1)</script>aaaaaaaaaaaa", "\(token)/", "\(token)/../x", "\(token)%2e",
            "\(token).thumb", "\(token)é", String(repeating: "a", count: 513),
        ]
        for text in wrong {
            let answer = challenge.answer(Self.get("/.well-known/acme-challenge/\(text)", host: "a.example"))
            #expect(answer.status == .notFound, "\(text)")
            #expect(!String(decoding: answer.body, as: UTF8.self).contains("thumb"))
        }
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
        let expected = Flags(port: 90, answer: .one(domain: "a", token: "t", key: "k="))
        #expect(Flags.parse(["--listen-port=90", "--domain", "a", "--token", "t", "--key=k="]) == .run(expected))
        #expect(Flags.parse(["--help"]) == .help)
        #expect(Flags.parse(["--domain", "a", "--token", "t"]) == .problem("--key is required."))
        let tls = ["--tls-alpn", "--domain=a", "--key=k"]
        #expect(Flags.parse(tls) == .run(Flags(answer: .tls(domain: "a", key: "k"))))
        #expect(Flags.parse(tls + ["--token=t"]) == .problem("--token does not go together with --tls-alpn."))
        #expect(Flags.parse(["--thumbprint=t"]) == .run(Flags(answer: .any(thumbprint: "t"))))
        #expect(Flags.parse(["--thumbprint="]) == .problem("--thumbprint is required."))
        #expect(
            Flags.parse(["--thumbprint=t", "--domain=a"])
                == .problem("--domain does not go together with --thumbprint."))
        let complete = ["--domain=a", "--token=t", "--key=k"]
        #expect(
            Flags.parse(complete + ["--listen-port", "0"]) == .problem("--listen-port must be from 1 to 65535."))
        #expect(Flags.parse(["--token"]) == .problem("--token needs a value."))
        #expect(Flags.parse(["--verbose=1"]) == .problem("--verbose is not a flag of this program."))
    }
}
