import CertificateAPI
import KubeModel
import Solvers
import Wire

/// What became of the ACME order.
enum OrderCauses {
    static func find(_ view: DiagnosisView) -> Cause? {
        guard let order = newestOrder(view.tree) else { return nil }
        if let cause = noSolver(order, view) { return cause }
        let challenges = view.tree.challenges(of: order)
        // A challenge knows more than its order, unless the order ended for another reason.
        let failed = challenges.filter { $0.status?.state?.isFailure == true }
        let open = challenges.filter { $0.status?.state?.isFinal != true }
        for challenge in failed + open {
            if let cause = ChallengeCauses.find(challenge, view) { return cause }
        }
        return refused(order, view)
    }

    private static func newestOrder(_ tree: CertificateTree) -> Order? {
        let requests = tree.requests.sorted { $0.revision > $1.revision }
        return requests.lazy.flatMap { tree.orders(of: $0) }.first
    }

    /// No solver of the issuer fits one of the names, by the issuer as it is now.
    private static func noSolver(_ order: Order, _ view: DiagnosisView) -> Cause? {
        guard case .found(let issuer) = view.tree.issuer, let acme = issuer.spec.acme,
            order.status?.state?.isFinal != true
        else { return nil }
        for authorization in order.status?.authorizations ?? [] {
            guard let name = authorization.identifier, authorization.initialState != .valid else { continue }
            do throws(SolverSelection.Failure) {
                _ = try SolverSelection.choose(
                    from: acme.solvers ?? [], for: authorization, labels: order.metadata.labels ?? [:],
                    annotations: order.metadata.annotations ?? [:], namespace: order.key.namespace)
            } catch {
                let shown = authorization.wildcard == true ? "*.\(name)" : name
                let scope = issuer.metadata.namespace.map { " -n \($0)" } ?? ""
                return Cause(
                    .noSolver, at: issuer.title, "No solver of \(issuer.title) fits \(shown): \(error).",
                    evidence: [state(order)],
                    remedy:
                        "kubectl edit \(issuer.argument)\(scope)   # give spec.acme.solvers one whose selector matches"
                        + " \(shown)\(authorization.wildcard == true ? " (dns01: wildcards need it)" : "")")
            }
        }
        return nil
    }

    private static func refused(_ order: Order, _ view: DiagnosisView) -> Cause? {
        guard let reason = order.status?.reason.nonEmpty else { return nil }
        if let cause = known(reason, at: title(order), evidence: [state(order)], view) { return cause }
        guard order.status?.state?.isFailure == true else { return nil }
        return Cause(
            .orderRefused, at: title(order), "The ACME order failed: \(reason)",
            evidence: [Evidence.condition(issuing(view), of: SpecCauses.title(view))],
            remedy: "mend what the CA names, then: kubectl cert renew \(view.tree.name) -n \(view.tree.namespace)")
    }

    /// The cause behind a CA's words, where they name one that is always the same.
    static func known(_ text: String, at object: String, evidence: [String?], _ view: DiagnosisView) -> Cause? {
        func cause(_ kind: Cause.Kind, _ sentence: String, _ remedy: String) -> Cause {
            Cause(
                kind, at: object, sentence,
                evidence: evidence + [Evidence.condition(issuing(view), of: SpecCauses.title(view))],
                remedy: remedy)
        }
        let renew = "kubectl cert renew \(view.tree.name) -n \(view.tree.namespace)"
        if text.contains("the CA's limit") || ACMEWords.problem(in: text) == "ratelimited" {
            let when = ACMEWords.nextAttempt(in: text).map { " The next attempt is made at \($0) by itself." } ?? ""
            let pause = text.contains("/unpause")
            return cause(
                .rateLimited, "The CA's rate limit is used up.\(when)",
                pause
                    ? "open the /unpause page that the CA names: it has paused the account"
                    : "wait until then; kubectl cert renew before it would be refused again")
        }
        switch ACMEWords.problem(in: text) {
        case "rejectedidentifier", "unsupportedidentifier":
            return cause(
                .nameNotAllowed, "The CA does not certify one of the names: \(text)",
                "kubectl edit certificate \(view.tree.name) -n \(view.tree.namespace)"
                    + "   # take the name that the CA rejects out of spec.dnsNames, or use another issuer")
        case "caa":
            return cause(
                .caaForbids, "A CAA record of the name, or of a domain above it, does not allow this CA.",
                caaRemedy(text, view, renew))
        case "useractionrequired":
            return cause(
                .userActionRequired, "The CA wants a person to act first: \(text)", "open the page that the CA names")
        default: return nil
        }
    }

    private static func caaRemedy(_ text: String, _ view: DiagnosisView, _ renew: String) -> String {
        let domain = (view.tree.certificate.spec.dnsNames?.first ?? "the domain").replacingWildcard
        return "add a record such as: \(domain). CAA 0 issue \"\(authorityDomain(view))\"   # then: \(renew)"
    }

    /// The identity that a CA asks for in CAA, where its directory's host tells it.
    private static func authorityDomain(_ view: DiagnosisView) -> String {
        guard case .found(let issuer) = view.tree.issuer, let server = issuer.spec.acme?.server else { return "CA" }
        let host = server.split(separator: "/").dropFirst().first.map(String.init) ?? "CA"
        if host.hasSuffix("letsencrypt.org") { return "letsencrypt.org" }
        return host.split(separator: ":").first.map(String.init) ?? host
    }

    private static func issuing(_ view: DiagnosisView) -> Condition? {
        view.tree.certificate.status?.conditions[type: Condition.Kind.issuing]
    }
    static func title(_ order: Order) -> String { "Order \(order.key)" }
    private static func state(_ order: Order) -> String {
        "\(title(order)): \(order.status?.state?.rawValue ?? "new"): \(order.status?.reason ?? "")"
    }
}

extension String {
    fileprivate var replacingWildcard: String { hasPrefix("*.") ? String(dropFirst(2)) : self }
}
