import KubeModel
import Wire

/// The merge patch (RFC 7386) that makes one version of an object into another.
enum MergeDifference {
    /// Nil when nothing differs. The patch carries the resourceVersion of `old`, so that it changes only that version.
    static func patch<Object: KubeObject>(from old: Object, to new: Object) -> JSONValue? {
        // Both came out of JSON, or out of what JSON can say.
        guard let before = try? JSONValue(encoding: old), let after = try? JSONValue(encoding: new),
            var patch = difference(before, after)
        else { return nil }
        var metadata = patch["metadata"] ?? [:]
        metadata["resourceVersion"] = .string(old.metadata.resourceVersion ?? "")
        patch["metadata"] = metadata
        return patch
    }

    private static func difference(_ old: JSONValue, _ new: JSONValue) -> JSONValue? {
        // `nil` in a ternary would be read as JSON's null, which JSONValue takes as a literal: hence the statements.
        if old == new { return nil }
        guard let before = old.objectValue, let after = new.objectValue else { return new }
        var patch = JSONObject()
        for member in after {
            if let value = before[member.key] {
                patch[member.key] = difference(value, member.value)
            } else {
                patch[member.key] = member.value
            }
        }
        for member in before where after[member.key] == nil { patch[member.key] = .null }
        if patch.isEmpty { return nil }
        return .object(patch)
    }
}
