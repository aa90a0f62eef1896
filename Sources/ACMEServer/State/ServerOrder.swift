package import ACME
import HTTPTypes
import PKI
package import Wire

/// An order and its authorizations as the server keeps them (RFC 8555 §7.1.3, §7.1.4): one object, so that one write
/// changes both.
package struct ServerOrder: Sendable, Hashable {
    package struct Authorization: Sendable, Hashable {
        package enum State: Sendable, Hashable {
            /// Leaves to `processing` or, when the answer comes soon, at once to `valid` or `invalid`.
            case pending
            /// Somebody looks. Leaves to `valid` or `invalid`.
            case processing(ChallengeKind, since: Timestamp)
            case valid(ChallengeKind, at: Timestamp)
            /// Never left, as `deactivated`.
            case invalid(ChallengeKind, JSONObject, at: Timestamp)
            case deactivated
        }

        /// With the `*.` of a wildcard, which the client is told apart from the name.
        package let identifier: ACMEIdentifier
        package var state = State.pending

        package init(_ identifier: ACMEIdentifier) { self.identifier = identifier }
    }

    package let id: String
    package let account: String
    package let issuer: IssuerName
    /// Where its CertificateRequest is made.
    package let namespace: String
    /// Tokens are made of it (``token(_:_:)``); it has 128 bits.
    let seed: [UInt8]
    /// The order's names, in their order.
    package var authorizations: [Authorization]
    package let challenges: [ChallengeKind]
    package let createdAt: Timestamp
    package let expires: Timestamp
    /// The certificate that this one takes the place of, as RFC 9773 §4.1 names it.
    package let replaces: String?
    package var version: String?

    package init(
        id: String, account: ServerAccount, credential: Credential, identifiers: [ACMEIdentifier], seed: [UInt8],
        replaces: String? = nil, createdAt: Timestamp, lifetime: Duration
    ) {
        self.id = id
        self.account = account.id
        issuer = account.issuer
        namespace = credential.namespace
        challenges = credential.challenges
        self.seed = seed
        authorizations = identifiers.map { Authorization($0) }
        self.replaces = replaces
        self.createdAt = createdAt
        expires = createdAt + lifetime
    }

    package var identifiers: [ACMEIdentifier] { authorizations.map(\.identifier) }

    /// The name of its CertificateRequest.
    package var requestName: String { "acme-\(id)" }

    /// The ways to prove that name.
    package func challenges(of authorization: Authorization) -> [ChallengeKind] {
        challenges.filter { $0.suits(authorization.identifier) }
    }

    /// The token of a challenge: 256 bits that only who holds ``seed`` can tell.
    package func token(_ index: Int, _ kind: ChallengeKind) -> String {
        Base64.encodeURL(Digest.sha256(seed + Array("\(index)/\(kind.rawValue)/\(id)".utf8)))
    }
}

extension ServerOrder {
    /// Changes an authorization by its place; false, and nothing, where there is none.
    package mutating func change(_ index: Int, _ change: (inout Authorization) -> Bool) -> Bool {
        guard authorizations.indices.contains(index) else { return false }
        return change(&authorizations[index])
    }
}

// MARK: - What happens to it

extension ServerOrder.Authorization {
    /// The challenge that was answered; nil while none was.
    package var chosen: ChallengeKind? {
        switch state {
        case .pending, .deactivated: nil
        case .processing(let kind, _), .valid(let kind, _), .invalid(let kind, _, _): kind
        }
    }

    package func status(expired: Bool) -> ACMEStatus {
        switch state {
        case .pending, .processing: expired ? .invalid : .pending
        case .valid: expired ? .expired : .valid
        case .invalid: .invalid
        case .deactivated: .deactivated
        }
    }

    /// A look has been begun, or been taken over from a replica that did not finish it. False where there is nothing to
    /// look for any more.
    package mutating func begin(_ kind: ChallengeKind, at now: Timestamp) -> Bool {
        switch state {
        case .pending, .processing: break
        case .valid, .invalid, .deactivated: return false
        }
        state = .processing(kind, since: now)
        return true
    }

    /// What was seen. False where that changes nothing: the first outcome counts.
    package mutating func settle(_ kind: ChallengeKind, _ problem: ServerProblem?, at now: Timestamp) -> Bool {
        switch state {
        case .pending, .processing: break
        case .valid, .invalid, .deactivated: return false
        }
        state = problem.map { .invalid(kind, $0.document, at: now) } ?? .valid(kind, at: now)
        return true
    }

    /// The client gives it up (RFC 8555 §7.5.2).
    package mutating func deactivate() -> Bool {
        switch state {
        case .pending, .processing, .valid:
            state = .deactivated
            return true
        case .invalid, .deactivated: return false
        }
    }
}

/// What has become of the certificate of an order.
package enum IssuanceState: Sendable, Hashable {
    /// Nobody asked for it.
    case none
    case pending
    /// PEM, leaf first.
    case issued([UInt8])
    case revoked
    case failed(ServerProblem)
}

extension ServerOrder {
    package func isExpired(at now: Timestamp) -> Bool { now >= expires }

