import CertificateAPI
import KubeModel
import Wire

/// The steps from the wish for a certificate to the request for it, and from its answer on.
enum Issuing {
    /// How the Event begins that says why a certificate is issued.
    static let opening = "Issuing certificate: "

    /// The Event of a certificate that is stored. An opening that no Event has told yet goes with it.
    static func done(_ opening: Notice?) -> Notice {
        let sentence = "The certificate has been successfully issued"
        guard let opening else { return .normal("Issuing", sentence) }
        let found = opening.message.dropFirst(Self.opening.count)
        return .normal("Issuing", "\(sentence). What was found before: \(found)")
    }

    // MARK: Beginning

    static func start(_ view: CertificateView, _ desired: DesiredCertificate, because reason: Violation)
        -> [CertificateAction]
    {
        let plan = NextKey.plan(view, desired)
        if case .blocked(let problem) = plan.choice { return block(view, problem) }
        // A certificate that could not be stored would be asked for in vain.
        if case .passwordMissing(let problem) = view.keystores { return block(view, problem.violation) }
        let notice = Notice.normal("Issuing", opening + reason.message)
        if view.issuesAtOnce { return atOnce(view, plan, notice) }
        // What an earlier attempt left would be taken for the answer to this one.
        let usable = usableRequests(view, plan).filter { !$0.state.isFinal || $0.state == .issued }
        let left = view.nextRequests.filter { request in !usable.contains { $0.metadata.name == request.metadata.name }
        }
        var status = Readiness.applied(to: view.status, view)
        status.conditions = status.conditions.setting(
            Condition(
                type: Condition.Kind.issuing, status: .yes, reason: reason.reason,
                message: Readiness.sentence(reason.message), observedGeneration: view.certificate.metadata.generation),
            now: view.now)
        return left.map(deletion) + ask(view, plan, status: status, opening: notice, isAsked: !usable.isEmpty)
    }

    /// Nothing is stored before the end, so whatever lies around from an attempt that died is of no use.
    private static func atOnce(_ view: CertificateView, _ plan: NextKey.Plan, _ opening: Notice?) -> [CertificateAction]
    {
        let source: KeySource = if case .make(let source) = plan.choice { source } else { .new }
        var actions = view.nextRequests.map(deletion)
        actions += plan.notices.map { .tell($0) }
        actions.append(.issueAtOnce(revision: view.nextRevision, source, opening: opening))
        return actions
    }

    /// Key, status, request: in this order, so that a key is never asked for before it is stored.
    private static func ask(
        _ view: CertificateView, _ plan: NextKey.Plan, status: Certificate.Status, opening: Notice? = nil,
        isAsked: Bool = false
    ) -> [CertificateAction] {
        var status = status
        var actions = plan.discarded.map(keyDeletion)
        let name: String
        switch plan.choice {
        case .stored(let stored, _): name = stored
        case .make(let source):
            name = NextKey.secretName(view)
            actions.append(.storeNextKey(name: name, source))
        case .blocked: return []  // handled by the callers
        }
        status.nextPrivateKeySecretName = name
        actions.append(.setStatus(status))
        if let opening { actions.append(.tell(opening)) }
        actions += plan.notices.map { .tell($0) }
        if case .make(let source) = plan.choice { actions.append(.tell(keyNotice(source, name))) }
        if !isAsked { actions.append(.createRequest(revision: view.nextRevision, nextKey: name)) }
        return actions
    }

    private static func keyNotice(_ source: KeySource, _ name: String) -> Notice {
        switch source {
        case .new: .normal("Generated", "Stored new private key in temporary Secret resource \"\(name)\"")
        case .targetSecret: .normal("Reused", "Reusing private key stored in existing Secret resource")
        }
    }

    // MARK: Going on

