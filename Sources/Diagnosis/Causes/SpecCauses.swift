import CertificateAPI
import KubeModel
import Wire

/// What is wrong with the Certificate itself.
enum SpecCauses {
    static func invalid(_ view: DiagnosisView) -> Cause? {
        let certificate = view.tree.certificate
        guard let first = certificate.problems.first else { return nil }
        return Cause(
            .specInvalid, at: title(view), "The spec breaks a rule: \(first)",
            evidence: certificate.problems.dropFirst().map(\.description) + [ready(view)],
            remedy: "kubectl edit certificate \(certificate.metadata.name) -n \(view.tree.namespace)   # \(first.path)")
    }

    /// Several Certificates that name one Secret: one of them writes it.
    static func duplicate(_ view: DiagnosisView) -> Cause? {
        let tree = view.tree
        let name = tree.certificate.spec.secretName
        var owner: String?
        if case .found(let secret) = tree.secret, let named = secret.certificateName, named != tree.name {
            owner = view.rivals.contains { $0.metadata.name == named } ? named : nil
        }
        if owner == nil, !view.rivals.isEmpty {
            // The oldest, as the controller has it, unless the Secret says that it is this one's.
            let first = (view.rivals + [tree.certificate]).min { Self.age($0) < Self.age($1) }
            if case .found(let secret) = tree.secret, secret.certificateName == tree.name { return nil }
            owner = first.map(\.metadata.name)
        }
        guard let owner, owner != tree.name else { return nil }
        return Cause(
            .duplicateSecretName, at: title(view),
            "The Secret \(tree.namespace)/\(name) belongs to another Certificate, \(owner), which has the same"
                + " spec.secretName.",
            evidence: [ready(view)],
            remedy: patch(tree, #"{"spec":{"secretName":"\#(tree.name)-tls"}}"#) + "   # any name that no other uses")
    }

    /// What the controller itself says that it cannot do without a person.
    static func blocked(_ view: DiagnosisView) -> Cause? {
        let tree = view.tree
        guard let issuing = tree.certificate.status?.conditions[type: Condition.Kind.issuing], issuing.status == .no
        else { return nil }
        switch issuing.reason {
        case "CannotRegenerateKey":
            return Cause(
                .keyCannotBeRegenerated, at: title(view),
                "The private key in the Secret does not suit the spec, and spec.privateKey.rotationPolicy is Never, so"
                    + " that no other may be made.",
                evidence: [Evidence.condition(issuing, of: title(view))],
                remedy: patch(tree, #"{"spec":{"privateKey":{"rotationPolicy":"Always"}}}"#)
                    + "   # or delete the Secret \(tree.certificate.spec.secretName)")
        case "KeystorePasswordSecretNotFound":
            return Cause(
                .passwordMissing, at: title(view), "The Secret with the password of the keystore is not there.",
                evidence: [Evidence.condition(issuing, of: title(view))],
                remedy: "create the Secret that spec.keystores names, with the key that it names")
        default: return nil
        }
    }

    static func title(_ view: DiagnosisView) -> String { "Certificate \(view.tree.certificate.key)" }

    static func ready(_ view: DiagnosisView) -> String? {
        Evidence.condition(view.tree.certificate.status?.conditions[type: Condition.Kind.ready], of: title(view))
    }

    private static func patch(_ tree: CertificateTree, _ patch: String) -> String {
        "kubectl patch certificate \(tree.name) -n \(tree.namespace) --type merge -p '\(patch)'"
    }

    private static func age(_ certificate: Certificate) -> (Int64, String) {
        (certificate.metadata.creationTimestamp?.secondsSince1970 ?? .max, certificate.metadata.name)
    }
}
