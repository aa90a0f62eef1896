import CertificateAPI
import KubeModel
import Solvers
import Wire

/// What keeps one name from being proved.
enum ChallengeCauses {
    static func find(_ challenge: Challenge, _ view: DiagnosisView) -> Cause? {
        let reason = challenge.status?.reason ?? ""
        if reason.contains("is forbidden: User ") {
            return Cause(
                .rightsMissing, at: title(challenge), "The controller lacks a right: \(reason)",
                evidence: [state(challenge)],
                remedy: "kubectl apply -f manifests/certwright.yaml   # or the chart: it grants all that it needs")
        }
        if challenge.status?.state?.isFailure == true { return failed(challenge, reason, view) }
        switch challenge.spec.type {
        case .http01: return HTTP01Causes.find(challenge, reason, view)
        case .dns01: return DNS01Causes.find(challenge, reason, view)
        }
    }

    /// The CA has looked, or the solver cannot be used at all.
    private static func failed(_ challenge: Challenge, _ reason: String, _ view: DiagnosisView) -> Cause? {
        if let cause = OrderCauses.known(reason, at: title(challenge), evidence: [state(challenge)], view) {
            return cause
        }
        let here =
            challenge.spec.type == .http01
            ? HTTP01Causes.find(challenge, reason, view) : DNS01Causes.find(challenge, reason, view)
        if let here { return here }
        guard ACMEWords.problem(in: reason) != nil else {
            return Cause(
                .solverRefused, at: title(challenge), "The solver cannot be used: \(reason)",
                evidence: [state(challenge)], remedy: "mend the stanza of spec.acme.solvers that the message names")
        }
        return Cause(
            .validationRefused, at: title(challenge),
            "The CA did not find the answer to the \(challenge.spec.type.rawValue) challenge for"
                + " \(challenge.spec.dnsName): \(reason)",
            evidence: [state(challenge)],
            remedy: "see that \(place(challenge)) can be seen from the internet, then: kubectl cert renew"
                + " \(view.tree.name) -n \(view.tree.namespace)")
    }

    static func place(_ challenge: Challenge) -> String {
        challenge.spec.type == .http01 ? url(challenge) : "the TXT record _acme-challenge.\(challenge.spec.dnsName)"
    }
    static func url(_ challenge: Challenge) -> String {
        let name = challenge.spec.dnsName
        return "http://\(name.contains(":") ? "[\(name)]" : name)\(SolverObjects.path(for: challenge))"
    }
    static func title(_ challenge: Challenge) -> String { "Challenge \(challenge.key)" }
    static func state(_ challenge: Challenge) -> String {
        "\(title(challenge)): \(challenge.status?.state?.rawValue ?? "new"): \(challenge.status?.reason ?? "")"
    }
}

/// HTTP-01: from the pod over the way in to what the name's address answers.
enum HTTP01Causes {
    static func find(_ challenge: Challenge, _ reason: String, _ view: DiagnosisView) -> Cause? {
        quota(challenge, reason, view) ?? pod(challenge, reason, view) ?? ingressClass(challenge, view)
            ?? answer(challenge, reason, view)
    }

    private static func quota(_ challenge: Challenge, _ reason: String, _ view: DiagnosisView) -> Cause? {
        guard reason.contains("exceeded quota") else { return nil }
        let used = view.quotas.map { "ResourceQuota \($0.key): \($0.exhausted.joined(separator: ", "))" }
        return cause(
            .quotaExceeded, challenge,
            "A ResourceQuota of namespace \(challenge.key.namespace) does not let the solver pod be made.", used,
            "kubectl edit resourcequota -n \(challenge.key.namespace)"
                + "   # leave room for one pod (10m CPU, 64Mi memory), a Service and an Ingress")
    }

    private static func pod(_ challenge: Challenge, _ reason: String, _ view: DiagnosisView) -> Cause? {
        guard let pod = view.tree.pods(of: challenge).first else { return unseenPod(challenge, reason) }
        if pod.status?.conditions?.contains(where: { $0.type == "Ready" && $0.status == "True" }) == true { return nil }
        let waiting = pod.status?.containerStatuses?.lazy.compactMap { $0.state?.waiting }.first
        let pull = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"]
        if let waiting, let why = waiting.reason, pull.contains(why) {
            return cause(
                .imageNotPulled, challenge, "The image of the solver pod \(pod.key) cannot be pulled (\(why)).",
                [waiting.message, image(pod).map { "image: \($0)" }],
                "start the controller with --acme-http01-solver-image=IMAGE that the nodes can pull (chart:"
                    + " acmesolver.image), or add imagePullSecrets to the solver's podTemplate")
        }
        let unscheduled = pod.status?.conditions?.first { $0.type == "PodScheduled" && $0.status == "False" }
        guard let why = waiting?.reason ?? unscheduled?.reason, why != "ContainerCreating", why != "PodInitializing"
        else { return nil }
        return cause(
            .solverPodNotRunning, challenge, "The solver pod \(pod.key) does not run: \(why).",
            [waiting?.message, unscheduled?.message], "kubectl describe pod \(pod.key.name) -n \(pod.key.namespace)")
    }

