import TestSupport
import Testing
import Wire

@testable import PKI

/// A key, its certificate below a CA, and that CA.
private struct Parts: Sendable {
    let leaf: Samples.Signer
    let middle: Samples.Signer
    let root: Samples.Signer
    let password: KeystorePassword

    private static let made = Task {
        let root = try await Samples.signed("Root CA")
        let middle = try await Samples.signed("Middle CA", by: root)
        return Parts(
            leaf: try await Samples.signed("leaf", by: middle, isCA: false, .rsa(bits: 2048)), middle: middle,
            root: root,
            password: try KeystorePassword(Array("pässword 1".utf8)))
    }
    static var shared: Parts { get async throws { try await made.value } }

    var contents: KeystoreContents {
        KeystoreContents(
            key: leaf.key, chain: [leaf.certificate, middle.certificate], authorities: [root.certificate])
    }
    var plain: KeystoreContents {
        KeystoreContents(
            key: leaf.key, chain: [leaf.certificate, middle.certificate, root.certificate], authorities: [])
    }
    var trusted: KeystoreContents { KeystoreContents(trusting: [root.certificate, middle.certificate]) }
}

private let now = Timestamp(secondsSince1970: 1_800_000_000)
private func octets(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }

@Suite("RC2")
struct RC2Tests {
    @Test(
        "the examples of RFC 2268 §5, there and back",
        arguments: [
            ("0000000000000000", 63, "0000000000000000", "ebb773f993278eff"),
            ("ffffffffffffffff", 64, "ffffffffffffffff", "278b27e42e2f0d49"),
            ("3000000000000000", 64, "1000000000000001", "30649edf9be7d2c2"),
            ("88", 64, "0000000000000000", "61a8a244adacccf0"),
            ("88bca90e90875a", 64, "0000000000000000", "6ccf4308974c267f"),
            ("88bca90e90875a7f0f79c384627bafb2", 64, "0000000000000000", "1a807d272bbe5db1"),
            ("88bca90e90875a7f0f79c384627bafb2", 128, "0000000000000000", "2269552ab0f85ca6"),
            (
                "88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e", 129, "0000000000000000",
                "5b78d3a43dfff1f1"
            ),
        ])
    func examples(key: String, bits: Int, plain: String, encrypted: String) throws {
        let cipher = RC2(key: try octets(key), effectiveBits: bits)
        #expect(Hex.encode(cipher.encrypt(try octets(plain))) == encrypted)
        #expect(Hex.encode(cipher.decrypt(try octets(encrypted))) == plain)
    }
}

@Suite("PKCS#12")
struct PKCS12Tests {
    @Test("what is written can be read back, with every kind of key", arguments: PKCS12.Profile.allCases)
    func roundTrip(profile: PKCS12.Profile) async throws {
        let parts = try await Parts.shared
        for algorithm in Samples.algorithms {
            let leaf = try await Samples.signed("leaf", by: parts.root, isCA: false, algorithm)
            let contents = KeystoreContents(
                key: leaf.key, chain: [leaf.certificate, parts.root.certificate], authorities: [])
            let file = try await PKCS12.read(try await PKCS12.make(contents, profile, parts.password), parts.password)
            #expect(file.contents.isSame(as: contents))
            #expect(file.profile == profile)
        }
        let trusted = try await PKCS12.read(
            try await PKCS12.make(parts.trusted, profile, parts.password), parts.password)
        #expect(trusted.contents.isSame(as: parts.trusted))
        #expect(trusted.profile == profile)
    }

