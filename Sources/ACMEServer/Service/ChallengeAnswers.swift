import ACME
import HTTPTypes
import Logging
import PKI
import Wire

extension ACMEService {
    func authorization(
        _ request: SignedRequest, _ order: ServerOrder, _ index: Int, _ account: ServerAccount, _ place: Place
    ) async throws(KeepingFailure) -> Reply {
        guard order.authorizations.indices.contains(index) else { throw .problem(.notFound) }
        var order = order
        if !request.isRead {
            let members = try check { () throws(ServerProblem) in try request.members(settings.limits) }
            guard members["status"]?.stringValue == "deactivated" else {
                throw .problem(.malformed("An authorization can be deactivated, and not be changed otherwise."))
            }
            let changed = try await keep { () throws(KeepingError) in
                try await store.update(order.id) { $0.change(index) { $0.deactivate() } }
            }
            guard let changed, changed.authorizations.indices.contains(index) else { throw .problem(.notFound) }
            order = changed
        } else {
            takeOver(order, index, account)
        }
        return show(order, index, place)
    }

    func challenge(
        _ request: SignedRequest, _ order: ServerOrder, _ index: Int, _ kind: ChallengeKind, _ account: ServerAccount,
        _ place: Place
    ) async throws(KeepingFailure) -> Reply {
        guard order.authorizations.indices.contains(index),
            order.challenges(of: order.authorizations[index]).contains(kind)
        else { throw .problem(.notFound) }
        var order = order
        if request.isRead {
            takeOver(order, index, account)
        } else {
            _ = try check { () throws(ServerProblem) in try request.members(settings.limits) }
            order = try await begin(order, index, kind, account)
        }
        var reply = Reply(.ok, members(of: kind, order, index, place))
        reply.links = [(place.url(.authorization(order: order.id, index: index)), "up")]
        if case .processing = order.authorizations[index].state { reply.retryAfter = .seconds(3) }
        return reply
    }

    /// The client says that its answer is in place: it is looked at, and the client told what was seen if that is soon.
    private func begin(
        _ order: ServerOrder, _ index: Int, _ kind: ChallengeKind, _ account: ServerAccount
    ) async throws(KeepingFailure) -> ServerOrder {
        _ = try credential(of: account)
        let status = order.authorizations[index].status(expired: order.isExpired(at: time.now()))
        guard status == .pending else {
            // A second answer changes nothing of an outcome (RFC 8555 §7.5.1); one that comes too late is told so.
            guard status == .valid || order.authorizations[index].chosen != nil else {
                throw .problem(.malformed("The authorization is \(status.rawValue)."))
            }
            return order
        }
        let moment = Moment()
        switch look(at: order, index, kind, account, then: moment) {
        case .begun: await moment.wait()
        case .underWay: break
        case .tooMany:
            throw .problem(
                .limited("Too many challenges are looked at; answer this one again soon.", retryAfter: .seconds(5)))
        }
        let now = try await keep { () throws(KeepingError) in try await store.order(order.id) }
        guard let now, now.authorizations.indices.contains(index) else { throw .problem(.notFound) }
        return now
    }

    /// A look that a replica began and did not finish is begun again where somebody still asks.
    private func takeOver(_ order: ServerOrder, _ index: Int, _ account: ServerAccount) {
        guard case .processing(let kind, let since) = order.authorizations[index].state,
            since + NetworkValidator.limit < time.now(), !order.isExpired(at: time.now())
        else { return }
        _ = look(at: order, index, kind, account, then: Moment())
    }

    /// `moment` comes when the outcome, or that there is none yet, can be read from the store.
    private func look(
        at order: ServerOrder, _ index: Int, _ kind: ChallengeKind, _ account: ServerAccount, then moment: Moment
    ) -> Validations.Start {
        let task = ValidationTask(
            kind: kind, identifier: order.authorizations[index].identifier, token: order.token(index, kind),
            accountKey: account.key)
        return validations.start(.init(order: order.id, index: index), account: account.id) { [self] in
            // Whatever happens, whoever waits goes on: the state is then as it was.
            defer { moment.come() }
            await carryOut(task, order.id, index, moment)
        }
    }

    private enum Milestone: Sendable {
        case seen(ServerProblem?)
        case slow
    }

    private func carryOut(_ task: ValidationTask, _ order: String, _ index: Int, _ moment: Moment) async {
        await withTaskGroup(of: Milestone.self) { group in
            group.addTask { [validator] in .seen(await validator.problem(of: task)) }
            group.addTask { [time, settings] in
                // A cancellation ends both.
                try? await time.sleep(for: settings.challengePatience)
                return .slow
            }
            for await milestone in group {
                if Task.isCancelled { return }
                switch milestone {
                case .slow:
                    let now = time.now().wholeSeconds
                    await record(order) { $0.change(index) { $0.begin(task.kind, at: now) } }
                    moment.come()
                case .seen(let problem):
                    observe(.validation(task.kind, passed: problem == nil))
                    let now = time.now().wholeSeconds
                    await record(order) { $0.change(index) { $0.settle(task.kind, problem, at: now) } }
                    group.cancelAll()
                    return
                }
            }
        }
    }

    /// What cannot be written is looked at again when the client answers or asks again.
    private func record(_ order: String, _ change: (inout ServerOrder) -> Bool) async {
        do throws(KeepingError) {
            try await store.update(order, change)
        } catch {
            logger.warning(
                "The outcome of a challenge cannot be kept", metadata: ["order": "\(order)", "error": "\(error)"])
        }
    }

    // MARK: As they are shown

    private func show(_ order: ServerOrder, _ index: Int, _ place: Place) -> Reply {
        let authorization = order.authorizations[index]
        var name = authorization.identifier
        if name.isWildcard, let base = try? ACMEIdentifier(dns: String(name.value.dropFirst(2))) { name = base }
        // Of one that was answered, only the challenge that counts is left (RFC 8555 §7.1.4).
        let kinds = authorization.chosen.map { [$0] } ?? order.challenges(of: authorization)
        var members: JSONObject = [
            "status": .string(authorization.status(expired: order.isExpired(at: time.now())).rawValue),
            "expires": .string(order.expires.rfc3339), "identifier": name.json,
            "challenges": .array(kinds.map { .object(self.members(of: $0, order, index, place)) }),
        ]
        if authorization.identifier.isWildcard { members["wildcard"] = true }
        var reply = Reply(.ok, members)
        if case .processing = authorization.state { reply.retryAfter = .seconds(3) }
        return reply
    }

    private func members(of kind: ChallengeKind, _ order: ServerOrder, _ index: Int, _ place: Place) -> JSONObject {
        var status = "pending"
        var members: JSONObject = [
            "type": .string(kind.rawValue),
            "url": .string(place.url(.challenge(order: order.id, index: index, kind))),
            "token": .string(order.token(index, kind)),
        ]
        switch order.authorizations[index].state {
        case .processing(kind, _): status = "processing"
        case .valid(kind, let at):
            status = "valid"
            members["validated"] = .string(at.rfc3339)
        case .invalid(kind, let problem, let at):
            status = "invalid"
            members["validated"] = .string(at.rfc3339)
            members["error"] = .object(problem)
        case .pending, .deactivated, .processing, .valid, .invalid: break
        }
        members["status"] = .string(status)
        return members
    }
}
