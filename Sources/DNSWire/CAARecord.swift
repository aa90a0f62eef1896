/// What a CAA record says of its name (RFC 8659 §4.1).
package struct CAARecord: Sendable, Hashable {
    /// A CA that does not know the tag must not issue.
    package var isCritical: Bool
    /// Lower case: tags are compared without regard to case.
    package var tag: String
    package var value: String

    package init(isCritical: Bool = false, tag: String, value: String) {
        self.isCritical = isCritical
        self.tag = tag.lowercased()
        self.value = value
    }

    /// Nil for a record of another type, and for octets that are no CAA record.
    package init?(_ record: ResourceRecord) {
        guard record.type == .caa, case .other(let octets) = record.data, octets.count >= 2 else { return nil }
        let length = Int(octets[1])
        guard length > 0, octets.count >= 2 + length else { return nil }
        let tag = octets[2..<2 + length]
        let isAlphanumeric: (UInt8) -> Bool = { octet in
            switch octet {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: false
            }
        }
        guard tag.allSatisfy(isAlphanumeric) else { return nil }
        self.init(
            isCritical: octets[0] & 0x80 != 0, tag: String(decoding: tag, as: UTF8.self),
            value: String(decoding: octets[(2 + length)...], as: UTF8.self))
    }
}

extension DNSMessage {
    /// The CAA records that the name has, at the end of its aliases where the answer follows them. One that cannot be
    /// read is one that no CA knows.
    package func authorizations(of name: DNSName) throws(DNSError) -> [CAARecord] {
        var chain = AliasChain(name)
        _ = try chain.extend(with: self)
        return answers(of: .caa, at: chain.target).map { record in
            CAARecord(record) ?? CAARecord(isCritical: true, tag: "unreadable", value: "")
        }
    }
}
