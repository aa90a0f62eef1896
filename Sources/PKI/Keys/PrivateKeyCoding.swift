import COpenSSL
import Wire

extension PrivateKey {
    /// Reads exactly one private key: PKCS#1 ("RSA PRIVATE KEY"), SEC1 ("EC PRIVATE KEY") or PKCS#8 ("PRIVATE KEY").
    /// An "EC PARAMETERS" block before it is passed over, as `openssl ecparam -genkey` writes one.
    package convenience init(pem: [UInt8], limit: Int = PEMLimits.default.privateKey) throws(PKIError) {
        do {
            try self.init(PrivateKeyParts.only(in: pem, limit: limit))
        } catch {
            throw PrivateKeyParts.reading(error)
        }
    }

    /// Reads a private key in DER, in any of the three forms.
    package convenience init(der: [UInt8], limit: Int = PEMLimits.default.privateKey) throws(PKIError) {
        guard der.count <= limit else { throw .tooLarge(what: "the private key", bytes: der.count, limit: limit) }
        do {
            try self.init(PrivateKeyParts.anyForm(der))
        } catch {
            throw PrivateKeyParts.reading(error)
        }
    }

    /// The public half of a private key in PEM, checked as `init(pem:)` checks it. Nothing is made that could sign:
    /// enough for those who only compare keys with certificates.
    package static func publicKey(
        pem: [UInt8], limit: Int = PEMLimits.default.privateKey
    ) throws(PKIError) -> PublicKey {
        do {
            return PublicKey(try PrivateKeyParts.only(in: pem, limit: limit).publicParts())
        } catch {
            throw PrivateKeyParts.reading(error)
        }
    }

    /// The form a private key in PEM is in, by its label alone. Anything but PKCS#8 counts as traditional.
    package static func encoding(pem: [UInt8]) -> KeyEncoding {
        PEMText.positions(of: "-----BEGIN PRIVATE KEY-----", in: pem).isEmpty ? .pkcs1 : .pkcs8
    }

    private convenience init(_ parts: consuming PrivateKeyParts) throws(PKIError) {
        let publicParts = try parts.publicParts()
        self.init(handle: try parts.handle(publicParts), publicKey: PublicKey(publicParts))
    }

    package func pem(_ encoding: KeyEncoding) throws(PKIError) -> [UInt8] {
        var octets = try der(encoding)
        defer { octets.cleanse() }
        let label =
            switch (encoding, algorithm) {
            case (.pkcs1, .rsa): "RSA PRIVATE KEY"
            case (.pkcs1, .ecdsa): "EC PRIVATE KEY"
            default: "PRIVATE KEY"
            }
        return Array(PEM.encode(label, octets).utf8)
    }

    package func der(_ encoding: KeyEncoding) throws(PKIError) -> [UInt8] {
        let parts = try PrivateKeyParts(self)
        return encoding == .pkcs8 || algorithm == .ed25519 ? parts.pkcs8() : parts.traditional()
    }
}

/// The numbers of a private key, overwritten when they are no longer used.
struct PrivateKeyParts: ~Copyable {
    enum Kind {
        /// n, e, d, p, q, dP, dQ, qInv: the order of RFC 8017 A.1.2.
        case rsa
        case ec(KeyAlgorithm.Curve)
        case ed25519
    }
    let kind: Kind
    private(set) var numbers: [[UInt8]]
    /// The point that came with an EC key, if one did.
    let point: [UInt8]?

    init(_ kind: Kind, _ numbers: [[UInt8]], point: [UInt8]? = nil) {
        self.kind = kind
        self.numbers = numbers
        self.point = point
    }

    deinit {
        // `numbers` cannot be changed in place here, so each array's own storage is overwritten; n and e are public,
        // and the public key may share theirs.
        let publicCount = if case .rsa = kind { 2 } else { 0 }
        for number in numbers.dropFirst(publicCount) {
            unsafe number.withUnsafeBytes { buffer in
                unsafe OPENSSL_cleanse(UnsafeMutableRawPointer(mutating: buffer.baseAddress), buffer.count)
            }
        }
    }

