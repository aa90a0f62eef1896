/// What the API server says of a request that it did not carry out (`meta/v1` Status), whole.
package struct Status: Codable, Sendable, Hashable, CustomStringConvertible {
    package struct Details: Codable, Sendable, Hashable {
        package struct Cause: Codable, Sendable, Hashable {
            package var reason: String?
            package var message: String?
            package var field: String?
        }
        package var name: String?
        package var group: String?
        package var kind: String?
        package var uid: String?
        package var causes: [Cause]?
        package var retryAfterSeconds: Int?
    }
    package var status: String?
    package var message: String?
    package var reason: String?
    package var details: Details?
    package var code: Int?

    package init(code: Int, reason: String? = nil, message: String? = nil) {
        self.status = "Failure"
        self.message = message
        self.reason = reason
        self.code = code
    }

    package var description: String {
        let text = message ?? reason ?? "the API server refused without a reason"
        return code.map { "\(text) (\($0))" } ?? text
    }
}
