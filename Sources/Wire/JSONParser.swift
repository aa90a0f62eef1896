/// How much JSON is accepted, and what of it is left unread.
package struct JSONLimits: Sendable, Hashable {
    package var bytes: Int
    package var depth: Int
    /// A member to pass over without building it: the key, and the key of the object it sits in.
    package struct Skipped: Sendable, Hashable {
        package var parent: String
        package var key: String

        package init(parent: String, key: String) {
            self.parent = parent
            self.key = key
        }
    }
    package var skipped: Skipped?

    package init(bytes: Int = 256 << 20, depth: Int = 128, skipped: Skipped? = nil) {
        self.bytes = bytes
        self.depth = depth
        self.skipped = skipped
    }

    package static let `default` = JSONLimits()
    /// For objects of the API server: `metadata.managedFields` is often the larger half of one and nobody reads it.
    package static let withoutManagedFields = JSONLimits(skipped: Skipped(parent: "metadata", key: "managedFields"))
}

package enum JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    case syntax(offset: Int, expected: String)
    case encoding(offset: Int)
    case tooDeep(offset: Int)
    case tooLarge(bytes: Int)

    package var description: String {
        switch self {
        case .syntax(let offset, let expected): "malformed JSON at byte \(offset): expected \(expected)"
        case .encoding(let offset): "malformed JSON at byte \(offset): text that is not Unicode"
        case .tooDeep(let offset): "JSON nested too deeply at byte \(offset)"
        case .tooLarge(let bytes): "JSON of \(bytes) bytes is larger than accepted"
        }
    }
}

extension JSONValue {
    /// Reads exactly one document (RFC 8259); of a key that occurs twice the last value counts.
    package init(parsing bytes: [UInt8], limits: JSONLimits = .default) throws(JSONError) {
        guard bytes.count <= limits.bytes else { throw .tooLarge(bytes: bytes.count) }
        var parser = JSONParser(bytes: bytes, limits: limits)
        self = try parser.document()
    }

    /// Reads a list whose elements may be nested too deeply: what lies too deep becomes null, and `cut` names the elements,
    /// by their places in the arrays right below the root, that have lost something by it.
    package static func parsing(
        cutting bytes: [UInt8], limits: JSONLimits = .default
    ) throws(JSONError) -> (value: JSONValue, cut: Set<Int>) {
        guard bytes.count <= limits.bytes else { throw .tooLarge(bytes: bytes.count) }
        var parser = JSONParser(bytes: bytes, limits: limits, isCutting: true)
        let value = try parser.document()
        return (value, parser.cutElements)
    }

    package init(parsing text: String, limits: JSONLimits = .default) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }
}

/// A recursive descent over bytes. Finished members and elements wait on two shared stacks until their container ends,
/// so that every array is allocated once, at its exact size.
struct JSONParser {
    let bytes: [UInt8]
    let limits: JSONLimits
    private let skippedParent: [UInt8]
    private let skippedKey: [UInt8]
    private var index = 0
    private var depth = 0
    private let isCutting: Bool
    private var cuts = 0
    private(set) var cutElements: Set<Int> = []
    private var members: [JSONObject.Member] = []
    private var elements: [JSONValue] = []

