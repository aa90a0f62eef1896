import CertificateAPI
import KubeModel
import PKI
import Wire

/// What is wrong with the issuer that the Certificate names.
enum IssuerCauses {
    static func find(_ view: DiagnosisView) -> Cause? {
        let reference = view.tree.certificate.spec.issuerRef
        switch view.tree.issuer {
        case .foreign, .unknown: return nil
        case .absent: return missing(reference, view)
        case .found(let issuer):
            if issuer.typeName == "none" { return empty(issuer) }
            return authority(issuer, view) ?? notReady(issuer, view)
        }
    }

    private static func missing(_ reference: IssuerReference, _ view: DiagnosisView) -> Cause {
        let tree = view.tree
        let kind = reference.effectiveKind
        let place = reference.isClusterIssuer ? "" : "\(tree.namespace)/"
        let scope = reference.isClusterIssuer ? "" : " -n \(tree.namespace)"
        return Cause(
            .issuerMissing, at: "Certificate \(tree.certificate.key)",
            "The \(kind) \(place)\(reference.name), which spec.issuerRef names, does not exist.",
            evidence: [tree.currentRequest.flatMap(RequestCauses.ready), SpecCauses.ready(view)],
            remedy:
                "kubectl get \(kind.lowercased())\(scope)   # create it, or name one of these in spec.issuerRef of the"
                + " Certificate (kind: \(reference.isClusterIssuer ? "Issuer" : "ClusterIssuer") for the other scope)")
    }

    private static func empty(_ issuer: IssuerLook) -> Cause {
        Cause(
            .issuerEmpty, at: issuer.title, "\(issuer.title) has no issuer configured.",
            evidence: [Evidence.condition(issuer.ready, of: issuer.title)],
            remedy: edit(issuer)
                + "   # set exactly one of spec.acme, spec.ca, spec.selfSigned, spec.vault, spec.venafi")
    }

    /// The Secret of a CA issuer as it is now, whatever the condition says of it.
    private static func authority(_ issuer: IssuerLook, _ view: DiagnosisView) -> Cause? {
        guard let ca = issuer.spec.ca, let sight = issuer.authority else { return nil }
        let evidence = [Evidence.condition(issuer.ready, of: issuer.title)]
        switch sight {
        case .unknown: return nil
        case .absent:
            return Cause(
                .authoritySecretMissing, at: issuer.title,
                "The Secret \(ca.secretName) with the CA's key pair does not exist.", evidence: evidence,
                remedy: "kubectl create secret tls \(ca.secretName) --cert=ca.crt --key=ca.key"
                    + "   # or a Certificate with isCA: true that fills it")
        case .found(let secret):
            guard let bad = (secret.certificates + secret.authorities).first(where: { $0.notAfter < view.tree.now })
            else { return nil }
            return Cause(
                .authorityExpired, at: "Secret \(secret.key)",
                "The CA certificate \"\(bad.subject)\" of \(issuer.title) expired at \(bad.notAfter.rfc3339).",
                evidence: evidence,
                remedy: secret.certificateName.map {
                    "kubectl cert renew \($0) -n \(secret.key.namespace)   # the Certificate that fills the Secret"
                }
                    ?? "put a new CA certificate and its key into tls.crt and tls.key of the Secret \(secret.key)")
        }
    }

