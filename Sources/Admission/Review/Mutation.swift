import CertificateAPI
import KubeModel
package import Wire

/// What is changed in objects as they are created: a CertificateRequest says who asked for it.
package enum Mutation {
    /// The steps of a JSON patch; none for everything but a new CertificateRequest.
    package static func patch(_ request: AdmissionRequest) -> [JSONValue] {
        guard request.operation == .create, request.group == Names.group, request.subresource.isEmpty,
            request.resource == CertificateRequest.resource.plural, let spec = request.object["spec"],
            spec.objectValue != nil
        else { return [] }
        return Identity.members(of: request.user).compactMap { field, wanted -> JSONValue? in
            let path: JSONValue = "/spec/\(field)"
            switch (spec[field], wanted) {
            case (let current, let wanted) where current == wanted: return nil
            case (nil, nil): return nil
            case (.some, nil): return ["op": "remove", "path": path]
            case (_, let wanted?): return ["op": "add", "path": path, "value": wanted]
            }
        }
    }
}

/// Who created a CertificateRequest, as its spec says.
enum Identity {
    /// The fields and what they hold for this user; nil for what is not to be there.
    static func members(of user: UserInfo) -> [(field: String, value: JSONValue?)] {
        let extra = user.extra.sorted { $0.key < $1.key }
        let members = JSONValue.object(
            extra.reduce(into: JSONObject()) { object, member in
                object[member.key] = .array(member.value.map { .string($0) })
            })
        // A bare nil would be read as JSON's null.
        let absent: JSONValue? = .none
        return [
            ("username", user.username.isEmpty ? absent : .string(user.username)),
            ("uid", user.uid.isEmpty ? absent : .string(user.uid)),
            ("groups", user.groups.isEmpty ? absent : .array(user.groups.map { .string($0) })),
            ("extra", extra.isEmpty ? absent : members),
        ]
    }

    /// What of a new request claims to be from somebody else.
    static func problems(in spec: CertificateRequest.Spec, from user: UserInfo) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        func check(_ isTrue: Bool, _ field: String) {
            guard !isTrue else { return }
            problems.append(
                .forbidden(FieldPath.spec[field], "\(field) identity must be that of the requester"))
        }
        check((spec.username ?? "") == user.username, "username")
        check((spec.uid ?? "") == user.uid, "uid")
        check((spec.groups ?? []) == user.groups, "groups")
        check((spec.extra ?? [:]) == user.extra, "extra")
        return problems
    }
}