    static func reading(_ error: any Error) -> PKIError {
        switch error {
        case let error as DERError: error.of("the private key")
        case let error as PKIError: error
        default: .malformed(what: "the private key", reason: "\(error)")
        }
    }
}

// MARK: - From PEM and DER

extension PrivateKeyParts {
    /// The only private key in a PEM text. Throws `PKIError` or `DERError`.
    static func only(in pem: [UInt8], limit: Int) throws -> PrivateKeyParts {
        let blocks = try PEMText.blocks(pem, of: "the private key", limit: limit)
            .filter { $0.label != "EC PARAMETERS" }
        guard let block = blocks.first, blocks.count == 1 else {
            throw DERError(blocks.isEmpty ? "it holds no PEM block" : "it holds more than one PEM block")
        }
        switch block.label {
        case "RSA PRIVATE KEY": return try pkcs1(block.bytes)
        case "EC PRIVATE KEY": return try sec1(block.bytes, curve: nil)
        case "PRIVATE KEY": return try pkcs8(block.bytes)
        case "ENCRYPTED PRIVATE KEY":
            throw PKIError.unsupported(what: "an encrypted private key", reason: "it must be stored unencrypted")
        default: throw DERError("a PEM block \"\(block.label.prefix(64))\" is not a private key")
        }
    }

    static func anyForm(_ der: [UInt8]) throws(DERError) -> PrivateKeyParts {
        var fields = try DERReader.single(der, DERTag.sequence, "the key").children
        _ = try fields.next(DERTag.integer, "the version")
        switch fields.peekTag() {
        case DERTag.sequence: return try pkcs8(der)
        case DERTag.integer: return try pkcs1(der)
        default: return try sec1(der, curve: nil)
        }
    }

    /// RFC 5208 and 5958: version 0, or 1 when a public key comes along.
    static func pkcs8(_ der: [UInt8]) throws(DERError) -> PrivateKeyParts {
        var fields = try DERReader.single(der, DERTag.sequence, "the key").children
        guard try fields.next(DERTag.integer, "the version").smallInteger() <= 1 else {
            throw DERError("its PKCS#8 version is unknown")
        }
        var identifier = try fields.next(DERTag.sequence, "the key's algorithm").children
        let content = Array(try fields.next(DERTag.octetString, "the key's content").value)
        while !fields.isAtEnd {  // attributes [0] and the public key [1] add nothing we use
            guard try fields.next().tag & 0xC0 == 0x80 else {
                throw DERError("there are bytes after the end of the key")
            }
        }
        let oid = try identifier.next(DERTag.oid, "the key's algorithm").oid()
        switch oid {
        case .rsaEncryption:
            _ = try identifier.nextIf(DERTag.null)
            try identifier.finish("the key's algorithm")
            return try pkcs1(content)
        case .ecPublicKey:
            let curve = try curve(try identifier.next(DERTag.oid, "the key's curve"))
            try identifier.finish("the key's algorithm")
            return try sec1(content, curve: curve)
        case .ed25519:
            try identifier.finish("the key's algorithm")
            let seed = try DERReader.single(content, DERTag.octetString, "the Ed25519 key").value
            guard seed.count == 32 else { throw DERError("an Ed25519 key has 32 octets") }
            return PrivateKeyParts(.ed25519, [Array(seed)])
        default: throw DERError("keys of algorithm \(oid.dotted) are not supported")
        }
    }

    static func pkcs1(_ der: [UInt8]) throws(DERError) -> PrivateKeyParts {
        var fields = try DERReader.single(der, DERTag.sequence, "the RSA key").children
        guard try fields.next(DERTag.integer, "the version").smallInteger() == 0 else {
            throw DERError("RSA keys of more than two primes are not supported")
        }
        var numbers: [[UInt8]] = []
        for name in ["n", "e", "d", "p", "q", "dP", "dQ", "qInv"] {
            numbers.append(try fields.next(DERTag.integer, "the number \(name)").unsignedInteger())
        }
        try fields.finish("the RSA key")
        return PrivateKeyParts(.rsa, numbers)
    }

