import ACME
import CertificateAPI
import HTTPTypes
import Logging
import PKI
import Wire

extension ACMEService {
    /// What a signed request asks for.
    func answer(_ request: SignedRequest, _ resource: Resource, _ place: Place) async throws(KeepingFailure) -> Reply {
        switch resource {
        case .directory, .newNonce, .renewalInfo: throw .problem(.notFound)  // read with GET, and answered before
        case .newAccount: return try await newAccount(request, place)
        case .revokeCert: return try await revoke(request, place)
        case .keyChange: return try await changeKey(request, try await account(request, place), place)
        case .newOrder: return try await newOrder(request, try await account(request, place), place)
        case .account(let id):
            let account = try await account(request, place)
            guard account.id == id else { throw .problem(.unauthorized("This is another account.")) }
            return try await updateAccount(request, account, place)
        case .orders(let id):
            let account = try await account(request, place)
            guard account.id == id else { throw .problem(.unauthorized("This is another account.")) }
            return orders(of: account, place)
        case .order(let id):
            let order = try await order(id, of: try await account(request, place))
            return try await show(order, place)
        case .finalize(let id):
            let account = try await account(request, place)
            return try await finalize(request, try await order(id, of: account), account, place)
        case .certificate(let id):
            return try await certificate(try await order(id, of: try await account(request, place)))
        case .authorization(let id, let index):
            let account = try await account(request, place)
            return try await authorization(request, try await order(id, of: account), index, account, place)
        case .challenge(let id, let index, let kind):
            let account = try await account(request, place)
            return try await challenge(request, try await order(id, of: account), index, kind, account, place)
        }
    }

    /// The account that has signed the request, as it is now.
    func account(_ request: SignedRequest, _ place: Place) async throws(KeepingFailure) -> ServerAccount {
        guard case .account(let url) = request.signer else {
            throw .problem(.malformed("This request is signed with the account's URL as kid, not with a jwk."))
        }
        guard let id = place.accountID(url),
            let account = try await keep({ () throws(KeepingError) in
                try await store.account(id)
            }), account.issuer == place.issuer
        else {
            throw .problem(ServerProblem(.accountDoesNotExist, .badRequest, "There is no account of this URL."))
        }
        try check { () throws(ServerProblem) in try request.object.check(signedBy: account.key) }
        guard !account.isDeactivated else { throw .problem(.unauthorized("The account is deactivated.")) }
        return account
    }

    /// What its credential allows now. Without it an account can do nothing more.
    func credential(of account: ServerAccount) throws(KeepingFailure) -> Credential {
        guard let credential = store.credential(account.credential), credential.allows(account.issuer) else {
            throw .problem(
                .unauthorized("The external account that this account is bound to is gone, or may not use this issuer.")
            )
        }
        return credential
    }

    func order(_ id: String, of account: ServerAccount) async throws(KeepingFailure) -> ServerOrder {
        let order = try await keep { () throws(KeepingError) in try await store.order(id) }
        // Another account's order is no order: nothing is told of it.
        guard let order, order.account == account.id else { throw .problem(.notFound) }
        return order
    }

    // MARK: Accounts

    private func newAccount(_ request: SignedRequest, _ place: Place) async throws(KeepingFailure) -> Reply {
        guard case .key(let key) = request.signer else {
            throw .problem(.malformed("A new account is signed with its key as jwk, not with a kid."))
        }
        try check { () throws(ServerProblem) in
            try request.object.check(signedBy: key)
            try checkIssuer(place.issuer)
        }
        let payload = try check { () throws(ServerProblem) in
            try NewAccountPayload(try request.members(settings.limits), limits: settings.limits)
        }
        if let known = try await keep({ () throws(KeepingError) in try await store.account(of: key, at: place.issuer) })
        {
            guard !known.isDeactivated else { throw .problem(.unauthorized("The account of this key is deactivated.")) }
            return show(known, .ok, place)
        }
        guard !payload.onlyReturnExisting else {
            throw .problem(ServerProblem(.accountDoesNotExist, .badRequest, "There is no account of this key."))
        }
        let credential = try check { () throws(ServerProblem) in try bound(payload, key, place) }
        if let terms = settings.termsOfService, !payload.agreesToTerms {
            var problem = ServerProblem(
                .userActionRequired, .forbidden, "The terms of service are to be agreed to first.")
            problem.termsOfService = terms
            throw .problem(problem)
        }
        guard store.accountCount(of: credential.id) < credential.accountLimit else {
            throw .problem(
                .limited("The external account has as many accounts as it may.", retryAfter: .seconds(3600)))
        }
        let account = ServerAccount(
            id: ServerAccount.id(for: key, at: place.issuer), issuer: place.issuer, key: key, contact: payload.contact,
            credential: credential.id, createdAt: time.now().wholeSeconds)
        let made = try await keep { () throws(KeepingError) in try await create(account) }
        logger.info(
            "An ACME account was made",
            metadata: ["account": "\(made.id)", "credential": "\(credential.id)", "issuer": "\(place.issuer)"])
        return show(made, .created, place)
    }

