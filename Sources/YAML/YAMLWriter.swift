package import Wire

/// Writes values as YAML in block style, strings quoted wherever a reader could take them for something else.
package enum YAMLWriter {
    package static func text(of value: JSONValue) -> String {
        var text = ""
        write(value, indent: 0, into: &text)
        return text.hasSuffix("\n") ? text : text + "\n"
    }

    private static func write(_ value: JSONValue, indent: Int, into text: inout String) {
        switch value {
        case .object(let object) where !object.isEmpty:
            for member in object { entry("\(quotedIfNeeded(member.key)):", member.value, indent, &text) }
        case .array(let items) where !items.isEmpty:
            for item in items { element(item, indent, &text) }
        default: text += inline(value) + "\n"
        }
    }

    private static func entry(_ lead: String, _ value: JSONValue, _ indent: Int, _ text: inout String) {
        text += pad(indent) + lead
        if isBlock(value) {
            text += "\n"
            write(value, indent: value.arrayValue == nil ? indent + 2 : indent, into: &text)
        } else {
            text += " \(inline(value))\n"
        }
    }

    private static func element(_ value: JSONValue, _ indent: Int, _ text: inout String) {
        guard isBlock(value) else {
            text += pad(indent) + "- \(inline(value))\n"
            return
        }
        var nested = ""
        write(value, indent: indent + 2, into: &nested)
        text += pad(indent) + "- " + nested.dropFirst(indent + 2)
    }

    private static func pad(_ count: Int) -> String { String(repeating: " ", count: count) }

    private static func isBlock(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let object): !object.isEmpty
        case .array(let items): !items.isEmpty
        default: false
        }
    }

    private static func inline(_ value: JSONValue) -> String {
        if case .string(let string) = value { return quotedIfNeeded(string) }
        return String(decoding: value.serialized(), as: UTF8.self)
    }

    private static func quotedIfNeeded(_ string: String) -> String {
        let plain = string.utf8.allSatisfy {
            ($0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z"))
                || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) || "._/-".utf8.contains($0)
        }
        let read = try? YAMLScalar(text: string, isPlain: true).value(at: 1)  // nil is no string either
        if plain, read == .string(string), !string.hasPrefix("-") { return string }
        var quoted = String.UnicodeScalarView()
        for scalar in String(decoding: JSONValue.string(string).serialized(), as: UTF8.self).unicodeScalars {
            if mustEscape(scalar) {
                let digits = String(scalar.value, radix: 16, uppercase: true)
                quoted += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars
            } else {
                quoted.append(scalar)
            }
        }
        return String(quoted)
    }

    /// What YAML 1.1 takes for a line break (§4.2) or does not call printable (§4.1.1), and JSON leaves as it is.
    private static func mustEscape(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }
}
