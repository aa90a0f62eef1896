import DNSWire
import Testing
import Wire

@Suite("TSIG")
struct TSIGTests {
    static let now = Timestamp(secondsSince1970: 1_594_855_491)

    static func key(_ algorithm: TSIGAlgorithm, secret: String = "0123456789abcdef") throws -> TSIGKey {
        TSIGKey(name: try DNSName("testkey."), algorithm: algorithm, secret: Redacted(Array(secret.utf8)))
    }

    static func update() throws -> DNSMessage {
        let record = ResourceRecord.txt(try DNSName("_acme-challenge.example.com"), "hello", ttlSeconds: 60)
        return UpdateMessage(zone: try DNSName("example.com"), changes: [.insert(record)]).message(id: 0x2A2A)
    }

    @Test("an update is written as RFC 2136 §2 draws it")
    func updateMessage() throws {
        let expected =
            "2a2a28000001000000010000076578616d706c6503636f6d00000600010f5f61636d652d6368616c6c656e6765076578616d706c65"
            + "03636f6d00001000010000003c00060568656c6c6f"
        #expect(Hex.encode(try Self.update().serialized()) == expected)
    }

    /// Computed apart from this program, with the `hmac` module of Python over the octets that RFC 8945 §4.3 lists.
    @Test(
        "every HMAC signs as others sign",
        arguments: [
            (TSIGAlgorithm.hmacMD5, "384a84cfdf970ab57f226e9050c80fbb"),
            (.hmacSHA1, "34fbb7fc12c18e3403be1d8738ed84abf9017b13"),
            (.hmacSHA224, "3d9b1f95c9a193bfb59b1ca7c90be001770f6dbc25b5ac31c184b1cd"),
            (.hmacSHA256, "9f96c9d3cb8d751cd1652847634e3ad60b9ebffbb62319c7a18dfada0bc91f0d"),
            (
                .hmacSHA384,
                "e3c2fb5a83ae554631205a13adda5b8f3dc5173f004db36daefa9aaf204a9bba77149d9bc4b1f018f859e578ee0109c3"
            ),
            (
                .hmacSHA512,
                "53a84aea015433e35396c47c4bc4148bf1e51a9d1893a236396f7cf5ac170643"
                    + "f5a94afafec8b109810b363b57bffe28ee4fc968fc8c99fc413580bac0f80fda"
            ),
        ])
    func vectors(algorithm: TSIGAlgorithm, mac: String) throws {
        let signed = try TSIG.sign(try Self.update(), with: try Self.key(algorithm), at: Self.now)
        #expect(Hex.encode(signed.mac) == mac)
        let read = try DNSMessage(parsing: signed.octets)
        #expect(read.signature?.mac == signed.mac)
        #expect(read.signature?.timeSigned == 1_594_855_491)
        #expect(read.authorities == (try Self.update().authorities))
    }

    @Test(
        "an algorithm is named in any case",
        arguments: [
            ("HMACMD5", TSIGAlgorithm.hmacMD5), ("hmacsha256", .hmacSHA256), ("HmacSha512", .hmacSHA512),
            ("hmac-sha1", .hmacSHA1),
        ])
    func names(text: String, algorithm: TSIGAlgorithm) {
        #expect(TSIGAlgorithm(configured: text) == algorithm)
        #expect(TSIGAlgorithm(configured: text + "x") == nil)
    }

    @Test("an answer without a signature is believed only when it refuses")
    func unsigned() throws {
        let key = try Self.key(.hmacSHA256)
        let request = try TSIG.sign(try Self.update(), with: key, at: Self.now)
        var answer = DNSMessage(id: 0x2A2A)
        answer.isResponse = true
        #expect(throws: TSIGError.unsigned) {
            try TSIG.verify(answer, octets: answer.serialized(), to: request, key: key, at: Self.now)
        }
        answer.responseCode = .refused
        #expect(throws: Never.self) {
            try TSIG.verify(answer, octets: answer.serialized(), to: request, key: key, at: Self.now)
        }
    }

    @Test("an answer signed over something else is a forgery, whatever octet was changed")
    func forged() throws {
        let key = try Self.key(.hmacSHA256)
        let request = try TSIG.sign(try Self.update(), with: key, at: Self.now)
        // The request itself, signed without the request's MAC in front, is no answer to it.
        let answer = try DNSMessage(parsing: request.octets)
        #expect(throws: TSIGError.forged) {
            try TSIG.verify(answer, octets: request.octets, to: request, key: key, at: Self.now)
        }
    }

    @Test("errors of the signature say what to do")
    func sentences() throws {
        let name = try DNSName("testkey.")
        #expect(TSIGError.badKey(name, .hmacMD5).description.contains("tsigAlgorithm"))
        #expect(TSIGError.badSignature(name).description.contains("testkey"))
        let error = TSIGError.badTime(server: Timestamp(secondsSince1970: 0), ours: Self.now)
        #expect(error.description.contains("1970-01-01T00:00:00Z"))
        #expect(error.description.contains("2020-07-15T23:24:51Z"))
    }

    @Test("a TSIG record that is not last, or has trailing octets, is refused")
    func misplaced() throws {
        let signed = try TSIG.sign(try Self.update(), with: try Self.key(.hmacSHA1), at: Self.now)
        #expect(throws: DNSParseError.misplacedTSIG) { try DNSMessage(parsing: signed.octets + [0]) }
        for count in 0..<signed.octets.count {
            #expect(throws: DNSParseError.self) { try DNSMessage(parsing: Array(signed.octets[..<count])) }
        }
    }
}