    /// Under another id where an account has that one which was made with this key and has another by now.
    private func create(_ account: ServerAccount) async throws(KeepingError) -> ServerAccount {
        do throws(KeepingError) {
            return try await store.create(account)
        } catch .exists {
            return try await store.create(
                ServerAccount(
                    id: Hex.encode(SecureRandom.bytes(16)), issuer: account.issuer, key: account.key,
                    contact: account.contact, credential: account.credential, createdAt: account.createdAt))
        }
    }

    /// The credential whose key the binding was made with.
    private func bound(
        _ payload: NewAccountPayload, _ key: PublicKey, _ place: Place
    ) throws(ServerProblem) -> Credential {
        guard let json = payload.binding else {
            throw ServerProblem(
                .externalAccountRequired, .forbidden,
                "This server makes accounts only for who was given a key for external account binding.")
        }
        let binding = try BindingPayload(json, for: key, url: place.url(.newAccount), limits: settings.limits)
        // One sentence for both, so that nobody learns which key IDs there are.
        guard let credential = store.credential(binding.keyID), binding.isMade(with: credential) else {
            throw .unauthorized("The external account binding is of an unknown key, or was not made with that key.")
        }
        guard credential.allows(place.issuer) else {
            throw .unauthorized("The external account may not use this issuer.")
        }
        return credential
    }

    private func updateAccount(
        _ request: SignedRequest, _ account: ServerAccount, _ place: Place
    ) async throws(KeepingFailure) -> Reply {
        guard !request.isRead else { return show(account, .ok, place) }
        let update = try check { () throws(ServerProblem) in
            try AccountUpdatePayload(try request.members(settings.limits), limits: settings.limits)
        }
        var changed = account
        if let contact = update.contact { changed.contact = contact }
        changed.isDeactivated = update.deactivates
        guard changed != account else { return show(account, .ok, place) }
        let kept = try await keep { [changed] () throws(KeepingError) in try await store.replace(changed) }
        if update.deactivates {
            logger.info("An ACME account was deactivated by its owner", metadata: ["account": "\(account.id)"])
        }
        return show(kept, .ok, place)
    }

    private func changeKey(
        _ request: SignedRequest, _ account: ServerAccount, _ place: Place
    ) async throws(KeepingFailure) -> Reply {
        let change = try check { () throws(ServerProblem) in
            try KeyChangePayload(
                request.payload, account: place.url(.account(account.id)), oldKey: account.key,
                keyChangeURL: place.url(.keyChange), limits: settings.limits)
        }
        let other = try await keep { () throws(KeepingError) in
            try await store.account(of: change.newKey, at: place.issuer)
        }
        if let other {
            var problem = ServerProblem(.malformed, .conflict, "The new key has an account already.")
            problem.location = place.url(.account(other.id))
            throw .problem(problem)
        }
        var changed = account
        changed.key = change.newKey
        let kept = try await keep { [changed] () throws(KeepingError) in try await store.replace(changed) }
        logger.info("An ACME account has changed its key", metadata: ["account": "\(account.id)"])
        return show(kept, .ok, place)
    }

    private func show(_ account: ServerAccount, _ status: HTTPResponse.Status, _ place: Place) -> Reply {
        var reply = Reply(
            status,
            [
                "status": .string(account.status.rawValue), "contact": .array(account.contact.map { .string($0) }),
                "orders": .string(place.url(.orders(account.id))),
            ])
        reply.location = place.url(.account(account.id))
        return reply
    }

    // MARK: Orders

    private func newOrder(
        _ request: SignedRequest, _ account: ServerAccount, _ place: Place
    ) async throws(KeepingFailure) -> Reply {
        let credential = try credential(of: account)
        let payload = try check { () throws(ServerProblem) in
            let payload = try NewOrderPayload(try request.members(settings.limits), limits: settings.limits)
            let objections = payload.identifiers.compactMap { identifier in
                credential.objection(to: identifier).map {
                    ServerProblem.Part(.rejectedIdentifier, $0, about: identifier)
                }
            }
            if let problem = ServerProblem.of(objections) { throw problem }
            try checkIssuer(place.issuer)
            if let replaced = payload.replaces { try check(replaced, payload, account) }
            return payload
        }
        let now = time.now().wholeSeconds
        let recent = store.orders(of: account.id).filter { $0.createdAt > now - .seconds(3600) }
        if recent.count >= credential.ordersPerHour {
            let oldest = recent.map(\.createdAt).min() ?? now
            throw .problem(
                .limited(
                    "The account has made \(recent.count) orders within an hour, and may make no more.",
                    retryAfter: max(.seconds(1), oldest + .seconds(3601) - now)))
        }
        guard store.orderCount < settings.orderLimit else {
            throw .problem(.limited("There are too many open orders; try again later.", retryAfter: .seconds(600)))
        }
        let order = ServerOrder(
            id: Hex.encode(SecureRandom.bytes(16)), account: account, credential: credential,
            identifiers: payload.identifiers, seed: SecureRandom.bytes(16),
            replaces: payload.replaces?.text, createdAt: now, lifetime: settings.orderLifetime)
        let made = try await keep { () throws(KeepingError) in try await store.create(order) }
        var reply = show(made, .none, place)
        reply.status = .created
        return reply
    }

