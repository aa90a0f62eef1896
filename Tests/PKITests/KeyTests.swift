import PKI
import TestSupport
import Testing
import Wire

@Suite("Keys")
struct KeyTests {
    @Test("a generated key goes through every encoding and back", arguments: Samples.algorithms)
    func roundTrip(algorithm: KeyAlgorithm) async throws {
        let key = try await PrivateKey.generate(algorithm)
        #expect(key.algorithm == algorithm)
        for encoding in [KeyEncoding.pkcs1, .pkcs8] {
            let again = try PrivateKey(pem: try key.pem(encoding))
            #expect(again.publicKey == key.publicKey)
            #expect(try again.pem(encoding) == key.pem(encoding))
            #expect(try PrivateKey(der: try key.der(encoding)).publicKey == key.publicKey)
            let signature = try await again.sign([1, 2, 3], .preferred(for: algorithm))
            #expect(key.publicKey.isValidSignature(signature, of: [1, 2, 3], .preferred(for: algorithm)))
            #expect(!key.publicKey.isValidSignature(signature, of: [1, 2, 4], .preferred(for: algorithm)))
        }
    }

    @Test("openssl writes the same bytes for every encoding and finds the key sound", arguments: Samples.algorithms)
    func agreesWithOpenSSL(algorithm: KeyAlgorithm) async throws {
        let key = try await PrivateKey.generate(algorithm)
        for input in [KeyEncoding.pkcs1, .pkcs8] {
            let pkcs8 = try await OpenSSLTool.run(["pkey", "-check"], input: try key.pem(input))
            #expect(pkcs8.succeeded)
            #expect(pkcs8.output.contains("Key is valid"))
            #expect(pkcs8.output.contains(text(try key.pem(.pkcs8))))
            guard algorithm != .ed25519 else { continue }  // has only PKCS#8
            let traditional = try await OpenSSLTool.run(["pkey", "-traditional"], input: try key.pem(input))
            #expect(text(traditional.bytes) == text(try key.pem(.pkcs1)))
        }
        let spki = try await OpenSSLTool.run(["pkey", "-pubout", "-outform", "DER"], input: try key.pem(.pkcs8))
        #expect(spki.bytes == key.publicKey.spki)
    }

    @Test(
        "keys that openssl made are read",
        arguments: [
            ["genrsa", "-traditional", "2048"], ["genrsa", "3072"], ["ecparam", "-name", "prime256v1", "-genkey"],
            ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_pubexp:3", "-pkeyopt", "rsa_keygen_bits:2048"],
            ["ecparam", "-name", "secp384r1", "-genkey", "-noout"],
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            ["genpkey", "-algorithm", "ED25519"],
        ])
    func reads(arguments: [String]) async throws {
        let made = try await OpenSSLTool.run(arguments)
        let key = try PrivateKey(pem: made.bytes)
        let spki = try await OpenSSLTool.run(["pkey", "-pubout", "-outform", "DER"], input: made.bytes)
        #expect(spki.bytes == key.publicKey.spki)
    }

    @Test("a SEC1 key without its public point gets the right one, and with a compressed one is read")
    func computesPoint() async throws {
        let made = try await OpenSSLTool.run(["ecparam", "-name", "prime256v1", "-genkey", "-noout"])
        let key = try PrivateKey(pem: made.bytes)
        let bare = try await OpenSSLTool.run(["ec", "-no_public"], input: made.bytes)
        #expect(try PrivateKey(pem: bare.bytes).publicKey == key.publicKey)
        let compressed = try await OpenSSLTool.run(["ec", "-conv_form", "compressed"], input: made.bytes)
        #expect(try PrivateKey(pem: compressed.bytes).publicKey == key.publicKey)
    }

    @Test("the public half alone is the key's, whatever the form", arguments: Samples.algorithms)
    func publicHalf(algorithm: KeyAlgorithm) async throws {
        let key = try await PrivateKey.generate(algorithm)
        for encoding in [KeyEncoding.pkcs1, .pkcs8] {
            #expect(try PrivateKey.publicKey(pem: key.pem(encoding)) == key.publicKey)
        }
        guard case .ecdsa = algorithm else { return }
        let bare = try await OpenSSLTool.run(["ec", "-no_public"], input: try key.pem(.pkcs1))
        #expect(try PrivateKey.publicKey(pem: bare.bytes) == key.publicKey)
    }

