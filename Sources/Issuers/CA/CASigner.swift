package import CertificateAPI
import PKI
package import Wire

/// Signs with the key pair of a CA issuer. Looks at nothing but its arguments.
package enum CASigner {
    /// What the issuer's Ready condition says.
    package static func readiness(_ keyPair: Result<CAKeyPair, CAProblem>) -> IssuerReadiness {
        switch keyPair {
        case .success(let keyPair):
            IssuerReadiness(
                isReady: true, reason: "KeyPairVerified", message: "Signing CA verified",
                lookAgain: keyPair.notAfter + .seconds(1))
        case .failure(let problem):
            IssuerReadiness(
                isReady: false, reason: problem.issuerReason, message: "\(problem)", lookAgain: problem.endsAt)
        }
    }

    /// A certificate from now on, for the lifetime asked for or to the end of the CA, whichever comes first.
    package static func sign(
        _ request: IssuanceRequest, with ca: CAKeyPair, _ issuer: CAIssuer, now: Timestamp
    ) async throws(IssuanceError) -> IssuedCertificate {
        let notBefore = now.wholeSeconds
        let wanted = notBefore + request.lifetime
        let notAfter = min(wanted, ca.notAfter)
        if request.isCA, ca.certificate.extensions.basicConstraints?.pathLength == 0 {
            throw .failed(
                reason: "SigningError",
                message: "The CA \"\(ca.certificate.subject)\" has path length 0 and may not sign another CA")
        }
        var template = request.template(
            notBefore: notBefore, notAfter: notAfter, crlDistributionPoints: issuer.crlDistributionPoints)
        template.extensions.ocspServers = issuer.ocspServers ?? []
        template.extensions.issuingCertificateURLs = issuer.issuingCertificateURLs ?? []
        do {
            let leaf = try await template.signed(by: ca.certificate, key: ca.key)
            var notes: [IssuanceNote] = notAfter < wanted ? [.endsWithCA(notAfter: notAfter, wanted: wanted)] : []
            if ca.certificate.subject.isEmpty { notes.append(.emptyCAName) }
            return IssuedCertificate(
                chain: try ca.chain.extended(with: leaf, at: notBefore, key: ca.key), ca: ca.rootMost, notes: notes)
        } catch {
            throw error == .cancelled
                ? .pending(reason: "SigningError", message: "\(error)")
                : .failed(reason: "SigningError", message: "Error signing certificate: \(error)")
        }
    }
}

extension CAProblem {
    /// The same problem as the answer to a request.
    package var whileSigning: IssuanceError { .pending(reason: requestReason, message: description) }
}

extension IssuanceRequest.MalformedRequest {
    /// The same as the answer of an issuer; `reason` is that issuer's word for it.
    package func failure(reason: String) -> IssuanceError { .failed(reason: reason, message: sentence) }
}
