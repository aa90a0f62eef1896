package import Wire

/// Fields of a manifest that an older API server does not know: server-side apply refuses them, where a client-side apply
/// would have them dropped.
package enum UndeclaredFields {
    private static let mark = ": field not declared in schema"

    /// The paths that a refusal names; empty where it is about something else.
    package static func paths(in message: String) -> [String] {
        message.split(separator: "\n").compactMap { line in
            guard let range = line.firstRange(of: mark) else { return nil }
            let path = line[..<range.lowerBound].split(separator: " ").last ?? ""
            return path.hasPrefix(".") ? String(path) : nil
        }
    }

    /// `value` without the field at a path such as `.spec.versions[0].selectableFields`; nil where there is none.
    package static func removing(_ path: String, from value: JSONValue) -> JSONValue? { remove(path[...], value) }

    private static func remove(_ path: Substring, _ value: JSONValue) -> JSONValue? {
        if path.hasPrefix("["), let end = path.firstIndex(of: "]") {
            let key = path[path.index(after: path.startIndex)..<end]
            guard let items = value.arrayValue, let index = position(key, items),
                let item = remove(path[path.index(after: end)...], items[index])
            else { return nil }
            var changed = items
            changed[index] = item
            return .array(changed)
        }
        guard path.hasPrefix("."), let members = value.objectValue else { return nil }
        let rest = path.dropFirst()
        // Names may hold dots: the longest that fits.
        let names = members.keys.filter { rest.hasPrefix($0) && isEnd(rest.dropFirst($0.count)) }
        guard let name = names.max(by: { $0.count < $1.count }), let member = members[name] else { return nil }
        var changed = value
        let deeper = rest.dropFirst(name.count)
        if deeper.isEmpty {
            changed[name] = nil
        } else {
            guard let item = remove(deeper, member) else { return nil }
            changed[name] = item
        }
        return changed
    }

    private static func isEnd(_ rest: Substring) -> Bool { rest.isEmpty || rest.hasPrefix(".") || rest.hasPrefix("[") }

    /// Of `0`, or of `name="v1"` in a list that is a map.
    private static func position(_ key: Substring, _ items: [JSONValue]) -> Int? {
        if let index = Int(key) { return items.indices.contains(index) ? index : nil }
        let pairs = key.split(separator: ",").map { pair -> (String, String) in
            let parts = pair.split(separator: "=", maxSplits: 1)
            let text = parts.count == 2 ? parts[1].drop { $0 == "\"" } : ""
            return (String(parts.first ?? ""), String(text.hasSuffix("\"") ? text.dropLast() : text))
        }
        guard !pairs.isEmpty else { return nil }
        return items.firstIndex { item in
            pairs.allSatisfy { name, text in
                item[name]?.stringValue == text || item[name]?.intValue.map { "\($0)" } == text
            }
        }
    }
}