    @Test("a public point of another key is refused")
    func foreignPoint() async throws {
        var der = try await PrivateKey.generate(.ecdsa(.p256)).der(.pkcs1)
        let other = try await PrivateKey.generate(.ecdsa(.p256)).der(.pkcs1)
        der.replaceSubrange(der.count - 65..<der.count, with: other.suffix(65))
        #expect(throws: PKIError.mismatch("the private key holds a public point that does not belong to it")) {
            try PrivateKey(der: der)
        }
        let pem = Array(PEM.encode("EC PRIVATE KEY", der).utf8)
        #expect(throws: PKIError.mismatch("the private key holds a public point that does not belong to it")) {
            try PrivateKey.publicKey(pem: pem)
        }
    }

    @Test("RSA sizes outside 2048 to 8192 are refused", arguments: [1024, 2047, 8193, 0, -1])
    func rsaSizes(bits: Int) async {
        await #expect(throws: PKIError.self) { try await PrivateKey.generate(.rsa(bits: bits)) }
    }

    @Test("an encrypted key, two keys, a certificate and nothing at all are refused with a reason")
    func refuses() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        let pem = try key.pem(.pkcs8)
        let encrypted = try await OpenSSLTool.run(["pkey", "-aes128", "-passout", "pass:x"], input: pem)
        let certificate = try await Samples.signed("a").certificate
        for (input, reason) in [
            (encrypted.bytes, "unencrypted"), (pem + pem, "more than one"),
            (Array(certificate.pem.utf8), "CERTIFICATE"),
            ([], "no PEM block"), (Array("hello".utf8), "no PEM block"), (pem + Array("x".utf8), "after the last"),
        ] {
            let error = #expect(throws: PKIError.self) { try PrivateKey(pem: input) }
            #expect(error?.description.contains(reason) == true, "\(reason): \(String(describing: error))")
        }
        #expect(throws: PKIError.tooLarge(what: "the private key", bytes: pem.count, limit: 10)) {
            try PrivateKey(pem: pem, limit: 10)
        }
    }

    @Test("a key never prints")
    func redacted() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        #expect("\(key)" == "redacted Ed25519 key")
        #expect(String(reflecting: key) == "redacted Ed25519 key")
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!dumped.contains("UInt8") || !dumped.contains("priv"))
    }

    @Test("a signature algorithm of another key is refused")
    func wrongAlgorithm() async throws {
        let key = try await PrivateKey.generate(.ed25519)
        await #expect(throws: PKIError.self) { try await key.sign([], .sha256WithRSA) }
    }

    @Test("eight RSA keys at once come from PKI's own threads")
    func manyRSA() async throws {
        let keys = try await withThrowingTaskGroup { group in
            for _ in 0..<8 { group.addTask { try await PrivateKey.generate(.rsa(bits: 2048)).publicKey } }
            return try await group.reduce(into: Set<PublicKey>()) { $0.insert($1) }
        }
        #expect(keys.count == 8)
    }

    @Test("one key signs for many tasks at once", arguments: [KeyAlgorithm.rsa(bits: 3072), .ecdsa(.p256), .ed25519])
    func sharedKey(algorithm: KeyAlgorithm) async throws {
        let key = try await PrivateKey.generate(algorithm)
        let good = try await withThrowingTaskGroup { group in
            for number in UInt8(0)..<64 {
                group.addTask {
                    let signature = try await key.signJWS([number])
                    // JWS signs RSA with SHA-256 whatever the size, and verifies the same way.
                    return key.publicKey.isValidJWSSignature(signature, of: [number])
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(good == 64)
    }

    @Test("a cancelled task does not begin to make an RSA key")
    func cancelled() async throws {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await PrivateKey.generate(.rsa(bits: 8192))
        }
        await #expect(throws: PKIError.cancelled) { try await task.value }
    }
}
