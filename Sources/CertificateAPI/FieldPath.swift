/// Where in an object something is, written as Kubernetes writes it: `spec.dnsNames[0]`.
package struct FieldPath: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    package static let spec = FieldPath("spec")
    package static let metadata = FieldPath("metadata")

    package init(_ text: String) {
        self.text = text
    }

    package subscript(field: String) -> FieldPath { FieldPath(text.isEmpty ? field : "\(text).\(field)") }
    package subscript(index: Int) -> FieldPath { FieldPath("\(text)[\(index)]") }
    /// A key of a map, which may hold dots.
    package subscript(key key: String) -> FieldPath { FieldPath("\(text)[\(key)]") }

    package var description: String { text }
}