    init(bytes: [UInt8], limits: JSONLimits, isCutting: Bool = false) {
        self.bytes = bytes
        self.isCutting = isCutting
        self.limits = limits
        skippedParent = Array((limits.skipped?.parent ?? "").utf8)
        skippedKey = Array((limits.skipped?.key ?? "").utf8)
    }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value(skipping: false)
        skipSpace()
        guard index == bytes.count else { throw expected("the end of the document") }
        return value
    }

    private func expected(_ what: String) -> JSONError { .syntax(offset: index, expected: what) }

    /// The next byte; zero, which no JSON outside a string contains, at the end.
    @inline(__always)
    private var next: UInt8 { index < bytes.count ? bytes[index] : 0 }

    @inline(__always)
    private mutating func skipSpace() {
        while index < bytes.count {
            let byte = bytes[index]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            index += 1
        }
    }

    private mutating func value(skipping: Bool) throws(JSONError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(skipping: skipping)
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string(interning: false))
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw expected("a value")
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let word = text.description.utf8
        guard bytes[index...].starts(with: word) else { throw expected("\(text)") }
        index += word.count
        return value
    }

    private mutating func descend() throws(JSONError) {
        depth += 1
        guard depth <= limits.depth else { throw .tooDeep(offset: index) }
        index += 1
        skipSpace()
    }

    /// Passes over a container that lies too deep, where that is allowed.
    private mutating func cut() throws(JSONError) -> Bool {
        guard isCutting, depth >= limits.depth else { return false }
        cuts += 1
        try skipValue()
        return true
    }

    // MARK: Containers

    /// - Parameter skipping: whether this object is the one whose `limits.skipped` member is passed over.
    private mutating func object(skipping: Bool) throws(JSONError) -> JSONValue {
        if try cut() { return .null }
        try descend()
        let start = members.count
        if next == UInt8(ascii: "}") {
            index += 1
        } else {
            repeat {
                skipSpace()
                try member(skipping: skipping)
                skipSpace()
            } while try goesOn(until: UInt8(ascii: "}"))
        }
        depth -= 1
        let own = members[start...]
        let object = JSONObject.hasDuplicates(own) ? JSONObject(lastWins: Array(own)) : JSONObject(unique: Array(own))
        members.removeSubrange(start...)
        return .object(object)
    }

    private mutating func member(skipping: Bool) throws(JSONError) {
        guard next == UInt8(ascii: "\"") else { throw expected("a key in quotes") }
        let keyStart = index + 1
        let key = try string(interning: true)
        let keyEnd = index - 1
        skipSpace()
        guard next == UInt8(ascii: ":") else { throw expected("a colon") }
        index += 1
        if skipping, matches(keyStart..<keyEnd, skippedKey) { return try skipValue() }
        let below = limits.skipped != nil && matches(keyStart..<keyEnd, skippedParent)
        members.append(JSONObject.Member(key: key, value: try value(skipping: below)))
    }

    private func matches(_ range: Range<Int>, _ name: [UInt8]) -> Bool {
        range.count == name.count && bytes[range].elementsEqual(name)
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        if try cut() { return .null }
        try descend()
        if next == UInt8(ascii: "]") {
            index += 1
            depth -= 1
            return .array([])
        }
        let start = elements.count
        repeat {
            let cutsBefore = cuts
            elements.append(try value(skipping: false))
            if cuts != cutsBefore, depth == 2 { cutElements.insert(elements.count - start - 1) }
            skipSpace()
        } while try goesOn(until: UInt8(ascii: "]"))
        depth -= 1
        let own = Array(elements[start...])
        elements.removeSubrange(start...)
        return .array(own)
    }

    private mutating func goesOn(until close: UInt8) throws(JSONError) -> Bool {
        let byte = next
        guard byte == UInt8(ascii: ",") || byte == close else { throw expected("a comma or the end of the container") }
        index += 1
        return byte != close
    }

    /// Passes over one value; only strings and brackets are looked at, because nothing of it is kept.
    private mutating func skipValue() throws(JSONError) {
        skipSpace()
        var open = 0
        repeat {
            switch next {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                open += 1
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                open -= 1
                index += 1
            case UInt8(ascii: "\""): try skipString()
            case 0: throw expected("a value")
            case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: skipScalar()
            }
        } while open > 0
        guard open == 0 else { throw expected("a value") }
    }

    private mutating func skipScalar() {
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x0A, 0x0D, 0x09: return
            default: index += 1
            }
        }
    }

    private mutating func skipString() throws(JSONError) {
        index += 1
        while index < bytes.count {
            let byte = bytes[index]
            index += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return }
        }
        throw expected("the end of a string")
    }

    // MARK: Numbers

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = index
        let negative = next == UInt8(ascii: "-")
        if negative { index += 1 }
        let digits = index
        var magnitude: UInt64 = 0
        var overflow = false
        while case let byte = next, byte &- 0x30 <= 9 {
            let (tens, over) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, overSum) = tens.addingReportingOverflow(UInt64(byte &- 0x30))
            magnitude = sum
            overflow = overflow || over || overSum
            index += 1
        }
        guard index > digits else { throw expected("a digit") }
        guard index == digits + 1 || bytes[digits] != 0x30 else { throw expected("a number without leading zeros") }
        if next != UInt8(ascii: "."), next | 0x20 != UInt8(ascii: "e"), !overflow {
            if negative, magnitude <= UInt64(Int64.max) + 1 {
                return .integer(Int64(truncatingIfNeeded: 0 &- magnitude))
            }
            if !negative, let value = Int64(exactly: magnitude) { return .integer(value) }
        }
        return try fraction(from: start)
    }

    private mutating func fraction(from start: Int) throws(JSONError) -> JSONValue {
        if next == UInt8(ascii: ".") {
            index += 1
            try someDigits()
        }
        if next | 0x20 == UInt8(ascii: "e") {
            index += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
            try someDigits()
        }
        guard let value = Double(String(decoding: bytes[start..<index], as: UTF8.self)), value.isFinite else {
            throw .syntax(offset: start, expected: "a number in range")
        }
        return .number(value)
    }

    private mutating func someDigits() throws(JSONError) {
        let start = index
        while next &- 0x30 <= 9 { index += 1 }
        guard index > start else { throw expected("a digit") }
    }

    // MARK: Strings

    private mutating func string(interning: Bool) throws(JSONError) -> String {
        index += 1
        let start = index
        var seen: UInt8 = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                defer { index += 1 }
                return try text(start..<index, isASCII: seen < 0x80, interning: interning)
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw expected("no control character in a string") }
            seen |= byte
            index += 1
        }
        throw expected("the end of a string")
    }

    private func text(_ range: Range<Int>, isASCII: Bool, interning: Bool) throws(JSONError) -> String {
        if isASCII {
            // Up to 15 bytes live inside the String itself, so only longer keys are worth sharing.
            if interning, range.count > 15 { return KeyTable.shared.key(bytes[range]) }
            return String(decoding: bytes[range], as: UTF8.self)
        }
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw .encoding(offset: range.lowerBound)
        }
        return text
    }

    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var buffer = Array(bytes[start..<index])
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: buffer, as: UTF8.self) else { throw .encoding(offset: start) }
                return text
            case UInt8(ascii: "\\"): try escape(into: &buffer)
            case 0..<0x20: throw expected("no control character in a string")
            default: buffer.append(byte)
            }
        }
        throw expected("the end of a string")
    }

    private mutating func escape(into buffer: inout [UInt8]) throws(JSONError) {
        let byte = next
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(byte)
        case UInt8(ascii: "b"): buffer.append(0x08)
        case UInt8(ascii: "f"): buffer.append(0x0C)
        case UInt8(ascii: "n"): buffer.append(0x0A)
        case UInt8(ascii: "r"): buffer.append(0x0D)
        case UInt8(ascii: "t"): buffer.append(0x09)
        case UInt8(ascii: "u"): buffer.append(contentsOf: UTF8.encode(try scalar())!)  // every scalar has a UTF-8 form
        default: throw expected("an escape sequence")
        }
    }

    /// The scalar after `\u`, of one unit or of a pair of surrogates; a lone surrogate is refused.
    private mutating func scalar() throws(JSONError) -> Unicode.Scalar {
        let first = try hexUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, next == UInt8(ascii: "\\") else { throw .encoding(offset: index) }
        index += 1
        guard next == UInt8(ascii: "u") else { throw .encoding(offset: index) }
        index += 1
        let second = try hexUnit()
        guard (0xDC00...0xDFFF).contains(second) else { throw .encoding(offset: index) }
        let joined = 0x10000 + (UInt32(first - 0xD800) << 10 | UInt32(second - 0xDC00))
        return Unicode.Scalar(joined)!  // 0x10000...0x10FFFF by the two ranges above
    }

    private mutating func hexUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Hex.value(of: next) else { throw expected("four hexadecimal digits") }
            unit = unit << 4 | UInt16(digit)
            index += 1
        }
        return unit
    }
}
