package import HTTPTransport
package import KubeModel

/// Why a request to the API server did not do what it should.
package enum KubeError: Error, Sendable {
    /// The API server answered, and refused.
    case status(Status, retryAfter: Duration?)
    /// No answer, or only part of one.
    case transport(TransportError)
    /// The answer is not the object it should be; the text says where it differs.
    case decoding(String)
    /// What is to be sent cannot be written as JSON.
    case encoding(String)
    /// No credential could be had; the text never holds one.
    case credentials(String)
    /// Writing has been stopped because another replica may be working by now.
    case fenced
    case cancelled

    package var status: Status? {
        guard case .status(let status, _) = self else { return nil }
        return status
    }

    package var retryAfter: Duration? {
        guard case .status(_, let retryAfter) = self else { return nil }
        return retryAfter
    }

    /// The API server knows that there is no such object. A 404 without that word is a path it does not serve: a proxy's,
    /// or that of a custom resource while the server starts; taken for an absence, it would have objects made anew.
    package var isNotFound: Bool { status?.code == 404 && status?.reason == "NotFound" }
    /// The API server does not know the path: a kind without its definition, or one that it does not serve yet.
    package var isUnserved: Bool { status?.code == 404 && status?.reason != "NotFound" }
    package var isAlreadyExists: Bool { status?.code == 409 && status?.reason == "AlreadyExists" }
    /// The object has changed since it was read.
    package var isConflict: Bool { status?.code == 409 && status?.reason != "AlreadyExists" }
    /// The version asked for is older than what the server remembers.
    package var isGone: Bool { status?.code == 410 || status?.reason == "Expired" || status?.reason == "Gone" }
    package var isForbidden: Bool { status?.code == 403 }
    package var isInvalid: Bool { status?.code == 422 }
}

extension KubeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .status(let status, _): "The API server refused: \(status)"
        case .transport(let error): "The API server could not be reached: \(error)"
        case .decoding(let what): "The API server's answer could not be read: \(what)"
        case .encoding(let what): "The request could not be written: \(what)"
        case .credentials(let what): "No credential for the API server: \(what)"
        case .fenced: "Writing is stopped, because the lease is no longer held."
        case .cancelled: "The request was cancelled."
        }
    }
}

/// Asked before each request that changes something: open only while this process may write.
package protocol WriteGate: Sendable {
    /// Throws `KubeError.fenced` when another process may be working by now.
    func check() throws(KubeError)
    /// How long a write that has passed may take; after that it is given up, and another process may begin.
    var writeLimit: Duration { get }
}
