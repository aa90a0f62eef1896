import CertificateAPI
import KubeModel
import Wire

/// The ways past an issuer: a rehearsal before it, and other issuers after it.
extension ACMERequestDecision {
    /// How long an issuer that is not ready is waited for before another is asked.
    static let issuerPatience = Duration.seconds(120)

    /// The rehearsal that comes first; nil where none does.
    static func rehearse(_ view: ACMERequestView) -> ACMERequestPlan? {
        switch view.rehearsal {
        case .none: return nil
        case .impossible(let why): return pending("IssuerNotReady", "No rehearsal can be had: \(why)", view)
        case .at(let candidate):
            switch candidate.issuer {
            case .notACME:
                let why = "\(candidate.name) for the rehearsal is not there, or is no ACME issuer"
                return pending("IssuerNotReady", why, view)
            case .notReady(let why):
                return pending("IssuerNotReady", "For the rehearsal: \(why)", view)
            case .ready(let issuer): return make(at: candidate.reference, issuer, .rehearsal, view)
            }
        }
    }

    static func rehearsalFailure(_ order: Order) -> String {
        "The rehearsal at \(name(of: order)) failed, so that nothing was asked of the issuer itself; order "
            + "\"\(order.metadata.name)\" is in \"\(order.status?.state?.rawValue ?? "")\" state: "
            + (order.status?.reason ?? "")
    }

    /// Goes to the next issuer, where there is one and the Order's cannot certify for a reason that another may not have.
    static func replace(_ order: Order, _ view: ACMERequestView) -> ACMERequestPlan? {
        guard let trouble = OrderTrouble(order) else { return nil }
        return replace(OrderStage(order), view, because: "\(name(of: order)) cannot certify now: \(trouble.words)")
    }

    /// Waits for a fallback that is not ready yet, as long as for an issuer: one was perhaps made a moment ago.
    static func awaitFallback(of order: Order, _ view: ACMERequestView) -> ACMERequestPlan? {
        let passed = if case .fallback(let number) = OrderStage(order) { number } else { 0 }
        let since = view.request.metadata.creationTimestamp ?? view.now
        guard let trouble = OrderTrouble(order), view.now < since + issuerPatience else { return nil }
        for candidate in view.fallbacks.dropFirst(passed) {
            guard case .notReady(let why) = candidate.issuer else { continue }
            let message =
                "\(name(of: order)) cannot certify now: \(trouble.words); \(candidate.name) is to be asked, and is waited "
                + "for: \(why)"
            var plan = pending("IssuerNotReady", message, view)
            plan.lookAgain = min(view.now + .seconds(5), since + issuerPatience)
            return plan
        }
        return nil
    }

    /// Goes to the next issuer where the first has not been ready for a while.
    static func replace(unready why: String, _ view: ACMERequestView) -> ACMERequestPlan? {
        guard !view.fallbacks.isEmpty else { return nil }
        let since = view.request.metadata.creationTimestamp ?? view.now
        if view.now < since + issuerPatience {
            var plan = pending("IssuerNotReady", why, view)
            plan.lookAgain = since + issuerPatience
            return plan
        }
        if let plan = replace(.first, view, because: why) { return plan }
        var plan = pending("IssuerNotReady", "\(why); no fallback is ready either", view)
        plan.lookAgain = view.now + .seconds(30)
        return plan
    }

    private static func replace(
        _ stage: OrderStage, _ view: ACMERequestView, because why: String
    ) -> ACMERequestPlan? {
        let passed = if case .fallback(let number) = stage { number } else { 0 }
        for (index, candidate) in view.fallbacks.enumerated().dropFirst(passed) {
            guard case .ready(let issuer) = candidate.issuer else { continue }
            var plan = make(at: candidate.reference, issuer, .fallback(index + 1), view)
            plan.notices.insert(.warning("FallbackIssuer", "\(why); \(candidate.name) is asked instead"), at: 0)
            return plan
        }
        return nil
    }

    /// Which issuers were asked before, and why they could not; empty where the first did.
    static func history(_ view: ACMERequestView) -> String {
        guard let order = view.order, case .fallback = OrderStage(order) else { return "" }
        let others = view.earlier.filter { OrderStage($0) != .rehearsal }
        let reasons = others.map { other in
            "\(name(of: other)) could not: \(OrderTrouble(other)?.words ?? other.status?.reason ?? "it failed")"
        }
        return "; asked of \(name(of: order)), a fallback"
            + (reasons.isEmpty ? ", since the issuer was not ready" : ", since " + reasons.joined(separator: "; "))
    }

    private static func name(of order: Order) -> String {
        "\(order.spec.issuerRef.effectiveKind) \"\(order.spec.issuerRef.name)\""
    }
}
