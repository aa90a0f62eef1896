package import CertificateAPI
package import KubeModel
package import PKI
package import Wire

/// Signs each certificate with its own key. Looks at nothing but its arguments.
package enum SelfSignedSigner {
    /// There is nothing to check.
    package static let readiness = IssuerReadiness(
        isReady: true, reason: "IsReady", message: "Self-signing needs no setup")

    /// The Secret, beside the request, that holds the key to sign with.
    package static func keySecret(of request: CertificateRequest) throws(IssuanceError) -> ObjectKey {
        let annotation = Names.Annotation.privateKeySecretName
        guard let name = request.metadata.annotations?[annotation], !name.isEmpty else {
            throw .failed(
                reason: "MissingAnnotation",
                message: "A self-signed request must name the Secret with its key in the annotation \(annotation)")
        }
        return ObjectKey(namespace: request.metadata.namespace ?? "", name: name)
    }

    /// The key in that Secret. Missing or unreadable, it is waited for.
    package static func key(
        _ name: ObjectKey, in secret: Secret?, limits: PEMLimits = .default
    ) throws(IssuanceError) -> PrivateKey {
        guard let secret else {
            throw .pending(reason: "MissingSecret", message: "Secret \(name) with the key to sign with does not exist")
        }
        guard let pem = secret["tls.key"], !pem.isEmpty else {
            throw .pending(reason: "ErrorParsingKey", message: "Secret \(name) has no data under tls.key")
        }
        do {
            return try PrivateKey(pem: pem, limit: limits.privateKey)
        } catch {
            throw .pending(reason: "ErrorParsingKey", message: "tls.key in Secret \(name) cannot be used: \(error)")
        }
    }

    /// A certificate from now on, its own issuer and its own `ca.crt`.
    package static func sign(
        _ request: IssuanceRequest, with key: PrivateKey, _ issuer: SelfSignedIssuer, now: Timestamp
    ) async throws(IssuanceError) -> IssuedCertificate {
        guard key.publicKey == request.request.publicKey else {
            throw .failed(
                reason: "ErrorKeyMatch",
                message: "The key in the Secret is not the key of the certificate signing request")
        }
        let notBefore = now.wholeSeconds
        let template = request.template(
            notBefore: notBefore, notAfter: notBefore + request.lifetime,
            crlDistributionPoints: issuer.crlDistributionPoints)
        do {
            let certificate = try await template.signed(
                by: nil, key: key, algorithm: request.request.signatureAlgorithm)
            return IssuedCertificate(
                chain: try VerifiedChain(selfSigned: certificate, at: notBefore), ca: certificate,
                notes: template.subject.isEmpty ? [.emptyIssuerName] : [])
        } catch {
            throw error == .cancelled
                ? .pending(reason: "ErrorSigning", message: "\(error)")
                : .failed(reason: "ErrorSigning", message: "Error signing certificate: \(error)")
        }
    }
}
