import CertificateAPI
import KubeModel
import Wire

/// The part of a Certificate's status that tells what is in its Secret.
enum Readiness {
    /// `status` with the Ready condition and the certificate's times as the view shows them.
    static func applied(
        to status: Certificate.Status, _ view: CertificateView, overruledBy violation: Violation? = nil
    ) -> Certificate.Status {
        var status = status
        let leaf = view.secret?.leaf.value
        // What the CA said was about the certificate that the status told of so far.
        if leaf.map({ !SuggestedRenewal.isAbout($0, status) }) ?? true { status.acme = nil }
        status.notBefore = leaf?.notBefore
        status.notAfter = leaf?.notAfter
        let renewal = Trigger.renewal(view)
        status.renewalTime = renewal?.time
        let why = violation == nil ? trouble(status, view) : nil
        status.conditions = status.conditions.setting(ready(view, violation, renewal, why), now: view.now)
        return Obstacle.applied(to: Urgency.applied(to: status, view), view)
    }

    private static func ready(
        _ view: CertificateView, _ overruling: Violation?, _ renewal: RenewalPlan?, _ why: String?
    ) -> Condition {
        let violation =
            overruling ?? Policy.violation(view) ?? expired(view) ?? RevokedCertificate.violation(view)
            ?? unreadableWindows(renewal)
        return Condition(
            type: Condition.Kind.ready, status: violation == nil ? .yes : .no, reason: violation?.reason ?? "Ready",
            message: violation.map { sentence($0.message) + (why ?? "") } ?? good(renewal),
            observedGeneration: view.certificate.metadata.generation)
    }

    /// Why what is missing does not come: what the issuance waits for, or why the last attempt has failed.
    private static func trouble(_ status: Certificate.Status, _ view: CertificateView) -> String? {
        if let hindrance = view.ripeHindrance { return Hindrance.told(hindrance, in: "") }
        guard let issuing = status.conditions[type: Condition.Kind.issuing], issuing.status == .no else { return nil }
        return issuing.message.nonEmpty.map { ". \($0)" }
    }

    /// What the condition of a good certificate says.
    private static func good(_ renewal: RenewalPlan?) -> String {
        let message = "Certificate is up to date and has not expired"
        guard let problem = renewal?.problem else { return message }
        return "\(message); \(problem)"
    }

    private static func unreadableWindows(_ renewal: RenewalPlan?) -> Violation? {
        guard let problem = renewal?.problem, case .unreadable = problem else { return nil }
        return Violation(reason: windowError, message: "\(problem)")
    }

    private static let windowError = "WindowError"

    /// An event where the status comes to say that renewal does not keep to its windows.
    static func windowNotice(_ view: CertificateView, from old: Certificate.Status) -> [Notice] {
        guard let problem = Trigger.renewal(view)?.problem,
            old.conditions[type: Condition.Kind.ready]?.message?.hasSuffix("\(problem)") != true
        else { return [] }
        return [.warning(windowError, sentence("\(problem)"))]
    }

    private static func expired(_ view: CertificateView) -> Violation? {
        guard let leaf = view.secret?.leaf.value, leaf.notAfter <= view.now else { return nil }
        return Violation(reason: "Expired", message: "the certificate expired at \(leaf.notAfter)")
    }

    /// When a condition changes by time alone.
    static func nextChange(_ view: CertificateView) -> Timestamp? {
        guard let end = view.secret?.leaf.value?.notAfter, end > view.now else { return nil }
        guard let urgent = Urgency(view)?.begins, urgent > view.now else { return end }
        return min(urgent, end)
    }

    static func sentence(_ text: String) -> String {
        guard let first = text.first, !text.hasPrefix("spec."), !text.hasPrefix("tls.") else { return text }
        return first.uppercased() + text.dropFirst()
    }
}
