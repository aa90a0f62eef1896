package import ACME
package import HTTPTypes
package import Wire

/// What goes back to a client that asked for what it cannot have (RFC 8555 §6.7).
package struct ServerProblem: Error, Sendable, Hashable {
    /// One of several reasons, about one name (RFC 8555 §6.7.1).
    package struct Part: Sendable, Hashable {
        package var type: ProblemType
        package var detail: String
        package var identifier: ACMEIdentifier

        package init(_ type: ProblemType, _ detail: String, about identifier: ACMEIdentifier) {
            self.type = type
            self.detail = detail
            self.identifier = identifier
        }
    }

    package var type: ProblemType
    package var status: HTTPResponse.Status
    /// A whole sentence. It never repeats what was sent beyond names, and holds no secret.
    package var detail: String
    package var parts: [Part] = []
    /// What would be taken, with `badSignatureAlgorithm`.
    package var algorithms: [String] = []
    package var retryAfter: Duration?
    /// What is to be agreed to (RFC 8555 §7.3.3).
    package var termsOfService: String?
    /// The account that has the key already, with a conflict of keys (RFC 8555 §7.3.5).
    package var location: String?

    package init(_ type: ProblemType, _ status: HTTPResponse.Status, _ detail: String, parts: [Part] = []) {
        self.type = type
        self.status = status
        self.detail = detail
        self.parts = parts
    }

    package static func malformed(_ detail: String) -> ServerProblem { .init(.malformed, .badRequest, detail) }
    package static func unauthorized(_ detail: String) -> ServerProblem { .init(.unauthorized, .forbidden, detail) }
    package static let notFound = ServerProblem(.malformed, .notFound, "There is no such resource.")
    package static let unavailable: ServerProblem = {
        var problem = ServerProblem(
            .serverInternal, .serviceUnavailable, "The server cannot reach what it keeps its state in; try again soon.")
        problem.retryAfter = .seconds(10)
        return problem
    }()

    package static func limited(_ detail: String, retryAfter: Duration) -> ServerProblem {
        var problem = ServerProblem(.rateLimited, .tooManyRequests, detail)
        problem.retryAfter = retryAfter
        return problem
    }

    /// The document (RFC 7807) as it is sent, and as it stands in orders and challenges that failed.
    package var document: JSONObject {
        var document: JSONObject = [
            "type": .string(type.rawValue), "detail": .string(detail), "status": .integer(Int64(status.code)),
        ]
        if !parts.isEmpty {
            document["subproblems"] = .array(
                parts.map { part in
                    [
                        "type": .string(part.type.rawValue), "detail": .string(part.detail),
                        "identifier": part.identifier.json,
                    ]
                })
        }
        if let termsOfService { document["instance"] = .string(termsOfService) }
        if !algorithms.isEmpty { document["algorithms"] = .array(algorithms.map { .string($0) }) }
        return document
    }

    /// One problem for several names: the parts' own, where they agree on a type.
    package static func of(_ parts: [Part]) -> ServerProblem? {
        guard let first = parts.first else { return nil }
        if parts.count == 1 { return ServerProblem(first.type, .badRequest, first.detail, parts: parts) }
        let type = parts.allSatisfy { $0.type == first.type } ? first.type : .compound
        return ServerProblem(type, .badRequest, "Some of the names cannot be had: see the subproblems.", parts: parts)
    }
}
