import KubeClient
package import KubeModel
package import Wire

/// An object that the API server sent and that does not have the shape of its type.
package struct MalformedObject: Sendable, Equatable {
    /// nil when not even its name could be read.
    package var key: ObjectKey?
    package var uid: String?
    package var resourceVersion: String?
    /// Names the field at fault, never its value.
    package var problem: ValueDecodingError
}

/// Turns what lists and watches carry into objects, one by one, so that one that is malformed hides no other.
struct ObjectReader<Object: KubeObject>: Sendable {
    typealias Transform = @Sendable (JSONValue) throws -> Object?
    typealias Identity = CacheMachine<Object>.Identity

    enum Reading: Sendable {
        case object(Object)
        /// The transform does not want it in the cache.
        case unwanted(Identity)
        case malformed(MalformedObject)
    }

    let transform: Transform?

    func read(_ value: JSONValue) -> Reading {
        do {
            let object = try transform.map { try $0(value) } ?? value.decode(Object.self)
            // Without a name it would sit in the cache under none.
            guard let identity = identity(value) else {
                throw ValueDecodingError(path: "metadata.name", reason: "is required")
            }
            return object.map { .object($0) } ?? .unwanted(identity)
        } catch {
            let problem = error as? ValueDecodingError ?? ValueDecodingError(path: "", reason: "\(error)")
            return .malformed(malformed(value, problem))
        }
    }

    func malformed(_ value: JSONValue, _ problem: ValueDecodingError) -> MalformedObject {
        MalformedObject(
            key: value.objectKey, uid: value["metadata"]?["uid"]?.stringValue,
            resourceVersion: value["metadata"]?["resourceVersion"]?.stringValue, problem: problem)
    }

    /// Whose object it is, whatever else is in it; nil when it has no name.
    func identity(_ value: JSONValue) -> Identity? {
        guard let key = value.objectKey, !key.name.isEmpty else { return nil }
        let metadata = value["metadata"]
        return Identity(
            key: key, uid: metadata?["uid"]?.stringValue,
            version: metadata?["resourceVersion"]?.stringValue.flatMap { UInt64($0) })
    }
}
