extension JSONValue {
    /// This document after a JSON merge patch (RFC 7386 §2): null removes, objects merge, anything else replaces.
    package func merging(patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var target = objectValue ?? JSONObject()
        for change in changes {
            if change.value == .null {
                target[change.key] = nil
            } else {
                target[change.key] = (target[change.key] ?? .null).merging(patch: change.value)
            }
        }
        return .object(target)
    }
}
