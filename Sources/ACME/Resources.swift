package import Wire

/// The state words of RFC 8555 §7.1.6: an open value, since drafts add their own.
package struct ACMEStatus: RawRepresentable, Sendable, Hashable {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue.lowercased()
    }

    package static let deactivated = ACMEStatus(rawValue: "deactivated")
    package static let expired = ACMEStatus(rawValue: "expired")
    package static let invalid = ACMEStatus(rawValue: "invalid")
    package static let pending = ACMEStatus(rawValue: "pending")
    package static let processing = ACMEStatus(rawValue: "processing")
    package static let ready = ACMEStatus(rawValue: "ready")
    package static let revoked = ACMEStatus(rawValue: "revoked")
    package static let valid = ACMEStatus(rawValue: "valid")
}

/// An account as the server keeps it (RFC 8555 §7.1.2).
package struct ACMEAccount: Sendable, Hashable {
    /// The account URL, which signs all later requests as `kid`: byte for byte as the server gave it.
    package let url: String
    package let status: ACMEStatus
    package let contact: [String]
    /// Whether this request made it; otherwise the key was registered before.
    package let isNew: Bool

    package init(url: String, status: ACMEStatus, contact: [String], isNew: Bool) {
        self.url = url
        self.status = status
        self.contact = contact
        self.isNew = isNew
    }
}

/// An order (RFC 8555 §7.1.3).
package struct ACMEOrder: Sendable, Hashable {
    /// Where the order lives; servers say it once, in the answer that made the order.
    package let url: String
    package let status: ACMEStatus
    package let expires: Timestamp?
    package let identifiers: [ACMEIdentifier]
    /// URLs, in no particular order, and not one for each identifier.
    package let authorizations: [String]
    package let finalize: String
    package let certificate: String?
    /// Why the order is invalid.
    package let error: Problem?
    package let profile: String?
    /// How long the server asks us to wait before looking again.
    package let retryAfter: Duration?

    init(_ answer: ACMEAnswer, url: String) throws(ACMEError) {
        try self.init(try answer.json(), url: url, retryAfter: answer.retryAfter)
    }

    /// An order as the server writes it.
    package init(_ json: JSONValue, url: String, retryAfter: Duration? = nil) throws(ACMEError) {
        guard let status = json["status"]?.stringValue else { throw .malformed("an order has no status") }
        guard let finalize = json["finalize"]?.stringValue else { throw .malformed("an order has no finalize URL") }
        self.url = url
        self.status = ACMEStatus(rawValue: status)
        self.finalize = finalize
        expires = json["expires"]?.stringValue.flatMap(Timestamp.init(rfc3339:))
        identifiers = (json["identifiers"]?.arrayValue ?? []).compactMap(ACMEIdentifier.init)
        authorizations = (json["authorizations"]?.arrayValue ?? []).compactMap(\.stringValue)
        certificate = json["certificate"]?.stringValue
        error = json["error"]?.objectValue.map(Problem.init(document:))
        profile = json["profile"]?.stringValue
        self.retryAfter = retryAfter
    }
}

/// An authorization: what it takes to show control of one name (RFC 8555 §7.1.4).
package struct ACMEAuthorization: Sendable, Hashable {
    package let url: String
    package let identifier: ACMEIdentifier
    package let status: ACMEStatus
    package let expires: Timestamp?
    /// Whether it is for `*.` in front of the identifier, which itself never has it.
    package let isWildcard: Bool
    package let challenges: [ACMEChallenge]
    package let retryAfter: Duration?

    init(_ answer: ACMEAnswer, url: String) throws(ACMEError) {
        try self.init(try answer.json(), url: url, retryAfter: answer.retryAfter)
    }

    /// An authorization as the server writes it.
    package init(_ json: JSONValue, url: String, retryAfter: Duration? = nil) throws(ACMEError) {
        guard let status = json["status"]?.stringValue else { throw .malformed("an authorization has no status") }
        guard let identifier = json["identifier"].flatMap(ACMEIdentifier.init) else {
            throw .malformed("an authorization has no identifier")
        }
        self.url = url
        self.identifier = identifier
        self.status = ACMEStatus(rawValue: status)
        expires = json["expires"]?.stringValue.flatMap(Timestamp.init(rfc3339:))
        isWildcard = json["wildcard"]?.boolValue ?? false
        challenges = (json["challenges"]?.arrayValue ?? []).compactMap { ACMEChallenge($0, retryAfter: nil) }
        self.retryAfter = retryAfter
    }

    /// What the server holds against the name, taken from the challenge that failed.
    package var failure: Problem? {
        (challenges.first { $0.status == .invalid && $0.error != nil } ?? challenges.first { $0.error != nil })?.error
    }
}

/// One way to show control of a name (RFC 8555 §8). Types we do not know are kept: they are there to be passed over.
package struct ACMEChallenge: Sendable, Hashable {
    package let url: String
    package let type: String
    package let status: ACMEStatus
    /// As the server wrote it; ``ChallengeToken`` says whether it is one.
    package let token: String?
    /// What stands in the place of a token with dns-persist-01; see ``PersistOffer``.
    package let persistOffer: String?
    /// Why it failed; while processing, why the last try failed (RFC 8555 §8.2).
    package let error: Problem?
    package let retryAfter: Duration?

    /// A challenge as the server writes it; nil without type or URL.
    package init?(_ json: JSONValue, retryAfter: Duration?) {
        guard let url = json["url"]?.stringValue, let type = json["type"]?.stringValue else { return nil }
        self.url = url
        self.type = type
        status = ACMEStatus(rawValue: json["status"]?.stringValue ?? "pending")
        token = json["token"]?.stringValue
        persistOffer = PersistOffer.text(of: json)
        error = json["error"]?.objectValue.map(Problem.init(document:))
        self.retryAfter = retryAfter
    }
}
