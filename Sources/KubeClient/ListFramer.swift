import HTTPTransport

/// Cuts the answer to a list into its items while it arrives, so that a long list is never held whole.
///
/// Looks only at brackets and strings; whether an item is JSON its reader finds out. What is around the items stays together
/// as the envelope, a small document of its own with an empty list of items.
struct ListFramer {
    private enum Place {
        /// Before the items, or behind them: bytes belong to the envelope. Leaves to `items` at the bracket behind the key.
        case envelope
        /// Between the brackets of the items. Leaves to `envelope` at the closing one.
        case items
    }

    private static let key = Array("\"items\"".utf8)

    private var place = Place.envelope
    private(set) var envelope: [UInt8] = []
    private var item: [UInt8] = []
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    /// Where in the envelope the string begins that was read last, at the depth of the list's own members; nil once
    /// something follows it that cannot follow a key.
    private var keyStart: Int?
    private var keyEnd: Int?
    private let limit: Int

    /// - Parameter limit: the most bytes that one item, or the envelope, may have.
    init(limit: Int = 64 << 20) { self.limit = limit }

    /// The items that this chunk completes.
    mutating func items(in chunk: ArraySlice<UInt8>) throws(TransportError) -> [[UInt8]] {
        var whole: [[UInt8]] = []
        var index = chunk.startIndex
        while index < chunk.endIndex {
            switch place {
            case .envelope: index = readEnvelope(chunk, from: index)
            case .items: index = readItems(chunk, from: index, into: &whole)
            }
            guard item.count <= limit, envelope.count <= limit else { throw .tooLarge(limit: limit) }
        }
        return whole
    }

    private mutating func readEnvelope(_ chunk: ArraySlice<UInt8>, from start: Int) -> Int {
        var index = start
        while index < chunk.endIndex {
            let byte = chunk[index]
            index += 1
            envelope.append(byte)
            if isInString {
                readString(byte)
                if !isInString { keyEnd = envelope.count }
            } else if follow(byte) {
                place = .items
                return index
            }
        }
        return index
    }

    /// A byte of the envelope outside of strings; true when the items begin behind it.
    private mutating func follow(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""):
            isInString = true
            (keyStart, keyEnd) = (depth == 1 ? envelope.count - 1 : nil, nil)
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            depth += 1
            if byte == UInt8(ascii: "["), depth == 2, isItemsKey { return true }
            keyStart = nil
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            depth -= 1
            keyStart = nil
        case UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D: break
        default: keyStart = nil
        }
        return false
    }

    private var isItemsKey: Bool {
        guard let keyStart, let keyEnd else { return false }
        return envelope[keyStart..<keyEnd].elementsEqual(Self.key) && envelope[keyEnd...].contains(UInt8(ascii: ":"))
    }

    private mutating func readString(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isInString = false
        }
    }

    /// Inside the brackets the list's own depth is 2; an item ends at the comma or bracket that comes at that depth.
    private mutating func readItems(_ chunk: ArraySlice<UInt8>, from start: Int, into whole: inout [[UInt8]]) -> Int {
        var from = start
        var index = start
        while index < chunk.endIndex {
            if isInString {
                index = skipString(chunk, from: index)
                continue
            }
            let byte = chunk[index]
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                if depth == 1 {
                    finishItem(chunk[from..<index], into: &whole)
                    envelope.append(byte)
                    place = .envelope
                    return index + 1
                }
            case UInt8(ascii: ",") where depth == 2:
                finishItem(chunk[from..<index], into: &whole)
                from = index + 1
            default: break
            }
            index += 1
        }
        item += chunk[from...]
        return chunk.endIndex
    }

    /// What most of a list is: its strings. Answers where it goes on behind the one that is being read.
    private mutating func skipString(_ chunk: ArraySlice<UInt8>, from start: Int) -> Int {
        var index = start
        if isEscaped {
            isEscaped = false
            index += 1
        }
        while index < chunk.endIndex {
            let byte = chunk[index]
            index += 1
            if byte == UInt8(ascii: "\"") {
                isInString = false
                return index
            }
            guard byte == UInt8(ascii: "\\") else { continue }
            if index == chunk.endIndex { isEscaped = true }
            index = min(index + 1, chunk.endIndex)
        }
        return index
    }

    private mutating func finishItem(_ rest: ArraySlice<UInt8>, into whole: inout [[UInt8]]) {
        let bytes = item.isEmpty ? Array(rest) : item + rest
        item = []
        let isBlank = bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        if !isBlank { whole.append(bytes) }
    }
}
