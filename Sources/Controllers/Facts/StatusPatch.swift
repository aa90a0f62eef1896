import KubeClient
import KubeModel
import Wire

/// Writes a status as a merge patch: only what differs, and only over the version that was looked at.
enum StatusPatch {
    static func write<Object: KubeObject, Status: Encodable>(
        _ status: Status, over old: Status?, of object: Object, _ client: KubeClient
    ) async throws -> Object {
        let before = try old.map { try JSONValue(encoding: $0) } ?? [:]
        let after = try JSONValue(encoding: status)
        var patch: JSONValue = ["metadata": [:], "status": difference(before, after)]
        if let version = object.metadata.resourceVersion { patch["metadata"]?["resourceVersion"] = .string(version) }
        return try await client.mergePatch(patch, of: Object.self, object.key, subresource: "status")
    }

    /// A merge patch (RFC 7386) that makes `after` of `before`, one level deep: members are replaced whole.
    static func difference(_ before: JSONValue, _ after: JSONValue) -> JSONValue {
        var patch: JSONValue = [:]
        for member in after.objectValue ?? [:] where before[member.key] != member.value {
            // A member that is an object would be merged with what is there; ours is meant whole.
            patch[member.key] = whole(member.value, replacing: before[member.key])
        }
        for key in before.objectValue?.keys ?? [] where after[key] == nil { patch[key] = .null }
        return patch
    }

    private static func whole(_ value: JSONValue, replacing old: JSONValue?) -> JSONValue {
        guard value.objectValue != nil, let old, old.objectValue != nil else { return value }
        return difference(old, value)
    }
}
