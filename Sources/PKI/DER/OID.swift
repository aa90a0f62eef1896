/// An object identifier, kept as the content octets of its DER.
package struct OID: Sendable, Hashable {
    let content: [UInt8]

    /// Nil unless the octets are whole sub-identifiers in shortest form, each of at most 19 octets.
    init?(content: [UInt8]) {
        guard OID.isWellFormed(content) else { return nil }
        self.content = content
    }

    /// Parses "1.2.840.113549": at least two arcs, the first 0-2, the second below 40 unless the first is 2.
    package init?(_ dotted: String) {
        let parts = dotted.split(separator: ".", omittingEmptySubsequences: false)
        guard (2...64).contains(parts.count) else { return nil }
        var arcs: [UInt128] = []
        for part in parts {
            guard !part.isEmpty, part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), part == "0" || part.first != "0",
                let arc = UInt128(part)
            else { return nil }
            arcs.append(arc)
        }
        guard arcs[0] <= 2, arcs[0] == 2 || arcs[1] < 40, arcs[1] < UInt128.max - 80 else { return nil }
        content = OID.encode([arcs[0] * 40 + arcs[1]] + arcs.dropFirst(2))
    }

    package var dotted: String {
        let arcs = OID.arcs(of: content)
        guard let first = arcs.first else { return "" }
        let top = min(first / 40, 2)
        return ([top, first - top * 40] + arcs.dropFirst()).map(String.init).joined(separator: ".")
    }

    private static func encode(_ arcs: [UInt128]) -> [UInt8] {
        arcs.flatMap { arc in
            var octets = [UInt8(truncatingIfNeeded: arc) & 0x7F]
            var rest = arc >> 7
            while rest > 0 {
                octets.append(UInt8(truncatingIfNeeded: rest) & 0x7F | 0x80)
                rest >>= 7
            }
            return octets.reversed()
        }
    }

    /// Whole sub-identifiers, none with a leading zero octet, each of at most 19 octets, as a UUID needs.
    private static func isWellFormed(_ content: [UInt8]) -> Bool {
        guard let last = content.last, last < 0x80, content.count <= 256 else { return false }
        var octetsOfArc = 0
        for octet in content {
            if octetsOfArc == 0, octet == 0x80 { return false }
            octetsOfArc = octet < 0x80 ? 0 : octetsOfArc + 1
            if octetsOfArc > 18 { return false }
        }
        return true
    }

    /// The arcs, the first two still in one number.
    private static func arcs(of content: [UInt8]) -> [UInt128] {
        var arcs: [UInt128] = []
        var arc: UInt128 = 0
        for octet in content {
            arc = arc << 7 | UInt128(octet & 0x7F)
            if octet < 0x80 {
                arcs.append(arc)
                arc = 0
            }
        }
        return arcs
    }

    /// For the constants below, whose text is known to be right.
    init(known dotted: StaticString) {
        guard let oid = OID("\(dotted)") else { preconditionFailure("a constant OID is wrong: \(dotted)") }
        self = oid
    }
}

extension OID {
    // Keys and signatures: RFC 3279, 4055, 5480, 8410.
    static let rsaEncryption = OID(known: "1.2.840.113549.1.1.1")
    static let sha256WithRSA = OID(known: "1.2.840.113549.1.1.11")
    static let sha384WithRSA = OID(known: "1.2.840.113549.1.1.12")
    static let sha512WithRSA = OID(known: "1.2.840.113549.1.1.13")
    static let ecPublicKey = OID(known: "1.2.840.10045.2.1")
    static let p256 = OID(known: "1.2.840.10045.3.1.7")
    static let p384 = OID(known: "1.3.132.0.34")
    static let p521 = OID(known: "1.3.132.0.35")
    static let ecdsaWithSHA256 = OID(known: "1.2.840.10045.4.3.2")
    static let ecdsaWithSHA384 = OID(known: "1.2.840.10045.4.3.3")
    static let ecdsaWithSHA512 = OID(known: "1.2.840.10045.4.3.4")
    static let ed25519 = OID(known: "1.3.101.112")

    // Requests and extensions: RFC 2985, 5280.
    static let extensionRequest = OID(known: "1.2.840.113549.1.9.14")
    static let subjectKeyIdentifier = OID(known: "2.5.29.14")
    static let keyUsage = OID(known: "2.5.29.15")
    static let subjectAltName = OID(known: "2.5.29.17")
    static let basicConstraints = OID(known: "2.5.29.19")
    static let nameConstraints = OID(known: "2.5.29.30")
    static let crlDistributionPoints = OID(known: "2.5.29.31")
    static let authorityKeyIdentifier = OID(known: "2.5.29.35")
    static let extendedKeyUsage = OID(known: "2.5.29.37")
    static let authorityInfoAccess = OID(known: "1.3.6.1.5.5.7.1.1")
    static let ocsp = OID(known: "1.3.6.1.5.5.7.48.1")
    static let caIssuers = OID(known: "1.3.6.1.5.5.7.48.2")

    // Subject attributes: RFC 4519 and 2985.
    static let commonName = OID(known: "2.5.4.3")
    static let serialNumber = OID(known: "2.5.4.5")
    static let country = OID(known: "2.5.4.6")
    static let locality = OID(known: "2.5.4.7")
    static let province = OID(known: "2.5.4.8")
    static let street = OID(known: "2.5.4.9")
    static let organization = OID(known: "2.5.4.10")
    static let organizationalUnit = OID(known: "2.5.4.11")
    static let postalCode = OID(known: "2.5.4.17")
    static let domainComponent = OID(known: "0.9.2342.19200300.100.1.25")
    static let userID = OID(known: "0.9.2342.19200300.100.1.1")
    static let emailAddress = OID(known: "1.2.840.113549.1.9.1")
}