    /// The Certificate says that it is being issued.
    static func advance(_ view: CertificateView, _ desired: DesiredCertificate) -> [CertificateAction] {
        let plan = NextKey.plan(view, desired)
        switch plan.choice {
        case .blocked(let problem): return block(view, problem)
        case .make:
            if case .passwordMissing(let problem) = view.keystores { return block(view, problem.violation) }
            // Somebody asked for a renewal, or the key was lost and with it the use of every request made for it.
            if view.issuesAtOnce { return atOnce(view, plan, nil) }
            return view.nextRequests.map(deletion) + ask(view, plan, status: Readiness.applied(to: view.status, view))
        case .stored(let name, _): return follow(view, plan, key: name)
        }
    }

    private static func follow(_ view: CertificateView, _ plan: NextKey.Plan, key: String) -> [CertificateAction] {
        let usable = usableRequests(view, plan).filter { !isStale(view, $0) }
        let best = usable.min { rank($0) < rank($1) }
        let useless = view.nextRequests.filter { request in
            !usable.contains { $0.metadata.name == request.metadata.name }
        }
        var actions = useless.map(deletion) + plan.discarded.map(keyDeletion)
        var status = Readiness.applied(to: view.status, view)
        status.nextPrivateKeySecretName = key
        guard let best else {
            tell(of: view.ripeHindrance, in: &status, view)
            return actions + [.setStatus(status), .createRequest(revision: view.nextRevision, nextKey: key)]
        }
        switch best.state {
        case .undecided, .pending:
            tell(of: view.ripeHindrance, in: &status, view)
            if wantsTemporary(view) { actions.append(.storeTemporary(nextKey: key)) }
            actions.append(.setStatus(status))
            return actions + later(Readiness.nextChange(view), view.nextLookForHindrance)
        case .issued:
            guard case .passwordMissing(let problem) = view.keystores else {
                return actions + [.complete(request: best.metadata.name, nextKey: key)]
            }
            let notice = Notice.warning(problem.violation.reason, Readiness.sentence(problem.description))
            return actions + [.setStatus(status), .tell(notice)] + later(Readiness.nextChange(view))
        case .failed(let reason, let message), .invalid(let reason, let message), .denied(let reason, let message):
            return actions + fail(view, Violation(reason: reason, message: message))
        }
    }

    /// Requests for the next revision that ask for what the spec wants with the key that is stored.
    private static func usableRequests(_ view: CertificateView, _ plan: NextKey.Plan) -> [RequestFacts] {
        guard case .stored(_, let publicKey) = plan.choice, let wanted = view.shape else { return [] }
        return view.nextRequests.filter {
            $0.metadata.deletionTimestamp == nil && $0.shape.publicKey == publicKey
                && $0.shape.differences(from: wanted).isEmpty
        }
    }

    /// The answer that made the last attempt fail. Its age is compared with that failure and not with the beginning of
    /// this attempt: the API server's clock, which dates the request, may be minutes behind ours.
    private static func isStale(_ view: CertificateView, _ request: RequestFacts) -> Bool {
        guard request.state.isFinal, request.state != .issued, let failed = view.status.lastFailureTime,
            let created = request.metadata.creationTimestamp
        else { return false }
        return created <= failed
    }

    /// Answered ones first, then by name: the same choice at every look.
    private static func rank(_ request: RequestFacts) -> (Int, String) {
        switch request.state {
        case .issued: (0, request.metadata.name)
        case .undecided, .pending: (1, request.metadata.name)
        case .failed, .denied, .invalid: (2, request.metadata.name)
        }
    }

    private static func wantsTemporary(_ view: CertificateView) -> Bool {
        view.certificate.metadata.annotations?[Names.Annotation.issueTemporaryCertificate] == "true"
            && Policy.secretIsUsable(view) != nil
    }

    /// Has the Issuing condition tell what is waited for, or no longer.
    private static func tell(of hindrance: Hindrance?, in status: inout Certificate.Status, _ view: CertificateView) {
        guard var issuing = status.conditions[type: Condition.Kind.issuing] else { return }
        issuing.message = Hindrance.told(hindrance, in: issuing.message)
        status.conditions = status.conditions.setting(issuing, now: view.now)
    }

