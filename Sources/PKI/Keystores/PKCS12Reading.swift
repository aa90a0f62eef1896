extension PKCS12 {
    /// A Secret holds at most this much.
    static let maximumBytes = 1 << 20

    /// What was found in a file.
    package struct File: Sendable {
        package var contents: KeystoreContents
        /// Nil where the algorithms are those of no profile.
        package var profile: Profile?
    }

    /// Reads a file of any of the profiles, on PKI's own threads. Throws `wrongPassword` where it was made with another.
    package static func read(_ der: [UInt8], _ password: KeystorePassword) async throws(PKIError) -> File {
        guard der.count <= maximumBytes else {
            throw .tooLarge(what: name, bytes: der.count, limit: maximumBytes)
        }
        return try await SlowWork.shared.run { () throws(PKIError) in
            do {
                var reader = PKCS12Reader(password)
                return try reader.read(der)
            } catch let error as DERError {
                throw error.of(name)
            } catch let error as PKIError {
                throw error
            } catch {
                throw .malformed(what: name, reason: "\(error)")
            }
        }
    }
}

/// One reading of one file. Throws `PKIError` or `DERError`.
private struct PKCS12Reader {
    private let password: KeystorePassword
    private var key: PrivateKey?
    private var leaf: X509Certificate?
    private var others: [X509Certificate] = []
    private var trusted: [X509Certificate] = []
    private var certificateScheme: PasswordEncryption.Scheme?
    private var keyScheme: PasswordEncryption.Scheme?
    /// Keys to derive are what takes time; no file of ours has more than two parts.
    private var partsLeft = 8

    init(_ password: KeystorePassword) { self.password = password }

    mutating func read(_ der: [UInt8]) throws -> PKCS12.File {
        var fields = try DERReader.single(der, DERTag.sequence, "the file").children
        guard try fields.next(DERTag.integer, "the version").smallInteger() == 3 else {
            throw DERError("its version is unknown")
        }
        let content = try data(in: try fields.next(DERTag.sequence, "the content"))
        let (mac, tag) = try PKCS12MAC.read(try fields.next(DERTag.sequence, "the MAC"))
        try fields.finish("the file")
        try mac.check(tag, of: content, password)
        var safes = try DERReader.single(content, DERTag.sequence, "the content").children
        while !safes.isAtEnd { try readSafe(try safes.next(DERTag.sequence, "a part of the content")) }
        return PKCS12.File(contents: contents, profile: profile(mac))
    }

    private var contents: KeystoreContents {
        guard let key else { return KeystoreContents(trusting: trusted + others) }
        return KeystoreContents(key: key, chain: [leaf].compactMap(\.self) + others, authorities: trusted)
    }

    private func profile(_ mac: PKCS12MAC) -> PKCS12.Profile? {
        PKCS12.Profile.allCases.first { profile in
            guard mac.scheme == profile.mac.scheme else { return false }
            return certificateScheme.isLike(profile.encryption(of: .certificates).scheme)
                && (key == nil || keyScheme.isLike(profile.encryption(of: .key).scheme))
        }
    }

    private func data(in info: DERElement) throws(DERError) -> [UInt8] {
        var fields = info.children
        guard try fields.next(DERTag.oid, "the kind of a part").oid() == .pkcs7Data else {
            throw DERError("it is not protected by a password")
        }
        return try wrapped(&fields)
    }

    private func wrapped(_ fields: inout DERReader) throws(DERError) -> [UInt8] {
        var inner = try fields.next(0xA0, "the content of a part").children
        let content = Array(try inner.next(DERTag.octetString, "the content of a part").value)
        try inner.finish("a part")
        try fields.finish("a part")
        return content
    }

