import ACME
import CertificateAPI
import HTTPTransport
import Issuers
import KubeModel
import Wire

/// What the server's answers mean for an Order.
enum OrderAnswers {
    static func absorb(_ news: OrderNews, _ view: OrderView, _ plan: inout OrderPlan) {
        if case .giveUp = news.question { return }
        if let order = news.order {
            mirror(order, news, view, &plan)
            if news.question.makesOrder { compareProfile(order, view, &plan) }
        }
        for authorization in news.authorizations { mirror(authorization, &plan.status) }
        if let failure = news.failure {
            refuse(failure, news.question, view, &plan)
        } else {
            plan.progress.failures = 0
            if view.order.metadata.annotations?[Names.Annotation.trouble] != nil { plan.trouble = .isClear }
            if plan.status.state?.isFailure != true { plan.status.reason = nil }
        }
        if let certificate = news.certificate { complete(certificate, news, view, &plan) }
    }

    /// Without a profile asked for, the choice is the server's.
    private static func compareProfile(_ order: ACMEOrder, _ view: OrderView, _ plan: inout OrderPlan) {
        guard let wanted = view.order.spec.profile.nonEmpty, let given = order.profile, given != wanted else { return }
        plan.notices.append(
            .warning(
                "Profile",
                "The order was to have the profile \(wanted), and the CA made it with "
                    + "\(Problem.presentable(given).prefix(60))"))
    }

    private static func mirror(
        _ order: ACMEOrder, _ news: OrderNews, _ view: OrderView, _ plan: inout OrderPlan
    ) {
        plan.progress.heardAt = view.now
        plan.progress.expires = order.expires ?? plan.progress.expires
        plan.status.url = plan.status.url.nonEmpty ?? order.url
        plan.status.finalizeURL = plan.status.finalizeURL.nonEmpty ?? order.finalize
        if plan.status.authorizations == nil {
            plan.status.authorizations = order.authorizations.map { Order.Authorization(url: $0) }
        }
        plan.status.state = ACMEState(order.status)
        switch plan.status.state {
        case .invalid, .expired:
            let failed = view.challenges.filter { $0.status?.state?.isFailure == true }
            let texts = [order.error.map { "\($0)" }, failed.isEmpty ? nil : sentence(failed)].compactMap(\.self)
            plan.note(trouble(order, failed), of: view.order)
            let why = texts.isEmpty ? "the server gave no reason" : texts.joined(separator: "; ")
            plan.fail(
                "The ACME order is \(order.status.rawValue): \(why)", view.now, state: plan.status.state ?? .invalid)
        case .processing:
            plan.progress.isFinalized = true
            let wait = PollPace.delay(
                afterPolls: plan.progress.polls, retryAfter: order.retryAfter, jitter: plan.progress.jitter)
            plan.progress.polls += 1
            plan.progress.notBefore = view.now + wait
        case .valid: plan.progress.isFinalized = true
        default:
            // RFC 8555 §7.1.3: such an order will never be issued, though the server has not said so yet.
            if let end = order.expires, end <= view.now {
                return plan.fail(
                    "The ACME order ran out at \(end.rfc3339) before all names were proved", view.now, state: .expired)
            }
            // A server that has not caught up with its own finalize says "ready" still: look again, do not ask again.
            if news.question == .finalize {
                plan.progress.notBefore = view.now + RetryPace.delay(afterFailures: 1, jitter: plan.progress.jitter)
            }
        }
    }

    private static func mirror(_ answer: ACMEAuthorization, _ status: inout Order.Status) {
        guard let index = status.authorizations?.firstIndex(where: { $0.url == answer.url }) else { return }
        var authorization = Order.Authorization(url: answer.url)
        authorization.identifier = answer.identifier.value
        authorization.wildcard = answer.isWildcard
        authorization.initialState = ACMEState(answer.status)
        // A type without a token is none that a solver here could answer, but for the one that has something in its place.
        authorization.challenges = answer.challenges.compactMap { challenge in
            (challenge.token ?? challenge.persistOffer).map {
                Order.OfferedChallenge(url: challenge.url, token: $0, type: challenge.type)
            }
        }
        status.authorizations?[index] = authorization
    }

    private static func complete(
        _ certificate: String, _ news: OrderNews, _ view: OrderView, _ plan: inout OrderPlan
    ) {
        plan.status.certificate = Base64Data(utf8: certificate)
        plan.status.state = .valid
        plan.status.reason = nil
        plan.notices.append(.normal("Complete", "Order completed successfully"))
        if !news.isPreferredChain {
            plan.notices.append(
                .warning(
                    "PreferredChain",
                    "The CA offers no chain that leads to the preferredChain of the issuer; its default chain was taken"
                ))
        }
    }

