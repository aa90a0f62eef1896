import Wire

/// PEM as PKI accepts it: within a limit, with nothing dropped. Comments may stand before and between blocks.
enum PEMText {
    static func blocks(_ text: [UInt8], of what: String, limit: Int) throws(PKIError) -> [PEM.Block] {
        guard text.count <= limit else { throw .tooLarge(what: what, bytes: text.count, limit: limit) }
        let blocks: [PEM.Block]
        do {
            blocks = try PEM.parse(text, limit: limit)
        } catch {
            throw .malformed(what: what, reason: error.description)
        }
        guard count(of: "-----BEGIN", in: text) == blocks.count else {
            throw .malformed(what: what, reason: "a PEM block does not begin on a line of its own")
        }
        guard let end = lastEnd(in: text), text[end...].allSatisfy({ $0 <= 0x20 }) else {
            guard !blocks.isEmpty else { return [] }
            throw .malformed(what: what, reason: "there is text after the last PEM block")
        }
        return blocks
    }

    /// The blocks of one label; any other label is an error.
    static func contents(
        _ text: [UInt8], of what: String, labels: [String], limit: Int
    ) throws(PKIError) -> [[UInt8]] {
        let blocks = try blocks(text, of: what, limit: limit)
        guard !blocks.isEmpty else { throw .malformed(what: what, reason: "it holds no PEM block") }
        for block in blocks where !labels.contains(block.label) {
            throw .malformed(what: what, reason: "it holds a PEM block \"\(block.label.prefix(64))\"")
        }
        return blocks.map(\.bytes)
    }

    private static func count(of text: StaticString, in bytes: [UInt8]) -> Int {
        positions(of: text, in: bytes).count
    }

    /// After the dashes that close the last end line.
    private static func lastEnd(in bytes: [UInt8]) -> Int? {
        guard let start = positions(of: "-----END ", in: bytes).last else { return nil }
        return bytes[start...].firstIndex { $0 == 0x0A } ?? bytes.endIndex
    }

    /// Where `text`, which begins with five dashes, stands in `bytes`.
    static func positions(of text: StaticString, in bytes: [UInt8]) -> [Int] {
        let pattern = Array("\(text)".utf8)
        var positions: [Int] = []
        var index = 0
        while index + pattern.count <= bytes.count {
            // As the pattern begins with five dashes, most bytes are passed over at one look.
            if bytes[index + 4] != 0x2D {
                index += 5
            } else if bytes[index..<index + pattern.count].elementsEqual(pattern) {
                positions.append(index)
                index += pattern.count
            } else {
                index += 1
            }
        }
        return positions
    }
}
