import COpenSSL

/// A public key as certificates carry it: the DER of its SubjectPublicKeyInfo.
package struct PublicKey: Sendable, Hashable, CustomStringConvertible {
    package let spki: [UInt8]
    package let algorithm: KeyAlgorithm

    package init(spki: [UInt8]) throws(PKIError) {
        do {
            algorithm = try PublicKeyParts(spki: spki).algorithm
        } catch {
            throw error.of("the public key")
        }
        self.spki = spki
    }

    /// For DER that has been read before.
    init(checked spki: [UInt8], algorithm: KeyAlgorithm) {
        self.spki = spki
        self.algorithm = algorithm
    }

    init(_ parts: PublicKeyParts) {
        spki = parts.spki
        algorithm = parts.algorithm
    }

    /// The parts again; they were checked when the key was made.
    var parts: PublicKeyParts {
        get throws(PKIError) {
            do { return try PublicKeyParts(spki: spki) } catch { throw error.of("the public key") }
        }
    }

    package var description: String { "\(algorithm) key" }

    package static func == (left: PublicKey, right: PublicKey) -> Bool { left.spki == right.spki }
    package func hash(into hasher: inout Hasher) { hasher.combine(spki) }

    /// The SHA-1 of the key's bits, which RFC 5280 §4.2.1.2 (1) uses as key identifier.
    package var keyIdentifier: [UInt8] {
        guard let bits = try? PublicKeyParts(spki: spki).bits else { return Digest.sha1(spki) }  // checked by init
        return Digest.sha1(bits)
    }

    package func isValidSignature(
        _ signature: [UInt8], of data: [UInt8], _ algorithm: SignatureAlgorithm
    ) -> Bool {
        guard let handle = try? parts.handle() else {
            return false  // a point off the curve, say: such a key verifies nothing
        }
        return isValidSignature(signature, of: data, algorithm, handle)
    }

    /// The same with a handle of this very key, for those who have one.
    func isValidSignature(
        _ signature: [UInt8], of data: [UInt8], _ algorithm: SignatureAlgorithm, _ handle: KeyHandle
    ) -> Bool {
        guard algorithm.suits(self.algorithm) else { return false }
        let isValid = try? openSSL("verify a signature") { () throws(OpenSSLFailure) -> Bool in
            let context = try DigestContext()
            try unsafe require(
                EVP_DigestVerifyInit_ex(context.pointer, nil, algorithm.digestName, nil, nil, handle.pointer, nil))
            return unsafe EVP_DigestVerify(context.pointer, signature, signature.count, data, data.count) == 1
        }
        ERR_clear_error()
        return isValid ?? false  // a refusal of the key or signature means the same to every caller
    }
}

/// The numbers of a public key.
enum PublicKeyParts: Hashable {
    /// Big-endian magnitudes.
    case rsa(modulus: [UInt8], exponent: [UInt8])
    /// An uncompressed point: 04, x, y.
    case ec(KeyAlgorithm.Curve, point: [UInt8])
    case ed25519([UInt8])

    init(spki: [UInt8]) throws(DERError) {
        var fields = try DERReader.single(spki, DERTag.sequence, "the key").children
        var identifier = try fields.next(DERTag.sequence, "the key's algorithm").children
        let bits = try fields.next(DERTag.bitString, "the key's bits").bitStringOctets()
        try fields.finish("the key")
        let oid = try identifier.next(DERTag.oid, "the key's algorithm").oid()
        switch oid {
        case .rsaEncryption:
            _ = try identifier.nextIf(DERTag.null)
            self = try PublicKeyParts.rsa(pkcs1: bits)
        case .ecPublicKey:
            guard let curve = KeyAlgorithm.Curve(oid: try identifier.next(DERTag.oid, "the key's curve").oid()) else {
                throw DERError("its curve is none of P-256, P-384 and P-521")
            }
            self = .ec(curve, point: try PublicKeyParts.checked(point: bits, on: curve))
        case .ed25519:
            guard bits.count == 32 else { throw DERError("an Ed25519 key has 32 octets") }
            self = .ed25519(bits)
        default: throw DERError("keys of algorithm \(oid.dotted) are not supported")
        }
        try identifier.finish("the key's algorithm")
    }

