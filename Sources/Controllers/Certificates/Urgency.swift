import CertificateAPI
import KubeModel
import Wire

/// The last third of the time between the renewal of a certificate and its end: it should have been renewed long ago, and
/// failures that were of no matter so far soon are.
struct Urgency: Sendable, Equatable {
    /// When it begins.
    let begins: Timestamp
    let end: Timestamp
    /// The least time between two attempts.
    let shortestPause: Duration

    /// Let's Encrypt refuses a name after five failures in an hour
    /// (https://letsencrypt.org/docs/rate-limits/#authorization-failures-per-identifier-per-account).
    private static let longestShortestPause = Duration.seconds(900)

    init(renewal: Timestamp, notBefore: Timestamp, notAfter: Timestamp) {
        begins = notAfter - max(notAfter - min(renewal, notAfter), .zero) / 3
        end = notAfter
        // One that lives for an hour cannot wait for a quarter of it.
        let life = max(notAfter - notBefore, .zero)
        shortestPause = max(.seconds(30), min(Self.longestShortestPause, life / 48))
    }

    /// Nil where the Secret holds no certificate that is to be renewed.
    init?(_ view: CertificateView) {
        guard let leaf = view.secret?.leaf.value, !leaf.isTemporary,
            view.certificate.spec.renewal?.policy != "Disabled"
        else { return nil }
        let usual = leaf.notAfter - (leaf.notAfter - leaf.notBefore) / 3
        self.init(
            renewal: Trigger.renewal(view)?.time ?? usual, notBefore: leaf.notBefore, notAfter: leaf.notAfter)
    }

    /// When the attempt after a failed one is made; never later than `usual`.
    func retryTime(failedAt: Timestamp, usual: Timestamp) -> Timestamp {
        guard begins < usual else { return usual }
        let from = max(failedAt, begins)
        let pause = max(shortestPause, (end - from) / 24)
        return min(usual, max(begins, failedAt + pause))
    }
}

extension Urgency {
    static let conditionType = "ExpiringSoon"

    /// The status with the condition that says so, which is there only while it is so.
    static func applied(to status: Certificate.Status, _ view: CertificateView) -> Certificate.Status {
        var status = status
        guard let urgency = Urgency(view), urgency.begins <= view.now else {
            status.conditions = status.conditions.removing(conditionType)
            return status
        }
        let condition = Condition(
            type: conditionType, status: .yes, reason: urgency.reason(status, view),
            message: urgency.sentence(status, view), observedGeneration: view.certificate.metadata.generation)
        status.conditions = status.conditions.setting(condition, now: view.now)
        return status
    }

    /// An event where the condition comes, or comes to say something else; `old` is the status before.
    static func notice(from old: Certificate.Status, to new: Certificate.Status) -> [Notice] {
        guard let condition = new.conditions[type: conditionType],
            condition.reason != old.conditions[type: conditionType]?.reason
        else { return [] }
        return [.warning(conditionType, condition.message ?? "")]
    }

    private func reason(_ status: Certificate.Status, _ view: CertificateView) -> String {
        if end <= view.now { return "Expired" }
        return status.lastFailureTime == nil ? "RenewalOverdue" : "RenewalFailing"
    }

    private func sentence(_ status: Certificate.Status, _ view: CertificateView) -> String {
        let fate = end <= view.now ? "The certificate ran out" : "The certificate runs out"
        let why =
            switch status.failedIssuanceAttempts ?? 0 {
            case 0: "its renewal is overdue: see the Issuing condition and the CertificateRequest"
            case 1: "its renewal has failed: see the Issuing condition; it is tried more often now"
            case let count:
                "its renewal has failed \(count) times: see the Issuing condition; it is tried more often now"
            }
        return "\(fate) at \(end.rfc3339), and \(why)"
    }
}

/// What the look before an order has found, on the Certificate that waits for the order.
enum Obstacle {
    static let conditionType = "Preflight"

    static func applied(to status: Certificate.Status, _ view: CertificateView) -> Certificate.Status {
        var status = status
        guard let text = view.obstacle else {
            status.conditions = status.conditions.removing(conditionType)
            return status
        }
        let condition = Condition(
            type: conditionType, status: .no, reason: "ObstacleFound", message: "In the way of the ACME order: \(text)",
            observedGeneration: view.certificate.metadata.generation)
        status.conditions = status.conditions.setting(condition, now: view.now)
        return status
    }
}
