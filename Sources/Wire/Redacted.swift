/// A secret that says "redacted" to every printer, mirror and log; `reveal()` is the only way in.
package struct Redacted<Value: Sendable>: Sendable {
    private let value: Value

    package init(_ value: Value) { self.value = value }
    package func reveal() -> Value { value }
}

extension Redacted: Equatable where Value: Equatable {}
extension Redacted: Hashable where Value: Hashable {}

extension Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "redacted" }
    package var debugDescription: String { "redacted" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