    private func orders(of account: ServerAccount, _ place: Place) -> Reply {
        let now = time.now()
        let open = store.orders(of: account.id).filter { !$0.isExpired(at: now) }
        return Reply(.ok, ["orders": .array(open.map { .string(place.url(.order($0.id))) })])
    }

    /// The order with what has become of its certificate.
    private func show(_ order: ServerOrder, _ place: Place) async throws(KeepingFailure) -> Reply {
        show(order, try await issuance(of: order), place)
    }

    private func issuance(of order: ServerOrder) async throws(KeepingFailure) -> IssuanceState {
        guard order.isProved else { return .none }
        return try await keep { () throws(KeepingError) in try await desk.state(of: order) }
    }

    private func show(_ order: ServerOrder, _ issuance: IssuanceState, _ place: Place) -> Reply {
        let now = time.now()
        let status = order.status(issuance, at: now)
        var members: JSONObject = [
            "status": .string(status.rawValue), "expires": .string(order.expires.rfc3339),
            "identifiers": .array(order.identifiers.map(\.json)),
            "authorizations": .array(
                order.authorizations.indices.map {
                    .string(place.url(.authorization(order: order.id, index: $0)))
                }), "finalize": .string(place.url(.finalize(order.id))),
        ]
        if let replaces = order.replaces { members["replaces"] = .string(replaces) }
        if case .issued = issuance { members["certificate"] = .string(place.url(.certificate(order.id))) }
        if status == .invalid, let problem = order.problem(issuance, at: now) { members["error"] = .object(problem) }
        var reply = Reply(.ok, members)
        reply.location = place.url(.order(order.id))
        if status == .processing { reply.retryAfter = .seconds(3) }
        return reply
    }

    /// Of an order that is not proved by what is known here: another replica may have told the client a moment ago that it is.
    private func latest(_ order: ServerOrder) async throws(KeepingFailure) -> ServerOrder {
        guard !order.isProved else { return order }
        return try await keep { () throws(KeepingError) in try await store.latestOrder(order.id) } ?? order
    }

    private func finalize(
        _ request: SignedRequest, _ order: ServerOrder, _ account: ServerAccount, _ place: Place
    ) async throws(KeepingFailure) -> Reply {
        let payload = try check { () throws(ServerProblem) in
            try FinalizePayload(try request.members(settings.limits))
        }
        let credential = try credential(of: account)
        let order = try await latest(order)
        let status = order.status(try await issuance(of: order), at: time.now())
        guard status == .ready else {
            throw .problem(
                ServerProblem(.orderNotReady, .forbidden, "The order is \(status.rawValue) and not ready."))
        }
        let wish = try check { () throws(ServerProblem) in
            try Self.wish(payload.request, order, credential, accountKey: account.key)
        }
        do throws(KeepingError) {
            try await desk.begin(order, wish)
        } catch .exists {
            throw .problem(ServerProblem(.orderNotReady, .forbidden, "The order was finalized with another request."))
        } catch {
            throw .keeping(error)
        }
        let outcome = try await keep { () throws(KeepingError) in
            try await desk.outcome(of: order, within: settings.issuancePatience)
        }
        if case .issued = outcome { tellIssued(order, account) }
        return show(order, outcome, place)
    }

    private static func wish(
        _ request: SigningRequest, _ order: ServerOrder, _ credential: Credential, accountKey: PublicKey
    ) throws(ServerProblem) -> IssuanceWish {
        // What was allowed when the order was made may have been taken back.
        for identifier in order.identifiers {
            guard let objection = credential.objection(to: identifier) else { continue }
            throw .unauthorized(objection)
        }
        let usages = try SigningRequestCheck.usages(of: request, for: order.identifiers, accountKey: accountKey)
        return IssuanceWish(request: request, usages: usages, duration: credential.duration)
    }

    private func tellIssued(_ order: ServerOrder, _ account: ServerAccount) {
        observe(.certificate(order.issuer))
        logger.info(
            "A certificate was issued to an ACME client",
            metadata: [
                "account": "\(account.id)", "issuer": "\(order.issuer)",
                "request": "\(order.namespace)/\(order.requestName)",
                "names": "\(order.identifiers.map(\.value).joined(separator: ", "))",
            ])
    }

    private func certificate(_ order: ServerOrder) async throws(KeepingFailure) -> Reply {
        guard case .issued(let pem) = try await issuance(of: try await latest(order)) else {
            throw .problem(ServerProblem(.orderNotReady, .forbidden, "The order has no certificate."))
        }
        var reply = Reply(.ok)
        reply.body = pem
        reply.contentType = "application/pem-certificate-chain"
        return reply
    }

    // MARK: Helpers

    func keep<R>(_ body: () async throws(KeepingError) -> R) async throws(KeepingFailure) -> R {
        do throws(KeepingError) { return try await body() } catch { throw .keeping(error) }
    }

    func check<R>(_ body: () throws(ServerProblem) -> R) throws(KeepingFailure) -> R {
        do throws(ServerProblem) { return try body() } catch { throw .problem(error) }
    }
}
