/// A 64-bit digest that stands for a value where only equality matters; it means nothing in another process.
///
/// Thousands of objects are held at rest and compared with what is wanted now and then: a print of each part costs
/// eight bytes where the part costs hundreds.
package struct Print: Sendable, Hashable {
    let value: UInt64

    package init(_ value: some Hashable) {
        var hasher = Hasher()
        value.hash(into: &hasher)
        self.value = UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// Of the elements as a set: their order and number do not matter.
    package init(setOf values: some Sequence<String>) {
        self.init(Set(values))
    }
}

/// A map of labels or annotations, kept as prints: it can be asked about but not listed.
package struct MapPrint: Sendable, Hashable {
    private var keys: Set<Print> = []
    private var pairs: Set<Print> = []

    package init(_ map: [String: String]?) {
        for (key, value) in map ?? [:] {
            keys.insert(Print(key))
            pairs.insert(Self.pair(key, value))
        }
    }

    package func hasKey(_ key: String) -> Bool { keys.contains(Print(key)) }
    package func has(_ key: String, _ value: String) -> Bool { pairs.contains(Self.pair(key, value)) }
    /// Whether every entry of `map` is here with the same value.
    package func contains(_ map: [String: String]) -> Bool { map.allSatisfy { has($0.key, $0.value) } }

    private static func pair(_ key: String, _ value: String) -> Print { Print([key, value]) }
}

/// What was found where something should be.
package enum Found<Value: Sendable & Hashable>: Sendable, Hashable {
    case nothing
    /// Something else than it should be: what is wrong with it.
    case bad(String)
    case good(Value)

    package var value: Value? {
        guard case .good(let value) = self else { return nil }
        return value
    }
}
