import Testing
import Wire

@Suite("base64, hexadecimal, PEM and secrets")
struct TextFormatTests {
    /// RFC 4648 §10.
    @Test(
        "the vectors of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func vectors(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
        let bare = encoded.filter { $0 != "=" }
        #expect(Base64.encodeURL(Array(plain.utf8)) == bare)
        #expect(Base64.decodeURL(bare) == Array(plain.utf8))
        #expect(Base64.decodeURL(bare, padding: .allowed) == Array(plain.utf8))
        #expect(Base64.decodeURL(encoded, padding: .allowed) == Array(plain.utf8))
    }

    @Test("the alphabets differ in two digits, and every byte survives both")
    func alphabets() {
        #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
        #expect(Base64.encodeURL([0xFB, 0xFF]) == "-_8")
        for length in 0..<260 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ length) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decodeURL(Base64.encodeURL(bytes)) == bytes)
        }
    }

    @Test("line ends are passed over as in Go", arguments: ["Zm9v\nYmFy", "Zm9v\r\nYmFy\r\n", "Zg=\n="])
    func lineEnds(text: String) {
        #expect(Base64.decode(text) != nil)
    }

    @Test(
        "malformed base64 is refused",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "=", "Zm9v=", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9v", "Zm9v!", "-_8=", "Zé==",
        ])
    func malformed(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test("JOSE base64 refuses padding and the other alphabet", arguments: ["Zg==", "+/8", "Zg\n", "Zh"])
    func malformedURL(text: String) {
        #expect(Base64.decodeURL(text) == nil)
    }

    @Test("hexadecimal both ways")
    func hex() {
        #expect(Hex.encode([0, 0x0F, 0xA0, 0xFF]) == "000fa0ff")
        #expect(Hex.decode("000Fa0fF") == [0, 0x0F, 0xA0, 0xFF])
        #expect(Hex.decode("0") == nil)
        #expect(Hex.decode("0g") == nil)
        #expect(Hex.decode("") == [])
    }

    @Test("PEM blocks are found between other text, with any line ends")
    func pem() throws {
        let bytes = (0..<100).map { UInt8($0) }
        let text = PEM.encode("CERTIFICATE", bytes)
        #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count <= 64 })
        let mixed = "Subject: CN=x\n\(text)between\n" + text.split(separator: "\n").joined(separator: "\r\n  ")
        #expect(
            try PEM.parse(Array(mixed.utf8)) == [
                PEM.Block(label: "CERTIFICATE", bytes: bytes), PEM.Block(label: "CERTIFICATE", bytes: bytes),
            ])
        #expect(try PEM.parse([]) == [])
    }

    @Test("headers of an encrypted key are told apart from its body")
    func pemHeaders() throws {
        let text =
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nZm9v\n-----END RSA PRIVATE KEY-----\n"
        let block = try #require(try PEM.parse(Array(text.utf8)).first)
        #expect(block.headers == ["Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"])
        #expect(block.bytes == Array("foo".utf8))
    }

    @Test("PEM that is cut, mislabelled or not base64 is refused")
    func pemMalformed() {
        func parse(_ text: String) throws { _ = try PEM.parse(Array(text.utf8)) }
        #expect(throws: PEMError.unterminated(label: "A")) { try parse("-----BEGIN A-----\nZm9v\n") }
        #expect(throws: PEMError.unterminated(label: "A")) { try parse("-----BEGIN A-----\nZm9v\n-----END B-----\n") }
        #expect(throws: PEMError.malformed(label: "A")) { try parse("-----BEGIN A-----\nZm9\n-----END A-----\n") }
        #expect(throws: PEMError.tooLarge(bytes: 3)) { try PEM.parse([1, 2, 3], limit: 2) }
    }

    @Test("a secret prints as redacted, also inside something else")
    func redacted() {
        struct Holder { var token: Redacted<String> }
        let holder = Holder(token: Redacted("hunter2"))
        var dumped = ""
        dump(holder, to: &dumped)
        for text in ["\(holder)", "\(holder.token)", String(reflecting: holder), dumped] {
            #expect(!text.contains("hunter2"))
        }
        #expect(holder.token.reveal() == "hunter2")
        #expect(!"\(Base64Data(utf8: "hunter2"))".contains("hunter2"))
        dumped = ""
        dump(Base64Data(utf8: "hunter2"), to: &dumped)
        #expect(dumped.contains("7") && !dumped.contains("104"))
    }
}