    /// The status that says what the API server has refused to do for this issuance; nil where none is under way.
    static func refused(_ view: CertificateView) -> Certificate.Status? {
        var status = view.status
        if view.issuing == nil {
            guard case .issue(let reason) = Trigger.decide(view) else { return nil }
            status.conditions = status.conditions.setting(
                Condition(
                    type: Condition.Kind.issuing, status: .yes, reason: reason.reason,
                    message: Readiness.sentence(reason.message),
                    observedGeneration: view.certificate.metadata.generation), now: view.now)
        }
        status = Readiness.applied(to: status, view)
        tell(of: view.ripeHindrance, in: &status, view)
        return status
    }

    // MARK: Ending

    /// The attempt failed: the status says why and when the next one is.
    static func fail(_ view: CertificateView, _ problem: Violation) -> [CertificateAction] {
        // What was waited for has answered.
        var view = view
        view.hindrance = nil
        var status = view.status
        let attempts = (status.failedIssuanceAttempts ?? 0) + 1
        let retry = Backoff.retryTime(failedAt: view.now.wholeSeconds, attempts: attempts, view)
        status.lastFailureTime = view.now.wholeSeconds
        status.failedIssuanceAttempts = attempts
        status.nextPrivateKeySecretName = nil
        let message =
            "The certificate request has failed to complete and will be retried at \(retry): \(problem.message)"
        status.conditions = status.conditions.setting(
            Condition(
                type: Condition.Kind.issuing, status: .no, reason: problem.reason, message: message,
                observedGeneration: view.certificate.metadata.generation),
            now: view.now)
        status = Readiness.applied(to: status, view)
        return [.setStatus(status), .tell(.warning(problem.reason, message))]
            + view.nextKeys.map(keyDeletion) + [.lookAgain(at: retry)]
    }

    /// Nothing can be done until somebody changes something.
    private static func block(_ view: CertificateView, _ problem: Violation) -> [CertificateAction] {
        var status = view.status
        status.nextPrivateKeySecretName = nil
        let notices = say(problem, in: &status, view)
        status = Readiness.applied(to: status, view)
        return [.setStatus(status)] + notices + view.nextKeys.map(keyDeletion) + later(Readiness.nextChange(view))
    }

    /// Puts a problem into the Issuing condition, and tells it where it is new.
    static func say(
        _ problem: Violation, in status: inout Certificate.Status, _ view: CertificateView
    ) -> [CertificateAction] {
        let old = view.status.conditions[type: Condition.Kind.issuing]
        let new = Condition(
            type: Condition.Kind.issuing, status: .no, reason: problem.reason,
            message: Readiness.sentence(problem.message),
            observedGeneration: view.certificate.metadata.generation)
        status.conditions = status.conditions.setting(new, now: view.now)
        let isKnown = old?.reason == new.reason && old?.message == new.message && old?.status == new.status
        return isKnown ? [] : [.tell(.warning(problem.reason, new.message ?? ""))]
    }

    /// The status once the certificate is in the Secret; `view` shows the Secret and the requests as they are then.
    static func completed(_ view: CertificateView, revision: Int) -> Certificate.Status {
        var view = view
        var status = view.status
        status.revision = revision
        status.lastFailureTime = nil
        status.failedIssuanceAttempts = nil
        status.nextPrivateKeySecretName = nil
        status.conditions = status.conditions.removing(Condition.Kind.issuing)
        view.certificate.status = status
        return Readiness.applied(to: status, view)
    }

    static func deletion(_ request: RequestFacts) -> CertificateAction {
        .deleteRequest(name: request.metadata.name, uid: request.metadata.uid ?? "")
    }
    static func keyDeletion(_ secret: SecretFacts) -> CertificateAction {
        .deleteNextKey(name: secret.metadata.name, uid: secret.metadata.uid ?? "")
    }
    static func later(_ times: Timestamp?...) -> [CertificateAction] {
        times.compactMap(\.self).min().map { [.lookAgain(at: $0)] } ?? []
    }
}
