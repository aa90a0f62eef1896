/// The check that a PKCS#12 file is whole and was made with the password.
struct PKCS12MAC: Sendable, Hashable {
    enum Scheme: Sendable, Hashable {
        /// RFC 7292 §4: the digest is SHA-1 or SHA-256.
        case classic(HMAC)
        /// RFC 9579, with HMAC-SHA-256 throughout.
        case pbmac1
    }
    var scheme: Scheme
    var salt: [UInt8]
    var iterations: Int

    private func authenticate(_ content: [UInt8], _ password: KeystorePassword) throws(PKIError) -> [UInt8] {
        let function: HMAC
        var key: [UInt8]
        switch scheme {
        case .classic(let digest):
            function = digest
            key = try PasswordDerivation.pkcs12(
                password, .mac, salt: salt, iterations: iterations, count: digest.byteCount, digest: digest)
        case .pbmac1:
            function = .sha256
            key = try PasswordDerivation.pbkdf2(
                password, salt: salt, iterations: iterations, count: function.byteCount)
        }
        defer { key.cleanse() }
        return try function.authenticate(content, key: key)
    }

    /// The MacData that stands at the end of a file.
    func data(over content: [UInt8], _ password: KeystorePassword) throws(PKIError) -> [UInt8] {
        let tag = try authenticate(content, password)
        return DERWriter.sequence { writer in
            writer.constructed { writer in
                writer.constructed { writeAlgorithm(to: &$0) }
                writer.octetString(tag)
            }
            writer.octetString(salt)
            // PBMAC1 has its own count, and this one stands at its default.
            if iterations != 1, scheme != .pbmac1 { writer.integer(iterations) }
        }
    }

    private func writeAlgorithm(to writer: inout DERWriter) {
        switch scheme {
        case .classic(let digest):
            writer.oid(digest == .sha1 ? .sha1 : .sha256)
            writer.null()
        case .pbmac1:
            writer.oid(.pbmac1)
            writer.constructed { writer in
                PBKDF2Parameters(salt: salt, iterations: iterations, keyLength: HMAC.sha256.byteCount)
                    .write(to: &writer)
                writer.constructed { writer in
                    writer.oid(.hmacWithSHA256)
                    writer.null()
                }
            }
        }
    }

    /// Reads a MacData, with the tag it states.
    static func read(_ element: DERElement) throws(DERError) -> (mac: PKCS12MAC, tag: [UInt8]) {
        var fields = element.children
        var info = try fields.next(DERTag.sequence, "the MAC").children
        var algorithm = try info.next(DERTag.sequence, "the MAC's algorithm").children
        let tag = Array(try info.next(DERTag.octetString, "the MAC").value)
        try info.finish("the MAC")
        let salt = Array(try fields.next(DERTag.octetString, "the MAC's salt").value)
        let iterations = fields.isAtEnd ? 1 : try PBKDF2Parameters.count(&fields)
        try fields.finish("the MAC's data")
        let oid = try algorithm.next(DERTag.oid, "the MAC's algorithm").oid()
        switch oid {
        case .sha1, .sha256:
            _ = try algorithm.nextIf(DERTag.null)
            try algorithm.finish("the MAC's algorithm")
            guard (1...1024).contains(salt.count) else { throw DERError("its MAC's salt has an unusable length") }
            return (
                PKCS12MAC(scheme: .classic(oid == .sha1 ? .sha1 : .sha256), salt: salt, iterations: iterations), tag
            )
        case .pbmac1:
            let own = try parameters(&algorithm)
            return (PKCS12MAC(scheme: .pbmac1, salt: own.salt, iterations: own.iterations), tag)
        default: throw DERError("its MAC is of a kind that is not supported, \(oid.dotted)")
        }
    }

    private static func parameters(_ algorithm: inout DERReader) throws(DERError) -> PBKDF2Parameters {
        var parameters = try algorithm.next(DERTag.sequence, "the parameters of PBMAC1").children
        try algorithm.finish("the MAC's algorithm")
        let own = try PBKDF2Parameters(try parameters.next(DERTag.sequence, "the key derivation"))
        // A shorter key could be guessed instead of the password (RFC 9579 §4).
        guard own.keyLength == HMAC.sha256.byteCount else { throw DERError("its MAC's key has an unexpected length") }
        var function = try parameters.next(DERTag.sequence, "the function of PBMAC1").children
        guard try function.next(DERTag.oid, "the function of PBMAC1").oid() == .hmacWithSHA256 else {
            throw DERError("its MAC is not of HMAC-SHA-256")
        }
        _ = try function.nextIf(DERTag.null)
        try function.finish("the function of PBMAC1")
        try parameters.finish("the parameters of PBMAC1")
        return own
    }

    func check(_ tag: [UInt8], of content: [UInt8], _ password: KeystorePassword) throws(PKIError) {
        guard constantTimeEqual(try authenticate(content, password), tag) else {
            throw .wrongPassword(of: PKCS12.name)
        }
    }
}