    /// Whether another CA may do better: not where a name could not be proved.
    private static func trouble(_ order: ACMEOrder, _ failed: [Challenge]) -> OrderTrouble? {
        if let kind = order.error.flatMap({ OrderTrouble.kind(of: $0) }) { return kind }
        let isForbidden = { (challenge: Challenge) in challenge.status?.reason?.contains(":error:caa") == true }
        return !failed.isEmpty && failed.allSatisfy(isForbidden) ? .caa : nil
    }

    /// One sentence about the names that could not be proved.
    static func sentence(_ failed: [Challenge]) -> String {
        failed.map { challenge in
            let name = (challenge.spec.wildcard == true ? "*." : "") + challenge.spec.dnsName
            let state = challenge.status?.state?.rawValue ?? "failed"
            return
                "Challenge \(challenge.metadata.name) for \(name) is \(state): \(challenge.status?.reason ?? "no reason")"
        }.joined(separator: "; ")
    }
}

extension OrderAnswers {
    /// A request failed: ends the order where another try would be refused again, and otherwise says until when it waits.
    private static func refuse(
        _ error: ACMEError, _ question: OrderQuestion, _ view: OrderView, _ plan: inout OrderPlan
    ) {
        let sentence = "\(attempt(question)): \(error)"
        if question.makesOrder, error.mayHaveActed { plan.progress.isInDoubt = true }
        plan.note(OrderTrouble(error, failures: plan.progress.failures + 1, now: view.now), of: view.order)
        switch error.advice {
        case .permanent:
            if accountIsDoubtful(error, question), plan.progress.accountDoubts == 0 {
                plan.progress.accountDoubts += 1
                plan.doubtsAccount = true
                return wait(until: view.now + .seconds(5), sentence, &plan)
            }
            let isGone = error.isGone && question != .finalize && plan.status.url.nonEmpty != nil
            plan.fail(sentence, view.now, state: isGone ? .expired : .errored)
        case .retry:
            plan.progress.failures += 1
            let delay = RetryPace.delay(afterFailures: plan.progress.failures, jitter: plan.progress.jitter)
            wait(until: view.now + delay, sentence, &plan)
        case .retryAt(let time):
            plan.progress.failures += 1
            let until = max(time, view.now + .seconds(1))
            // What passes within minutes is asked again after a restart without harm.
            if let scope = error.refusal?.limitScope, until - view.now > .seconds(120) {
                plan.hold = OrderHold(until: until, scope: scope, order: view.order.metadata.name)
            }
            wait(until: until, sentence, &plan)
        case .userActionRequired:
            plan.actionRequired = error.refusal
            wait(until: view.now + .seconds(3600), sentence, &plan)
        }
    }

    private static func wait(until time: Timestamp, _ sentence: String, _ plan: inout OrderPlan) {
        plan.progress.notBefore = time
        plan.wait("\(sentence); next attempt at \(time.wholeSeconds.rfc3339)")
    }

    /// The account is unknown (a CA that was set up anew), or may not make orders any more.
    private static func accountIsDoubtful(_ error: ACMEError, _ question: OrderQuestion) -> Bool {
        guard let refusal = error.refusal else { return false }
        if refusal.problem.type == .accountDoesNotExist { return true }
        guard question.makesOrder else { return false }
        return refusal.problem.type == .unauthorized
    }

    private static func attempt(_ question: OrderQuestion) -> String {
        switch question {
        case .create, .resume: "Failed to create Order"
        case .authorizations: "Failed to read authorizations"
        case .finalize: "Failed to finalize Order"
        case .look: "Failed to read Order"
        case .giveUp: "Failed to give up authorizations"
        }
    }
}

extension ACMEError {
    /// Whether the server may have done what it was asked, though its answer does not say so.
    fileprivate var mayHaveActed: Bool {
        switch self {
        case .transport(let error, _): error.mayHaveReachedServer
        case .problem(let refusal): refusal.status >= 500
        case .malformed: true
        default: false
        }
    }
}

extension ACMEState {
    /// The word of our API for the server's; words we do not know leave the matter open.
    init(_ status: ACME.ACMEStatus) {
        switch status {
        case .deactivated, .revoked: self = .invalid
        default: self = ACMEState(rawValue: status.rawValue) ?? .pending
        }
    }
}
