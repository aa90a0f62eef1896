extension JSONValue {
    /// The document as UTF-8, members in their own order. A number that JSON cannot say (not finite) becomes null.
    package func serialized(pretty: Bool = false) -> [UInt8] {
        var writer = JSONWriter(pretty: pretty)
        writer.write(self)
        if pretty { writer.bytes.append(0x0A) }
        return writer.bytes
    }
}

struct JSONWriter {
    let pretty: Bool
    var bytes: [UInt8] = []
    private var indent = 0

    init(pretty: Bool) { self.pretty = pretty }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .number(let value): bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
        case .string(let value): write(text: value)
        case .array(let elements):
            container(elements, "[", "]") { writer, element in writer.write(element) }
        case .object(let object):
            container(object.members, "{", "}") { writer, member in
                writer.write(text: member.key)
                writer.bytes.append(UInt8(ascii: ":"))
                if writer.pretty { writer.bytes.append(0x20) }
                writer.write(member.value)
            }
        }
    }

    private mutating func container<Part>(
        _ parts: [Part], _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ one: (inout JSONWriter, Part) -> Void
    ) {
        bytes.append(UInt8(ascii: open))
        indent += 2
        var isFirst = true
        for part in parts {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            newLine()
            one(&self, part)
        }
        indent -= 2
        if !parts.isEmpty { newLine() }
        bytes.append(UInt8(ascii: close))
    }

    private mutating func newLine() {
        guard pretty else { return }
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: indent))
    }

    private mutating func write(text: String) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.contains(where: Self.needsEscape) {
            for byte in text.utf8 { write(byte) }
        } else {
            bytes.append(contentsOf: text.utf8)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func write(_ byte: UInt8) {
        guard Self.needsEscape(byte) else { return bytes.append(byte) }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case 0x0A: bytes.append(contentsOf: "\\n".utf8)
        case 0x0D: bytes.append(contentsOf: "\\r".utf8)
        case 0x09: bytes.append(contentsOf: "\\t".utf8)
        default: bytes.append(contentsOf: ("\\u00" + Hex.encode([byte])).utf8)
        }
    }
}
