/// Builds DER front to back; lengths are filled in when a constructed element closes.
struct DERWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Elements that are DER already.
    mutating func raw(_ encoded: some Collection<UInt8>) { bytes.append(contentsOf: encoded) }

    mutating func primitive(_ tag: UInt8, _ content: some Collection<UInt8>) {
        bytes.append(tag)
        bytes.append(contentsOf: DERWriter.length(content.count))
        bytes.append(contentsOf: content)
    }

    mutating func constructed(_ tag: UInt8 = DERTag.sequence, _ body: (inout DERWriter) -> Void) {
        bytes.append(tag)
        let start = bytes.count
        body(&self)
        bytes.insert(contentsOf: DERWriter.length(bytes.count - start), at: start)
    }

    private static func length(_ count: Int) -> [UInt8] {
        switch count {
        case ..<0x80: [UInt8(count)]
        case ..<0x100: [0x81, UInt8(count)]
        case ..<0x10000: [0x82, UInt8(count >> 8), UInt8(count & 0xFF)]
        case ..<0x1000000: [0x83, UInt8(count >> 16), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)]
        default: [0x84] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) }
        }
    }
}

extension DERWriter {
    mutating func boolean(_ value: Bool) { primitive(DERTag.boolean, [value ? 0xFF : 0]) }
    mutating func null() { primitive(DERTag.null, []) }
    mutating func oid(_ oid: OID) { primitive(DERTag.oid, oid.content) }
    mutating func octetString(_ content: some Collection<UInt8>) { primitive(DERTag.octetString, content) }

    mutating func integer(_ value: Int) {
        integer(magnitude: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) })
    }

    /// A non-negative INTEGER from big-endian octets, leading zeros allowed.
    mutating func integer(magnitude: [UInt8]) {
        let significant = magnitude.drop { $0 == 0 }
        if let first = significant.first, first < 0x80 {
            primitive(DERTag.integer, significant)
        } else {
            primitive(DERTag.integer, [0] + significant)
        }
    }

    mutating func bitString(_ octets: some Collection<UInt8>, tag: UInt8 = DERTag.bitString) {
        primitive(tag, [0] + octets)
    }

    /// Named bits with trailing zeros removed (X.690 §11.2.2).
    mutating func namedBits(_ mask: UInt16) {
        var octets: [UInt8] = [0, 0]
        for bit in 0..<16 where mask & (1 << UInt16(bit)) != 0 { octets[bit / 8] |= 0x80 >> UInt8(bit % 8) }
        while octets.last == 0 { octets.removeLast() }
        primitive(DERTag.bitString, [UInt8(octets.last?.trailingZeroBitCount ?? 0)] + octets)
    }

    /// A SET OF: elements sorted by their encoding (X.690 §11.6).
    mutating func setOf(_ elements: [[UInt8]], tag: UInt8 = DERTag.set) {
        let sorted = elements.sorted { $0.lexicographicallyPrecedes($1) }
        constructed(tag) { writer in for element in sorted { writer.raw(element) } }
    }

    static func sequence(_ body: (inout DERWriter) -> Void) -> [UInt8] {
        var writer = DERWriter()
        writer.constructed(DERTag.sequence, body)
        return writer.bytes
    }
}
