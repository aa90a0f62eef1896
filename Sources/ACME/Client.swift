package import PKI
package import Wire

/// Requests signed by one account of one server (RFC 8555 §7), verb by verb.
package struct ACMEClient: Sendable {
    package let server: ACMEServer
    package let accountURL: String
    let key: PrivateKey

    package init(server: ACMEServer, accountURL: String, key: PrivateKey) {
        self.server = server
        self.accountURL = accountURL
        self.key = key
    }

    package var accountKey: PublicKey { key.publicKey }

    func post(
        _ payload: [UInt8], to url: String, as action: ACMEAction, accept: String = "application/json"
    ) async throws(ACMEError) -> ACMEAnswer {
        try await server.post(payload, to: url, as: action, signer: .kid(accountURL), key: key, accept: accept)
    }
}

/// What an order asks for (RFC 8555 §7.4).
package struct NewACMEOrder: Sendable, Hashable {
    /// Each once, in an order that depends on nothing but the names.
    package let identifiers: [ACMEIdentifier]
    package var notBefore: Timestamp?
    package var notAfter: Timestamp?
    package var profile: String?
    /// The certificate this one follows, as its RFC 9773 identifier.
    package var replaces: String?

    package init(
        identifiers: some Sequence<ACMEIdentifier>, notBefore: Timestamp? = nil, notAfter: Timestamp? = nil,
        profile: String? = nil, replaces: String? = nil
    ) {
        self.identifiers = Set(identifiers).sorted()
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.profile = profile
        self.replaces = replaces
    }

    var payload: JSONValue {
        var members: JSONObject = ["identifiers": .array(identifiers.map(\.json))]
        if let notBefore { members["notBefore"] = .string(notBefore.wholeSeconds.rfc3339) }
        if let notAfter { members["notAfter"] = .string(notAfter.wholeSeconds.rfc3339) }
        if let profile { members["profile"] = .string(profile) }
        if let replaces { members["replaces"] = .string(replaces) }
        return .object(members)
    }
}

extension ACMEClient {
    /// Makes an order, or is given one the server already has for the same names. Its state may be any (RFC 8555 §7.1.6).
    package func newOrder(_ order: NewACMEOrder) async throws(ACMEError) -> ACMEOrder {
        let directory = try await server.directory()
        if let profile = order.profile, !directory.profiles.contains(where: { $0.name == profile }) {
            throw .profileNotAdvertised(profile, offered: directory.profiles.map(\.name))
        }
        let answer = try await post(order.payload.serialized(), to: directory.newOrder, as: .authorizeOrder)
        guard let url = answer.location else { throw .malformed("a new order has no URL") }
        let made = try ACMEOrder(answer, url: url)
        guard Set(made.identifiers) == Set(order.identifiers) else {
            throw .identifiersDiffer(requested: order.identifiers, answered: made.identifiers)
        }
        return made
    }

    /// The order as it is now. `action` tells a poll from a look.
    package func order(_ url: String, as action: ACMEAction = .getOrder) async throws(ACMEError) -> ACMEOrder {
        try ACMEOrder(try await post([], to: url, as: action), url: url)
    }

    package func authorization(
        _ url: String, as action: ACMEAction = .getAuthorization
    ) async throws(ACMEError) -> ACMEAuthorization {
        try ACMEAuthorization(try await post([], to: url, as: action), url: url)
    }

    /// Gives up an authorization, so that it counts no longer (RFC 8555 §7.5.2).
    package func deactivateAuthorization(_ url: String) async throws(ACMEError) {
        let payload: JSONValue = ["status": "deactivated"]
        _ = try await post(payload.serialized(), to: url, as: .deactivateAuthorization)
    }

    /// Tells the server that the response is in place. It looks once; what it saw shows in the authorization.
    package func respond(to challengeURL: String) async throws(ACMEError) -> ACMEChallenge {
        let answer = try await post(Array("{}".utf8), to: challengeURL, as: .acceptChallenge)
        guard let challenge = ACMEChallenge(try answer.json(), retryAfter: answer.retryAfter) else {
            throw .malformed("a challenge has no type or URL")
        }
        return challenge
    }

    package func challenge(_ url: String) async throws(ACMEError) -> ACMEChallenge {
        let answer = try await post([], to: url, as: .getChallenge)
        guard let challenge = ACMEChallenge(try answer.json(), retryAfter: answer.retryAfter) else {
            throw .malformed("a challenge has no type or URL")
        }
        return challenge
    }

    /// Asks for the certificate of a ready order (RFC 8555 §7.4). The answer seldom has it already: look at the order.
    ///
    /// - Parameter knownAccountKeys: keys no certificate may have, this account's own among them in any case.
    package func finalize(
        _ finalizeURL: String, orderURL: String, request: SigningRequest, knownAccountKeys: Set<PublicKey> = []
    ) async throws(ACMEError) -> ACMEOrder {
        guard request.publicKey != accountKey, !knownAccountKeys.contains(request.publicKey) else {
            throw .accountKeyInRequest
        }
        let payload: JSONValue = ["csr": .string(Base64.encodeURL(request.der))]
        let answer = try await post(payload.serialized(), to: finalizeURL, as: .createOrderCertificate)
        return try ACMEOrder(answer, url: orderURL)
    }
}
