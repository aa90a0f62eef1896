import CertificateAPI
import KubeModel
import Wire

/// What became of the CertificateRequest.
enum RequestCauses {
    static func find(_ view: DiagnosisView) -> Cause? {
        guard let request = view.tree.currentRequest else { return nil }
        let conditions = request.status?.conditions
        if conditions.isTrue(Condition.Kind.denied) { return denied(request) }
        if conditions.isTrue(Condition.Kind.invalidRequest) {
            let condition = conditions[type: Condition.Kind.invalidRequest]
            return Cause(
                .requestRefused, at: title(request), "The request is invalid: \(condition?.message ?? "")",
                evidence: [Evidence.condition(condition, of: title(request))],
                remedy: "kubectl edit certificate \(view.tree.name) -n \(view.tree.namespace)   # mend what it names")
        }
        if !conditions.isTrue(Condition.Kind.approved), waitsForApproval(request, view) {
            return Cause(
                .notApproved, at: title(request), "Nobody has approved the request yet, and the controller may not.",
                evidence: Evidence.warnings(view.tree) + [events(request, view)],
                remedy: "kubectl cert approve \(request.metadata.name) -n \(view.tree.namespace)"
                    + "   # or give the controller the verb approve on this signer")
        }
        return refused(request, view)
    }

    private static func waitsForApproval(_ request: CertificateRequest, _ view: DiagnosisView) -> Bool {
        if view.tree.events(of: request).contains(where: { $0.reason == "WaitingForApproval" }) { return true }
        guard let made = request.metadata.creationTimestamp else { return false }
        return view.tree.now - made > .seconds(30)
    }

    private static func denied(_ request: CertificateRequest) -> Cause {
        let condition = request.status?.conditions[type: Condition.Kind.denied]
        return Cause(
            .denied, at: title(request),
            "The request was denied by \(condition?.reason ?? "an approver"): \(condition?.message ?? "")",
            evidence: [Evidence.condition(condition, of: title(request))],
            remedy: "ask whoever denies requests for this issuer (the reason names them), or change what is asked for")
    }

    /// Failed, and no Order of it can say more.
    private static func refused(_ request: CertificateRequest, _ view: DiagnosisView) -> Cause? {
        guard let ready = request.status?.conditions[type: Condition.Kind.ready], ready.status != .yes,
            ready.reason == "Failed", view.tree.orders(of: request).isEmpty
        else { return nil }
        let message = ready.message ?? ""
        let isName = ["not permitted", "permitted subtree", "excluded subtree", "not allowed", "name constraints"]
            .contains { message.lowercased().contains($0) }
        return Cause(
            isName ? .nameNotAllowed : .requestRefused, at: title(request),
            isName
                ? "The CA may not certify one of the names: \(message)" : "The issuer refused the request: \(message)",
            evidence: [self.ready(request)],
            remedy: "kubectl edit certificate \(view.tree.name) -n \(view.tree.namespace)"
                + (isName ? "   # leave the name out, or use an issuer whose CA allows it" : "   # mend what it names"))
    }

    private static func events(_ request: CertificateRequest, _ view: DiagnosisView) -> String? {
        view.tree.events(of: request).last.map { "Event \($0.reason ?? ""): \($0.message ?? "")" }
    }

    static func title(_ request: CertificateRequest) -> String { "CertificateRequest \(request.key)" }
    static func ready(_ request: CertificateRequest) -> String? {
        Evidence.condition(request.status?.conditions[type: Condition.Kind.ready], of: title(request))
    }
}
