package import Wire

/// Why a text is not YAML that we read, and where.
package struct YAMLError: Error, Equatable, CustomStringConvertible {
    /// Counted from 1.
    package let line: Int
    package let problem: String

    package var description: String { "line \(line): \(problem)" }
}

/// Bounds that keep a hostile document from costing more than it is worth.
package struct YAMLLimits: Sendable {
    package var bytes = 16 << 20
    package var depth = 100
    /// Values in all, those that aliases repeat counted each time: this is what stops alias bombs.
    package var values = 1_000_000

    package init() {}
}

/// YAML documents as JSON values, scalars read as kubectl reads them (YAML 1.1 with the core types).
package enum YAMLDocuments {
    /// Reads every document of the text; empty ones are left out.
    package static func parse(_ bytes: [UInt8], limits: YAMLLimits = YAMLLimits()) throws(YAMLError) -> [JSONValue] {
        guard bytes.count <= limits.bytes else {
            throw YAMLError(line: 1, problem: "the text is longer than \(limits.bytes) bytes")
        }
        let events = try EventReader.events(of: bytes, limit: 2 * limits.values)
        var composer = Composer(events: events, limits: limits)
        return try composer.documents()
    }
}

/// Builds values from the stream of events; a plain recursive descent with a depth limit.
struct Composer {
    private let events: [YAMLEvent]
    private let limits: YAMLLimits
    private var position = 0
    private var count = 0
    private var anchors: [String: (value: JSONValue, size: Int)] = [:]

    init(events: [YAMLEvent], limits: YAMLLimits) {
        self.events = events
        self.limits = limits
    }

    mutating func documents() throws(YAMLError) -> [JSONValue] {
        var documents: [JSONValue] = []
        while let event = next() {
            guard case .documentStart = event.kind else { continue }
            anchors = [:]
            let value = try value(depth: 0)
            if value != .null { documents.append(value) }
        }
        return documents
    }

    private mutating func next() -> YAMLEvent? {
        guard position < events.count else { return nil }
        defer { position += 1 }
        return events[position]
    }

    private mutating func charge(_ values: Int, at line: Int) throws(YAMLError) {
        count += values
        guard count <= limits.values else {
            throw YAMLError(line: line, problem: "aliases repeat too much: more than \(limits.values) values in all")
        }
    }

    private mutating func value(depth: Int) throws(YAMLError) -> JSONValue {
        guard let event = next() else { throw YAMLError(line: 1, problem: "the text ends in the middle of a value") }
        return try value(of: event, depth: depth)
    }

    private mutating func value(of event: YAMLEvent, depth: Int) throws(YAMLError) -> JSONValue {
        guard depth < limits.depth else {
            throw YAMLError(line: event.line, problem: "nested more than \(limits.depth) levels deep")
        }
        let before = count
        try charge(1, at: event.line)
        let value: JSONValue
        switch event.kind {
        case .scalar(let scalar): value = try scalar.value(at: event.line)
        case .sequenceStart: value = try sequence(depth: depth)
        case .mappingStart: value = try mapping(depth: depth)
        case .alias(let name):
            guard let anchored = anchors[name] else {
                throw YAMLError(line: event.line, problem: "the alias *\(name) names no anchor before it")
            }
            try charge(anchored.size, at: event.line)
            return anchored.value
        default: throw YAMLError(line: event.line, problem: "a value was expected here")
        }
        if let anchor = event.anchor { anchors[anchor] = (value, count - before) }
        return value
    }

    private mutating func sequence(depth: Int) throws(YAMLError) -> JSONValue {
        var items: [JSONValue] = []
        while let event = next() {
            if case .sequenceEnd = event.kind { break }
            items.append(try value(of: event, depth: depth + 1))
        }
        return .array(items)
    }

    private mutating func mapping(depth: Int) throws(YAMLError) -> JSONValue {
        var object = JSONObject()
        var merged: [JSONValue] = []
        while let event = next() {
            if case .mappingEnd = event.kind { break }
            guard case .scalar(let scalar) = event.kind else {
                throw YAMLError(line: event.line, problem: "a key must be plain text")
            }
            let value = try value(depth: depth + 1)
            if scalar.text == "<<", scalar.isPlain {
                merged += value.arrayValue ?? [value]
            } else if object[scalar.text] != nil {
                throw YAMLError(line: event.line, problem: "the key \"\(scalar.text)\" is there twice")
            } else {
                object[scalar.text] = value
            }
        }
        for source in merged {
            for member in source.objectValue ?? [:] where object[member.key] == nil {
                object[member.key] = member.value
            }
        }
        return .object(object)
    }
}
