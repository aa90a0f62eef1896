extension JSONValue {
    /// Decodes a Swift type straight from this value; the error names the field, such as "spec.dnsNames[0]".
    package func decode<T: Decodable>(_ type: T.Type) throws(ValueDecodingError) -> T {
        do {
            return try ValueDecoder.decode(type, from: self, parent: nil, step: .root)
        } catch {
            throw ValueDecodingError(error)
        }
    }
}

/// Swift's `Decoder` over one value. Decoders are linked to their parents, and only an error walks that chain to
/// write down a path.
final class ValueDecoder: Decoder {
    enum Step {
        case root
        case key(String)
        case index(Int)
    }

    let value: JSONValue
    private let parent: ValueDecoder?
    private let step: Step

    init(_ value: JSONValue, parent: ValueDecoder?, step: Step) {
        self.value = value
        self.parent = parent
        self.step = step
    }

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    var codingPath: [any CodingKey] {
        var path: [any CodingKey] = []
        var decoder: ValueDecoder? = self
        while let one = decoder {
            switch one.step {
            case .root: break
            case .key(let key): path.append(PathKey(key))
            case .index(let index): path.append(PathKey(intValue: index))
            }
            decoder = one.parent
        }
        return path.reversed()
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(KeyedValues<Key>(object: try object(), decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch("an array", value) }
        return ValueSequence(elements: elements, decoder: self)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { SingleValue(decoder: self) }

    func object() throws -> JSONObject {
        guard case .object(let object) = value else { throw mismatch("an object", value) }
        return object
    }

    func mismatch(_ expected: String, _ found: JSONValue, at steps: [PathKey] = []) -> ValueDecodingError {
        ValueDecodingError(
            path: ValueDecodingError.text(codingPath + steps), reason: "expected \(expected), found \(found.kindName)")
    }
}

// MARK: Scalars

extension ValueDecoder {
    /// The types met most often are taken without going through their `init(from:)`.
    static func decode<T: Decodable>(_ type: T.Type, from value: JSONValue, parent: ValueDecoder?, step: Step) throws
        -> T
    {
        if type == JSONValue.self { return value as! T }  // the two types are the same
        if type == String.self, case .string(let text) = value { return text as! T }  // as above
        if type == [String: String].self, case .object(let object) = value, let map = stringMap(object) {
            return map as! T  // as above
        }
        return try T(from: ValueDecoder(value, parent: parent, step: step))
    }

    /// Nil when some value is not a string: then the slow path finds out which, for its error.
    private static func stringMap(_ object: JSONObject) -> [String: String]? {
        var map: [String: String] = [:]
        map.reserveCapacity(object.count)
        for member in object {
            guard case .string(let text) = member.value else { return nil }
            map[member.key] = text
        }
        return map
    }

    func bool(_ value: JSONValue, _ key: @autoclosure () -> [PathKey]) throws -> Bool {
        guard case .bool(let flag) = value else { throw mismatch("a boolean", value, at: key()) }
        return flag
    }

    func string(_ value: JSONValue, _ key: @autoclosure () -> [PathKey]) throws -> String {
        guard case .string(let text) = value else { throw mismatch("a string", value, at: key()) }
        return text
    }

    func double(_ value: JSONValue, _ key: @autoclosure () -> [PathKey]) throws -> Double {
        guard let number = value.doubleValue else { throw mismatch("a number", value, at: key()) }
        return number
    }

    func integer<I: FixedWidthInteger>(_ value: JSONValue, _ key: @autoclosure () -> [PathKey]) throws -> I {
        guard let whole = value.intValue, let number = I(exactly: whole) else {
            throw mismatch("a whole number of \(I.bitWidth) bits", value, at: key())
        }
        return number
    }
}

struct SingleValue: SingleValueDecodingContainer {
    let decoder: ValueDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }
    func decodeNil() -> Bool { decoder.value == .null }
    func decode(_ type: Bool.Type) throws -> Bool { try decoder.bool(decoder.value, []) }
    func decode(_ type: String.Type) throws -> String { try decoder.string(decoder.value, []) }
    func decode(_ type: Double.Type) throws -> Double { try decoder.double(decoder.value, []) }
    func decode(_ type: Float.Type) throws -> Float { Float(try decoder.double(decoder.value, [])) }
    func decode(_ type: Int.Type) throws -> Int { try decoder.integer(decoder.value, []) }
    func decode(_ type: Int8.Type) throws -> Int8 { try decoder.integer(decoder.value, []) }
    func decode(_ type: Int16.Type) throws -> Int16 { try decoder.integer(decoder.value, []) }
    func decode(_ type: Int32.Type) throws -> Int32 { try decoder.integer(decoder.value, []) }
    func decode(_ type: Int64.Type) throws -> Int64 { try decoder.integer(decoder.value, []) }
    func decode(_ type: UInt.Type) throws -> UInt { try decoder.integer(decoder.value, []) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try decoder.integer(decoder.value, []) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try decoder.integer(decoder.value, []) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try decoder.integer(decoder.value, []) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try decoder.integer(decoder.value, []) }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try T(from: decoder) }
}
