/// A document that does not have the shape a type wants, with the path of the field at fault.
package struct ValueDecodingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Such as "spec.dnsNames[0]" or "data[tls.crt]"; empty for the document itself.
    package var path: String
    /// What was wanted. Never the value found, which may be secret.
    package var reason: String

    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    package var description: String { path.isEmpty ? reason : "\(path): \(reason)" }
}

extension ValueDecodingError {
    /// Takes over what a hand-written or synthesized `init(from:)` threw.
    init(_ error: any Error) {
        switch error {
        case let error as ValueDecodingError: self = error
        case let error as DecodingError:
            switch error {
            case .keyNotFound(let key, let context):
                self.init(path: Self.text(context.codingPath + [key]), reason: "is required")
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                self.init(path: Self.text(context.codingPath), reason: context.debugDescription)
            @unknown default: self.init(path: "", reason: "cannot be decoded")
            }
        default: self.init(path: "", reason: "\(error)")
        }
    }

    static func text(_ path: [any CodingKey]) -> String {
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else if key.stringValue.utf8.contains(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }) {
                text += "[\(key.stringValue)]"
            } else {
                text += text.isEmpty ? key.stringValue : "." + key.stringValue
            }
        }
        return text
    }
}

/// One step of a path: a member's name or an element's index.
package struct PathKey: CodingKey, Sendable, Hashable {
    package let stringValue: String
    package let intValue: Int?

    package init(_ key: String) {
        stringValue = key
        intValue = nil
    }
    package init(stringValue: String) { self.init(stringValue) }
    package init(intValue: Int) {
        stringValue = String(intValue)
        self.intValue = intValue
    }
}
