/// An IPv4 (4 octets) or IPv6 (16 octets) address.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// Strict text: four decimal octets without leading zeros, or RFC 4291 §2.2 without a zone. An IPv4 address
    /// mapped into IPv6 becomes the IPv4 address, since certificates match only that.
    package init?(_ text: String) {
        guard text.utf8.count <= 45 else { return nil }
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard let bytes = IPAddress.parseV6(text) else { return nil }
            let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
            self.bytes = isMapped ? Array(bytes.suffix(4)) : bytes
        } else {
            guard let bytes = IPAddress.parseV4(text) else { return nil }
            self.bytes = bytes
        }
    }

    package var isV4: Bool { bytes.count == 4 }
    package var description: String { text }

    /// RFC 5952: lower case, the longest run of two or more zero groups shortened, the first of equals.
    package var text: String {
        if isV4 { return bytes.map(String.init).joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        if bytes.prefix(10).allSatisfy({ $0 == 0 }), groups[5] == 0xFFFF {
            return "::ffff:" + bytes.suffix(4).map(String.init).joined(separator: ".")
        }
        var best = 0..<0
        var index = 0
        while index < 8 {
            let end = groups[index...].firstIndex { $0 != 0 } ?? 8
            if end - index > max(best.count, 1) { best = index..<end }
            index = max(end, index + 1)
        }
        func joined(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty
            ? joined(groups[...]) : joined(groups[..<best.lowerBound]) + "::" + joined(groups[best.upperBound...])
    }

    private static func parseV4(_ text: some StringProtocol) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                part.utf8.count == 1 || part.first != "0", let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func parseV6(_ text: String) -> [UInt8]? {
        guard let gap = doubleColon(in: text) else {
            guard let bytes = groups(text[...], mayEndInV4: true), bytes.count == 16 else { return nil }
            return bytes
        }
        guard let head = groups(text[..<gap.lowerBound], mayEndInV4: false),
            let tail = groups(text[gap.upperBound...], mayEndInV4: true), head.count + tail.count <= 14
        else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    /// Groups of up to four hex digits; the last of an address may be an IPv4 address.
    private static func groups(_ text: Substring, mayEndInV4: Bool) -> [UInt8]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var bytes: [UInt8] = []
        for (index, part) in parts.enumerated() {
            if mayEndInV4, index == parts.count - 1, part.utf8.contains(UInt8(ascii: ".")) {
                guard let v4 = parseV4(part) else { return nil }
                bytes += v4
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(\.isHexDigit),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
            }
        }
        return bytes
    }

    private static func doubleColon(in text: String) -> Range<String.Index>? {
        var previous: String.Index?
        for index in text.utf8.indices {
            if text.utf8[index] == UInt8(ascii: ":") {
                if let previous { return previous..<text.utf8.index(after: index) }
                previous = index
            } else {
                previous = nil
            }
        }
        return nil
    }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x46).contains(self) || (0x61...0x66).contains(self)
    }
}

/// A block of addresses, such as "10.0.0.0/8", as name constraints use it.
package struct IPRange: Sendable, Hashable, CustomStringConvertible {
    package let address: IPAddress
    package let prefixLength: Int

    /// CIDR text. Bits outside the prefix are cleared, as Go's `net.ParseCIDR` clears them.
    package init?(_ cidr: String) {
        let parts = cidr.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(parts[0])), let length = Int(parts[1]),
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), length <= address.bytes.count * 8
        else { return nil }
        prefixLength = length
        let mask = IPRange.mask(length, of: address.bytes.count)
        guard let masked = IPAddress(bytes: zip(address.bytes, mask).map { $0 & $1 }) else { return nil }
        self.address = masked
    }

    /// Address and mask one after the other (RFC 5280 §4.2.1.10). Nil when the mask is not a prefix.
    init?(constraint bytes: ArraySlice<UInt8>) {
        let half = bytes.count / 2
        guard let address = IPAddress(bytes: Array(bytes.prefix(half))), bytes.count == 2 * half else { return nil }
        let mask = Array(bytes.suffix(half))
        let length = mask.reduce(0) { $0 + $1.nonzeroBitCount }
        guard mask == IPRange.mask(length, of: half) else { return nil }
        self.address = address
        prefixLength = length
    }

    var constraintBytes: [UInt8] { address.bytes + IPRange.mask(prefixLength, of: address.bytes.count) }
    package var description: String { "\(address.text)/\(prefixLength)" }

    /// Whether it is of the same version and within the block.
    package func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        return zip(zip(other.bytes, IPRange.mask(prefixLength, of: address.bytes.count)), address.bytes)
            .allSatisfy { pair, own in pair.0 & pair.1 == own }
    }

    private static func mask(_ length: Int, of count: Int) -> [UInt8] {
        (0..<count).map { index in
            let bits = min(8, max(0, length - index * 8))
            return bits == 0 ? 0 : 0xFF << UInt8(8 - bits)
        }
    }
}
