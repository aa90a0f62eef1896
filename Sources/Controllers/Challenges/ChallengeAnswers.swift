import ACME
import CertificateAPI
import Issuers
import Wire

/// What the server's answers mean for a Challenge.
enum ChallengeAnswers {
    static func absorb(_ news: ChallengeNews, _ view: ChallengeView, _ step: inout ChallengeStep) {
        if let failure = news.failure { return refuse(failure, news.question, view, &step) }
        step.progress.failures = 0
        if let authorization = news.authorization {
            mirror(authorization, view, &step)
        } else if let challenge = news.challenge {
            mirror(challenge, view, &step)
        }
    }

    /// The answer to `accept`: seldom more than that the server has heard it.
    private static func mirror(_ challenge: ACMEChallenge, _ view: ChallengeView, _ step: inout ChallengeStep) {
        step.progress.acceptedAt = view.now
        step.progress.acceptRefusal = nil
        switch challenge.status {
        case .valid: succeed(view, &step)
        case .invalid: fail(.invalid, challenge.error, view, &step)
        default: wait(retryAfter: challenge.retryAfter, view, &step)
        }
    }

    private static func mirror(
        _ authorization: ACMEAuthorization, _ view: ChallengeView, _ step: inout ChallengeStep
    ) {
        switch authorization.status {
        case .valid: succeed(view, &step)
        case .invalid, .deactivated, .revoked: fail(.invalid, authorization.failure, view, &step)
        case .expired: fail(.expired, authorization.failure, view, &step)
        default:
            let ours = authorization.challenges.first { $0.url == view.challenge.spec.url }
            if ours?.status == .pending, step.progress.acceptedAt == nil || step.progress.acceptRefusal != nil {
                return again(view, &step)
            }
            wait(retryAfter: authorization.retryAfter, view, &step)
        }
    }

    /// The server has not heard that the response is in place, as far as it tells.
    private static func again(_ view: ChallengeView, _ step: inout ChallengeStep) {
        if let refusal = step.progress.acceptRefusal {
            return step.fail(.errored, "Error accepting challenge: \(refusal)")
        }
        step.status.state = .pending
    }

    private static func succeed(_ view: ChallengeView, _ step: inout ChallengeStep) {
        step.status.state = .valid
        step.status.reason = "Successfully authorized domain"
        step.status.processing = false
        // The finalizer stands until it is so.
        step.status.presented = false
        step.keepsTurn = false
        step.mustWrite = true
        step.notices.append(
            .normal(
                "DomainVerified",
                "Domain \"\(view.challenge.spec.dnsName)\" verified with \"\(view.challenge.methodName)\" validation"
            ))
    }

    private static func fail(
        _ state: ACMEState, _ problem: Problem?, _ view: ChallengeView, _ step: inout ChallengeStep
    ) {
        let why = problem.map { "\($0)" } ?? "the server gave no reason"
        let reason =
            "Error accepting authorization: acme: authorization error for \(view.challenge.spec.dnsName): \(why)"
        step.fail(state, reason)
        step.notices.append(.warning("Failed", "Accepting challenge authorization failed: \(why)"))
    }

    private static func wait(retryAfter: Duration?, _ view: ChallengeView, _ step: inout ChallengeStep) {
        let delay = PollPace.delay(
            afterPolls: step.progress.polls, retryAfter: retryAfter, jitter: step.progress.jitter)
        step.progress.polls += 1
        step.progress.notBefore = view.now + delay
        guard step.progress.polls > 1 else { return }
        // It takes a while: let it be seen, and remembered beyond this process.
        step.status.state = .processing
        step.status.reason = "Waiting for the ACME server to validate the domain"
        if view.challenge.status?.state != .processing { step.mustWrite = true }
        if step.progress.polls > 6 { step.keepsTurn = false }
    }

    /// A request failed. What the server will not hear is judged by what it says of the authorization.
    private static func refuse(
        _ error: ACMEError, _ question: ChallengeQuestion, _ view: ChallengeView, _ step: inout ChallengeStep
    ) {
        let attempt = question == .accept ? "Error accepting challenge" : "Error reading the authorization"
        switch error.advice {
        case .permanent where question == .accept && !error.isGone:
            // It may have been accepted before: RFC 8555 §7.5.1 allows that once.
            step.progress.acceptedAt = view.now
            step.progress.acceptRefusal = "\(error)"
            step.progress.notBefore = nil
        case .permanent: step.fail(error.isGone ? .expired : .errored, "\(attempt): \(error)")
        case .retry:
            step.progress.failures += 1
            let delay = RetryPace.delay(afterFailures: step.progress.failures, jitter: step.progress.jitter)
            wait(until: view.now + delay, "\(attempt): \(error)", &step)
        case .retryAt(let time):
            wait(until: max(time, view.now + .seconds(1)), "\(attempt): \(error)", &step)
        case .userActionRequired: wait(until: view.now + .seconds(3600), "\(attempt): \(error)", &step)
        }
    }

    private static func wait(until time: Timestamp, _ sentence: String, _ step: inout ChallengeStep) {
        step.progress.notBefore = time
        step.say("\(sentence); next attempt at \(time.wholeSeconds.rfc3339)")
    }
}
