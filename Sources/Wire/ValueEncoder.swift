extension JSONValue {
    /// The value of a Swift type; nil Optionals are left out, not written as null.
    package init(encoding value: some Encodable) throws {
        self = try ValueEncoder.encode(value, path: [])
    }
}

/// Swift's `Encoder` that builds a `JSONValue`.
final class ValueEncoder: Encoder {
    /// What has been written so far: a finished value, or a container that may still grow.
    enum Node {
        case empty
        case leaf(JSONValue)
        case object(Members)
        case array(Elements)

        var value: JSONValue {
            switch self {
            case .empty: .object(JSONObject())  // a type that writes nothing is an object without members
            case .leaf(let value): value
            case .object(let members): members.value
            case .array(let elements): elements.value
            }
        }
    }

    /// Members still being written; the nested ones are taken over when everything is done.
    final class Members {
        var object = JSONObject()
        var nested: [(key: String, encoder: ValueEncoder)] = []

        var value: JSONValue {
            var object = object
            for (key, encoder) in nested { object[key] = encoder.node.value }
            return .object(object)
        }
    }

    final class Elements {
        var array: [JSONValue] = []
        var nested: [(index: Int, encoder: ValueEncoder)] = []

        var value: JSONValue {
            var array = array
            for (index, encoder) in nested { array[index] = encoder.node.value }
            return .array(array)
        }
    }

    let codingPath: [any CodingKey]
    var node = Node.empty
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(path: [any CodingKey]) { codingPath = path }

    static func encode(_ value: some Encodable, path: [any CodingKey]) throws -> JSONValue {
        if let value = value as? JSONValue { return value }
        let encoder = ValueEncoder(path: path)
        try value.encode(to: encoder)
        return encoder.node.value
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .object(let members) = node {
            return KeyedEncodingContainer(KeyedWriter<Key>(members: members, codingPath: codingPath))
        }
        let members = Members()
        node = .object(members)
        return KeyedEncodingContainer(KeyedWriter<Key>(members: members, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .array(let elements) = node { return UnkeyedWriter(elements: elements, codingPath: codingPath) }
        let elements = Elements()
        node = .array(elements)
        return UnkeyedWriter(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SingleWriter(encoder: self) }

    static func number(_ value: Double, _ path: [any CodingKey]) throws -> JSONValue {
        guard value.isFinite else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: path, debugDescription: "JSON has no number that is not finite"))
        }
        return .number(value)
    }

    /// Whole numbers above `Int64.max` lose precision, as they do for every JSON reader that uses doubles.
    static func integer(_ value: some FixedWidthInteger) -> JSONValue {
        Int64(exactly: value).map { .integer($0) } ?? .number(Double(value))
    }
}

struct SingleWriter: SingleValueEncodingContainer {
    let encoder: ValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil() throws { encoder.node = .leaf(.null) }
    func encode(_ value: Bool) throws { encoder.node = .leaf(.bool(value)) }
    func encode(_ value: String) throws { encoder.node = .leaf(.string(value)) }
    func encode(_ value: Double) throws { encoder.node = .leaf(try ValueEncoder.number(value, codingPath)) }
    func encode(_ value: Float) throws { try encode(Double(value)) }
    func encode(_ value: Int) throws { encoder.node = .leaf(ValueEncoder.integer(value)) }
    func encode(_ value: Int8) throws { encoder.node = .leaf(ValueEncoder.integer(value)) }
    func encode(_ value: Int16) throws { encoder.node = .leaf(ValueEncoder.integer(value)) }
    func encode(_ value: Int32) throws { encoder.node = .leaf(ValueEncoder.integer(value)) }
    func encode(_ value: Int64) throws { encoder.node = .leaf(ValueEncoder.integer(value)) }
    func encode(_ value: UInt) throws { encoder.node = .leaf(ValueEncoder.integer(value)) }
    func encode(_ value: UInt8) throws { encoder.node = .leaf(ValueEncoder.integer(value)) }
    func encode(_ value: UInt16) throws { encoder.node = .leaf(ValueEncoder.integer(value)) }
    func encode(_ value: UInt32) throws { encoder.node = .leaf(ValueEncoder.integer(value)) }
    func encode(_ value: UInt64) throws { encoder.node = .leaf(ValueEncoder.integer(value)) }
    func encode<T: Encodable>(_ value: T) throws { try value.encode(to: encoder) }
}
