/// Writes PKCS#12 files (RFC 7292): one key with its certificates, or certificates that are trusted.
package enum PKCS12 {
    static let name = "the PKCS#12 file"

    /// Which algorithms protect a file, by the names the API has for them.
    package enum Profile: String, Sendable, Hashable, CaseIterable {
        /// 40-bit RC2 for certificates, 3DES for keys, a SHA-1 MAC: every Java and Windows reads it.
        case legacyRC2 = "LegacyRC2"
        /// 3DES for both, a SHA-1 MAC.
        case legacyDES = "LegacyDES"
        /// AES-256 by PBES2 for both, a SHA-256 MAC: Java 8u301, Windows Server 2019 and OpenSSL 1.1.1 read it.
        case modern2023 = "Modern2023"
        /// As before with PBMAC1 (RFC 9579): Java 26 and OpenSSL 3.4 read it.
        case modern2026 = "Modern2026"
    }

    /// A file with a private key, its chain and what is trusted; the key and its certificate share a local key id.
    ///
    /// Deriving the keys takes some 10 ms, on PKI's own threads.
    package static func make(
        _ contents: KeystoreContents, _ profile: Profile, _ password: KeystorePassword
    ) async throws(PKIError) -> [UInt8] {
        try await SlowWork.shared.run { () throws(PKIError) in try makeNow(contents, profile, password) }
    }

    private static func makeNow(
        _ contents: KeystoreContents, _ profile: Profile, _ password: KeystorePassword
    ) throws(PKIError) -> [UInt8] {
        let certificates = bags(of: contents)
        let encryption = profile.encryption(of: .certificates)
        let encrypted = try encryption.encrypt(certificates, password)
        var safes = [encryptedSafe(encrypted, encryption)]
        if let key = contents.key {
            safes.append(dataSafe(try keyBag(key, localID: localID(of: contents), profile, password)))
        }
        let content = DERWriter.sequence { writer in for safe in safes { writer.raw(safe) } }
        let mac = try profile.mac.data(over: content, password)
        return DERWriter.sequence { writer in
            writer.integer(3)
            writer.raw(dataSafe(content))
            writer.raw(mac)
        }
    }

    private static func localID(of contents: KeystoreContents) -> [UInt8] {
        contents.chain.first.map { Digest.sha1($0.der) } ?? []
    }

    // MARK: Bags

    private static func bags(of contents: KeystoreContents) -> [UInt8] {
        let id = localID(of: contents)
        var bags: [[UInt8]] = []
        for (index, certificate) in contents.chain.enumerated() {
            bags.append(certificateBag(certificate, index == 0 ? [attribute(.localKeyID) { $0.octetString(id) }] : []))
        }
        // Beside a key they complete its chain; alone they are what Java calls trusted entries, each with a name.
        var names: Set<String> = []
        for certificate in contents.authorities {
            guard contents.key == nil else {
                bags.append(certificateBag(certificate, []))
                continue
            }
            var name = certificate.subject.description
            var number = 2
            while !names.insert(name).inserted {
                name = "\(certificate.subject.description) \(number)"
                number += 1
            }
            let units = name.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            bags.append(
                certificateBag(
                    certificate,
                    [
                        attribute(.javaTrustedKeyUsage) { $0.oid(ExtendedKeyUsage.any.oid) },
                        attribute(.friendlyName) { $0.primitive(DERTag.bmpString, units) },
                    ]))
        }
        return DERWriter.sequence { writer in for bag in bags { writer.raw(bag) } }
    }

    private static func certificateBag(_ certificate: X509Certificate, _ attributes: [[UInt8]]) -> [UInt8] {
        bag(.certificateBag, attributes) { writer in
            writer.constructed { writer in
                writer.oid(.x509Certificate)
                writer.constructed(0xA0) { $0.octetString(certificate.der) }
            }
        }
    }

    private static func keyBag(
        _ key: PrivateKey, localID: [UInt8], _ profile: Profile, _ password: KeystorePassword
    ) throws(PKIError) -> [UInt8] {
        var plain = try key.der(.pkcs8)
        defer { plain.cleanse() }
        let encryption = profile.encryption(of: .key)
        let encrypted = try encryption.encrypt(plain, password)
        let keyBag = bag(.shroudedKeyBag, [attribute(.localKeyID) { $0.octetString(localID) }]) { writer in
            writer.constructed { writer in
                encryption.write(to: &writer)
                writer.octetString(encrypted)
            }
        }
        return DERWriter.sequence { $0.raw(keyBag) }
    }

    private static func bag(
        _ type: OID, _ attributes: [[UInt8]], _ value: (inout DERWriter) -> Void
    ) -> [UInt8] {
        DERWriter.sequence { writer in
            writer.oid(type)
            writer.constructed(0xA0, value)
            if !attributes.isEmpty { writer.setOf(attributes) }
        }
    }

    private static func attribute(_ type: OID, _ value: (inout DERWriter) -> Void) -> [UInt8] {
        DERWriter.sequence { writer in
            writer.oid(type)
            writer.constructed(DERTag.set, value)
        }
    }

    // MARK: Safes

    private static func dataSafe(_ content: [UInt8]) -> [UInt8] {
        DERWriter.sequence { writer in
            writer.oid(.pkcs7Data)
            writer.constructed(0xA0) { $0.octetString(content) }
        }
    }

    private static func encryptedSafe(_ encrypted: [UInt8], _ encryption: PasswordEncryption) -> [UInt8] {
        DERWriter.sequence { writer in
            writer.oid(.pkcs7EncryptedData)
            writer.constructed(0xA0) { writer in
                writer.constructed { writer in
                    writer.integer(0)
                    writer.constructed { writer in
                        writer.oid(.pkcs7Data)
                        encryption.write(to: &writer)
                        writer.primitive(0x80, encrypted)
                    }
                }
            }
        }
    }
}

