import ACME
import DNSWire
import HTTPTransport
import Wire

extension FuzzTarget {
    /// What servers answer.
    static let protocols: [FuzzTarget] = [
        FuzzTarget("dns-message", dictionary: ["\u{3}www\u{0}", "\u{0}\u{10}\u{0}\u{1}", "\u{0}\u{6}", "\u{0}\u{29}"]) {
            [
                // A question for www.example.com, and an answer to it whose name points back (RFC 1035 §4.1.4).
                [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + question,
                [0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0] + question
                    + [0xC0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 4, 3] + Array("abc".utf8),
            ]
        } run: { bytes throws(Violation) in
            guard let message = try? DNSMessage(parsing: bytes) else { return }
            _ = message.answers.map { "\($0)" }
        },
        FuzzTarget("dns-name", dictionary: [".", "\\.", "\\000", "xn--", "_acme-challenge.", "*."]) {
            texts("www.example.com.", "_acme-challenge.xn--bcher-kva.example", "*.a\\.b.c", ".")
        } run: { bytes throws(Violation) in
            let text = String(decoding: bytes, as: UTF8.self)
            _ = Endpoint(text)
            _ = DNSServer(text)
            _ = ResolvConf(parsing: text)
            guard let name = try? DNSName(text) else { return }
            try expect((try? DNSName("\(name)")) == name, "\(name) is read differently")
        },
        FuzzTarget(
            "acme",
            dictionary: [
                "\"status\":", "\"invalid\"", "\"error\":{", "\"subproblems\":[", "urn:ietf:params:acme:error:",
            ]
        ) {
            texts(
                #"{"status":"pending","finalize":"https://a/f","identifiers":[{"type":"dns","value":"a.b"}],"authorizations":["https://a/1"],"expires":"2026-01-01T00:00:00Z","error":{"type":"urn:ietf:params:acme:error:rateLimited","detail":"jwt=x y","status":429,"subproblems":[{"type":"x","identifier":{"type":"dns","value":"a.b"}}]}}"#,
                #"{"status":"valid","identifier":{"type":"ip","value":"::1"},"wildcard":true,"challenges":[{"type":"dns-01","url":"https://a/c","token":"abc","status":"invalid","error":{"detail":"no"}}]}"#
            )
        } run: { bytes throws(Violation) in
            guard let value = try? JSONValue(parsing: bytes) else { return }
            if let order = try? ACMEOrder(value, url: "https://a/o") { _ = order.error?.description }
            if let authorization = try? ACMEAuthorization(value, url: "https://a/1") {
                _ = authorization.failure?.description
            }
            _ = ACMEChallenge(value, retryAfter: nil)?.error?.description
            if case .object(let document) = value {
                let words = Problem(document: document).description
                try expect(words.count <= 1100, "a problem of \(words.count) characters is shown")
            }
        },
        FuzzTarget("retry-after", dictionary: ["GMT", "Sun, ", "9999999999999999999999", "-1"]) {
            texts("120", "Sun, 06 Nov 1994 08:49:37 GMT", "-1", "1e9")
        } run: { bytes throws(Violation) in
            let now = Timestamp(secondsSince1970: 1_790_000_000)
            guard let wait = RetryAfter.parse(String(decoding: bytes, as: UTF8.self), now: now) else { return }
            try expect(wait >= .zero, "a wait of \(wait)")
        },
    ]

    private static let question: [UInt8] =
        [3] + Array("www".utf8) + [7] + Array("example".utf8) + [3] + Array("com".utf8) + [0, 0, 16, 0, 1]
}
