package import Wire

/// One line of a watch, its object still a value: what it is decoded into is the reader's choice.
package enum WatchEvent: Sendable, Hashable {
    case added(JSONValue)
    case modified(JSONValue)
    case deleted(JSONValue)
    /// Nothing changed; a watch may go on from this version.
    case bookmark(resourceVersion: String)
    /// The watch ends with this.
    case error(Status)

    package init(_ line: [UInt8], limits: JSONLimits = .withoutManagedFields) throws {
        let value = try JSONValue(parsing: line, limits: limits)
        guard let type = value["type"]?.stringValue, let object = value["object"] else {
            throw WatchEventError.shape
        }
        switch type {
        case "ADDED": self = .added(object)
        case "MODIFIED": self = .modified(object)
        case "DELETED": self = .deleted(object)
        case "BOOKMARK":
            guard let version = object["metadata"]?["resourceVersion"]?.stringValue else {
                throw WatchEventError.shape
            }
            self = .bookmark(resourceVersion: version)
        case "ERROR": self = .error(try object.decode(Status.self))
        default: throw WatchEventError.unknownType(type)
        }
    }
}

package enum WatchEventError: Error, Equatable, CustomStringConvertible {
    case shape
    case unknownType(String)

    package var description: String {
        switch self {
        case .shape: "A line of the watch has no type or no object."
        case .unknownType(let type): "A line of the watch has the unknown type \"\(type)\"."
        }
    }
}
