/// Why bytes are not the DER that was expected. Becomes a `PKIError.malformed` at the room's border.
struct DERError: Error, Hashable {
    var reason: String
    init(_ reason: String) { self.reason = reason }

    func of(_ what: String) -> PKIError { .malformed(what: what, reason: reason) }
}

/// ASN.1 tag octets as they appear in DER (X.690 §8.1.2). Certificates never need the long form.
enum DERTag {
    static let boolean: UInt8 = 0x01
    static let integer: UInt8 = 0x02
    static let bitString: UInt8 = 0x03
    static let octetString: UInt8 = 0x04
    static let null: UInt8 = 0x05
    static let oid: UInt8 = 0x06
    static let utf8String: UInt8 = 0x0C
    static let numericString: UInt8 = 0x12
    static let printableString: UInt8 = 0x13
    static let teletexString: UInt8 = 0x14
    static let ia5String: UInt8 = 0x16
    static let utcTime: UInt8 = 0x17
    static let generalizedTime: UInt8 = 0x18
    static let universalString: UInt8 = 0x1C
    static let bmpString: UInt8 = 0x1E
    static let sequence: UInt8 = 0x30
    static let set: UInt8 = 0x31

    /// The tag of `[number]`, primitive or constructed.
    static func context(_ number: UInt8, constructed: Bool) -> UInt8 { 0x80 | number | (constructed ? 0x20 : 0) }
}

/// One element: its tag and where it lies in the bytes it was read from.
struct DERElement {
    let bytes: [UInt8]
    let tag: UInt8
    /// Tag, length and content.
    let range: Range<Int>
    let content: Range<Int>

    var whole: [UInt8] { Array(bytes[range]) }
    var value: ArraySlice<UInt8> { bytes[content] }
    /// Reads the elements inside.
    var children: DERReader { DERReader(bytes, content) }
}

/// Reads DER strictly: definite, shortest lengths and single-octet tags only, and never past its end.
struct DERReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8]) { self.init(bytes, bytes.indices) }
    fileprivate init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { position == end }

    func peekTag() -> UInt8? { position < end ? bytes[position] : nil }

    mutating func next() throws(DERError) -> DERElement {
        let start = position
        guard end - start >= 2 else { throw DERError("it ends in the middle of an element") }
        let tag = bytes[start]
        guard tag & 0x1F != 0x1F else { throw DERError("it uses a tag in long form") }
        let (headerEnd, length) = try length(at: start + 1)
        guard length <= end - headerEnd else { throw DERError("an element is longer than what holds it") }
        position = headerEnd + length
        return DERElement(bytes: bytes, tag: tag, range: start..<position, content: headerEnd..<position)
    }

    /// X.690 §10.1: the definite form, encoded in the fewest octets.
    private func length(at start: Int) throws(DERError) -> (after: Int, length: Int) {
        let first = bytes[start]
        if first < 0x80 { return (start + 1, Int(first)) }
        let count = Int(first & 0x7F)
        guard count > 0 else { throw DERError("it uses an indefinite length, which DER forbids") }
        guard count <= 4, start + count < end else { throw DERError("an element is longer than what holds it") }
        var length = 0
        for index in start + 1...start + count { length = length << 8 | Int(bytes[index]) }
        guard length >= 0x80, length >> (8 * (count - 1)) != 0 else {
            throw DERError("a length is not in its shortest form")
        }
        return (start + count + 1, length)
    }

    mutating func next(_ tag: UInt8, _ name: String) throws(DERError) -> DERElement {
        guard let found = peekTag() else { throw DERError("\(name) is missing") }
        guard found == tag else { throw DERError("\(name) has an unexpected type") }
        return try next()
    }

    mutating func nextIf(_ tag: UInt8) throws(DERError) -> DERElement? {
        peekTag() == tag ? try next() : nil
    }

    func finish(_ name: String) throws(DERError) {
        guard isAtEnd else { throw DERError("there are bytes after the end of \(name)") }
    }

    /// The only element of `bytes`, with nothing after it.
    static func single(_ bytes: [UInt8], _ tag: UInt8, _ name: String) throws(DERError) -> DERElement {
        var reader = DERReader(bytes)
        let element = try reader.next(tag, name)
        try reader.finish(name)
        return element
    }
}

extension DERElement {
    /// A BOOLEAN: X.690 §11.1 allows 00 and FF only.
    func boolean() throws(DERError) -> Bool {
        guard content.count == 1, let octet = value.first, octet == 0 || octet == 0xFF else {
            throw DERError("a BOOLEAN is neither 00 nor FF")
        }
        return octet == 0xFF
    }

    /// The two's complement octets of an INTEGER in shortest form.
    func integerOctets() throws(DERError) -> ArraySlice<UInt8> {
        let octets = value
        guard let first = octets.first else { throw DERError("an INTEGER is empty") }
        if octets.count > 1 {
            let second = octets[octets.startIndex + 1]
            guard !(first == 0 && second < 0x80), !(first == 0xFF && second >= 0x80) else {
                throw DERError("an INTEGER is not in its shortest form")
            }
        }
        return octets
    }

    /// The magnitude of an INTEGER that must not be negative, without leading zeros.
    func unsignedInteger() throws(DERError) -> [UInt8] {
        let octets = try integerOctets()
        guard let first = octets.first, first < 0x80 else { throw DERError("an INTEGER is negative") }
        return Array(first == 0 ? octets.dropFirst() : octets)
    }

    func smallInteger() throws(DERError) -> Int {
        let octets = try unsignedInteger()
        guard octets.count <= 7 else { throw DERError("an INTEGER is too large") }
        return octets.reduce(0) { $0 << 8 | Int($1) }
    }

    /// The octets of a BIT STRING that holds whole octets, as keys and signatures do.
    func bitStringOctets() throws(DERError) -> [UInt8] {
        guard value.first == 0 else { throw DERError("a BIT STRING does not hold whole octets") }
        return Array(value.dropFirst())
    }

    /// Up to 16 named bits, bit 0 the most significant of the first octet, as a mask with bit n set for name n.
    func namedBits() throws(DERError) -> UInt16 {
        guard let unused = value.first, unused < 8, content.count <= 3, content.count > 1 || unused == 0 else {
            throw DERError("a list of named bits is malformed")
        }
        let octets = value.dropFirst()
        if let last = octets.last, last & (1 << unused &- 1) != 0 { throw DERError("unused bits are set") }
        var mask: UInt16 = 0
        for (index, octet) in octets.enumerated() {
            for bit in 0..<8 where octet & (0x80 >> UInt8(bit)) != 0 { mask |= 1 << UInt16(index * 8 + bit) }
        }
        return mask
    }

    func oid() throws(DERError) -> OID {
        guard let oid = OID(content: Array(value)) else { throw DERError("an OBJECT IDENTIFIER is malformed") }
        return oid
    }

    /// Text of an IA5String or of an implicitly tagged one. NUL and other controls are refused.
    func ia5() throws(DERError) -> String {
        guard value.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            throw DERError("a name holds characters other than printable ASCII")
        }
        return String(decoding: value, as: UTF8.self)
    }
}
