import ACME
import CertificateAPI
import Solvers
import Wire

/// What to do about one Challenge. Total and pure: one view, one answer.
enum ChallengeDecision {
    /// A Challenge being deleted whose record cannot be taken away is let go after this long; its Order may be gone, and
    /// a namespace must be able to end.
    static let longestCleanUp = Duration.seconds(600)
    /// A validation that is not done within this time is given back to the Order as failed.
    static let longestValidation = Duration.seconds(3600)

    static func next(_ view: ChallengeView) -> ChallengeStep {
        let challenge = view.challenge
        let isOver = challenge.status?.state?.isFinal ?? false
        if challenge.metadata.isBeingDeleted || isOver {
            guard challenge.hasFinalizer else { return .rest }
            return needsCleanUp(view) ? .cleanUp : .release
        }
        switch view.standing {
        case .orderMissing, .issuerMissing: return .rest
        case .improper(let why): return .reject(why)
        case .proper: break
        }
        guard view.hasSlot else { return .awaitSlot }
        guard challenge.status?.presented == true else { return .present }
        switch view.memory.phase {
        case .unknown: return .poll
        case .checking(let moment): return view.now < moment ? .lookAgain(moment) : .check
        case .polling(let moment): return view.now < moment ? .lookAgain(moment) : .poll
        }
    }

    /// One that nobody ever worked on left nothing behind: it was admitted before anything was presented.
    private static func needsCleanUp(_ view: ChallengeView) -> Bool {
        if case .improper = view.standing { return false }
        return view.challenge.status?.processing == true || view.challenge.status?.presented == true || view.hasSlot
    }

    // MARK: After what was done outside

    static func presented(_ result: SolverErrands.Result, _ view: ChallengeView) -> [ChallengeAction] {
        if case .failed(let error) = result { return failed(error, "PresentError", "presenting", view) }
        var status = view.challenge.status ?? .init()
        status.processing = true
        status.presented = true
        status.presentedAt = view.now
        status.state = .pending
        status.reason = nil
        var memory = view.memory
        memory.phase = .checking(notBefore: view.now)
        memory.failures = 0
        let type = view.challenge.spec.type.rawValue
        return [
            .status(status), .remember(memory),
            .tell(.normal("Presented", "Presented challenge using \(type) challenge mechanism")), .lookAgain(view.now),
        ]
    }

    static func checked(_ result: SolverErrands.Result, _ view: ChallengeView) -> [ChallengeAction] {
        switch result {
        case .checked(.visible), .done: return [.accept]
        case .checked(.notYet(let sentence, let again)):
            var memory = view.memory
            memory.phase = .checking(notBefore: view.now + again)
            let reason = "Waiting for \(view.challenge.spec.type.rawValue) challenge propagation: \(sentence)"
            // What is over in a moment is not worth a write.
            let isWorthSaying = again >= .seconds(2) && view.challenge.status?.reason != reason
            return (isWorthSaying ? [.status(with(reason, view))] : [])
                + [.remember(memory), .lookAgain(view.now + again)]
        case .failed(let error): return failed(error, "PresentError", "checking", view)
        }
    }

    /// The CA was told to look.
    static func accepted(_ view: ChallengeView) -> [ChallengeAction] {
        var memory = view.memory
        let moment = view.now + .milliseconds(250)
        memory.phase = .polling(notBefore: moment)
        memory.polls = 0
        memory.failures = 0
        return [.remember(memory), .lookAgain(moment)]
    }

    /// The CA said where the authorization stands.
    static func polled(_ authorization: ACMEAuthorization, _ view: ChallengeView) -> [ChallengeAction] {
        switch authorization.status {
        case .valid:
            let name = view.challenge.spec.dnsName
            let notice = Notice.normal(
                "DomainVerified", "Domain \"\(name)\" verified with \"\(view.challenge.spec.type.rawValue)\" validation")
            return final(.valid, "Successfully authorized domain", notice, view)
        case .invalid:
            let why = authorization.failure.map { Problem.presentable("\($0)") } ?? "the CA did not say why"
            return final(.invalid, "The CA could not verify \(view.challenge.spec.dnsName): \(why)", nil, view)
        case .expired, .deactivated, .revoked:
            let word = authorization.status.rawValue
            return final(.expired, "The CA calls the authorization \(word); a new order is needed.", nil, view)
        default: return stillPending(authorization, view)
        }
    }

