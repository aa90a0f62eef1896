import ACME
import CertificateAPI
import Issuers
import KubeModel
import PKI
import Solvers
import Wire

enum OrderDecision {
    static func decide(_ view: OrderView) -> OrderPlan {
        var plan = OrderPlan(status: view.order.status ?? .init(), progress: view.progress)
        guard !view.order.metadata.isBeingDeleted else { return plan }
        if let news = view.news { OrderAnswers.absorb(news, view, &plan) }
        OrderPreflight.absorb(view, &plan)
        if let why = view.order.metadata.annotations?[Names.Annotation.givenUp], plan.status.state?.isFinal != true {
            plan.fail("Given up: \(why)", view.now)
        }
        if let state = plan.status.state, state.isFinal, state != .valid || plan.status.certificate != nil {
            finish(view, &plan)
            return plan
        }
        guard case .ready(let facts) = view.issuer else {
            if case .waiting(let sentence) = view.issuer { plan.wait(sentence) }
            return plan
        }
        guard !view.isAsking else { return plan }
        remember(view, &plan)
        if let time = plan.progress.notBefore, view.now < time {
            plan.lookAgain = time
            return plan
        }
        advance(view, facts, &plan)
        return plan
    }

    /// What an earlier process was told to wait for. A look of this one that has brought news knows better.
    private static func remember(_ view: OrderView, _ plan: inout OrderPlan) {
        guard view.news == nil, plan.progress.notBefore == nil, let hold = OrderHold(view.order), view.now < hold.until
        else { return }
        plan.progress.notBefore = hold.until
    }

    /// The next step of an order that nothing holds up.
    private static func advance(_ view: OrderView, _ facts: ACMEIssuerFacts, _ plan: inout OrderPlan) {
        guard plan.status.url.nonEmpty != nil, plan.status.finalizeURL.nonEmpty != nil else {
            return begin(view, &plan)
        }
        switch plan.status.state {
        case .valid, .processing: plan.ask = .look
        case .ready: plan.ask = certify(plan)
        default: prove(view, facts, &plan)
        }
    }

    /// Makes the order; also one whose finalize URL a predecessor did not write down, since servers give back the order
    /// they have for the same names.
    private static func begin(_ view: OrderView, _ plan: inout OrderPlan) {
        if plan.status.url.nonEmpty != nil {
            plan.ask = .look
            return
        }
        do throws(IdentifierError) {
            let spec = view.order.spec
            var order = NewACMEOrder(
                identifiers: try identifiers(of: spec), profile: spec.profile.nonEmpty, replaces: spec.replaces.nonEmpty
            )
            guard !order.identifiers.isEmpty else { return plan.fail("The order names nothing to certify", view.now) }
            if let duration = spec.duration.nonEmpty.flatMap({ GoDuration($0) }) {
                order.notAfter = view.now + duration.duration
            }
            guard OrderPreflight.permits(view, &plan) else { return }
            if let hold = view.hold, view.now < hold.until {
                plan.wait("Waiting to create the ACME order: \(hold.sentence)")
                plan.lookAgain = hold.until
                if hold.until - view.now > OrderTrouble.patience { plan.note(.rateLimit, of: view.order) }
            } else if let turn = view.turn, view.now < turn.until {
                plan.wait("Waiting to create the ACME order: \(turn.sentence)")
                plan.lookAgain = turn.until
                if turn.until - view.now > OrderTrouble.patience { plan.note(.rateLimit, of: view.order) }
            } else {
                let mayBeMade = view.isInherited || plan.progress.isInDoubt
                // A CA that keeps failing to tell of orders may still make them.
                plan.ask = mayBeMade && plan.progress.failures <= searchPatience ? .resume(order) : .create(order)
            }
        } catch {
            plan.fail("Failed to create Order: \(error)", view.now)
        }
    }

    private static let searchPatience = 6

    /// Every name of the spec, the common name among them whichever kind it is.
    static func identifiers(of spec: Order.Spec) throws(IdentifierError) -> [ACMEIdentifier] {
        var identifiers: [ACMEIdentifier] = []
        for name in spec.dnsNames ?? [] { identifiers.append(try ACMEIdentifier(dns: name)) }
        for address in spec.ipAddresses ?? [] { identifiers.append(try ACMEIdentifier(ip: address)) }
        if let name = spec.commonName.nonEmpty {
            identifiers.append(
                IPAddress(name) == nil ? try ACMEIdentifier(dns: name) : try ACMEIdentifier(ip: name))
        }
        return identifiers
    }

