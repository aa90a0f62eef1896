struct KeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let members: ValueEncoder.Members
    let codingPath: [any CodingKey]

    private func set(_ key: Key, _ value: JSONValue) { members.object[key.stringValue] = value }

    func encodeNil(forKey key: Key) throws { set(key, .null) }
    func encode(_ value: Bool, forKey key: Key) throws { set(key, .bool(value)) }
    func encode(_ value: String, forKey key: Key) throws { set(key, .string(value)) }
    func encode(_ value: Double, forKey key: Key) throws {
        set(key, try ValueEncoder.number(value, codingPath + [key]))
    }
    func encode(_ value: Float, forKey key: Key) throws { try encode(Double(value), forKey: key) }
    func encode(_ value: Int, forKey key: Key) throws { set(key, ValueEncoder.integer(value)) }
    func encode(_ value: Int8, forKey key: Key) throws { set(key, ValueEncoder.integer(value)) }
    func encode(_ value: Int16, forKey key: Key) throws { set(key, ValueEncoder.integer(value)) }
    func encode(_ value: Int32, forKey key: Key) throws { set(key, ValueEncoder.integer(value)) }
    func encode(_ value: Int64, forKey key: Key) throws { set(key, ValueEncoder.integer(value)) }
    func encode(_ value: UInt, forKey key: Key) throws { set(key, ValueEncoder.integer(value)) }
    func encode(_ value: UInt8, forKey key: Key) throws { set(key, ValueEncoder.integer(value)) }
    func encode(_ value: UInt16, forKey key: Key) throws { set(key, ValueEncoder.integer(value)) }
    func encode(_ value: UInt32, forKey key: Key) throws { set(key, ValueEncoder.integer(value)) }
    func encode(_ value: UInt64, forKey key: Key) throws { set(key, ValueEncoder.integer(value)) }

    /// An Optional that is nil is left out, also where `encode` was called instead of `encodeIfPresent`.
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        let encoded = try ValueEncoder.encode(value, path: codingPath + [key])
        if encoded == .null, T.self != JSONValue.self { return }
        set(key, encoded)
    }

    private func nested(_ key: String) -> ValueEncoder {
        let encoder = ValueEncoder(path: codingPath + [PathKey(key)])
        members.object[key] = .null  // keeps the place in the order
        members.nested.append((key, encoder))
        return encoder
    }

    func nestedContainer<Other: CodingKey>(
        keyedBy type: Other.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Other> {
        nested(key.stringValue).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        nested(key.stringValue).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { nested("super") }
    func superEncoder(forKey key: Key) -> any Encoder { nested(key.stringValue) }
}

struct UnkeyedWriter: UnkeyedEncodingContainer {
    let elements: ValueEncoder.Elements
    let codingPath: [any CodingKey]
    var count: Int { elements.array.count }

    func encodeNil() throws { elements.array.append(.null) }
    func encode(_ value: Bool) throws { elements.array.append(.bool(value)) }
    func encode(_ value: String) throws { elements.array.append(.string(value)) }
    func encode(_ value: Double) throws { elements.array.append(try ValueEncoder.number(value, path)) }
    func encode(_ value: Float) throws { try encode(Double(value)) }
    func encode(_ value: Int) throws { elements.array.append(ValueEncoder.integer(value)) }
    func encode(_ value: Int8) throws { elements.array.append(ValueEncoder.integer(value)) }
    func encode(_ value: Int16) throws { elements.array.append(ValueEncoder.integer(value)) }
    func encode(_ value: Int32) throws { elements.array.append(ValueEncoder.integer(value)) }
    func encode(_ value: Int64) throws { elements.array.append(ValueEncoder.integer(value)) }
    func encode(_ value: UInt) throws { elements.array.append(ValueEncoder.integer(value)) }
    func encode(_ value: UInt8) throws { elements.array.append(ValueEncoder.integer(value)) }
    func encode(_ value: UInt16) throws { elements.array.append(ValueEncoder.integer(value)) }
    func encode(_ value: UInt32) throws { elements.array.append(ValueEncoder.integer(value)) }
    func encode(_ value: UInt64) throws { elements.array.append(ValueEncoder.integer(value)) }
    func encode<T: Encodable>(_ value: T) throws { elements.array.append(try ValueEncoder.encode(value, path: path)) }

    private var path: [any CodingKey] { codingPath + [PathKey(intValue: count)] }

    private func nested() -> ValueEncoder {
        let encoder = ValueEncoder(path: path)
        elements.nested.append((count, encoder))
        elements.array.append(.null)  // keeps the place
        return encoder
    }

    func nestedContainer<Other: CodingKey>(keyedBy type: Other.Type) -> KeyedEncodingContainer<Other> {
        nested().container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
    func superEncoder() -> any Encoder { nested() }
}
