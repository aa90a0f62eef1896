import CertificateAPI
import KubeModel

/// Which issuer a `spec.signerName` means: `issuers.cert-manager.io/NAMESPACE.NAME` or
/// `clusterissuers.cert-manager.io/NAME`.
struct SignerName: Sendable, Hashable {
    var reference: IssuerReference
    /// Nil for a ClusterIssuer.
    var namespace: String?

    /// Nil for every other signer's requests. A namespace has no dots, and the name of an issuer may.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[1].isEmpty else { return nil }
        switch parts[0] {
        case "clusterissuers.\(Names.group)":
            reference = IssuerReference(name: parts[1], kind: ClusterIssuer.resource.kind, group: Names.group)
        case "issuers.\(Names.group)":
            let place = parts[1].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard place.count == 2, !place[0].isEmpty, !place[1].isEmpty else { return nil }
            namespace = place[0]
            reference = IssuerReference(name: place[1], kind: Issuer.resource.kind, group: Names.group)
        default: return nil
        }
    }

    /// The issuer in messages.
    var text: String { "\(reference.effectiveKind) \(namespace.map { "\($0)/" } ?? "")\(reference.name)" }
}