    private static func notReady(_ issuer: IssuerLook, _ view: DiagnosisView) -> Cause? {
        guard !issuer.isReady else { return nil }
        guard let ready = issuer.ready else {
            return Cause(
                .issuerNotReady, at: issuer.title, "\(issuer.title) has no Ready condition: no controller has seen it.",
                remedy: "kubectl get lease -A   # see that the controller runs")
        }
        // Solvers with a problem leave the others to work with: whether one is missed shows further down.
        if ready.reason == "InvalidSolver" { return nil }
        let message = ready.message ?? ""
        let evidence = [Evidence.condition(ready, of: issuer.title), reach(view)]
        func cause(_ kind: Cause.Kind, _ sentence: String, _ remedy: String) -> Cause {
            Cause(kind, at: issuer.title, sentence, evidence: evidence, remedy: remedy)
        }
        switch ready.reason {
        case "UserActionRequired":
            return cause(
                .userActionRequired, "The CA wants a person to act first: \(message)",
                "open the page that the message names, then: kubectl annotate \(issuer.argument)\(scope(issuer))"
                    + " \(Names.Annotation.acceptedTerms)=URL --overwrite")
        case "ErrRegisterACMEAccount", "ErrUpdateACMEAccount", "ErrVerifyACMEAccount":
            return account(message, issuer, evidence)
        default:
            return cause(
                .issuerNotReady, "\(issuer.title) is not ready: \(message)", edit(issuer) + "   # mend what it names")
        }
    }

    private static func account(_ message: String, _ issuer: IssuerLook, _ evidence: [String?]) -> Cause {
        func cause(_ kind: Cause.Kind, _ sentence: String, _ remedy: String) -> Cause {
            Cause(kind, at: issuer.title, sentence, evidence: evidence, remedy: remedy)
        }
        let binding = issuer.spec.acme?.externalAccountBinding
        let problem = ACMEWords.problem(in: message)
        if message.contains("external account binding") || problem == "externalaccountrequired"
            || binding != nil && ["unauthorized", "malformed"].contains(problem)
        {
            let secret = binding.map { "the Secret \($0.keySecretRef.name) (key \($0.keySecretRef.key ?? ""))" }
            return cause(
                .bindingRefused, "The external account binding (EAB) is not right: \(message)",
                secret.map {
                    "compare spec.acme.externalAccountBinding.keyID and \($0) with what the CA gave you, and mend them"
                }
                    ?? edit(issuer) + "   # this CA wants spec.acme.externalAccountBinding")
        }
        if message.contains("could not be asked") || problem == nil && message.contains("Failed to register") {
            return cause(
                .serverUnreachable, "The ACME server \(issuer.spec.acme?.server ?? "") does not answer: \(message)",
                "see that the controller's pods reach the server (proxy, firewall, spec.acme.caBundle for a private CA)"
            )
        }
        return cause(
            .accountRefused, "The ACME account of \(issuer.title) cannot be used: \(message)",
            edit(issuer) + "   # mend what the message names")
    }

    private static func reach(_ view: DiagnosisView) -> String? {
        guard let directory = view.directory else { return nil }
        switch directory.answer {
        case .right: return "GET \(directory.url) from here: answers"
        case .wrong(let code, _): return "GET \(directory.url) from here: answers \(code)"
        case .failed(let sentence): return "GET \(directory.url) from here: \(sentence)"
        }
    }

    private static func edit(_ issuer: IssuerLook) -> String { "kubectl edit \(issuer.argument)\(scope(issuer))" }
    private static func scope(_ issuer: IssuerLook) -> String { issuer.metadata.namespace.map { " -n \($0)" } ?? "" }
}

/// What stands in the words of an ACME server, as our conditions keep them.
enum ACMEWords {
    /// The last part of the problem type, in lower case: "ratelimited"; nil where the text names none.
    static func problem(in text: String) -> String? {
        guard let range = text.firstRange(of: "urn:ietf:params:acme:error:") else { return nil }
        let name = text[range.upperBound...].prefix { $0.isLetter }
        return name.isEmpty ? nil : name.lowercased()
    }

    /// The time behind "next attempt at".
    static func nextAttempt(in text: String) -> String? {
        guard let range = text.firstRange(of: "next attempt at ") else { return nil }
        let time = text[range.upperBound...].prefix { !$0.isWhitespace && $0 != ";" && $0 != "," }
        return time.isEmpty ? nil : String(time)
    }
}

extension StringProtocol where SubSequence == Substring {
    /// The first place of `other`; a plain search, for texts of a sentence or two.
    func firstRange(of other: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            start = index(after: start)
        }
        return nil
    }
}
