import CertificateAPI
import KubeModel
import Wire

/// The checks that say whether the target Secret is what the Certificate asks for; the first that fails counts.
enum Policy {
    /// What is wrong with the Secret, apart from its age.
    static func violation(_ view: CertificateView) -> Violation? {
        secretIsUsable(view) ?? belongsToCertificate(view) ?? keySuitsSpec(view) ?? requestSuitsSpec(view)
    }

    /// Missing, empty or broken: what a temporary certificate helps against.
    static func secretIsUsable(_ view: CertificateView) -> Violation? {
        guard let secret = view.secret else {
            return Violation(
                reason: "DoesNotExist", message: "the Secret \(view.certificate.spec.secretName) does not exist")
        }
        switch (secret.privateKey, secret.leaf) {
        case (.nothing, .nothing):
            return Violation(reason: "MissingData", message: "the Secret holds neither tls.key nor tls.crt")
        case (.nothing, _): return Violation(reason: "MissingData", message: "the Secret holds no tls.key")
        case (_, .nothing): return Violation(reason: "MissingData", message: "the Secret holds no tls.crt")
        case (.bad(let problem), _):
            return Violation(reason: "InvalidKeyPair", message: "tls.key cannot be used: \(problem)")
        case (_, .bad(let problem)):
            return Violation(reason: "InvalidCertificate", message: "tls.crt cannot be used: \(problem)")
        case (.good(let key), .good(let leaf)):
            guard key.publicKey == leaf.publicKey else {
                return Violation(
                    reason: "InvalidKeyPair", message: "tls.key and tls.crt in the Secret do not belong together")
            }
            return nil
        }
    }

    private static func belongsToCertificate(_ view: CertificateView) -> Violation? {
        guard let secret = view.secret else { return nil }
        let issuer = view.certificate.spec.issuerRef
        let expected = [
            (Names.Annotation.issuerName, issuer.name), (Names.Annotation.issuerKind, issuer.effectiveKind),
            (Names.Annotation.issuerGroup, issuer.effectiveGroup),
        ]
        for (key, value) in expected where secret.annotations.hasKey(key) {
            if TargetMetadata.has(key, value, in: secret.annotations) { continue }
            return Violation(
                reason: "IncorrectIssuer",
                message:
                    "the certificate in the Secret is from another issuer than \(issuer.effectiveKind) \(issuer.name)")
        }
        if let name = secret.certificateName, name != view.name {
            return Violation(
                reason: "IncorrectCertificate", message: "the Secret was written for the Certificate \(name)")
        }
        if secret.leaf.value?.isTemporary == true {
            return Violation(reason: "TemporaryCertificate", message: "the Secret holds a temporary certificate")
        }
        return nil
    }

    private static func keySuitsSpec(_ view: CertificateView) -> Violation? {
        guard case .success(let desired) = view.desired, let key = view.secret?.privateKey.value,
            key.algorithm != desired.keyAlgorithm
        else { return nil }
        return Violation(
            reason: "SecretMismatch",
            message:
                "the private key in the Secret is \(key.algorithm), and spec.privateKey asks for \(desired.keyAlgorithm)"
        )
    }

    private static func requestSuitsSpec(_ view: CertificateView) -> Violation? {
        guard let wanted = view.shape, let secret = view.secret, let leaf = secret.leaf.value else { return nil }
        guard let request = view.currentRequest else { return namesSuitSpec(leaf, wanted) }
        guard let publicKey = request.shape.publicKey else {
            return Violation(
                reason: "InvalidCertificateRequest",
                message: "the signing request in CertificateRequest \(request.metadata.name) cannot be read")
        }
        if publicKey != secret.privateKey.value?.publicKey {
            return Violation(
                reason: "SecretMismatch",
                message: "the private key in the Secret is not that of CertificateRequest \(request.metadata.name)")
        }
        var fields = request.shape.differences(from: wanted)
        // How usages were asked for is of no matter where the certificate has them.
        if leaf.usages == wanted.usages { fields.removeAll { $0 == RequestShape.encodingField } }
        guard !fields.isEmpty else { return nil }
        return Violation(
            reason: "RequestChanged",
            message: "the spec has changed since the certificate was requested: \(fields.joined(separator: ", "))")
    }

    /// Without a request there is only the certificate to compare with, and CAs move names between its fields.
    private static func namesSuitSpec(_ leaf: LeafFacts, _ wanted: RequestShape) -> Violation? {
        guard let names = wanted.names else { return nil }
        var fields: [String] = []
        if leaf.names.looseDNSNames != names.looseDNSNames { fields.append("spec.dnsNames") }
        if leaf.names.ipAddresses != names.ipAddresses { fields.append("spec.ipAddresses") }
        if leaf.names.uris != names.uris { fields.append("spec.uris") }
        if leaf.names.emailAddresses != names.emailAddresses { fields.append("spec.emailAddresses") }
        guard !fields.isEmpty else { return nil }
        return Violation(
            reason: "SecretMismatch",
            message: "the certificate in the Secret is for other names than the spec: \(fields.joined(separator: ", "))"
        )
    }
}
