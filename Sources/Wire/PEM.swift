package enum PEMError: Error, Sendable, Hashable, CustomStringConvertible {
    case tooLarge(bytes: Int)
    case unterminated(label: String)
    case malformed(label: String)

    package var description: String {
        switch self {
        case .tooLarge(let bytes): "PEM text of \(bytes) bytes is larger than accepted"
        case .unterminated(let label): "the PEM block \"\(label)\" has no matching end line"
        case .malformed(let label): "the PEM block \"\(label)\" does not hold base64"
        }
    }
}

/// Textual encodings of DER structures (RFC 7468).
package enum PEM {
    package struct Block: Sendable, Hashable {
        package var label: String
        /// RFC 1421 headers such as "Proc-Type", which mark a traditional encrypted key.
        package var headers: [String: String]
        package var bytes: [UInt8]

        package init(label: String, headers: [String: String] = [:], bytes: [UInt8]) {
            self.label = label
            self.headers = headers
            self.bytes = bytes
        }
    }

    /// Every block in the text; whatever stands between blocks is passed over.
    package static func parse(_ text: [UInt8], limit: Int = 1 << 20) throws(PEMError) -> [Block] {
        guard text.count <= limit else { throw .tooLarge(bytes: text.count) }
        var blocks: [Block] = []
        var lines = LineReader(bytes: text)
        while let line = lines.next() {
            guard let label = label(of: text[line], after: "-----BEGIN ") else { continue }
            blocks.append(try block(label, &lines, text))
        }
        return blocks
    }

    /// The block with lines of 64 characters and a line end after the last.
    package static func encode(_ label: String, _ bytes: [UInt8]) -> String {
        let body = Array(Base64.encode(bytes).utf8)
        var text = "-----BEGIN \(label)-----\n"
        for start in stride(from: 0, to: body.count, by: 64) {
            text += String(decoding: body[start..<min(start + 64, body.count)], as: UTF8.self)
            text += "\n"
        }
        return text + "-----END \(label)-----\n"
    }

    package static func encode(_ block: Block) -> String { encode(block.label, block.bytes) }

    private static func block(_ label: String, _ lines: inout LineReader, _ text: [UInt8]) throws(PEMError) -> Block {
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        while let line = lines.next() {
            let content = text[line]
            if content.first == UInt8(ascii: "-") {
                guard self.label(of: content, after: "-----END ") == label else { throw .unterminated(label: label) }
                guard let bytes = Base64.decode(bytes: body) else { throw .malformed(label: label) }
                return Block(label: label, headers: headers, bytes: bytes)
            }
            if body.isEmpty, let colon = content.firstIndex(of: UInt8(ascii: ":")) {
                let value = content[(colon + 1)...].drop { $0 == 0x20 }
                headers[String(decoding: content[..<colon], as: UTF8.self)] = String(decoding: value, as: UTF8.self)
            } else {
                body.append(contentsOf: content)
            }
        }
        throw .unterminated(label: label)
    }

    private static func label(of line: ArraySlice<UInt8>, after opening: String) -> String? {
        guard line.starts(with: opening.utf8) else { return nil }
        let rest = line.dropFirst(opening.utf8.count)
        guard rest.count >= 5, rest.suffix(5).elementsEqual("-----".utf8) else { return nil }
        return String(decoding: rest.dropLast(5), as: UTF8.self)
    }
}

/// The lines of a text as ranges without line ends and without blanks at either end.
private struct LineReader {
    let bytes: [UInt8]
    private var index = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> Range<Int>? {
        guard index < bytes.count else { return nil }
        var start = index
        while index < bytes.count, bytes[index] != 0x0A { index += 1 }
        var end = index
        index += 1
        while start < end, Self.isBlank(bytes[start]) { start += 1 }
        while end > start, Self.isBlank(bytes[end - 1]) { end -= 1 }
        return start..<end
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
}
