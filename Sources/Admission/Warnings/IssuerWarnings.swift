package import CertificateAPI

/// What was found where an issuer should be.
package enum IssuerSighting: Sendable, Hashable {
    case found(IssuerSpec)
    case missing
    /// Not to be told in time, or not ours to look at.
    case unknown
}

/// Advice about a Certificate that takes its issuer into account.
package enum IssuerWarnings {
    package static func of(_ question: IssuerQuestion, _ sighting: IssuerSighting) -> [String] {
        switch sighting {
        case .unknown: return []
        case .missing:
            let place = question.issuer.isClusterIssuer ? "" : " in namespace \(question.namespace)"
            return [
                "spec.issuerRef: there is no \(question.issuer.effectiveKind) \"\(question.issuer.name)\"\(place) yet;"
                    + " nothing is issued until it exists"
            ]
        case .found(let spec):
            guard let acme = spec.acme, let wildcard = question.wildcards.first, let solvers = acme.solvers,
                !solvers.isEmpty, !solvers.contains(where: { $0.dns01 != nil })
            else { return [] }
            return [
                "spec.dnsNames: \"\(wildcard)\" is a wildcard, which only DNS-01 can prove, and every solver of"
                    + " \(question.issuer.effectiveKind) \"\(question.issuer.name)\" uses HTTP-01; add a dns01 solver"
            ]
        }
    }
}
