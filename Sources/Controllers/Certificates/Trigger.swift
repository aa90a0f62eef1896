import CertificateAPI
import KubeModel
import Wire

/// Whether a certificate must be issued now.
enum Trigger {
    enum Answer: Sendable, Equatable {
        case issue(Violation)
        /// It must, but the last attempts failed.
        case wait(Violation, until: Timestamp)
        /// The instant is that of the renewal, if one is planned.
        case fine(until: Timestamp?)
    }

    static func decide(_ view: CertificateView) -> Answer {
        let renewal = renewal(view)?.time
        guard
            let reason = Policy.violation(view) ?? RevokedCertificate.reissue(view) ?? dueForRenewal(view, renewal)
        else { return .fine(until: renewal) }
        if let retry = Backoff.retryTime(view), view.now < retry { return .wait(reason, until: retry) }
        return .issue(reason)
    }

    /// Nil where the Secret holds no certificate.
    static func renewal(_ view: CertificateView) -> RenewalPlan? {
        guard let leaf = view.secret?.leaf.value else { return nil }
        let suggestion = SuggestedRenewal.window(in: view.status, of: leaf)
        let issuedAt = view.currentRequest?.metadata.creationTimestamp ?? leaf.notBefore
        return RenewalPlan(
            view.certificate.spec, notBefore: leaf.notBefore, notAfter: leaf.notAfter, now: view.now,
            suggested: suggestion.map { window in
                { SuggestedRenewal.time(window, of: leaf, issuedAt: issuedAt, usual: $0) }
            })
    }

    private static func dueForRenewal(_ view: CertificateView, _ renewal: Timestamp?) -> Violation? {
        guard let renewal, renewal <= view.now else { return nil }
        return Violation(reason: "Renewing", message: "renewal was planned for \(renewal)")
    }
}

/// How long to leave a Certificate alone whose issuance failed.
enum Backoff {
    /// When the next attempt may be made; nil when at once.
    static func retryTime(_ view: CertificateView) -> Timestamp? {
        guard let failed = view.status.lastFailureTime else { return nil }
        if specChangedSinceFailure(view) { return nil }
        return retryTime(failedAt: failed, attempts: view.status.failedIssuanceAttempts ?? 0, view)
    }

    /// Later and later, but sooner again when the certificate is about to run out.
    static func retryTime(failedAt: Timestamp, attempts: Int, _ view: CertificateView) -> Timestamp {
        let usual = failedAt + delay(attempts: attempts, view.settings)
        return Urgency(view)?.retryTime(failedAt: failedAt, usual: usual).wholeSeconds ?? usual
    }

    static func delay(attempts: Int, _ settings: CertificateSettings) -> Duration {
        var delay = settings.minimumBackoff
        // Doubling ends at the maximum, so a huge count costs nothing.
        for _ in 1..<max(1, min(attempts, 64)) where delay < settings.maximumBackoff { delay *= 2 }
        return min(delay, settings.maximumBackoff)
    }

    /// The user did something about it: the request that failed is not what the spec asks for now.
    private static func specChangedSinceFailure(_ view: CertificateView) -> Bool {
        guard let wanted = view.shape else { return false }
        return view.nextRequests.contains { $0.shape.publicKey == nil || !$0.shape.differences(from: wanted).isEmpty }
    }
}