    @Test("two files are never the same, and another password opens none", arguments: PKCS12.Profile.allCases)
    func wrongPassword(profile: PKCS12.Profile) async throws {
        let parts = try await Parts.shared
        let file = try await PKCS12.make(parts.plain, profile, parts.password)
        #expect(try await PKCS12.make(parts.plain, profile, parts.password) != file)
        await #expect(throws: PKIError.wrongPassword(of: "the PKCS#12 file")) {
            try await PKCS12.read(file, try KeystorePassword(Array("password 1".utf8)))
        }
    }

    @Test("openssl reads every profile and names its algorithms", arguments: PKCS12.Profile.allCases)
    func openSSL(profile: PKCS12.Profile) async throws {
        let parts = try await Parts.shared
        let file = try await PKCS12.make(parts.plain, profile, parts.password)
        // OpenSSL before 3.4 does not know PBMAC1; the examples of RFC 9579 stand in for it below.
        let tool = try await OpenSSLTool.run(
            ["pkcs12", "-in", "@store", "-info", "-nodes", "-legacy", "-passin", "pass:pässword 1"]
                + (profile == .modern2026 ? ["-nomacver"] : []), files: ["store": file])
        #expect(tool.succeeded, "\(tool.output)")
        for certificate in parts.plain.chain { #expect(tool.output.contains(certificate.pem.dropLast())) }
        #expect(tool.output.contains(text(try parts.leaf.key.pem(.pkcs8)).dropLast()))
        let expected: [String] =
            switch profile {
            case .legacyRC2:
                [
                    "MAC: sha1, Iteration 1\n", "pbeWithSHA1And40BitRC2-CBC, Iteration 2048",
                    "Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048",
                ]
            case .legacyDES:
                [
                    "MAC: sha1, Iteration 1\n", "Encrypted data: pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048",
                    "Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048",
                ]
            case .modern2023:
                [
                    "MAC: sha256, Iteration 2048\n",
                    "Encrypted data: PBES2, PBKDF2, AES-256-CBC, Iteration 2048, PRF hmacWithSHA256",
                    "Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, Iteration 2048, PRF hmacWithSHA256",
                ]
            case .modern2026: ["Encrypted data: PBES2, PBKDF2, AES-256-CBC, Iteration 2048, PRF hmacWithSHA256"]
            }
        for line in expected { #expect(tool.output.contains(line), "\(tool.output)") }
    }

    @Test("we read what openssl writes")
    func fromOpenSSL() async throws {
        let parts = try await Parts.shared
        let written = try await OpenSSLTool.run(
            ["pkcs12", "-export", "-in", "@chain", "-inkey", "@key", "-passout", "pass:secret", "-out", "/dev/stdout"],
            files: ["chain": Array(parts.plain.chain.map(\.pem).joined().utf8), "key": try parts.leaf.key.pem(.pkcs8)])
        let file = try await PKCS12.read(written.bytes, try KeystorePassword(Array("secret".utf8)))
        #expect(file.contents.isSame(as: parts.plain))
        #expect(file.profile == .modern2023)
    }

    @Test("the example of RFC 9579 A.1 opens, and PBMAC1 with a short key is refused")
    func pbmac1() async throws {
        let der = try #require(Base64.decode(Vectors.pbmac1))
        let password = try KeystorePassword(Array("1234".utf8))
        let file = try await PKCS12.read(der, password)
        #expect(file.profile == .modern2026)
        #expect(file.contents.key?.algorithm == .rsa(bits: 2048))
        #expect(file.contents.chain.first?.publicKey == file.contents.key?.publicKey)
        await #expect(throws: PKIError.wrongPassword(of: "the PKCS#12 file")) {
            try await PKCS12.read(der, try KeystorePassword(Array("1235".utf8)))
        }
        // The last integer of 32 before HMAC-SHA-256 is the length of the MAC's key.
        let marker: [UInt8] = [0x02, 0x01, 0x20, 0x30, 0x0C]
        let place = try #require(der.indices.last { der[$0...].starts(with: marker) })
        var short = der
        short[place + 2] = 1
        await #expect(
            throws: PKIError.malformed(what: "the PKCS#12 file", reason: "its MAC's key has an unexpected length")
        ) {
            try await PKCS12.read(short, password)
        }
    }

    @Test("keytool reads stores and truststores", .enabled(if: Keytool.isInstalled, "keytool is not installed"))
    func keytool() async throws {
        let parts = try await Parts.shared
        // Java takes ASCII alone for the password of a PKCS#12 file.
        let password = try KeystorePassword(Array("password 1".utf8))
        for profile in PKCS12.Profile.allCases where profile != .modern2026 {  // PBMAC1 needs Java 26
            let file = try await PKCS12.make(parts.plain, profile, password)
            let listed = try await Keytool.list(file, type: "PKCS12", password: "password 1", ["-v"])
            #expect(listed.succeeded, "\(profile): \(listed.output)")
            #expect(listed.output.contains("Your keystore contains 1 entry"), "\(listed.output)")
            #expect(listed.output.contains("Entry type: PrivateKeyEntry"))
            #expect(listed.output.contains("Certificate chain length: 3"), "\(listed.output)")
        }
        let trusted = try await PKCS12.make(parts.trusted, .modern2023, password)
        let listed = try await Keytool.list(trusted, type: "PKCS12", password: "password 1")
        #expect(listed.output.contains("Your keystore contains 2 entries"), "\(listed.output)")
        #expect(listed.output.contains("cn=root ca,"), "\(listed.output)")
        #expect(listed.output.components(of: "trustedCertEntry") == 2, "\(listed.output)")
    }

    @Test("a file damaged at any byte is refused, or is what it was")
    func damaged() async throws {
        let parts = try await Parts.shared
        let leaf = try await Samples.signed("leaf", isCA: false)
        let contents = KeystoreContents(key: leaf.key, chain: [leaf.certificate], authorities: [])
        let file = try await PKCS12.make(contents, .legacyRC2, parts.password)
        for length in file.indices {
            await #expect(throws: PKIError.self) { try await PKCS12.read(Array(file[..<length]), parts.password) }
        }
        // What no MAC covers can change without harm.
        for index in stride(from: 0, to: file.count, by: 2) {
            var copy = file
            copy[index] ^= 0x81
            let read = try? await PKCS12.read(copy, parts.password)
            #expect(read == nil || read?.contents.isSame(as: contents) == true, "\(index)")
        }
        await #expect(throws: PKIError.self) { try await PKCS12.read(file + [0], parts.password) }
    }

    @Test("a file whose MAC is right and whose content lies is refused, or read as far as it goes")
    func lying() async throws {
        let parts = try await Parts.shared
        let leaf = try await Samples.signed("leaf", isCA: false)
        let contents = KeystoreContents(key: leaf.key, chain: [leaf.certificate], authorities: [])
        let file = try await PKCS12.make(contents, .legacyDES, parts.password)
        var fields = try DERReader.single(file, DERTag.sequence, "the file").children
        _ = try fields.next()
        var info = try fields.next().children
        _ = try info.next()
        var wrapped = try info.next().children
        let content = Array(try wrapped.next().value)
        func rebuilt(_ content: [UInt8]) throws -> [UInt8] {
            let mac = try PKCS12.Profile.legacyDES.mac.data(over: content, parts.password)
            return DERWriter.sequence { writer in
                writer.integer(3)
                writer.constructed { writer in
                    writer.oid(.pkcs7Data)
                    writer.constructed(0xA0) { $0.octetString(content) }
                }
                writer.raw(mac)
            }
        }
        #expect(try await PKCS12.read(try rebuilt(content), parts.password).contents.isSame(as: contents))
        for length in stride(from: 0, to: content.count, by: 3) {
            let cut = try rebuilt(Array(content[..<length]))
            await #expect(throws: PKIError.self) { try await PKCS12.read(cut, parts.password) }
        }
        for index in stride(from: 0, to: content.count, by: 3) {
            var copy = content
            copy[index] ^= 0x84
            _ = try? await PKCS12.read(try rebuilt(copy), parts.password)
        }
    }

    @Test("an iteration count that would take minutes is refused at once")
    func iterations() async throws {
        let parts = try await Parts.shared
        var mac = PKCS12.Profile.modern2023.mac
        mac.iterations = PasswordEncryption.maximumIterations + 1
        #expect(throws: DERError("its iteration count is not between 1 and 100000")) {
            _ = try PKCS12MAC.read(
                try DERReader.single(try mac.data(over: [1], parts.password), DERTag.sequence, "the MAC"))
        }
    }
}