    private mutating func readSafe(_ info: DERElement) throws {
        partsLeft -= 1
        guard partsLeft >= 0 else { throw DERError("it has too many parts") }
        var fields = info.children
        let content: [UInt8]
        switch try fields.next(DERTag.oid, "the kind of a part").oid() {
        case .pkcs7Data: content = try wrapped(&fields)
        case .pkcs7EncryptedData: content = try decrypted(&fields)
        default: throw DERError("a part of it is of a kind that is not supported")
        }
        var bags = try DERReader.single(content, DERTag.sequence, "a part").children
        while !bags.isAtEnd { try readBag(try bags.next(DERTag.sequence, "an entry")) }
    }

    private mutating func decrypted(_ fields: inout DERReader) throws -> [UInt8] {
        var wrapper = try fields.next(0xA0, "an encrypted part").children
        try fields.finish("an encrypted part")
        var data = try wrapper.next(DERTag.sequence, "an encrypted part").children
        try wrapper.finish("an encrypted part")
        _ = try data.next(DERTag.integer, "the version of an encrypted part")
        var info = try data.next(DERTag.sequence, "an encrypted part").children
        try data.finish("an encrypted part")
        _ = try info.next(DERTag.oid, "the kind of an encrypted part")
        let encryption = try PasswordEncryption(try info.next(DERTag.sequence, "the encryption"))
        let encrypted = Array(try info.next(0x80, "an encrypted part").value)
        try info.finish("an encrypted part")
        certificateScheme = encryption.scheme
        return try encryption.decrypt(encrypted, password)
    }

    private mutating func readBag(_ bag: DERElement) throws {
        var fields = bag.children
        let type = try fields.next(DERTag.oid, "the kind of an entry").oid()
        var value = try fields.next(0xA0, "an entry").children
        let attributes = try attributes(try fields.nextIf(DERTag.set))
        try fields.finish("an entry")
        switch type {
        case .certificateBag:
            let certificate = try certificate(try value.next(DERTag.sequence, "a certificate"))
            if attributes.contains(.javaTrustedKeyUsage) {
                trusted.append(certificate)
            } else if attributes.contains(.localKeyID), leaf == nil {
                leaf = certificate
            } else {
                others.append(certificate)
            }
        case .shroudedKeyBag: try readKey(try value.next(DERTag.sequence, "a private key"))
        default: throw DERError("an entry is neither a certificate nor an encrypted key")
        }
        try value.finish("an entry")
    }

    private func attributes(_ set: DERElement?) throws(DERError) -> Set<OID> {
        guard var list = set?.children else { return [] }
        var types: Set<OID> = []
        while !list.isAtEnd {
            var fields = try list.next(DERTag.sequence, "an attribute").children
            types.insert(try fields.next(DERTag.oid, "an attribute").oid())
        }
        return types
    }

    private func certificate(_ element: DERElement) throws -> X509Certificate {
        var fields = element.children
        guard try fields.next(DERTag.oid, "the kind of a certificate").oid() == .x509Certificate else {
            throw DERError("a certificate is not an X.509 certificate")
        }
        return try X509Certificate(der: try wrapped(&fields))
    }

    private mutating func readKey(_ element: DERElement) throws {
        partsLeft -= 1
        guard key == nil, partsLeft >= 0 else { throw DERError("it holds more than one private key") }
        var fields = element.children
        let encryption = try PasswordEncryption(try fields.next(DERTag.sequence, "the encryption"))
        let encrypted = Array(try fields.next(DERTag.octetString, "an encrypted key").value)
        try fields.finish("an encrypted key")
        keyScheme = encryption.scheme
        var plain = try encryption.decrypt(encrypted, password)
        defer { plain.cleanse() }
        key = try PrivateKey(der: plain)
    }
}

extension PasswordEncryption.Scheme? {
    /// Whether it is the same algorithm, whatever its numbers.
    fileprivate func isLike(_ other: PasswordEncryption.Scheme) -> Bool {
        switch (self, other) {
        case (.rc2?, .rc2), (.tripleDES?, .tripleDES), (.aes256?, .aes256): true
        default: false
        }
    }
}
