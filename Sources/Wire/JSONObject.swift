/// The members of a JSON object in the order they were written; two objects are equal whatever their order.
package struct JSONObject: Sendable {
    package struct Member: Sendable, Hashable {
        package var key: String
        package var value: JSONValue
    }

    /// Keys are unique. Lookup is a scan: Kubernetes objects have few members at each level.
    private(set) var members: [Member]

    package init() { members = [] }

    /// For the parser and the encoder, which have made sure that no key occurs twice.
    init(unique members: [Member]) { self.members = members }

    init(lastWins pairs: [(String, JSONValue)]) {
        self.init(lastWins: pairs.map { Member(key: $0.0, value: $0.1) })
    }

    /// Keeps the last value of a key that occurs twice, as Go's and most other parsers do.
    init(lastWins members: [Member]) {
        self.members = members
        guard Self.hasDuplicates(members[...]) else { return }
        var places: [String: Int] = [:]
        self.members = []
        for member in members {
            if let place = places[member.key] {
                self.members[place].value = member.value
            } else {
                places[member.key] = self.members.count
                self.members.append(member)
            }
        }
    }

    static func hasDuplicates(_ members: ArraySlice<Member>) -> Bool {
        if members.count <= 16 {
            for index in members.indices {
                for other in members.startIndex..<index where members[other].key == members[index].key { return true }
            }
            return false
        }
        return Set(members.lazy.map(\.key)).count != members.count
    }

    package var count: Int { members.count }
    package var isEmpty: Bool { members.isEmpty }
    package var keys: [String] { members.map(\.key) }

    package subscript(_ key: String) -> JSONValue? {
        get {
            for member in members where member.key == key { return member.value }
            return nil
        }
        set {
            let place = members.firstIndex { $0.key == key }
            switch (place, newValue) {
            case (let place?, let value?): members[place].value = value
            case (let place?, nil): members.remove(at: place)
            case (nil, let value?): members.append(Member(key: key, value: value))
            case (nil, nil): break
            }
        }
    }

    /// The same members in the order of their keys' bytes.
    package func sorted() -> JSONObject {
        JSONObject(unique: members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
    }
}

extension JSONObject: Sequence {
    package func makeIterator() -> IndexingIterator<[Member]> { members.makeIterator() }
    package var underestimatedCount: Int { members.count }
}

extension JSONObject: Hashable {
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        if left.members == right.members { return true }
        if left.count <= 16 { return left.members.allSatisfy { right[$0.key] == $0.value } }
        let byKey = Dictionary(uniqueKeysWithValues: right.members.map { ($0.key, $0.value) })
        return left.members.allSatisfy { byKey[$0.key] == $0.value }
    }

    package func hash(into hasher: inout Hasher) {
        var combined = 0  // exclusive or, because order must not matter
        for member in members {
            var one = Hasher()
            one.combine(member)
            combined ^= one.finalize()
        }
        hasher.combine(combined)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral members: (String, JSONValue)...) { self.init(lastWins: members) }
}

extension JSONObject: Codable {
    package init(from decoder: any Decoder) throws {
        if let decoder = decoder as? ValueDecoder {
            self = try decoder.object()
            return
        }
        let container = try decoder.container(keyedBy: PathKey.self)
        members = try container.allKeys.map {
            Member(key: $0.stringValue, value: try container.decode(JSONValue.self, forKey: $0))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        if let encoder = encoder as? ValueEncoder {
            encoder.node = .leaf(.object(self))
            return
        }
        var container = encoder.container(keyedBy: PathKey.self)
        for member in members { try container.encode(member.value, forKey: PathKey(member.key)) }
    }
}