    /// RFC 5915. `curve` comes from PKCS#8; a SEC1 file names its own.
    static func sec1(_ der: [UInt8], curve outer: KeyAlgorithm.Curve?) throws(DERError) -> PrivateKeyParts {
        var fields = try DERReader.single(der, DERTag.sequence, "the EC key").children
        guard try fields.next(DERTag.integer, "the version").smallInteger() == 1 else {
            throw DERError("its EC key version is unknown")
        }
        let number = Array(try fields.next(DERTag.octetString, "the private number").value)
        var named: KeyAlgorithm.Curve?
        if let parameters = try fields.nextIf(DERTag.context(0, constructed: true)) {
            var inner = parameters.children
            named = try curve(try inner.next(DERTag.oid, "the key's curve"))
            try inner.finish("the key's curve")
        }
        var point: [UInt8]?
        if let wrapped = try fields.nextIf(DERTag.context(1, constructed: true)) {
            var inner = wrapped.children
            point = try inner.next(DERTag.bitString, "the public point").bitStringOctets()
            try inner.finish("the public point")
        }
        try fields.finish("the EC key")
        guard let curve = named ?? outer, outer == nil || curve == outer else {
            throw DERError(named == nil ? "it does not name its curve" : "it names two different curves")
        }
        guard number.count <= curve.width else { throw DERError("its private number is too large") }
        return PrivateKeyParts(.ec(curve), [number], point: point)
    }

    private static func curve(_ element: DERElement) throws(DERError) -> KeyAlgorithm.Curve {
        guard let curve = KeyAlgorithm.Curve(oid: try element.oid()) else {
            throw DERError("its curve is none of P-256, P-384 and P-521")
        }
        return curve
    }
}

// MARK: - To DER

extension PrivateKeyParts {
    init(_ key: PrivateKey) throws(PKIError) {
        let handle = key.handle
        switch key.algorithm {
        case .rsa:
            let names = [
                "n", "e", "d", "rsa-factor1", "rsa-factor2", "rsa-exponent1", "rsa-exponent2", "rsa-coefficient1",
            ]
            self.init(
                .rsa,
                try openSSL("write the private key") { () throws(OpenSSLFailure) in
                    var numbers: [[UInt8]] = []
                    for name in names { numbers.append(try handle.number(name)) }
                    return numbers
                })
        case .ecdsa(let curve):
            let number = try openSSL("write the private key") { () throws(OpenSSLFailure) in
                try handle.number("priv", width: curve.width)
            }
            self.init(.ec(curve), [number], point: try key.publicKey.parts.bits)
        case .ed25519:
            let seed = try openSSL("write the private key") { () throws(OpenSSLFailure) in
                try handle.octets("priv", count: 32)
            }
            self.init(.ed25519, [seed])
        }
    }

    borrowing func traditional(namesCurve: Bool = true) -> [UInt8] {
        let numbers = numbers
        let point = point
        switch kind {
        case .rsa:
            return DERWriter.sequence { writer in
                writer.integer(0)
                for number in numbers { writer.integer(magnitude: number) }
            }
        case .ec(let curve):
            return DERWriter.sequence { writer in
                writer.integer(1)
                writer.octetString(numbers[0])
                if namesCurve { writer.constructed(DERTag.context(0, constructed: true)) { $0.oid(curve.oid) } }
                if let point { writer.constructed(DERTag.context(1, constructed: true)) { $0.bitString(point) } }
            }
        case .ed25519:
            var writer = DERWriter()
            writer.octetString(numbers[0])
            return writer.bytes
        }
    }

    borrowing func pkcs8() -> [UInt8] {
        var content = traditional(namesCurve: false)
        defer { content.cleanse() }
        let algorithm: PublicKeyParts =
            switch kind {  // only the kind matters to the algorithm's identifier
            case .rsa: .rsa(modulus: [], exponent: [])
            case .ec(let curve): .ec(curve, point: [])
            case .ed25519: .ed25519([])
            }
        return DERWriter.sequence { writer in
            writer.integer(0)
            algorithm.writeAlgorithm(to: &writer)
            writer.octetString(content)
        }
    }
}