    /// Whether all names were proved, so that only the certificate's request decides.
    package var isProved: Bool {
        authorizations.allSatisfy { if case .valid = $0.state { true } else { false } }
    }

    /// The state words of RFC 8555 §7.1.6.
    package func status(_ issuance: IssuanceState, at now: Timestamp) -> ACMEStatus {
        switch issuance {
        case .pending: return .processing
        case .issued: return .valid
        case .revoked, .failed: return .invalid
        case .none: break
        }
        if isExpired(at: now) { return .invalid }
        for authorization in authorizations {
            switch authorization.state {
            case .invalid, .deactivated: return .invalid
            case .pending, .processing, .valid: continue
            }
        }
        return isProved ? .ready : .pending
    }

    /// Why it is invalid, for its `error`.
    package func problem(_ issuance: IssuanceState, at now: Timestamp) -> JSONObject? {
        if case .failed(let problem) = issuance { return problem.document }
        if case .revoked = issuance {
            return ServerProblem(.unauthorized, .forbidden, "The certificate was revoked.").document
        }
        for authorization in authorizations {
            switch authorization.state {
            case .invalid(_, let problem, _): return problem
            case .deactivated:
                return ServerProblem.unauthorized(
                    "The authorization of \(authorization.identifier) was given up."
                ).document
            case .pending, .processing, .valid: continue
            }
        }
        guard issuance == .none, isExpired(at: now) else { return nil }
        return ServerProblem.unauthorized("The order has expired: make another one.").document
    }
}

// MARK: - As it is kept

extension ServerOrder {
    package var record: JSONValue {
        var record: JSONValue = [
            "id": .string(id), "account": .string(account), "issuer": .string(issuer.path),
            "namespace": .string(namespace), "seed": .string(Base64.encodeURL(seed)),
            "challenges": .array(challenges.map { .string($0.rawValue) }),
            "createdAt": .string(createdAt.rfc3339), "expires": .string(expires.rfc3339),
            "authorizations": .array(authorizations.map(\.record)),
        ]
        if let replaces { record["replaces"] = .string(replaces) }
        return record
    }

    /// Nil for a record that is none.
    package init?(record: JSONValue) {
        guard let id = record["id"]?.stringValue, let account = record["account"]?.stringValue,
            let issuer = record["issuer"]?.stringValue.flatMap(IssuerName.init(path:)),
            let namespace = record["namespace"]?.stringValue,
            let seed = record["seed"]?.stringValue.flatMap({ Base64.decodeURL($0) }),
            let createdAt = record["createdAt"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) }),
            let expires = record["expires"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) }),
            let authorizations = record["authorizations"]?.arrayValue
        else { return nil }
        self.id = id
        self.account = account
        self.issuer = issuer
        self.namespace = namespace
        self.seed = seed
        self.createdAt = createdAt
        self.expires = expires
        replaces = record["replaces"]?.stringValue
        challenges = (record["challenges"]?.arrayValue ?? []).compactMap {
            $0.stringValue.flatMap(ChallengeKind.init(rawValue:))
        }
        var read: [Authorization] = []
        for record in authorizations {
            // Half an order must never pass for a whole one.
            guard let authorization = Authorization(record: record) else { return nil }
            read.append(authorization)
        }
        guard !read.isEmpty else { return nil }
        self.authorizations = read
    }
}

extension ServerOrder.Authorization {
    fileprivate var record: JSONValue {
        var record: JSONObject = ["identifier": identifier.json]
        switch state {
        case .pending: record["status"] = "pending"
        case .processing(let kind, let since):
            record["status"] = "processing"
            record["challenge"] = .string(kind.rawValue)
            record["at"] = .string(since.rfc3339)
        case .valid(let kind, let at):
            record["status"] = "valid"
            record["challenge"] = .string(kind.rawValue)
            record["at"] = .string(at.rfc3339)
        case .invalid(let kind, let problem, let at):
            record["status"] = "invalid"
            record["challenge"] = .string(kind.rawValue)
            record["at"] = .string(at.rfc3339)
            record["error"] = .object(problem)
        case .deactivated: record["status"] = "deactivated"
        }
        return .object(record)
    }

    fileprivate init?(record: JSONValue) {
        guard let type = record["identifier"]?["type"]?.stringValue,
            let value = record["identifier"]?["value"]?.stringValue
        else { return nil }
        switch type {
        case "dns":
            guard let name = try? ACMEIdentifier(dns: value) else { return nil }
            identifier = name
        case "ip":
            guard let address = try? ACMEIdentifier(ip: value) else { return nil }
            identifier = address
        default: return nil
        }
        let kind = record["challenge"]?.stringValue.flatMap(ChallengeKind.init(rawValue:))
        let time = record["at"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }
        switch (record["status"]?.stringValue, kind, time) {
        case ("pending", _, _): state = .pending
        case ("processing", let kind?, let time?): state = .processing(kind, since: time)
        case ("valid", let kind?, let time?): state = .valid(kind, at: time)
        case ("invalid", let kind?, let time?):
            state = .invalid(kind, record["error"]?.objectValue ?? JSONObject(), at: time)
        case ("deactivated", _, _): state = .deactivated
        default: return nil
        }
    }
}
