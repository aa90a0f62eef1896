import Wire

/// TXT values as zone files write them (RFC 1035 §5.1): quoted strings of at most 255 octets each.
package enum TXTText {
    /// The value in quotes, as several strings where it is longer than one may be.
    package static func quoted(_ value: String) -> String {
        let octets = Array(value.utf8)
        guard octets.count > 255 else { return "\"\(escaped(octets[...]))\"" }
        return stride(from: 0, to: octets.count, by: 255).map { start in
            "\"\(escaped(octets[start..<min(start + 255, octets.count)]))\""
        }.joined(separator: " ")
    }

    /// The value in pieces of at most 255 octets, none of which cuts a character.
    package static func pieces(_ value: String) -> [String] {
        var pieces: [String] = []
        var piece = ""
        for scalar in value.unicodeScalars {
            if piece.utf8.count + UTF8.width(scalar) > 255 {
                pieces.append(piece)
                piece = ""
            }
            piece.unicodeScalars.append(scalar)
        }
        if !piece.isEmpty || pieces.isEmpty { pieces.append(piece) }
        return pieces
    }

    /// What quoted text means. Text that does not begin with a quote means itself.
    package static func unquoted(_ text: String) -> String {
        let octets = Array(text.utf8)
        guard octets.first == quote else { return text }
        var value: [UInt8] = []
        var isInside = false
        var at = 0
        while at < octets.count {
            switch octets[at] {
            case quote: isInside.toggle()
            case backslash where isInside:
                let (octet, length) = unescaped(octets[(at + 1)...])
                if let octet { value.append(octet) }
                at += length
            case let octet: if isInside { value.append(octet) }
            }
            at += 1
        }
        return String(decoding: value, as: UTF8.self)
    }

    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")

    private static func escaped(_ octets: ArraySlice<UInt8>) -> String {
        var text: [UInt8] = []
        for octet in octets {
            switch octet {
            case quote, backslash: text += [backslash, octet]
            case 0x20...0x7E: text.append(octet)
            default:
                let digits = String(octet)
                text += Array(("\\" + String(repeating: "0", count: 3 - digits.utf8.count) + digits).utf8)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The octet behind a backslash, and how many characters it took.
    private static func unescaped(_ rest: ArraySlice<UInt8>) -> (UInt8?, Int) {
        guard let first = rest.first else { return (nil, 0) }
        let digits = rest.prefix(3)
        guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return (first, 1) }
        return (UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }), 3)
    }
}

extension UTF8 {
    fileprivate static func width(_ scalar: Unicode.Scalar) -> Int { UTF8.encode(scalar)?.count ?? 3 }
}
