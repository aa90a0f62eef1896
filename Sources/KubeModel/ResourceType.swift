/// A kind of object and where the API server serves it.
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

    /// "v1" or "cert-manager.io/v1".
    package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// The path below the server's address. Segments are percent-encoded; a nil or empty namespace means all of them,
    /// and is ignored by cluster-scoped kinds.
    package func path(namespace: String?, name: String? = nil, subresource: String? = nil) -> String {
        var path = group.isEmpty ? "/api/" : "/apis/\(PercentEncoding.encode(group))/"
        path += PercentEncoding.encode(version)
        if isNamespaced, let namespace, !namespace.isEmpty {
            path += "/namespaces/" + PercentEncoding.encode(namespace)
        }
        path += "/" + PercentEncoding.encode(plural)
        if let name { path += "/" + PercentEncoding.encode(name) }
        if let subresource { path += "/" + PercentEncoding.encode(subresource) }
        return path
    }
}

/// Keeps the unreserved characters of RFC 3986 §2.3 and writes every other byte as %XX.
package enum PercentEncoding {
    package static func encode(_ text: String) -> String {
        guard !text.utf8.allSatisfy(isUnreserved) else { return text }
        var encoded = ""
        for byte in text.utf8 {
            if isUnreserved(byte) {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                encoded += byte < 16 ? "%0" : "%"
                encoded += String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