    private static func stillPending(_ authorization: ACMEAuthorization, _ view: ChallengeView) -> [ChallengeAction] {
        var memory = view.memory
        let mine = authorization.challenges.first { $0.url == view.challenge.spec.url }
        if case .unknown = memory.phase, mine?.status ?? .pending == .pending {
            // After a restart: presented, and the CA not told yet.
            memory.phase = .checking(notBefore: view.now)
            return [.remember(memory), .lookAgain(view.now)]
        }
        if let since = view.challenge.status?.presentedAt, view.now - since > longestValidation {
            return final(.errored, "The CA did not finish looking within an hour.", nil, view)
        }
        memory.polls += 1
        let wait = authorization.retryAfter ?? .milliseconds(min(500 << min(memory.polls, 5), 10_000))
        memory.phase = .polling(notBefore: view.now + wait)
        return [.remember(memory), .lookAgain(view.now + wait)]
    }

    /// Asking the CA failed.
    static func refused(_ error: ACMEError, _ view: ChallengeView) -> [ChallengeAction] {
        if error.isGone {
            return final(.expired, "The CA does not know the challenge any more: \(error)", nil, view)
        }
        switch error.advice {
        case .retry: return backOff("Asking the CA failed and will be tried again: \(error)", view)
        case .retryAt(let moment):
            return say("The CA asks to wait until \(moment.rfc3339): \(error)", view) + [.lookAgain(moment)]
        case .userActionRequired:
            let reason = "The CA waits for somebody to act: \(error)"
            return say(reason, view) + [.lookAgain(view.now + .seconds(3600))]
        case .permanent:
            return final(.errored, "The CA refused: \(error)", nil, view)
        }
    }

    static func cleanedUp(_ result: SolverErrands.Result, _ view: ChallengeView) -> [ChallengeAction] {
        guard case .failed(let error) = result else { return released(view) }
        let notice = Notice.warning("CleanUpError", "Error cleaning up challenge: \(error)")
        if let since = view.challenge.metadata.deletionTimestamp {
            let isHopeless = error.isTerminal || view.standing == .issuerMissing
            if isHopeless || view.now - since > longestCleanUp {
                let left = view.challenge.spec.type == .dns01 ? "a TXT record" : "a pod, Service or Ingress"
                let last = "\(notice.message). It is let go; \(left) for \(view.challenge.spec.dnsName) may be left behind."
                return [.tell(.warning("CleanUpError", last)), .removeFinalizers]
            }
        }
        return [.tell(notice)] + backOff("Cleaning up failed and will be tried again: \(error)", view)
    }

    static func released(_ view: ChallengeView) -> [ChallengeAction] { [.removeFinalizers] }

    static func rejected(_ why: String, _ view: ChallengeView) -> [ChallengeAction] {
        final(.errored, why, nil, view)
    }

    // MARK: Parts

    private static func final(
        _ state: ACMEState, _ reason: String, _ notice: Notice?, _ view: ChallengeView
    ) -> [ChallengeAction] {
        var status = view.challenge.status ?? .init()
        status.state = state
        status.reason = reason
        // The slot was given back; what is presented is taken away next, and the finalizer says that it is there.
        status.processing = false
        return [
            .status(status), .tell(notice ?? .warning("Failed", "Accepting challenge authorization failed: \(reason)")),
            .lookAgain(view.now),
        ]
    }

    private static func failed(
        _ error: SolverError, _ event: String, _ what: String, _ view: ChallengeView
    ) -> [ChallengeAction] {
        switch error {
        case .notNow(let sentence, let again):
            var memory = view.memory
            if case .checking = memory.phase { memory.phase = .checking(notBefore: view.now + again) }
            return say(sentence, view) + [.remember(memory), .lookAgain(view.now + again)]
        default:
            let reason = "Error \(what) challenge: \(error)"
            let isNew = view.challenge.status?.reason != reason
            return (isNew ? [.tell(.warning(event, reason))] : []) + backOff(reason, view)
        }
    }

    private static func backOff(_ reason: String, _ view: ChallengeView) -> [ChallengeAction] {
        say(reason, view) + [.backOff(reason)]
    }

    private static func say(_ reason: String, _ view: ChallengeView) -> [ChallengeAction] {
        view.challenge.status?.reason == reason ? [] : [.status(with(reason, view))]
    }

    private static func with(_ reason: String, _ view: ChallengeView) -> Challenge.Status {
        var status = view.challenge.status ?? .init()
        status.reason = reason
        status.processing = view.challenge.status?.state?.isFinal != true
        return status
    }
}

extension Challenge {
    var hasFinalizer: Bool {
        metadata.finalizers?.contains { $0 == Names.Finalizer.challenge || $0 == Names.Finalizer.challengeLegacy }
            ?? false
    }
}