    /// Sees to it that every name is proved, then asks for the certificate.
    private static func prove(_ view: OrderView, _ facts: ACMEIssuerFacts, _ plan: inout OrderPlan) {
        let authorizations = plan.status.authorizations ?? []
        let unread = authorizations.filter { $0.identifier.nonEmpty == nil }.map(\.url)
        guard unread.isEmpty else {
            plan.ask = .authorizations(unread)
            return
        }
        let open = authorizations.filter { $0.initialState != .valid }
        let needed = open.map { authorization in
            (authorization, view.challenges.first { $0.spec.authorizationURL == authorization.url })
        }
        let failed = needed.compactMap(\.1).filter { $0.status?.state?.isFailure == true }
        guard failed.isEmpty else { return blame(failed, view, &plan) }
        for (authorization, challenge) in needed where challenge?.status?.state != .valid {
            ChallengePlan.require(challenge, for: authorization, view, facts, &plan)
        }
        for challenge in view.challenges where !open.contains(where: { $0.url == challenge.spec.authorizationURL }) {
            plan.delete.append(challenge)
        }
        if needed.allSatisfy({ $0.1?.status?.state == .valid }) {
            plan.ask = certify(plan)
        } else {
            look(afterSilence: view, &plan)
        }
    }

    /// Asks for the certificate, once. An earlier process may have asked and not have written that down: the server is
    /// looked at first when this one has not heard of the order.
    private static func certify(_ plan: OrderPlan) -> OrderQuestion {
        plan.progress.isFinalized || plan.progress.heardAt == nil ? .look : .finalize
    }

    /// A name could not be proved. The server says what became of the order; one that it would keep open is given up
    /// here, for a challenge that failed is not tried again.
    private static func blame(_ failed: [Challenge], _ view: OrderView, _ plan: inout OrderPlan) {
        if view.news?.question == .look, view.news?.failure == nil {
            plan.fail(OrderAnswers.sentence(failed), view.now)
            plan.ask = giveUp(view, plan)
        } else {
            plan.ask = .look
        }
    }

    /// An order that waits for days is looked at now and then, and when it has run out.
    private static func look(afterSilence view: OrderView, _ plan: inout OrderPlan) {
        let heard = plan.progress.heardAt ?? view.now
        plan.progress.heardAt = heard
        var due = heard + .seconds(6 * 3600)
        if let end = plan.progress.expires { due = min(due, max(end, heard + .seconds(1))) }
        if view.now >= due { plan.ask = .look } else { plan.lookAgain = due }
    }

    /// The order is over: what was only there to get it done goes. Failed Challenges stay, to be read.
    private static func finish(_ view: OrderView, _ plan: inout OrderPlan) {
        plan.progress.notBefore = nil
        let isValid = plan.status.state == .valid
        plan.delete = view.challenges.filter { isValid || $0.status?.state?.isFinal != true }
        if !isValid, plan.status != view.order.status { plan.ask = giveUp(view, plan) }
    }

    /// Authorizations that nobody will answer any more: pending ones count against the account's limits.
    private static func giveUp(_ view: OrderView, _ plan: OrderPlan) -> OrderQuestion? {
        guard case .ready = view.issuer, plan.status.url.nonEmpty != nil else { return nil }
        let over = Set(view.challenges.filter { $0.status?.state?.isFinal == true }.map(\.spec.authorizationURL))
        let pending = (plan.status.authorizations ?? []).filter {
            $0.initialState == .pending && !over.contains($0.url)
        }
        return pending.isEmpty ? nil : .giveUp(pending.map(\.url))
    }
}

extension OrderPlan {
    mutating func fail(_ reason: String, _ now: Timestamp, state: ACMEState = .errored) {
        status.state = state
        status.reason = reason
        status.failureTime = status.failureTime ?? now.wholeSeconds
    }

    /// Says what the order waits for, without ending it.
    mutating func wait(_ reason: String) { status.reason = reason }
}
