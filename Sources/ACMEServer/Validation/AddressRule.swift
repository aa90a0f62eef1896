package import PKI

/// Where challenges may be looked for. Whoever asks for a certificate names the machine that we then connect to, so that
/// this decides what of our network strangers can have us knock at.
package struct AddressRule: Sendable, Hashable {
    /// Never, whatever else is said: the networks of Services and pods, say.
    package var forbidden: [IPRange]
    /// These alone, where there are any.
    package var allowed: [IPRange]

    package init(allowed: [IPRange] = [], forbidden: [IPRange] = []) {
        self.allowed = allowed
        self.forbidden = forbidden
    }

    /// Private networks are let in: there live the machines that a CA of one's own is for. Out are the machine itself, its
    /// link, multicast, and where clouds hand out credentials (RFC 6890; AWS, Azure, Alibaba).
    private static let special: [IPRange] = [
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "100.100.100.200/32", "168.63.129.16/32",
        "::/96", "fe80::/10", "fec0::/10", "ff00::/8", "2001::/32", "fd00:ec2::/32",
    ].compactMap { IPRange($0) }

    package func allows(_ address: IPAddress) -> Bool {
        let address = Self.plain(address)
        if forbidden.contains(where: { $0.contains(address) }) { return false }
        if !allowed.isEmpty { return allowed.contains { $0.contains(address) } }
        return !Self.special.contains { $0.contains(address) }
    }

    /// The IPv4 address inside one that is mapped (RFC 4291 §2.5.5.2), translated (RFC 6052) or tunnelled (RFC 3056).
    private static func plain(_ address: IPAddress) -> IPAddress {
        let bytes = address.bytes
        guard bytes.count == 16 else { return address }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        let isTranslated = bytes[..<12].elementsEqual([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0])
        if isMapped || isTranslated { return IPAddress(bytes: Array(bytes[12...])) ?? address }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return IPAddress(bytes: Array(bytes[2..<6])) ?? address }
        return address
    }
}
