/// An absolute DNS name in its wire form, ASCII letters lowered, so that equal names are equal values.
///
/// At most 255 octets with at most 63 in a label (RFC 1035 §2.3.4); a label may hold any octet (RFC 2181 §11).
package struct DNSName: Sendable, Hashable {
    /// Length-prefixed labels, closed by the root's zero octet.
    package let wire: [UInt8]

    package static let root = DNSName(checked: [0])

    private init(checked wire: [UInt8]) { self.wire = wire }

    /// Reads presentation form (RFC 1035 §5.1): labels split by dots, `\.` and `\DDD` escapes, the last dot optional.
    package init(_ text: String) throws(DNSNameError) {
        if text == "." {
            self = .root
            return
        }
        try self.init(labels: Self.split(text))
    }

    /// A name of these labels, the leftmost first.
    package init(labels: [[UInt8]]) throws(DNSNameError) {
        var wire: [UInt8] = []
        for label in labels {
            if label.isEmpty { throw .emptyLabel }
            if label.count > 63 { throw .longLabel(label.count) }
            wire.append(UInt8(label.count))
            wire.append(contentsOf: label.map(Self.lowered))
        }
        wire.append(0)
        if wire.count > 255 { throw .longName(wire.count) }
        self.wire = wire
    }

    package var labels: [[UInt8]] {
        var labels: [[UInt8]] = []
        var at = 0
        while wire[at] > 0 {
            let end = at + 1 + Int(wire[at])
            labels.append(Array(wire[at + 1..<end]))
            at = end
        }
        return labels
    }

    package var isRoot: Bool { wire.count == 1 }

    /// The name without its leftmost label; nil for the root.
    package var parent: DNSName? {
        isRoot ? nil : DNSName(checked: Array(wire[(1 + Int(wire[0]))...]))
    }

    /// Whether this name is `zone` or lies beneath it.
    package func isWithin(_ zone: DNSName) -> Bool {
        var name: DNSName? = self
        while let candidate = name, candidate.wire.count >= zone.wire.count {
            if candidate == zone { return true }
            name = candidate.parent
        }
        return false
    }

    /// This name with one more label in front.
    package func prefixed(by label: String) throws(DNSNameError) -> DNSName {
        try DNSName(labels: [Array(label.utf8)] + labels)
    }

    private static func lowered(_ octet: UInt8) -> UInt8 {
        (0x41...0x5A).contains(octet) ? octet | 0x20 : octet
    }

    private static func split(_ text: String) throws(DNSNameError) -> [[UInt8]] {
        let octets = Array(text.utf8)
        var labels: [[UInt8]] = []
        var label: [UInt8] = []
        var at = 0
        while at < octets.count {
            switch octets[at] {
            case 0x2E:
                labels.append(label)
                label = []
                at += 1
            case 0x5C:
                let (octet, length) = try unescape(octets[(at + 1)...])
                label.append(octet)
                at += 1 + length
            case let octet:
                label.append(octet)
                at += 1
            }
        }
        if !label.isEmpty || labels.isEmpty { labels.append(label) }
        return labels
    }

    /// The octet that follows a backslash, and how many characters it took.
    private static func unescape(_ rest: ArraySlice<UInt8>) throws(DNSNameError) -> (UInt8, Int) {
        guard let first = rest.first else { throw .badEscape }
        guard (0x30...0x39).contains(first) else { return (first, 1) }
        let digits = rest.prefix(3)
        guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { throw .badEscape }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard let octet = UInt8(exactly: value) else { throw .badEscape }
        return (octet, 3)
    }
}

extension DNSName: CustomStringConvertible {
    /// Presentation form with the closing dot, escaped where a zone file needs it.
    package var description: String {
        if isRoot { return "." }
        return labels.map { Self.escaped($0) + "." }.joined()
    }

    /// Presentation form without the closing dot, as people write host names.
    package var text: String { isRoot ? "." : String(description.dropLast()) }

    private static func escaped(_ label: [UInt8]) -> String {
        var text = ""
        for octet in label {
            switch octet {
            case 0x2E, 0x5C, 0x22, 0x28, 0x29, 0x3B, 0x40, 0x24: text += "\\" + String(UnicodeScalar(octet))
            case 0x21...0x7E: text.unicodeScalars.append(UnicodeScalar(octet))
            default:
                let digits = String(octet)
                text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        }
        return text
    }
}

package enum DNSNameError: Error, Sendable, Hashable, CustomStringConvertible {
    case emptyLabel
    case longLabel(Int)
    case longName(Int)
    case badEscape

    package var description: String {
        switch self {
        case .emptyLabel: "the name has an empty label"
        case .longLabel(let count): "a label of the name has \(count) octets, 63 are allowed"
        case .longName(let count): "the name takes \(count) octets, 255 are allowed"
        case .badEscape: "the name ends in, or holds, a broken backslash escape"
        }
    }
}
