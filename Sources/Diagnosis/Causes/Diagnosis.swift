import CertificateAPI
import KubeModel
import PKI
import Wire

/// Finds the one cause that explains the others: total and pure.
///
/// What stands in the way of everything comes first, then what stands in the way of this Certificate, from its spec down
/// to the single challenge. The first that is seen counts.
package enum Diagnosis {
    package static func decide(_ view: DiagnosisView) -> Finding {
        let certificate = view.tree.certificate
        if certificate.metadata.isBeingDeleted { return .underWay("The Certificate is being deleted.") }
        if let sentence = standing(view) { return .well(sentence, warning: everywhere(view)) }
        if let cause = own(view) ?? everywhere(view) ?? below(view) { return .cause(cause) }
        return last(view)
    }

    /// What is wrong with the Certificate by itself.
    private static func own(_ view: DiagnosisView) -> Cause? {
        SpecCauses.invalid(view) ?? SpecCauses.duplicate(view)
    }

    /// What keeps the controller from working for anybody.
    private static func everywhere(_ view: DiagnosisView) -> Cause? {
        // Without its rights a controller does not get as far as the lease.
        ControllerCauses.rights(view) ?? ControllerCauses.notRunning(view) ?? ControllerCauses.clock(view)
            ?? ControllerCauses.webhook(view)
    }

    /// From the key over the issuer to the challenge.
    private static func below(_ view: DiagnosisView) -> Cause? {
        SpecCauses.blocked(view) ?? IssuerCauses.find(view) ?? RequestCauses.find(view) ?? OrderCauses.find(view)
    }

    // MARK: When nothing is wrong

    /// A sentence where the certificate is good and nothing is due; nil otherwise.
    private static func standing(_ view: DiagnosisView) -> String? {
        let status = view.tree.certificate.status
        guard status?.conditions.isTrue(Condition.Kind.ready) == true, status?.lastFailureTime == nil,
            status?.conditions[type: Condition.Kind.issuing]?.status != .yes,
            case .found(let secret) = view.tree.secret,
            let leaf = secret.leaf, secret.problems.isEmpty,
            leaf.notBefore <= view.tree.now + ControllerCauses.tolerance, view.tree.now < leaf.notAfter
        else { return nil }
        // A renewal that is minutes late is about to happen.
        if let renewal = status?.renewalTime, renewal + .seconds(600) < view.tree.now { return nil }
        let next =
            status?.renewalTime.map { "; it will be renewed at \($0.rfc3339)" } ?? "; it is not renewed by itself"
        return "The certificate is ready and valid until \(leaf.notAfter.rfc3339)\(next)."
    }

    /// Nothing explains it: tell how far it is, or what the objects themselves say.
    private static func last(_ view: DiagnosisView) -> Finding {
        let tree = view.tree
        let status = tree.certificate.status
        let issuing = status?.conditions[type: Condition.Kind.issuing]
        let ready = status?.conditions[type: Condition.Kind.ready]
        if issuing?.status == .yes || status?.conditions == nil, !isLate(tree) {
            return .underWay(Progress.sentence(tree))
        }
        let told = issuing?.message ?? ready?.message ?? "the Certificate has no conditions yet"
        return .cause(
            Cause(
                .unexplained, at: "Certificate \(tree.certificate.key)", told, evidence: Evidence.warnings(tree),
                remedy: "kubectl cert status certificate \(tree.name) -n \(tree.namespace)"))
    }

    /// Whether more time has passed than any issuance without a problem takes.
    private static func isLate(_ tree: CertificateTree) -> Bool {
        let issuing = tree.certificate.status?.conditions[type: Condition.Kind.issuing]
        guard let since = issuing?.lastTransitionTime ?? tree.certificate.metadata.creationTimestamp else {
            return false
        }
        return tree.now - since > .seconds(900)
    }
}

/// How far an issuance is.
enum Progress {
    static func sentence(_ tree: CertificateTree) -> String {
        guard let request = tree.currentRequest else { return "The Certificate has been seen; no request is made yet." }
        guard let order = tree.orders(of: request).first else {
            return "CertificateRequest \(request.metadata.name) waits for its issuer."
        }
        let open = tree.challenges(of: order).filter { $0.status?.state?.isFinal != true }
        guard let challenge = open.first else {
            return "Order \(order.metadata.name) is \(order.status?.state?.rawValue ?? "new")."
        }
        let others = open.count > 1 ? " and \(open.count - 1) more" : ""
        let reason = challenge.status?.reason.nonEmpty.map { ": \($0)" } ?? ""
        return "\(challenge.spec.type.rawValue) for \(challenge.spec.dnsName)\(others) is under way\(reason)."
    }
}

/// What shows a cause.
enum Evidence {
    /// The newest warnings of the tree, at most three.
    static func warnings(_ tree: CertificateTree) -> [String] {
        tree.events.filter { $0.type == .warning }
            .sorted { ($0.lastTimestamp ?? .distantPast) > ($1.lastTimestamp ?? .distantPast) }
            .prefix(3).map { event in
                "Event \(event.reason ?? "") of \(event.involvedObject.kind) \(event.involvedObject.name): "
                    + (event.message ?? "")
            }
    }

    static func condition(_ condition: Condition?, of title: String) -> String? {
        guard let condition else { return nil }
        let reason = condition.reason.map { " (\($0))" } ?? ""
        return "\(title): \(condition.type)=\(condition.status.rawValue)\(reason): \(condition.message ?? "")"
    }
}

extension Timestamp {
    fileprivate static let distantPast = Timestamp(secondsSince1970: 0)
}
