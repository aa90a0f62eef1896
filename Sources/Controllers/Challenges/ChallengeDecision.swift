import ACME
import CertificateAPI
import Issuers
import KubeModel
import Solvers
import Wire

enum ChallengeDecision {
    /// A self-check that goes on for longer lets others have its turn: a name that is never seen holds up nobody.
    static let longestTurn = Duration.seconds(60)
    /// A record that is not seen for so long is presented once more: whoever keeps values of several writers in one set
    /// may have lost it. Then after twice the time, and so on.
    static let lossSuspicion = Duration.seconds(60)

    static func decide(_ view: ChallengeView) -> ChallengeStep {
        var step = ChallengeStep(status: view.challenge.status ?? .init(), progress: view.progress)
        if let news = view.news { ChallengeAnswers.absorb(news, view, &step) }
        if view.challenge.metadata.isBeingDeleted || step.status.state?.isFinal == true {
            ChallengeCleanUp.decide(view, &step)
            return step
        }
        switch (view.order, view.solver) {
        case (.over, _): return step
        case (.none, _):
            step.say("No Order for this issuer controls this Challenge; it is not worked on")
            return step
        case (.underWay, .foreign):
            step.say("The issuer has no such solver; the Order replaces this Challenge")
            return step
        case (.underWay, .offered), (.underWay, .unknown): break  // what is unknown, the issuer's absence says
        }
        guard case .ready = view.issuer else {
            if case .waiting(let sentence) = view.issuer { step.say(sentence) }
            return step
        }
        if !view.challenge.hasFinalizer {
            step.addsFinalizer = true
            return step
        }
        guard view.hasTurn else { return step }
        advance(view, &step)
        return step
    }

    private static func advance(_ view: ChallengeView, _ step: inout ChallengeStep) {
        step.status.processing = true
        step.keepsTurn = true
        // Known since an earlier look, and not written then.
        if let time = step.progress.presentedAt, step.status.presented != true {
            step.status.presented = true
            step.status.presentedAt = time.wholeSeconds
        }
        if let result = view.result { absorb(result, view, &step) }
        guard step.status.state?.isFinal != true, !view.isAsking else { return }
        if let time = step.progress.notBefore, view.now < time {
            step.lookAgain = time
            return
        }
        if step.progress.acceptedAt != nil || step.status.state == .processing {
            step.ask = .look
        } else if step.presentedAt == nil || step.progress.isLost {
            step.errand = .present
        } else if case .checked(.visible)? = view.result?.result {
            step.ask = .accept
        } else {
            step.errand = .check
        }
    }

    private static func absorb(_ result: SolverResult, _ view: ChallengeView, _ step: inout ChallengeStep) {
        switch (result.errand, result.result) {
        case (.present, _) where step.progress.isLost: presentedAgain(result.result, view, &step)
        case (.present, .done):
            step.progress.failures = 0
            step.progress.presentedAt = view.now
            step.status.presented = true
            step.status.presentedAt = view.now.wholeSeconds
            if view.challenge.status?.presented != true { step.notices.append(presented(view.challenge)) }
            if view.challenge.isManual { step.say(view.challenge.recordWish.capitalizedSentence) }
        case (.present, .failed(let error)): failed(error, view, &step)
        case (.check, .checked(.visible)): step.status.reason = nil
        case (.check, .checked(.notYet(let sentence, let again))):
            step.say("Waiting for \(view.challenge.methodName) challenge propagation: \(sentence)")
            step.progress.notBefore = view.now + again
            if let since = step.presentedAt, view.now - since > longestTurn { step.keepsTurn = false }
            step.progress.isLost = seemsLost(view, step)
        case (.check, _), (.cleanUp, _), (.present, .checked): break
        }
    }

    /// Only records have other writers; and what a person writes, or what nobody looks for, is not missed.
    private static func seemsLost(_ view: ChallengeView, _ step: ChallengeStep) -> Bool {
        let solver = view.challenge.spec.solver
        guard [.dns01, .dnsAccount01].contains(view.challenge.method), !view.challenge.isManual,
            solver.waitInsteadOfSelfCheck.nonEmpty == nil,
            let since = step.progress.presentedAgainAt ?? step.presentedAt
        else { return false }
        return view.now - since >= lossSuspicion * (1 << min(step.progress.presentedAgainCount, 6))
    }

    /// When it was first presented stays as it was. It is looked for even where this failed: it may be on its way.
    private static func presentedAgain(
        _ result: SolverErrands.Result, _ view: ChallengeView, _ step: inout ChallengeStep
    ) {
        step.progress.isLost = false
        step.progress.presentedAgainAt = view.now
        step.progress.presentedAgainCount += 1
        if case .failed(let error) = result { failed(error, view, &step) }
    }

    /// Whoever writes records by hand reads in the event which.
    private static func presented(_ challenge: Challenge) -> Notice {
        if challenge.isManual {
            return .normal("RecordNeeded", challenge.recordWish.capitalizedSentence + "; it is looked for until then")
        }
        let sentence = "Presented challenge using \(challenge.methodName) challenge mechanism"
        guard challenge.isPersistent else { return .normal("Presented", sentence) }
        return .normal(
            "Presented",
            "\(sentence): the TXT record \(challenge.recordName ?? "") \"\(challenge.spec.key)\" is to stay")
    }

    private static func failed(_ error: SolverError, _ view: ChallengeView, _ step: inout ChallengeStep) {
        guard !error.isTerminal else {
            step.notices.append(.warning("PresentError", "Error presenting challenge: \(error)"))
            return step.fail(.errored, "Error presenting challenge: \(error)")
        }
        if case .notNow(let sentence, let again) = error {
            step.say(sentence)
            step.progress.notBefore = view.now + again
            return
        }
        step.progress.failures += 1
        step.warn("PresentError", "Error presenting challenge: \(error)", view)
        step.progress.notBefore =
            view.now + RetryPace.delay(afterFailures: step.progress.failures, jitter: step.progress.jitter)
        // The next try is far away: others may work until then.
        if step.progress.failures > 2 { step.keepsTurn = false }
    }
}

extension ChallengeStep {
    /// When it was presented, by this process or one before.
    var presentedAt: Timestamp? {
        progress.presentedAt ?? (status.presented == true ? status.presentedAt : nil)
    }

    mutating func fail(_ state: ACMEState, _ reason: String) {
        status.state = state
        status.reason = reason
        status.processing = false
        status.presented = false
        keepsTurn = false
        mustWrite = true
    }

    /// Says what is waited for.
    mutating func say(_ reason: String) {
        if status.reason != reason { mustWrite = true }
        status.reason = reason
        if status.state == nil { status.state = .pending }
    }

    /// Says what is wrong, and warns once for each wording.
    mutating func warn(_ reason: String, _ sentence: String, _ view: ChallengeView) {
        if view.challenge.status?.reason != sentence { notices.append(.warning(reason, sentence)) }
        say(sentence)
    }
}

extension Challenge {
    var hasFinalizer: Bool { finalizers.contains(Names.Finalizer.challenge) }
    /// The current name and the one of old versions.
    var hasAnyFinalizer: Bool { hasFinalizer || finalizers.contains(Names.Finalizer.challengeLegacy) }
    private var finalizers: [String] { metadata.finalizers ?? [] }
}

extension Challenge {
    var isManual: Bool { spec.solver.dns01?.isManual == true }
}

extension String {
    /// With a capital letter at the beginning.
    fileprivate var capitalizedSentence: String { prefix(1).uppercased() + dropFirst() }
}
