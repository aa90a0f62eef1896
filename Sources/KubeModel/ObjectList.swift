package import Wire

/// An item of a list that could not be decoded. It never hides the others.
package struct MalformedObject: Error, Sendable, Hashable {
    /// Nil when not even its name could be read.
    package var key: ObjectKey?
    package var error: ValueDecodingError

    package init(key: ObjectKey?, error: ValueDecodingError) {
        self.key = key
        self.error = error
    }

    package init(_ value: JSONValue, _ error: ValueDecodingError) {
        let metadata = value["metadata"]
        self.error = error
        key = metadata?["name"]?.stringValue.map {
            ObjectKey(namespace: metadata?["namespace"]?.stringValue ?? "", name: $0)
        }
    }
}

/// A list, or one page of it, decoded item by item.
package struct ObjectList<Object: Sendable>: Sendable {
    package var items: [Object]
    package var malformed: [MalformedObject]
    /// The version of the collection: a watch goes on from here.
    package var resourceVersion: String
    /// Nil on the last page.
    package var continueToken: String?

    package init(
        items: [Object] = [], malformed: [MalformedObject] = [], resourceVersion: String = "",
        continueToken: String? = nil
    ) {
        self.items = items
        self.malformed = malformed
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
    }

    /// - Parameter decode: makes the object of one item; what it throws is reported beside the others.
    package init(_ list: JSONValue, decode: (JSONValue) throws -> Object) throws(ValueDecodingError) {
        guard let metadata = list["metadata"]?.objectValue else {
            throw ValueDecodingError(path: "metadata", reason: "is required")
        }
        self.init(
            resourceVersion: metadata["resourceVersion"]?.stringValue ?? "",
            continueToken: metadata["continue"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 })
        let values = list["items"]?.arrayValue ?? []  // Go writes an empty slice as null
        items.reserveCapacity(values.count)
        for value in values {
            do {
                items.append(try decode(value))
            } catch {
                malformed.append(
                    MalformedObject(value, error as? ValueDecodingError ?? .init(path: "", reason: "\(error)")))
            }
        }
    }
}

extension ObjectList where Object: Decodable {
    package init(_ list: JSONValue) throws(ValueDecodingError) {
        try self.init(list) { try $0.decode(Object.self) }
    }
}
