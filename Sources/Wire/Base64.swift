/// RFC 4648: the standard alphabet with padding (§4) and the URL-safe alphabet (§5).
package enum Base64 {
    package enum Padding: Sendable, Hashable {
        case required, forbidden, allowed
    }

    private static let standard = Alphabet("+/")
    private static let urlSafe = Alphabet("-_")

    package static func encode(_ bytes: [UInt8]) -> String { standard.encode(bytes, padding: true) }

    /// Padding is required; line ends are skipped, as Go's decoder does for `[]byte` fields. Nil when malformed.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        standard.decode(Array(text.utf8), padding: .required, lineEnds: true)
    }

    /// The standard alphabet from bytes, such as the inside of a PEM block.
    package static func decode(bytes: [UInt8]) -> [UInt8]? {
        standard.decode(bytes, padding: .required, lineEnds: true)
    }

    /// Without padding, as JOSE wants it (RFC 7515 §2).
    package static func encodeURL(_ bytes: [UInt8]) -> String { urlSafe.encode(bytes, padding: false) }

    package static func decodeURL(_ text: some StringProtocol, padding: Padding = .forbidden) -> [UInt8]? {
        urlSafe.decode(Array(text.utf8), padding: padding, lineEnds: false)
    }
}

private struct Alphabet: Sendable {
    private let digits: [UInt8]
    /// The value of each byte; 255 for what is no digit.
    private let values: [UInt8]

    init(_ lastTwo: String) {
        digits = Array(("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + lastTwo).utf8)
        var values = [UInt8](repeating: 255, count: 256)
        for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt8(value) }
        self.values = values
    }

    func encode(_ bytes: [UInt8], padding: Bool) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let second = left > 1 ? bytes[index + 1] : 0
            let third = left > 2 ? bytes[index + 2] : 0
            let group = UInt32(bytes[index]) << 16 | UInt32(second) << 8 | UInt32(third)
            text.append(digits[Int(group >> 18)])
            text.append(digits[Int(group >> 12 & 63)])
            if left > 1 { text.append(digits[Int(group >> 6 & 63)]) }
            if left > 2 { text.append(digits[Int(group & 63)]) }
            if padding, left < 3 { text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - left)) }
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    func decode(_ text: [UInt8], padding: Base64.Padding, lineEnds: Bool) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 3)
        var index = 0
        var group: UInt32 = 0
        var count = 0
        var pads = 0
        while index < text.count {
            if count == 0, pads == 0 { index = wholeGroups(of: text, from: index, into: &bytes) }
            guard index < text.count else { break }
            let byte = text[index]
            index += 1
            let value = values[Int(byte)]
            if value == 255 {
                if lineEnds, byte == 0x0A || byte == 0x0D { continue }
                guard byte == UInt8(ascii: "=") else { return nil }
                pads += 1
                continue
            }
            guard pads == 0 else { return nil }
            group = group << 6 | UInt32(value)
            count += 1
            if count == 4 {
                append(group, to: &bytes)
                group = 0
                count = 0
            }
        }
        return finish(&bytes, group, count, pads, padding)
    }

    /// Decodes groups of four digits until something else stands there, and answers where.
    private func wholeGroups(of text: [UInt8], from start: Int, into bytes: inout [UInt8]) -> Int {
        var index = start
        while index + 4 <= text.count {
            let first = values[Int(text[index])], second = values[Int(text[index + 1])]
            let third = values[Int(text[index + 2])], fourth = values[Int(text[index + 3])]
            guard first | second | third | fourth < 64 else { break }
            append(UInt32(first) << 18 | UInt32(second) << 12 | UInt32(third) << 6 | UInt32(fourth), to: &bytes)
            index += 4
        }
        return index
    }

    private func append(_ group: UInt32, to bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: group >> 16))
        bytes.append(UInt8(truncatingIfNeeded: group >> 8))
        bytes.append(UInt8(truncatingIfNeeded: group))
    }

    /// The last, shorter group: its unused bits must be zero, so that no two texts mean the same bytes.
    private func finish(_ bytes: inout [UInt8], _ group: UInt32, _ count: Int, _ pads: Int, _ padding: Base64.Padding)
        -> [UInt8]?
    {
        let wanted = (4 - count) % 4
        switch padding {
        case .required: guard pads == wanted else { return nil }
        case .forbidden: guard pads == 0 else { return nil }
        case .allowed: guard pads == 0 || pads == wanted else { return nil }
        }
        switch count {
        case 0: break
        case 2:
            guard group & 15 == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: group >> 4))
        case 3:
            guard group & 3 == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: group >> 10))
            bytes.append(UInt8(truncatingIfNeeded: group >> 2))
        default: return nil
        }
        return bytes
    }
}

/// Bytes that travel as base64 text, such as the values of a Secret.
package struct Base64Data: Sendable, Hashable, Codable {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
    package init(utf8 text: String) { bytes = Array(text.utf8) }

    /// Null is no bytes: so Go writes an empty `[]byte`.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            bytes = []
            return
        }
        guard let bytes = Base64.decode(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected base64")
        }
        self.bytes = bytes
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Base64.encode(bytes))
    }
}

extension Base64Data: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Only the size: the content is usually secret.
    package var description: String { "\(bytes.count) bytes" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["count": bytes.count]) }
}
