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
        status.notBefore = leaf?.notBefore
        status.notAfter = leaf?.notAfter
        status.renewalTime = Trigger.renewalTime(view)
        status.conditions = status.conditions.setting(ready(view, violation), now: view.now)
        return status
    }

    private static func ready(_ view: CertificateView, _ overruling: Violation?) -> Condition {
        let violation = overruling ?? Policy.violation(view) ?? expired(view)
        return Condition(
            type: Condition.Kind.ready, status: violation == nil ? .yes : .no, reason: violation?.reason ?? "Ready",
            message: violation.map { sentence($0.message) } ?? "Certificate is up to date and has not expired",
            observedGeneration: view.certificate.metadata.generation)
    }

    private static func expired(_ view: CertificateView) -> Violation? {
        guard let leaf = view.secret?.leaf.value, leaf.notAfter <= view.now else { return nil }
        return Violation(reason: "Expired", message: "the certificate expired at \(leaf.notAfter)")
    }

    /// When the Ready condition changes by time alone.
    static func nextChange(_ view: CertificateView) -> Timestamp? {
        guard let end = view.secret?.leaf.value?.notAfter, end > view.now else { return nil }
        return end
    }

    static func sentence(_ text: String) -> String {
        guard let first = text.first, !text.hasPrefix("spec."), !text.hasPrefix("tls.") else { return text }
        return first.uppercased() + text.dropFirst()
    }
}
