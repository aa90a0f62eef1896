import COpenSSL

/// A way to encrypt with a password that PKCS#12 knows, and its numbers.
struct PasswordEncryption: Sendable, Hashable {
    enum Scheme: Sendable, Hashable {
        /// pbeWithSHAAnd40BitRC2-CBC (RFC 7292 Appendix C).
        case rc2
        /// pbeWithSHAAnd3-KeyTripleDES-CBC (RFC 7292 Appendix C).
        case tripleDES
        /// PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC (RFC 8018 §6.2).
        case aes256(iv: [UInt8])
    }
    var scheme: Scheme
    var salt: [UInt8]
    var iterations: Int

    /// Beyond this a file costs more than a quarter of a second for each key derived; the usual counts are 2,048 to 10,000.
    static let maximumIterations = 100_000

    func encrypt(_ plain: [UInt8], _ password: KeystorePassword) throws(PKIError) -> [UInt8] {
        let size = blockSize
        let padding = size - plain.count % size
        return try apply(plain + [UInt8](repeating: UInt8(padding), count: padding), password, encrypting: true)
    }

    func decrypt(_ encrypted: [UInt8], _ password: KeystorePassword) throws(PKIError) -> [UInt8] {
        guard !encrypted.isEmpty, encrypted.count.isMultiple(of: blockSize) else {
            throw .malformed(what: PKCS12.name, reason: "what is encrypted is not a whole number of blocks")
        }
        var plain = try apply(encrypted, password, encrypting: false)
        guard let last = plain.last, (1...blockSize).contains(Int(last)),
            plain.suffix(Int(last)).allSatisfy({ $0 == last })
        else { throw .wrongPassword(of: PKCS12.name) }
        plain.removeLast(Int(last))
        return plain
    }

    private var blockSize: Int { if case .aes256 = scheme { 16 } else { 8 } }

    private func apply(
        _ text: [UInt8], _ password: KeystorePassword, encrypting: Bool
    ) throws(PKIError) -> [UInt8] {
        switch scheme {
        case .rc2:
            let cipher = RC2(key: try derive(.key, 5, password), effectiveBits: 40)
            let iv = try derive(.iv, RC2.blockSize, password)
            return encrypting ? cipher.encryptChained(text, iv: iv) : cipher.decryptChained(text, iv: iv)
        case .tripleDES:
            var key = try derive(.key, 24, password)
            defer { key.cleanse() }
            return try Cipher.apply(
                "DES-EDE3-CBC", text, key: key, iv: try derive(.iv, 8, password), encrypting: encrypting)
        case .aes256(let iv):
            var key = try PasswordDerivation.pbkdf2(password, salt: salt, iterations: iterations, count: 32)
            defer { key.cleanse() }
            return try Cipher.apply("AES-256-CBC", text, key: key, iv: iv, encrypting: encrypting)
        }
    }

    private func derive(
        _ purpose: PasswordDerivation.Purpose, _ count: Int, _ password: KeystorePassword
    ) throws(PKIError) -> [UInt8] {
        try PasswordDerivation.pkcs12(
            password, purpose, salt: salt, iterations: iterations, count: count, digest: .sha1)
    }
}

/// Keys from passwords.
enum PasswordDerivation {
    /// The "ID" of RFC 7292 B.3.
    enum Purpose: Int32 {
        case key = 1
        case iv = 2
        case mac = 3
    }

    /// RFC 7292 B.2.
    static func pkcs12(
        _ password: KeystorePassword, _ purpose: Purpose, salt: [UInt8], iterations: Int, count: Int, digest: HMAC
    ) throws(PKIError) -> [UInt8] {
        var (secret, salt) = (password.terminatedUTF16, salt)
        defer { secret.cleanse() }
        var output = [UInt8](repeating: 0, count: count)
        try openSSL("derive a key from a password") { () throws(OpenSSLFailure) in
            try unsafe require(
                PKCS12_key_gen_uni(
                    &secret, Int32(secret.count), &salt, Int32(salt.count), purpose.rawValue, Int32(iterations),
                    Int32(count), &output, EVP_get_digestbyname(digest.rawValue)))
        }
        return output
    }

    /// RFC 8018 §5.2 with HMAC-SHA-256.
    static func pbkdf2(
        _ password: KeystorePassword, salt: [UInt8], iterations: Int, count: Int
    ) throws(PKIError) -> [UInt8] {
        var secret = password.utf8.map { CChar(bitPattern: $0) }
        defer { unsafe secret.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) } }
        var output = [UInt8](repeating: 0, count: count)
        try openSSL("derive a key from a password") { () throws(OpenSSLFailure) in
            try unsafe require(
                PKCS5_PBKDF2_HMAC(
                    secret, Int32(secret.count), salt, Int32(salt.count), Int32(iterations),
                    EVP_get_digestbyname(HMAC.sha256.rawValue), Int32(count), &output))
        }
        return output
    }
}

private enum Cipher {
    /// Whole blocks in, whole blocks out; padding is the caller's.
    static func apply(
        _ name: String, _ text: [UInt8], key: [UInt8], iv: [UInt8], encrypting: Bool
    ) throws(PKIError) -> [UInt8] {
        try openSSL("\(encrypting ? "encrypt" : "decrypt") with \(name)") { () throws(OpenSSLFailure) -> [UInt8] in
            guard let context = unsafe EVP_CIPHER_CTX_new() else { throw OpenSSLFailure() }
            defer { unsafe EVP_CIPHER_CTX_free(context) }
            try unsafe require(
                EVP_CipherInit_ex(context, EVP_get_cipherbyname(name), nil, key, iv, encrypting ? 1 : 0))
            try unsafe require(EVP_CIPHER_CTX_set_padding(context, 0))
            var output = [UInt8](repeating: 0, count: text.count + 16)
            var written: Int32 = 0
            try unsafe require(EVP_CipherUpdate(context, &output, &written, text, Int32(text.count)))
            guard Int(written) == text.count else {
                throw OpenSSLFailure(reason: "a cipher kept back part of its text")
            }
            output.removeLast(output.count - text.count)
            return output
        }
    }
}

