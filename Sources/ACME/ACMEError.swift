package import HTTPTransport
package import PKI
package import Wire

/// Why a request to an ACME server did not give what was asked for.
package enum ACMEError: Error, Sendable, Hashable {
    /// The server refused, in its own words.
    case problem(Refusal)
    /// No whole answer came back.
    case transport(TransportError, attempting: ACMEAction)
    /// The answer is not what RFC 8555 says it should be.
    case malformed(String)
    /// The directory offers profiles, but not this one.
    case profileNotAdvertised(String, offered: [String])
    /// The issuer's settings cannot work, whatever the server says.
    case configuration(String)
    /// The server made an order for other names than it was asked for (RFC 8555 §7.4).
    case identifiersDiffer(requested: [ACMEIdentifier], answered: [ACMEIdentifier])
    /// The key of the signing request is an account key (RFC 8555 §11.1).
    case accountKeyInRequest
    /// The certificate is not the one that was ordered.
    case wrongCertificate(String)
    case key(PKIError)
    case cancelled
}

/// A refusal: the problem document and what the headers around it said.
package struct Refusal: Sendable, Hashable {
    package var problem: Problem
    /// The HTTP status of the answer, which is what counts when the document says another.
    package var status: Int
    package var action: ACMEAction
    /// When the server says to come back, from Retry-After in either form.
    package var retryAt: Timestamp?
    package var answeredAt: Timestamp
    /// The account that already has the key, say (RFC 8555 §7.3.5).
    package var location: String?
    /// Terms to agree to (`rel="terms-of-service"`, RFC 8555 §7.3.3).
    package var termsOfService: String?
    /// Where the server explains its limits (`rel="help"`, RFC 8555 §6.6).
    package var help: String?
    /// Whether the answer was a problem document; otherwise ``problem`` is made of its status.
    package var isExplained = true

    package init(
        problem: Problem, status: Int, action: ACMEAction, retryAt: Timestamp? = nil, answeredAt: Timestamp,
        location: String? = nil, termsOfService: String? = nil, help: String? = nil
    ) {
        self.problem = problem
        self.status = status
        self.action = action
        self.retryAt = retryAt
        self.answeredAt = answeredAt
        self.location = location
        self.termsOfService = termsOfService
        self.help = help
    }
}

/// What the next step after an error is.
package enum ACMEAdvice: Sendable, Hashable {
    /// Again, after the usual back-off.
    case retry
    /// Again, but not before this time.
    case retryAt(Timestamp)
    /// The same request would be refused again.
    case permanent
    /// A person has to do something at the CA first; look again rarely.
    case userActionRequired
}

extension ACMEError {
    /// What to do about this error, by problem type and status (RFC 8555 §6.6 and §6.7). 429 is never permanent.
    package var advice: ACMEAdvice {
        switch self {
        case .problem(let refusal): refusal.advice
        case .transport, .malformed, .cancelled: .retry
        case .profileNotAdvertised, .configuration, .identifiersDiffer, .accountKeyInRequest, .key, .wrongCertificate:
            .permanent
        }
    }

    /// The refusal, when the server answered with one.
    package var refusal: Refusal? {
        if case .problem(let refusal) = self { refusal } else { nil }
    }

    /// Whether the server no longer knows what the URL named.
    package var isGone: Bool { refusal.map { $0.status == 404 || $0.status == 410 } ?? false }
}

extension Refusal {
    var advice: ACMEAdvice {
        if [.userActionRequired, .agreementRequired].contains(problem.type) || isPausedAccount {
            return .userActionRequired
        }
        if isThrottling { return .retryAt(throttledUntil) }
        switch problem.type {
        case .badNonce, .orderNotReady, .serverInternal: return retryAt.map { .retryAt($0) } ?? .retry
        default: break
        }
        switch status {
        // A directory or a nonce that is not there is a server that is being set up, or a gateway in front of none.
        case 400..<500 where action == .discover: return retryAt.map { .retryAt($0) } ?? .retry
        // A CA says why; what stands between us and it does not, and is not asked in vain for ever.
        case 400..<500 where !isExplained && ![404, 410].contains(status): return retryAt.map { .retryAt($0) } ?? .retry
        case 400..<500 where ![408, 409, 425].contains(status): return .permanent
        // What a server has not implemented it will not have later either.
        case 501: return .permanent
        default: return retryAt.map { .retryAt($0) } ?? .retry
        }
    }

    var isThrottling: Bool {
        status == 429 || problem.type == .rateLimited || (status == 503 && retryAt != nil)
    }

    /// Let's Encrypt pauses accounts that fail for months, and names a page where a person can undo it.
    private var isPausedAccount: Bool {
        problem.type == .rateLimited && (problem.detail?.contains("/unpause") ?? false)
    }

    /// Retry-After, else the time in Let's Encrypt's sentence, else a minute.
    private var throttledUntil: Timestamp {
        if let retryAt { return retryAt }
        if let detail = problem.detail, let named = Refusal.time(in: detail), named > answeredAt { return named }
        return answeredAt + .seconds(60)
    }

    /// The instant in "… retry after 2026-01-02 03:04:05 UTC …".
    static func time(in detail: String) -> Timestamp? {
        let words = detail.split(separator: " ")
        guard
            let index = words.indices.dropFirst(2).first(where: { words[$0 - 1] == "after" && words[$0 - 2] == "retry" }
            ),
            words.indices.contains(index + 1)
        else { return nil }
        return Timestamp(rfc3339: "\(words[index])T\(words[index + 1].prefix(8))Z")
    }
}

extension ACMEError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .problem(let refusal): "\(refusal)"
        case .transport(let error, let action): "the ACME server could not be asked (\(action.rawValue)): \(error)"
        case .malformed(let what): "the ACME server's answer makes no sense: \(what)"
        case .profileNotAdvertised(let name, let offered):
            // The first half is cert-manager's, which tools look for.
            "acme: certificate authority does not advertise a profile with name \(name)"
                + (offered.isEmpty ? "; it offers none" : "; it offers \(offered.joined(separator: ", "))")
        case .configuration(let what): what
        case .identifiersDiffer(let requested, let answered):
            "the ACME server made an order for \(list(answered)) instead of \(list(requested))"
        case .accountKeyInRequest: "the certificate's private key is also an ACME account key, which no CA may accept"
        case .wrongCertificate(let why): "the ACME server sent another certificate than the one ordered: \(why)"
        case .key(let error): "\(error)"
        case .cancelled: "the request was cancelled"
        }
    }

    private func list(_ identifiers: [ACMEIdentifier]) -> String {
        identifiers.prefix(10).map(\.value).joined(separator: ", ")
    }
}

extension Refusal: CustomStringConvertible {
    package var description: String {
        var text = "\(status) \(problem)"
        if let termsOfService { text += "; terms of service: \(termsOfService)" }
        if let help { text += "; more at \(help)" }
        return Problem.presentable(text)
    }
}
