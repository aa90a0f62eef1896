import CertificateAPI
import KubeModel
import PKI
import Wire

extension ACMERequestDecision {
    static func follow(_ order: Order, _ view: ACMERequestView) -> ACMERequestPlan {
        var plan = goOn(with: order, view)
        plan.giveUp = view.earlier.filter {
            OrderStage($0) != .rehearsal && $0.status?.state?.isFinal != true
                && $0.metadata.annotations?[Names.Annotation.givenUp] == nil
        }
        return plan
    }

    private static func goOn(with order: Order, _ view: ACMERequestView) -> ACMERequestPlan {
        let status = order.status
        let stage = OrderStage(order)
        switch status?.state {
        case .valid where stage == .rehearsal:
            switch view.issuer {
            case .notACME: return ACMERequestPlan()
            case .notReady(let why): return replace(unready: why, view) ?? pending("IssuerNotReady", why, view)
            case .ready(let issuer): return begin(issuer, view)
            }
        case .valid:
            guard let certificate = status?.certificate else { break }
            if certificate.bytes.isEmpty { return ACMERequestPlan(fetchesOrder: true) }
            return issued(certificate, view)
        case .invalid, .expired, .errored:
            if stage == .rehearsal { return failed("RehearsalFailed", rehearsalFailure(order), view) }
            if let plan = replace(order, view) ?? awaitFallback(of: order, view) { return plan }
            let message =
                "Failed to wait for order resource \"\(order.metadata.name)\" to become ready: order is in "
                + "\"\(status?.state?.rawValue ?? "")\" state: \(status?.reason ?? "")" + history(view)
            return failed("OrderFailed", message, view)
        default: break
        }
        if order.metadata.isBeingDeleted { return ACMERequestPlan() }
        if stage != .rehearsal, let plan = replace(order, view) { return plan }
        // A reason is news at once; otherwise an order that is on its way is not worth a write.
        let reason = status?.reason.nonEmpty
        let age = order.metadata.creationTimestamp.map { view.now - $0 } ?? OrderPatience.amongMany
        let isAmongMany = view.ordersUnderWay >= OrderPatience.many
        if reason == nil, let worthAt = patience(at: age, isQueued: status?.state == nil, isAmongMany: isAmongMany) {
            return ACMERequestPlan(lookAgain: view.now + worthAt - age)
        }
        let state = status?.state?.rawValue ?? "new"
        let message =
            "Waiting on certificate issuance from order \(order.key): \"\(state)\"" + (reason.map { ": \($0)" } ?? "")
            + (stage == .rehearsal ? "; it is a rehearsal" : history(view))
        var plan = pending("OrderPending", message, view)
        // A fallback that is not ready may be soon.
        if OrderTrouble(order) != nil, !view.fallbacks.isEmpty { plan.lookAgain = view.now + .seconds(30) }
        return plan
    }

    /// The age at which an Order may be worth a word that nothing new is known of; nil when it is now. What the CA has not
    /// been asked for yet waits as one among many does, since what the CA says first would be a second write.
    private static func patience(at age: Duration, isQueued: Bool, isAmongMany: Bool) -> Duration? {
        switch age {
        case OrderPatience.amongMany...: nil
        case _ where isQueued: OrderPatience.amongMany
        case ..<OrderPatience.alone: OrderPatience.alone
        default: isAmongMany ? min(age + OrderPatience.alone, OrderPatience.amongMany) : nil
        }
    }

    private static func issued(_ certificate: Base64Data, _ view: ACMERequestView) -> ACMERequestPlan {
        do {
            // The Order's controller has compared it with the Order; the request is what counts here.
            let chain = try Chain.parse(pem: certificate.bytes)
            let request = try SigningRequest(pem: view.request.spec.request.bytes)
            guard let leaf = chain.first, leaf.publicKey == request.publicKey else {
                return failed(
                    "OrderBadCertificate", "The certificate of the Order is not for the key of this request", view)
            }
        } catch {
            return failed("OrderBadCertificate", "The certificate of the Order cannot be used: \(error)", view)
        }
        var status = view.request.status ?? .init()
        status.certificate = certificate
        let message = "Certificate fetched from issuer successfully" + history(view)
        set(&status, .yes, "Issued", message, view.now)
        return ACMERequestPlan(status: status, notices: [.normal("CertificateIssued", message)])
    }

    static func pending(_ reason: String, _ message: String, _ view: ACMERequestView) -> ACMERequestPlan {
        var status = view.request.status ?? .init()
        set(&status, .no, "Pending", message, view.now)
        guard status != view.request.status else { return ACMERequestPlan() }
        return ACMERequestPlan(status: status, notices: [.normal(reason, message)])
    }

    static func failed(_ reason: String, _ message: String, _ view: ACMERequestView) -> ACMERequestPlan {
        var status = view.request.status ?? .init()
        status.failureTime = view.now.wholeSeconds
        set(&status, .no, "Failed", message, view.now)
        return ACMERequestPlan(status: status, notices: [.warning(reason, message)])
    }

    private static func set(
        _ status: inout CertificateRequest.Status, _ value: Condition.Status, _ reason: String, _ message: String,
        _ now: Timestamp
    ) {
        status.conditions = status.conditions.setting(
            Condition(type: Condition.Kind.ready, status: value, reason: reason, message: message), now: now)
    }
}
