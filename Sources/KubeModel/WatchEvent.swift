package import Wire

/// One line of a watch. Objects stay undecoded here, so that a malformed one can be told from a broken stream.
package enum WatchEvent: Sendable, Hashable {
    case added(JSONValue)
    case modified(JSONValue)
    /// The object's last state.
    case deleted(JSONValue)
    /// Nothing changed up to this version.
    case bookmark(resourceVersion: String)
    /// The watch is over; 410 says that its version is too old.
    case error(Status)

    /// Reads a line without its line end.
    package init(line: [UInt8]) throws(ValueDecodingError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: line, limits: .withoutManagedFields)
        } catch {
            throw ValueDecodingError(path: "", reason: error.description)
        }
        guard let object = value["object"] else { throw ValueDecodingError(path: "object", reason: "is required") }
        switch value["type"]?.stringValue {
        case "ADDED": self = .added(object)
        case "MODIFIED": self = .modified(object)
        case "DELETED": self = .deleted(object)
        case "BOOKMARK":
            guard let version = object["metadata"]?["resourceVersion"]?.stringValue, !version.isEmpty else {
                throw ValueDecodingError(path: "object.metadata.resourceVersion", reason: "is required")
            }
            self = .bookmark(resourceVersion: version)
        case "ERROR": self = .error(try object.decode(Status.self))
        case let other: throw ValueDecodingError(path: "type", reason: "\(other ?? "nothing") is not a kind of event")
        }
    }
}