@Suite("JKS")
struct JKSTests {
    @Test("what is written can be read back, with every kind of key")
    func roundTrip() async throws {
        let parts = try await Parts.shared
        for algorithm in Samples.algorithms {
            let leaf = try await Samples.signed("leaf", by: parts.root, isCA: false, algorithm)
            let contents = KeystoreContents(
                key: leaf.key, chain: [leaf.certificate, parts.root.certificate], authorities: [parts.root.certificate])
            let file = try JKS.read(
                try JKS.make(contents, alias: "Mein Schlüssel 🔑", created: now, parts.password), parts.password)
            #expect(file.contents.isSame(as: contents))
            #expect(file.alias == "mein schlüssel 🔑")
            #expect(file.authorityAliases == ["ca"])
        }
    }

    @Test("trusted certificates are ca, ca-1 and so on, and give way to a key of that name")
    func aliases() async throws {
        let parts = try await Parts.shared
        let file = try JKS.read(
            try JKS.make(parts.trusted, alias: "ca", created: now, parts.password), parts.password)
        #expect(file.authorityAliases == ["ca", "ca-1"])
        #expect(file.alias == nil)
        let key = try JKS.read(
            try JKS.make(parts.contents, alias: "CA", created: now, parts.password), parts.password)
        #expect(key.authorityAliases == ["ca-1"])
    }

