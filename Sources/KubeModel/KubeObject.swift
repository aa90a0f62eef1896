package import Wire

/// A kind of object, and where the API server keeps it.
package struct ResourceType: Sendable, Hashable {
    /// Empty for the core group.
    package let group: String
    package let version: String
    package let kind: String
    package let plural: String
    package let isNamespaced: Bool

    package init(group: String, version: String, kind: String, plural: String, isNamespaced: Bool) {
        self.group = group
        self.version = version
        self.kind = kind
        self.plural = plural
        self.isNamespaced = isNamespaced
    }

    package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// The path of a collection (no name) or an object. Names are escaped, so that none can reach another resource.
    package func path(namespace: String? = nil, name: String? = nil, subresource: String? = nil) -> String {
        var path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        if isNamespaced, let namespace, !namespace.isEmpty { path += "/namespaces/\(namespace.escapedForPath)" }
        path += "/\(plural)"
        if let name { path += "/\(name.escapedForPath)" }
        if let subresource { path += "/\(subresource)" }
        return path
    }
}

/// A type that is stored in the API server. `apiVersion` and `kind` follow from the type and are not stored in it.
package protocol KubeObject: Codable, Sendable {
    static var resource: ResourceType { get }
    var metadata: ObjectMeta { get set }
}

extension KubeObject {
    package var key: ObjectKey { ObjectKey(namespace: metadata.namespace ?? "", name: metadata.name) }

    /// The object as it is sent, with its `apiVersion` and `kind`.
    package func manifest() throws -> JSONValue {
        var value = try JSONValue(encoding: self)
        value["apiVersion"] = .string(Self.resource.apiVersion)
        value["kind"] = .string(Self.resource.kind)
        return value
    }
}

/// Which object of a kind: its namespace (empty when the kind has none) and its name.
package struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let namespace: String
    package let name: String

    package init(namespace: String = "", name: String) {
        self.namespace = namespace
        self.name = name
    }

    package init(_ object: some KubeObject) { self = object.key }

    package var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }

    package static func < (one: ObjectKey, other: ObjectKey) -> Bool {
        (one.namespace, one.name) < (other.namespace, other.name)
    }
}

/// What an Event is about (core/v1 ObjectReference).
package struct ObjectReference: Codable, Sendable, Hashable {
    package var apiVersion: String
    package var kind: String
    package var namespace: String?
    package var name: String
    package var uid: String?
    package var resourceVersion: String?

    package init(
        apiVersion: String, kind: String, namespace: String?, name: String, uid: String?, resourceVersion: String? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.uid = uid
        self.resourceVersion = resourceVersion
    }

    package init<Object: KubeObject>(to object: Object) {
        self.init(
            apiVersion: Object.resource.apiVersion, kind: Object.resource.kind, namespace: object.metadata.namespace,
            name: object.metadata.name, uid: object.metadata.uid, resourceVersion: object.metadata.resourceVersion)
    }
}

extension String {
    /// Percent-encodes everything but RFC 3986's unreserved characters.
    package var escapedForPath: String {
        var text = ""
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.count == 1 ? "0" + digits : digits)
            }
        }
        return text
    }
}
