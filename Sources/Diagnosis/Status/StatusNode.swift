package import Wire

/// One object of a Certificate's tree, told for people and for programs.
package struct StatusNode: Sendable, Equatable {
    package enum Mood: String, Sendable {
        case good, waiting, bad, plain
    }

    package struct Line: Sendable, Equatable {
        package var label: String
        package var text: String
        package var mood: Mood

        package init(_ label: String, _ text: String, _ mood: Mood = .plain) {
            self.label = label
            self.text = text
            self.mood = mood
        }
    }

    package var kind: String
    package var name: String
    /// In a word: "Ready", "pending", "missing".
    package var state: String
    package var mood: Mood
    package var createdAt: Timestamp?
    package var lines: [Line] = []
    package var events: [Line] = []
    package var children: [StatusNode] = []

    package init(kind: String, name: String, state: String, mood: Mood, createdAt: Timestamp? = nil) {
        self.kind = kind
        self.name = name
        self.state = state
        self.mood = mood
        self.createdAt = createdAt
    }

    package var json: JSONValue {
        var value: JSONValue = [
            "kind": .string(kind), "name": .string(name), "state": .string(state), "mood": .string(mood.rawValue),
        ]
        if let createdAt { value["createdAt"] = .string(createdAt.rfc3339) }
        if !lines.isEmpty { value["details"] = Self.list(lines) }
        if !events.isEmpty { value["events"] = Self.list(events) }
        if !children.isEmpty { value["children"] = .array(children.map(\.json)) }
        return value
    }

    private static func list(_ lines: [Line]) -> JSONValue {
        .array(lines.map { ["name": .string($0.label), "text": .string($0.text)] })
    }
}