    /// Where pods may not be read from here, the controller's word of them counts.
    private static func unseenPod(_ challenge: Challenge, _ reason: String) -> Cause? {
        let isPull = reason.contains("cannot be pulled")
        guard let range = reason.firstRange(of: "the solver pod "), isPull || reason.contains("is not ready (") else {
            return nil
        }
        let pod = reason[range.upperBound...].prefix { $0 != " " }
        return cause(
            isPull ? .imageNotPulled : .solverPodNotRunning, challenge,
            isPull ? "The image of the solver pod \(pod) cannot be pulled." : "The solver pod \(pod) does not run.", [],
            "kubectl describe pod \(pod.split(separator: "/").last ?? "") -n \(challenge.key.namespace)")
    }

    private static func image(_ pod: Pod) -> String? { pod.spec?["containers"]?[0]?["image"]?.stringValue }

    private static func ingressClass(_ challenge: Challenge, _ view: DiagnosisView) -> Cause? {
        guard let classes = view.ingressClasses, let solver = challenge.spec.solver.http01?.ingress,
            let name = solver.ingressClassName.nonEmpty, !classes.contains(name)
        else { return nil }
        let known =
            classes.isEmpty ? "the cluster has none" : "the cluster has \(classes.sorted().joined(separator: ", "))"
        return cause(
            .unknownIngressClass, challenge,
            "The solver's ingressClassName \"\(name)\" is no IngressClass of the cluster, so that no ingress controller"
                + " serves the challenge.", [known],
            "kubectl edit \(issuer(view))   # set spec.acme.solvers[].http01.ingress.ingressClassName to one that exists"
        )
    }

    private static func answer(_ challenge: Challenge, _ reason: String, _ view: DiagnosisView) -> Cause? {
        let name = challenge.spec.dnsName
        let told = told(reason)
        // What the controller saw counts first: it looks from inside of the cluster, as this program may not.
        switch told ?? view.fetched[challenge.metadata.name]?.answer {
        case .right?, nil: return nil
        case .wrong(let code, let server)?:
            let who = server.map { ", by \($0)" } ?? ""
            let what = code == 200 ? "another text" : "\(code)"
            return cause(
                .otherBackend, challenge,
                "Another backend answers \(ChallengeCauses.url(challenge)) (with \(what)\(who)), and not the solver.",
                [probe(challenge, view)],
                "see which Ingress, route or redirect takes \(name)/.well-known/acme-challenge/ before the solver's:"
                    + " kubectl get ingress,httproute -A | grep \(name)")
        case .failed(let why)?:
            return cause(
                .nameUnreachable, challenge, "\(ChallengeCauses.url(challenge)) cannot be fetched: \(why).",
                [probe(challenge, view)],
                "point the A and AAAA records of \(name) at the ingress controller, and let port 80 reach it")
        }
    }

    /// What the controller's own look brought, as its sentence tells it.
    private static func told(_ reason: String) -> HTTPSight.Answer? {
        guard reason.contains("propagation: GET ") || reason.contains("urn:ietf:params:acme:error:") else { return nil }
        if reason.contains("answers another text") { return .wrong(code: 200, server: nil) }
        if let range = reason.firstRange(of: " answers "), reason.contains("and not 200") {
            let digits = reason[range.upperBound...].prefix { $0.isNumber }
            return Int(digits).map { .wrong(code: $0, server: nil) }
        }
        if reason.contains("Invalid response from") || ACMEWords.problem(in: reason) == "incorrectresponse" {
            return .wrong(code: 200, server: nil)
        }
        for mark in ["could not be resolved", "no connection could be made", "did not answer in time", "cut short"]
        where reason.contains(mark) {
            return .failed(tail(of: reason))
        }
        return nil
    }

    private static func tail(of reason: String) -> String {
        guard let range = reason.firstRange(of: "propagation: ") else { return reason }
        return String(reason[range.upperBound...])
    }

    private static func probe(_ challenge: Challenge, _ view: DiagnosisView) -> String? {
        guard let sight = view.fetched[challenge.metadata.name] else { return nil }
        switch sight.answer {
        case .right: return "GET \(sight.url) from here: the right answer"
        case .wrong(let code, let server): return "GET \(sight.url) from here: \(code), server \(server ?? "unnamed")"
        case .failed(let sentence): return "GET \(sight.url) from here: \(sentence)"
        }
    }