// MARK: - As DER

extension PasswordEncryption {
    /// The AlgorithmIdentifier.
    func write(to writer: inout DERWriter) {
        writer.constructed { writer in
            switch scheme {
            case .rc2:
                writer.oid(.pbeWithRC2)
                writeSaltAndCount(to: &writer)
            case .tripleDES:
                writer.oid(.pbeWithTripleDES)
                writeSaltAndCount(to: &writer)
            case .aes256(let iv):
                writer.oid(.pbes2)
                writer.constructed { writer in
                    PBKDF2Parameters(salt: salt, iterations: iterations, keyLength: nil).write(to: &writer)
                    writer.constructed { writer in
                        writer.oid(.aes256CBC)
                        writer.octetString(iv)
                    }
                }
            }
        }
    }

    private func writeSaltAndCount(to writer: inout DERWriter) {
        writer.constructed { writer in
            writer.octetString(salt)
            writer.integer(iterations)
        }
    }

    init(_ identifier: DERElement) throws(DERError) {
        var fields = identifier.children
        let oid = try fields.next(DERTag.oid, "the encryption algorithm").oid()
        var parameters = try fields.next(DERTag.sequence, "the encryption's parameters").children
        try fields.finish("the encryption algorithm")
        switch oid {
        case .pbeWithRC2, .pbeWithTripleDES:
            scheme = oid == .pbeWithRC2 ? .rc2 : .tripleDES
            salt = try PBKDF2Parameters.salt(&parameters)
            iterations = try PBKDF2Parameters.count(&parameters)
        case .pbes2:
            let derivation = try PBKDF2Parameters(try parameters.next(DERTag.sequence, "the key derivation"))
            guard derivation.keyLength ?? 32 == 32 else { throw DERError("its keys have an unexpected length") }
            salt = derivation.salt
            iterations = derivation.iterations
            var cipher = try parameters.next(DERTag.sequence, "the cipher").children
            guard try cipher.next(DERTag.oid, "the cipher").oid() == .aes256CBC else {
                throw DERError("its cipher is not AES-256-CBC")
            }
            let iv = Array(try cipher.next(DERTag.octetString, "the initialization vector").value)
            guard iv.count == 16 else { throw DERError("its initialization vector has an unexpected length") }
            try cipher.finish("the cipher")
            scheme = .aes256(iv: iv)
        default: throw DERError("it is encrypted with \(oid.dotted), which is not supported")
        }
        try parameters.finish("the encryption's parameters")
    }
}

/// How PBES2 and PBMAC1 make a key of a password: PBKDF2 with HMAC-SHA-256 (RFC 8018 A.2).
struct PBKDF2Parameters: Sendable, Hashable {
    var salt: [UInt8]
    var iterations: Int
    var keyLength: Int?

    init(salt: [UInt8], iterations: Int, keyLength: Int?) {
        self.salt = salt
        self.iterations = iterations
        self.keyLength = keyLength
    }

    /// The AlgorithmIdentifier.
    func write(to writer: inout DERWriter) {
        writer.constructed { writer in
            writer.oid(.pbkdf2)
            writer.constructed { writer in
                writer.octetString(salt)
                writer.integer(iterations)
                if let keyLength { writer.integer(keyLength) }
                writer.constructed { writer in
                    writer.oid(.hmacWithSHA256)
                    writer.null()
                }
            }
        }
    }

    init(_ identifier: DERElement) throws(DERError) {
        var fields = identifier.children
        guard try fields.next(DERTag.oid, "the key derivation").oid() == .pbkdf2 else {
            throw DERError("its key derivation is not PBKDF2")
        }
        var parameters = try fields.next(DERTag.sequence, "the parameters of PBKDF2").children
        try fields.finish("the key derivation")
        salt = try Self.salt(&parameters)
        iterations = try Self.count(&parameters)
        keyLength = try parameters.nextIf(DERTag.integer)?.smallInteger()
        var function = try parameters.next(DERTag.sequence, "the function of PBKDF2").children
        guard try function.next(DERTag.oid, "the function of PBKDF2").oid() == .hmacWithSHA256 else {
            throw DERError("its key derivation is not of HMAC-SHA-256")
        }
        _ = try function.nextIf(DERTag.null)
        try function.finish("the function of PBKDF2")
        try parameters.finish("the parameters of PBKDF2")
    }

    static func salt(_ fields: inout DERReader) throws(DERError) -> [UInt8] {
        let salt = Array(try fields.next(DERTag.octetString, "the salt").value)
        guard (1...1024).contains(salt.count) else { throw DERError("its salt has an unusable length") }
        return salt
    }

    static func count(_ fields: inout DERReader) throws(DERError) -> Int {
        let count = try fields.next(DERTag.integer, "the iteration count").smallInteger()
        guard (1...PasswordEncryption.maximumIterations).contains(count) else {
            throw DERError("its iteration count is not between 1 and \(PasswordEncryption.maximumIterations)")
        }
        return count
    }
}
