/// The bits of the key usage extension (RFC 5280 §4.2.1.3), numbered as there.
package struct KeyUsage: OptionSet, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let digitalSignature = KeyUsage(rawValue: 1 << 0)
    package static let contentCommitment = KeyUsage(rawValue: 1 << 1)
    package static let keyEncipherment = KeyUsage(rawValue: 1 << 2)
    package static let dataEncipherment = KeyUsage(rawValue: 1 << 3)
    package static let keyAgreement = KeyUsage(rawValue: 1 << 4)
    package static let certSign = KeyUsage(rawValue: 1 << 5)
    package static let crlSign = KeyUsage(rawValue: 1 << 6)
    package static let encipherOnly = KeyUsage(rawValue: 1 << 7)
    package static let decipherOnly = KeyUsage(rawValue: 1 << 8)
}

/// The purposes of the extended key usage extension that the API can name, and any other by its OID.
package enum ExtendedKeyUsage: Sendable, Hashable {
    case any, serverAuth, clientAuth, codeSigning, emailProtection
    case ipsecEndSystem, ipsecTunnel, ipsecUser
    case timestamping, ocspSigning, microsoftSGC, netscapeSGC
    case other(OID)

    private static let known: [(ExtendedKeyUsage, OID)] = [
        (.any, OID(known: "2.5.29.37.0")),
        (.serverAuth, OID(known: "1.3.6.1.5.5.7.3.1")),
        (.clientAuth, OID(known: "1.3.6.1.5.5.7.3.2")),
        (.codeSigning, OID(known: "1.3.6.1.5.5.7.3.3")),
        (.emailProtection, OID(known: "1.3.6.1.5.5.7.3.4")),
        (.ipsecEndSystem, OID(known: "1.3.6.1.5.5.7.3.5")),
        (.ipsecTunnel, OID(known: "1.3.6.1.5.5.7.3.6")),
        (.ipsecUser, OID(known: "1.3.6.1.5.5.7.3.7")),
        (.timestamping, OID(known: "1.3.6.1.5.5.7.3.8")),
        (.ocspSigning, OID(known: "1.3.6.1.5.5.7.3.9")),
        (.microsoftSGC, OID(known: "1.3.6.1.4.1.311.10.3.3")),
        (.netscapeSGC, OID(known: "2.16.840.1.113730.4.1")),
    ]

    package init(oid: OID) { self = Self.known.first { $0.1 == oid }?.0 ?? .other(oid) }

    package var oid: OID {
        if case .other(let oid) = self { return oid }
        guard let oid = Self.known.first(where: { $0.0 == self })?.1 else {
            preconditionFailure("the table above lacks \(self)")
        }
        return oid
    }
}

/// Whether a certificate may sign others, and how many CAs may stand below it.
package struct BasicConstraints: Sendable, Hashable {
    package var isCA: Bool
    package var pathLength: Int?

    package init(isCA: Bool, pathLength: Int? = nil) {
        self.isCA = isCA
        self.pathLength = pathLength
    }
}

/// The names certificates below a CA may and may not carry (RFC 5280 §4.2.1.10).
package struct NameConstraints: Sendable, Hashable {
    package struct Subtrees: Sendable, Hashable {
        package var dnsDomains: [String] = []
        package var emailAddresses: [String] = []
        package var uriDomains: [String] = []
        package var ipRanges: [IPRange] = []
        /// Constraints of other kinds, each a whole GeneralName in DER.
        package var others: [[UInt8]] = []

        package init() {}
        package var isEmpty: Bool { self == Subtrees() }
    }
    package var isCritical = false
    package var permitted = Subtrees()
    package var excluded = Subtrees()

    package init() {}
}
