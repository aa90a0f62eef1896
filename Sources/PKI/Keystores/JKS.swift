package import Wire

/// Java's first keystore format ("JKS", version 2): what `sun.security.provider.JavaKeyStore` reads and writes.
///
/// Numbers are big-endian, texts Java's modified UTF-8 with a length of 16 bits. The file ends with a SHA-1 over password
/// and content; each private key is hidden by a SHA-1 key stream of its own. Neither withstands an attacker who has
/// the file: the format is for programs that know no other.
package enum JKS {
    static let name = "the JKS file"
    static let magic: [UInt8] = [0xFE, 0xED, 0xFE, 0xED]
    static let version = 2
    static let salted = Array("Mighty Aphrodite".utf8)
    static let certificateKind = "X.509"
    /// Sun's own mark of its key protection.
    static let protection = OID(known: "1.3.6.1.4.1.42.2.17.1.1")

    /// The names of `count` trusted certificates: `ca`, `ca-1` and so on, without the one the key has.
    package static func authorityAliases(_ count: Int, besides alias: String?) -> [String] {
        var names: [String] = []
        var number = 0
        while names.count < count {
            let name = number == 0 ? "ca" : "ca-\(number)"
            if name != alias { names.append(name) }
            number += 1
        }
        return names
    }

    /// Java compares aliases in lower case, and finds no others.
    package static func canonical(_ alias: String) -> String { alias.lowercased() }

    /// A file with a private key and its chain under `alias`, and trusted certificates under `ca`, `ca-1` and so on.
    /// `created` is what Java shows as the date of the entries.
    package static func make(
        _ contents: KeystoreContents, alias: String, created: Timestamp, _ password: KeystorePassword
    ) throws(PKIError) -> [UInt8] {
        let alias = canonical(alias)
        var writer = JKSWriter()
        writer.octets += magic
        writer.number(version)
        writer.number((contents.key == nil ? 0 : 1) + contents.authorities.count)
        let milliseconds = max(0, created.secondsSince1970) * 1000
        if let key = contents.key {
            writer.number(1)
            try writer.text(alias)
            writer.date(milliseconds)
            try writer.counted(JKSProtection.hide(key, password))
            writer.number(contents.chain.count)
            for certificate in contents.chain { try writer.certificate(certificate) }
        }
        let names = authorityAliases(contents.authorities.count, besides: contents.key == nil ? nil : alias)
        for (name, certificate) in zip(names, contents.authorities) {
            writer.number(2)
            try writer.text(name)
            writer.date(milliseconds)
            try writer.certificate(certificate)
        }
        return writer.octets + Digest.sha1(password.utf16 + salted + writer.octets)
    }
}

private struct JKSWriter {
    var octets: [UInt8] = []

    mutating func number(_ value: Int) { append(UInt64(truncatingIfNeeded: value), octets: 4) }
    mutating func date(_ milliseconds: Int64) { append(UInt64(bitPattern: milliseconds), octets: 8) }

    private mutating func append(_ value: UInt64, octets count: Int) {
        for index in (0..<count).reversed() { octets.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))) }
    }

    mutating func text(_ text: String) throws(PKIError) {
        let encoded = ModifiedUTF8.encode(text)
        guard encoded.count <= 0xFFFF else {
            throw .invalidName(String(text.prefix(64)), reason: "an alias has at most 65535 octets")
        }
        append(UInt64(encoded.count), octets: 2)
        octets += encoded
    }

    mutating func counted(_ content: [UInt8]) {
        number(content.count)
        octets += content
    }

    mutating func certificate(_ certificate: X509Certificate) throws(PKIError) {
        try text(JKS.certificateKind)
        counted(certificate.der)
    }
}

/// Text as `java.io.DataOutput.writeUTF` writes it: each UTF-16 unit by itself, NUL in two octets.
enum ModifiedUTF8 {
    static func encode(_ text: String) -> [UInt8] {
        text.utf16.flatMap { unit -> [UInt8] in
            switch unit {
            case 1..<0x80: [UInt8(unit)]
            case 0..<0x800: [0xC0 | UInt8(unit >> 6), 0x80 | UInt8(unit & 0x3F)]
            default: [0xE0 | UInt8(unit >> 12), 0x80 | UInt8(unit >> 6 & 0x3F), 0x80 | UInt8(unit & 0x3F)]
            }
        }
    }

    /// Nil for octets that no text is written as.
    static func decode(_ octets: ArraySlice<UInt8>) -> String? {
        var units: [UInt16] = []
        var rest = octets
        while let first = rest.popFirst() {
            let (count, lead): (Int, UInt16) =
                switch first {
                case 1..<0x80: (0, UInt16(first))
                case 0xC0..<0xE0: (1, UInt16(first & 0x1F))
                case 0xE0..<0xF0: (2, UInt16(first & 0x0F))
                default: (-1, 0)
                }
            guard count >= 0, rest.count >= count else { return nil }
            var unit = lead
            for _ in 0..<count {
                guard let next = rest.popFirst(), next & 0xC0 == 0x80 else { return nil }
                unit = unit << 6 | UInt16(next & 0x3F)
            }
            units.append(unit)
        }
        return String(validating: units, as: UTF16.self)
    }
}

/// How JKS hides a private key: XOR with a chain of SHA-1 over password and salt, and a SHA-1 to know the password by.
enum JKSProtection {
    private static let digestSize = 20

    static func hide(_ key: PrivateKey, _ password: KeystorePassword) throws(PKIError) -> [UInt8] {
        var plain = try key.der(.pkcs8)
        defer { plain.cleanse() }
        let salt = SecureRandom.bytes(digestSize)
        let hidden = apply(plain, salt: salt, password)
        let check = Digest.sha1(password.utf16 + plain)
        return DERWriter.sequence { writer in
            writer.constructed { writer in
                writer.oid(JKS.protection)
                writer.null()
            }
            writer.octetString(salt + hidden + check)
        }
    }

    static func reveal(_ der: [UInt8], _ password: KeystorePassword) throws -> PrivateKey {
        var fields = try DERReader.single(der, DERTag.sequence, "the protected key").children
        var algorithm = try fields.next(DERTag.sequence, "the key's protection").children
        guard try algorithm.next(DERTag.oid, "the key's protection").oid() == JKS.protection else {
            throw DERError("its key is protected in an unknown way")
        }
        _ = try algorithm.nextIf(DERTag.null)
        try algorithm.finish("the key's protection")
        let content = Array(try fields.next(DERTag.octetString, "the protected key").value)
        try fields.finish("the protected key")
        guard content.count > 2 * digestSize else { throw DERError("its protected key is too short") }
        let salt = Array(content[..<digestSize])
        var plain = apply(Array(content[digestSize..<content.count - digestSize]), salt: salt, password)
        defer { plain.cleanse() }
        guard constantTimeEqual(Digest.sha1(password.utf16 + plain), Array(content.suffix(digestSize))) else {
            throw PKIError.wrongPassword(of: JKS.name)
        }
        return try PrivateKey(der: plain)
    }

    private static func apply(_ text: [UInt8], salt: [UInt8], _ password: KeystorePassword) -> [UInt8] {
        let secret = password.utf16
        var stream: [UInt8] = []
        var digest = salt
        while stream.count < text.count {
            digest = Digest.sha1(secret + digest)
            stream += digest
        }
        return zip(text, stream).map { $0 ^ $1 }
    }
}
