import ACME
import ACMEServer
import DNSWire
import HTTPTransport
import PKI
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
        FuzzTarget(
            "acme-request",
            dictionary: [
                "\"protected\":\"", "\"payload\":\"", "\"signature\":\"", "\"identifiers\":[",
                "\"externalAccountBinding\":{",
                "\"jwk\":{\"kty\":\"EC\"", "\"csr\":\"", "\"kid\":\"", "eyJ", "{\"type\":\"dns\",\"value\":\"",
            ]
        ) {
            signedRequests
                + texts(
                    #"{"identifiers":[{"type":"dns","value":"*.a.example"},{"type":"ip","value":"::1"}]}"#,
                    #"{"contact":["mailto:a@b.example"],"termsOfServiceAgreed":true,"onlyReturnExisting":false}"#,
                    #"{"id":"00","account":"a","issuer":"issuer/a/b","namespace":"n","seed":"AAAA","challenges":["dns-01"],"createdAt":"2026-01-01T00:00:00Z","expires":"2026-01-02T00:00:00Z","authorizations":[{"identifier":{"type":"dns","value":"a.b"},"status":"valid","challenge":"dns-01","at":"2026-01-01T00:00:00Z"}]}"#
                )
        } run: { bytes throws(Violation) in
            if let request = try? SignedRequest(bytes) {
                if case .key(let key) = request.signer { try? request.object.check(signedBy: key) }
                if let members = try? request.members() { try read(members, request) }
            }
            // The same payloads without the signature around them, so that the mutations reach them.
            guard let value = try? JSONValue(parsing: bytes), let members = value.objectValue else { return }
            try read(members, nil)
            if let order = ServerOrder(record: value) {
                try expect(ServerOrder(record: order.record) == order, "an order is read differently")
            }
            if let account = ServerAccount(record: value) {
                try expect(ServerAccount(record: account.record) == account, "an account is read differently")
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

    private static func read(_ members: JSONObject, _ request: SignedRequest?) throws(Violation) {
        if let order = try? NewOrderPayload(members) {
            try expect((1...100).contains(order.identifiers.count), "an order of \(order.identifiers.count) names")
        }
        if let account = try? NewAccountPayload(members) {
            try expect(account.contact.count <= 10, "\(account.contact.count) contacts")
        }
        _ = try? AccountUpdatePayload(members)
        _ = try? RevocationPayload(members)
        if let finalize = try? FinalizePayload(members) {
            _ = try? SigningRequestCheck.usages(
                of: finalize.request, for: [.dns("a.example")], accountKey: finalize.request.publicKey)
        }
        guard case .key(let key)? = request?.signer, let payload = request?.payload else { return }
        _ = try? BindingPayload(.object(members), for: key, url: "https://a/n")
        _ = try? KeyChangePayload(payload, account: "https://a/1", oldKey: key, keyChangeURL: "https://a/k")
    }

    /// RFC 7517 A.1's key around payloads; the signatures are none.
    private static var signedRequests: [[UInt8]] {
        let jwk =
            #"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#
        let headers = [
            #"{"alg":"ES256","jwk":\#(jwk),"nonce":"AAAA","url":"https://a/n"}"#,
            #"{"alg":"ES256","kid":"https://a/account/1","nonce":"AAAA","url":"https://a/n"}"#,
        ]
        let payloads = [
            "", #"{"termsOfServiceAgreed":true}"#, #"{"identifiers":[{"type":"dns","value":"a.example"}]}"#,
        ]
        return headers.flatMap { header in
            payloads.map { payload in
                let (first, second) = (Base64.encodeURL(Array(header.utf8)), Base64.encodeURL(Array(payload.utf8)))
                return Array(#"{"protected":"\#(first)","payload":"\#(second)","signature":"AAAA"}"#.utf8)
            }
        }
    }

    private static let question: [UInt8] =
        [3] + Array("www".utf8) + [7] + Array("example".utf8) + [3] + Array("com".utf8) + [0, 0, 16, 0, 1]
}
