/// What the API server answers instead of an object (`metav1.Status`), kept whole.
package struct Status: Sendable, Hashable {
    /// "Failure" or "Success".
    package var status: String?
    package var message: String?
    /// A word for programs, such as "NotFound" or "Conflict".
    package var reason: String?
    package var code: Int?
    package var details: Details?

    package struct Details: Codable, Sendable, Hashable {
        package var name: String?
        package var group: String?
        package var kind: String?
        package var uid: String?
        package var causes: [Cause]?
        package var retryAfterSeconds: Int?

        package init(
            name: String? = nil, group: String? = nil, kind: String? = nil, uid: String? = nil, causes: [Cause]? = nil,
            retryAfterSeconds: Int? = nil
        ) {
            self.name = name
            self.group = group
            self.kind = kind
            self.uid = uid
            self.causes = causes
            self.retryAfterSeconds = retryAfterSeconds
        }
    }

    package struct Cause: Codable, Sendable, Hashable {
        package var reason: String?
        package var message: String?
        package var field: String?

        package init(reason: String? = nil, message: String? = nil, field: String? = nil) {
            self.reason = reason
            self.message = message
            self.field = field
        }
    }

    package init(
        status: String? = "Failure", message: String? = nil, reason: String? = nil, code: Int? = nil,
        details: Details? = nil
    ) {
        self.status = status
        self.message = message
        self.reason = reason
        self.code = code
        self.details = details
    }
}

extension Status: Codable {}

extension Status: CustomStringConvertible {
    /// A sentence for people: the server's message, or else its reason and code.
    package var description: String {
        if let message, !message.isEmpty { return message }
        return [reason, code.map { "HTTP status \($0)" }].compactMap(\.self).joined(separator: ", ")
    }
}
