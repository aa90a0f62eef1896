package import KubeModel

/// The Events that repeat what a condition, or an object that was just made, shows anyway.
///
/// Each costs the API server as much as a write that matters, and one ACME certificate had twelve. What is left tells the
/// story: issuing begins, the Order is made, each challenge is presented and verified, the certificate is there; and every
/// warning.
package enum RoutineEvents {
    private static let reasons: [String: Set<String>] = [
        EventSource.keyManager: ["Generated", "Reused"], EventSource.requestManager: ["Requested"],
        EventSource.approver: ["cert-manager.io"],
        "cert-manager-certificaterequests-issuer-ca": ["CertificateIssued"],
        "cert-manager-certificaterequests-issuer-selfsigned": ["CertificateIssued"],
        ACMERequestReconciler.component: ["OrderPending", "CertificateIssued"],
        OrderReconciler.component: ["Created", "Complete"],
    ]

    /// Whether an Event of that kind, reason and component is one of them.
    package static func includes(_ kind: Event.Kind, _ reason: String, _ component: String) -> Bool {
        kind == .normal && reasons[component]?.contains(reason) == true
    }
}