    private static func cause(
        _ kind: Cause.Kind, _ challenge: Challenge, _ sentence: String, _ evidence: [String?], _ remedy: String
    ) -> Cause {
        Cause(
            kind, at: ChallengeCauses.title(challenge), sentence,
            evidence: evidence + [ChallengeCauses.state(challenge)],
            remedy: remedy)
    }
}

/// DNS-01: from the right to write over the record to who shows it.
enum DNS01Causes {
    static func find(_ challenge: Challenge, _ reason: String, _ view: DiagnosisView) -> Cause? {
        let object = ChallengeCauses.title(challenge)
        let evidence = [ChallengeCauses.state(challenge), sight(challenge, view)]
        func cause(_ kind: Cause.Kind, _ sentence: String, _ remedy: String) -> Cause {
            Cause(kind, at: object, sentence, evidence: evidence, remedy: remedy)
        }
        let name = challenge.spec.dnsName
        if reason.contains("(BADKEY)") || reason.contains("(BADSIG)") || reason.contains("TSIG") {
            return cause(
                .signatureRefused, "The DNS server does not accept the TSIG signature: \(detail(reason)).",
                "kubectl edit \(issuer(view))   # compare tsigKeyName, tsigAlgorithm and the Secret of"
                    + " tsigSecretSecretRef with the DNS server's key")
        }
        if reason.contains("BADTIME") {
            return cause(.clockSkewed, "The clocks differ too much for TSIG: \(detail(reason)).", "set the wrong clock")
        }
        if reason.contains("no DNS zone was found") {
            return cause(
                .zoneNotFound, "No DNS zone was found that holds \(name).",
                "see that the domain is delegated: dig +trace SOA \(name)")
        }
        if reason.contains("refused to change the zone") || reason.contains(" refused: ") {
            return cause(
                .zoneNotWritable, "The DNS server does not let the record for \(name) be written: \(detail(reason)).",
                "give the solver's credentials the right to change TXT records at _acme-challenge.\(name), or name a"
                    + " server that holds the zone")
        }
        if reason.contains("the Secret ") {
            return cause(
                .credentialsMissing, "The solver's credentials cannot be read: \(detail(reason)).",
                "create the Secret with the key that the solver names")
        }
        return propagation(challenge, reason, view, evidence)
    }

    private static func propagation(
        _ challenge: Challenge, _ reason: String, _ view: DiagnosisView, _ evidence: [String?]
    ) -> Cause? {
        let isWaiting = reason.contains("DNS-01 challenge propagation")
        // Some controllers do not say when they presented it: then it was not before the Challenge was made.
        let told = challenge.status?.presentedAt
        guard isWaiting, let since = told ?? challenge.metadata.creationTimestamp,
            view.tree.now - since > .seconds(20)
        else { return nil }
        let written = told.map { "was written at \($0.rfc3339)" } ?? "is written"
        return Cause(
            .recordNotPropagated, at: ChallengeCauses.title(challenge),
            "The TXT record of _acme-challenge.\(challenge.spec.dnsName) \(written), and not every"
                + " name server of the zone shows it: \(detail(reason)).",
            evidence: evidence,
            remedy: "see that all servers of the zone get the change: dig TXT _acme-challenge.\(challenge.spec.dnsName)"
                + " @SERVER for each; for split DNS set --dns01-recursive-nameservers, or the solver's nameservers")
    }

    /// Without what our sentences begin with.
    private static func detail(_ reason: String) -> String {
        for opening in ["Error presenting challenge: ", "DNS-01 challenge propagation: "] {
            if let range = reason.firstRange(of: opening) { return String(reason[range.upperBound...]) }
        }
        return reason
    }

    private static func sight(_ challenge: Challenge, _ view: DiagnosisView) -> String? {
        guard let sight = view.resolved[challenge.metadata.name] else { return nil }
        switch sight.answer {
        case .shown: return "TXT \(sight.name) from here: shown by every server"
        case .notShown(let sentences): return "TXT \(sight.name) from here: \(sentences.joined(separator: "; "))"
        case .failed(let sentence): return "TXT \(sight.name) from here: \(sentence)"
        }
    }
}

/// The issuer as kubectl names it.
private func issuer(_ view: DiagnosisView) -> String {
    guard case .found(let issuer) = view.tree.issuer else {
        return
            "\(view.tree.certificate.spec.issuerRef.effectiveKind.lowercased()) \(view.tree.certificate.spec.issuerRef.name)"
    }
    return issuer.argument + (issuer.metadata.namespace.map { " -n \($0)" } ?? "")
}