    @Test("keytool reads stores and truststores", .enabled(if: Keytool.isInstalled, "keytool is not installed"))
    func keytool() async throws {
        let parts = try await Parts.shared
        let password = try KeystorePassword(Array("password 1".utf8))
        let file = try JKS.make(parts.contents, alias: "Site", created: now, password)
        let listed = try await Keytool.list(file, type: "JKS", password: "password 1", ["-v"])
        #expect(listed.succeeded, "\(listed.output)")
        #expect(listed.output.contains("Your keystore contains 2 entries"), "\(listed.output)")
        #expect(listed.output.contains("Alias name: site\n"))
        #expect(listed.output.contains("Alias name: ca\n"))
        #expect(listed.output.contains("Certificate chain length: 2"))
        let request = try await Keytool.canUseKey(file, type: "JKS", password: "password 1", alias: "Site")
        #expect(request.succeeded, "\(request.output)")
        #expect(try SigningRequest(pem: request.bytes).publicKey == parts.leaf.key.publicKey)
        let trusted = try JKS.make(parts.trusted, alias: "", created: now, password)
        let trust = try await Keytool.list(trusted, type: "JKS", password: "password 1")
        #expect(trust.output.components(of: "trustedCertEntry") == 2, "\(trust.output)")
    }

    @Test("another password opens nothing")
    func wrongPassword() async throws {
        let parts = try await Parts.shared
        let file = try JKS.make(parts.contents, alias: "a", created: now, parts.password)
        #expect(throws: PKIError.wrongPassword(of: "the JKS file")) {
            try JKS.read(file, try KeystorePassword(Array("other".utf8)))
        }
    }

    @Test("a file damaged at any byte is refused, and one that is signed but lies does no harm")
    func damaged() async throws {
        let parts = try await Parts.shared
        let leaf = try await Samples.signed("leaf", isCA: false)
        let contents = KeystoreContents(key: leaf.key, chain: [leaf.certificate], authorities: [leaf.certificate])
        let file = try JKS.make(contents, alias: "a", created: now, parts.password)
        func signed(_ content: some Collection<UInt8>) -> [UInt8] {
            Array(content) + Digest.sha1(parts.password.utf16 + JKS.salted + content)
        }
        let content = file.dropLast(20)
        for length in file.indices {
            #expect(throws: PKIError.self) { try JKS.read(Array(file[..<length]), parts.password) }
            guard length < content.count else { continue }
            #expect(throws: PKIError.self) { try JKS.read(signed(content.prefix(length)), parts.password) }
        }
        for index in file.indices {
            var copy = file
            copy[index] ^= 0x81
            #expect(throws: PKIError.self) { try JKS.read(copy, parts.password) }
            guard index < content.count else { continue }
            _ = try? JKS.read(signed(copy.dropLast(20)), parts.password)
        }
    }

    @Test("texts are written as Java writes them")
    func modifiedUTF8() {
        #expect(ModifiedUTF8.encode("a\0ß€") == [0x61, 0xC0, 0x80, 0xC3, 0x9F, 0xE2, 0x82, 0xAC])
        #expect(ModifiedUTF8.encode("😀") == [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80])
        #expect(ModifiedUTF8.decode([0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80]) == "😀")
        for octets: [UInt8] in [
            [0], [0x80], [0xC3], [0xE2, 0x82], [0xC3, 0x41], [0xF0, 0x9F, 0x98, 0x80], [0xED, 0xA0, 0xBD],
        ] {
            #expect(ModifiedUTF8.decode(octets[...]) == nil)
        }
    }
}

@Suite("Passwords of keystores")
struct KeystorePasswordTests {
    @Test("are text without NUL, and never print")
    func passwords() throws {
        for octets: [UInt8] in [[], [0xFF], [0x61, 0]] {
            #expect(throws: PKIError.self) { try KeystorePassword(octets) }
        }
        let password = try KeystorePassword(Array("hunter2".utf8))
        #expect("\(password) \(String(reflecting: password)) \([password])".contains("hunter2") == false)
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