extension PKCS12.Profile {
    enum Part {
        case certificates, key
    }

    /// With fresh random numbers.
    func encryption(of part: Part) -> PasswordEncryption {
        let scheme: PasswordEncryption.Scheme =
            switch (self, part) {
            case (.legacyRC2, .certificates): .rc2
            case (.legacyRC2, .key), (.legacyDES, _): .tripleDES
            case (.modern2023, _), (.modern2026, _): .aes256(iv: SecureRandom.bytes(16))
            }
        return PasswordEncryption(scheme: scheme, salt: SecureRandom.bytes(saltLength), iterations: 2048)
    }

    var mac: PKCS12MAC {
        let salt = SecureRandom.bytes(saltLength)
        return switch self {
        case .legacyRC2, .legacyDES: PKCS12MAC(scheme: .classic(.sha1), salt: salt, iterations: 1)
        case .modern2023: PKCS12MAC(scheme: .classic(.sha256), salt: salt, iterations: 2048)
        case .modern2026: PKCS12MAC(scheme: .pbmac1, salt: salt, iterations: 2048)
        }
    }

    private var saltLength: Int {
        switch self {
        case .legacyRC2, .legacyDES: 8
        case .modern2023, .modern2026: 16
        }
    }
}

extension OID {
    // PKCS#7 and PKCS#12: RFC 2315 §14, RFC 7292 Appendix D, RFC 2985.
    static let pkcs7Data = OID(known: "1.2.840.113549.1.7.1")
    static let pkcs7EncryptedData = OID(known: "1.2.840.113549.1.7.6")
    static let shroudedKeyBag = OID(known: "1.2.840.113549.1.12.10.1.2")
    static let certificateBag = OID(known: "1.2.840.113549.1.12.10.1.3")
    static let x509Certificate = OID(known: "1.2.840.113549.1.9.22.1")
    static let friendlyName = OID(known: "1.2.840.113549.1.9.20")
    static let localKeyID = OID(known: "1.2.840.113549.1.9.21")
    /// Oracle's mark of a trusted certificate, for the uses its value names.
    static let javaTrustedKeyUsage = OID(known: "2.16.840.1.113894.746875.1.1")

    // Protection by passwords: RFC 7292 Appendix C, RFC 8018 Appendix C, RFC 9579.
    static let pbeWithTripleDES = OID(known: "1.2.840.113549.1.12.1.3")
    static let pbeWithRC2 = OID(known: "1.2.840.113549.1.12.1.6")
    static let pbkdf2 = OID(known: "1.2.840.113549.1.5.12")
    static let pbes2 = OID(known: "1.2.840.113549.1.5.13")
    static let pbmac1 = OID(known: "1.2.840.113549.1.5.14")
    static let hmacWithSHA256 = OID(known: "1.2.840.113549.2.9")
    static let aes256CBC = OID(known: "2.16.840.1.101.3.4.1.42")
    static let sha1 = OID(known: "1.3.14.3.2.26")
    static let sha256 = OID(known: "2.16.840.1.101.3.4.2.1")
}