    static func rsa(pkcs1: [UInt8]) throws(DERError) -> PublicKeyParts {
        var numbers = try DERReader.single(pkcs1, DERTag.sequence, "the RSA key").children
        let modulus = try numbers.next(DERTag.integer, "the modulus").unsignedInteger()
        let exponent = try numbers.next(DERTag.integer, "the exponent").unsignedInteger()
        try numbers.finish("the RSA key")
        return try checked(modulus: modulus, exponent: exponent)
    }

    /// Old roots have 1024 bits; above 16384 OpenSSL itself refuses to verify.
    static func checked(modulus: [UInt8], exponent: [UInt8]) throws(DERError) -> PublicKeyParts {
        guard (128...2048).contains(modulus.count) else { throw DERError("its RSA modulus has an unusable size") }
        guard let last = exponent.last, last & 1 == 1, exponent.count <= 8, exponent != [1] else {
            throw DERError("its RSA exponent is unusable")
        }
        return .rsa(modulus: modulus, exponent: exponent)
    }

    static func checked(point: [UInt8], on curve: KeyAlgorithm.Curve) throws(DERError) -> [UInt8] {
        guard point.first == 4, point.count == 1 + 2 * curve.width else {
            throw DERError("its point is not in uncompressed form")
        }
        return point
    }

    var algorithm: KeyAlgorithm {
        switch self {
        case .rsa(let modulus, _): .rsa(bits: modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0))
        case .ec(let curve, _): .ecdsa(curve)
        case .ed25519: .ed25519
        }
    }

    /// What the BIT STRING of the SubjectPublicKeyInfo holds.
    var bits: [UInt8] {
        switch self {
        case .rsa(let modulus, let exponent):
            DERWriter.sequence { writer in
                writer.integer(magnitude: modulus)
                writer.integer(magnitude: exponent)
            }
        case .ec(_, let point): point
        case .ed25519(let octets): octets
        }
    }

    var spki: [UInt8] {
        DERWriter.sequence { writer in
            writeAlgorithm(to: &writer)
            writer.bitString(bits)
        }
    }

    func writeAlgorithm(to writer: inout DERWriter) {
        writer.constructed { writer in
            switch self {
            case .rsa:
                writer.oid(.rsaEncryption)
                writer.null()
            case .ec(let curve, _):
                writer.oid(.ecPublicKey)
                writer.oid(curve.oid)
            case .ed25519: writer.oid(.ed25519)
            }
        }
    }

    /// Refuses a point that is not on its curve.
    func handle() throws(PKIError) -> KeyHandle {
        try openSSL("read the public key") { () throws(OpenSSLFailure) -> KeyHandle in
            switch self {
            case .rsa(let modulus, let exponent):
                var parts = try KeyParts()
                try parts.number("n", modulus)
                try parts.number("e", exponent)
                return try parts.makeKey("RSA", selection: KeySelection.publicKey)
            case .ec(let curve, let point):
                return try KeyParts().makeKey(on: curve, point: point, selection: KeySelection.publicKey)
            case .ed25519(let octets):
                return unsafe KeyHandle(
                    adopting: try require(
                        EVP_PKEY_new_raw_public_key(NID_ED25519, nil, octets, octets.count)))
            }
        }
    }
}

/// OpenSSL's EVP_PKEY_PUBLIC_KEY and EVP_PKEY_KEYPAIR, which are macros.
enum KeySelection {
    static let publicKey = OSSL_KEYMGMT_SELECT_ALL_PARAMETERS | OSSL_KEYMGMT_SELECT_PUBLIC_KEY
    static let keyPair = publicKey | OSSL_KEYMGMT_SELECT_PRIVATE_KEY
}
