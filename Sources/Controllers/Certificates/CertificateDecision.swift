import CertificateAPI
import KubeModel
import Wire

/// What to do for one Certificate: total and pure.
enum CertificateDecision {
    static func decide(_ view: CertificateView) -> [CertificateAction] {
        step(view).flatMap { action -> [CertificateAction] in
            guard case .setStatus(let status) = action else { return [action] }
            return [action] + Urgency.notice(from: view.status, to: status).map { .tell($0) }
        }
    }

    private static func step(_ view: CertificateView) -> [CertificateAction] {
        guard view.certificate.metadata.deletionTimestamp == nil else { return [] }
        if let owner = Duplicates.owner(view), owner != view.name { return yield(view, to: owner) }
        switch view.desired {
        case .failure(let problems): return refuse(view, problems)
        case .success(let desired):
            if view.issuing != nil { return Issuing.advance(view, desired) }
            return look(finishingInterrupted(view), original: view, desired)
        }
    }

    /// Not being issued: find out whether it must be, else keep everything in order.
    private static func look(
        _ view: CertificateView, original: CertificateView, _ desired: DesiredCertificate
    ) -> [CertificateAction] {
        switch Trigger.decide(view) {
        case .issue(let reason): return Issuing.start(view, desired, because: reason)
        case .wait(_, let retry): return rest(view, original, later: retry)
        case .fine(let renewal): return rest(view, original, later: renewal)
        }
    }

    private static func rest(
        _ view: CertificateView, _ original: CertificateView, later: Timestamp?
    ) -> [CertificateAction] {
        var view = view
        var status = Readiness.applied(to: view.status, view)
        status.nextPrivateKeySecretName = nil
        if status.conditions.isTrue(Condition.Kind.ready), status.lastFailureTime == nil {
            // What blocked an earlier attempt is no more.
            status.conditions = status.conditions.removing(Condition.Kind.issuing)
        }
        var notices: [CertificateAction] = []
        if case .passwordMissing(let problem) = view.keystores {
            notices = Issuing.say(problem.violation, in: &status, view)
            status = Readiness.applied(to: status, view)
        }
        view.certificate.status = status
        return change(original, to: status) + Readiness.windowNotice(view, from: original.status).map { .tell($0) }
            + notices + view.nextKeys.map(Issuing.keyDeletion) + Upkeep.decide(view)
            + Issuing.later(later, Readiness.nextChange(view))
    }

    /// A status is written only when it says something new.
    private static func change(_ view: CertificateView, to status: Certificate.Status) -> [CertificateAction] {
        status == view.status ? [] : [.setStatus(status)]
    }

    /// A process that stopped between storing the certificate and saying so has done all but the saying.
    private static func finishingInterrupted(_ view: CertificateView) -> CertificateView {
        guard let key = view.secret?.privateKey.value?.publicKey, view.secret?.leaf.value?.publicKey == key,
            let wanted = view.shape,
            view.nextRequests.contains(where: {
                $0.state == .issued && $0.shape.publicKey == key && $0.shape.differences(from: wanted).isEmpty
            })
        else { return view }
        var view = view
        view.certificate.status = Issuing.completed(view, revision: view.nextRevision)
        return view
    }

    /// Another Certificate writes the Secret.
    private static func yield(_ view: CertificateView, to owner: String) -> [CertificateAction] {
        let message =
            "the Secret \(view.certificate.spec.secretName) is written by the Certificate \(owner):"
            + " choose another spec.secretName for one of them"
        return stand(view, Violation(reason: "IncorrectCertificate", message: message))
    }

    /// The spec breaks rules: nothing is issued before it is mended.
    private static func refuse(_ view: CertificateView, _ problems: FieldProblems) -> [CertificateAction] {
        stand(view, Violation(reason: "InvalidSpec", message: problems.description))
    }

    private static func stand(_ view: CertificateView, _ violation: Violation) -> [CertificateAction] {
        var status = Readiness.applied(to: view.status, view, overruledBy: violation)
        status.nextPrivateKeySecretName = nil
        status.conditions = status.conditions.removing(Condition.Kind.issuing)
        return change(view, to: status) + view.nextKeys.map(Issuing.keyDeletion)
            + Issuing.later(Readiness.nextChange(view))
    }
}
