import CertificateAPI
import DNSProviders
import Issuers
import KubeModel
import Solvers
import Wire

/// The end of a Challenge: what was presented is taken away, and then its finalizer.
enum ChallengeCleanUp {
    /// A deletion waits no longer than this for a server that does not let itself be cleaned up.
    static let patience = Duration.seconds(3600)

    static func decide(_ view: ChallengeView, _ step: inout ChallengeStep) {
        guard view.challenge.hasAnyFinalizer else { return }
        // What nobody here presented is not cleaned up with the credentials of a solver that is none of the issuer's.
        guard view.solver == .offered || view.progress.wasPresentedHere else {
            step.removesFinalizers = true
            if view.challenge.status?.presented == true { leave("the issuer has no such solver any more", view, &step) }
            return
        }
        switch view.result {
        case SolverResult(errand: .cleanUp, result: .done)?:
            step.removesFinalizers = true
            if view.challenge.isManual, !view.challenge.isPersistent, view.challenge.status?.presented == true {
                step.notices.append(
                    .normal(
                        "RecordNotNeeded",
                        "The TXT record \(view.challenge.recordName ?? "") with the value \"\(view.challenge.spec.key)\" "
                            + "is not needed any more"))
            }
        case let result? where result.errand == .cleanUp:
            if case .failed(let error) = result.result { failed(error, view, &step) }
        default:
            if let time = step.progress.notBefore, view.now < time, view.news == nil, step.progress.failures > 0 {
                step.lookAgain = time
            } else {
                step.errand = .cleanUp
            }
        }
    }

    private static func failed(_ error: SolverError, _ view: ChallengeView, _ step: inout ChallengeStep) {
        if isHopeless(error, view) {
            step.removesFinalizers = true
            if case .provider(let cause) = error, cause.isAboutSecret, !view.challenge.isPersistent,
                !view.challenge.isManual
            {
                step.leavesRecord = true
                return leave("\(error); it is removed once the Secret is there again, within a day", view, &step)
            }
            return leave("\(error)", view, &step)
        }
        step.progress.failures += 1
        var delay = RetryPace.delay(afterFailures: step.progress.failures, jitter: step.progress.jitter)
        if case .notNow(_, let again) = error { delay = max(delay, again) }
        step.progress.notBefore = view.now + delay
        step.lookAgain = step.progress.notBefore
        let sentence = "Error cleaning up challenge: \(error)"
        if step.progress.failures == 1 { step.notices.append(.warning("CleanUpError", sentence)) }
        if view.challenge.metadata.isBeingDeleted || view.challenge.status?.state?.isFailure != true {
            step.say(sentence)
        }
    }

    /// Whether to leave it at that: an Issuer or Secret that is gone never keeps a Challenge, and with it a namespace,
    /// from being deleted.
    private static func isHopeless(_ error: SolverError, _ view: ChallengeView) -> Bool {
        if error.isTerminal { return true }
        guard let deletedAt = view.challenge.metadata.deletionTimestamp else { return false }
        switch error {
        case .provider(let error) where error.isAboutSecret: return true
        default: return view.now - deletedAt > patience
        }
    }

    private static func leave(_ why: String, _ view: ChallengeView, _ step: inout ChallengeStep) {
        // What is to stay, and what a person wrote, is left behind on purpose.
        if view.challenge.isPersistent || view.challenge.isManual { return }
        let what =
            view.challenge.recordName.map { "The TXT record \($0) with the value \(view.challenge.spec.key)" }
            ?? "What answered the challenge for \(view.challenge.spec.dnsName)"
        step.notices.append(.warning("CleanUpError", "\(what) may be left behind: \(why)"))
    }
}
