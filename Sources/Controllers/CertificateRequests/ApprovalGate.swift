import CertificateAPI
package import KubeClient
import KubeModel
import Synchronization
package import Wire

/// Whether this program may approve requests for an issuer: RBAC verb `approve` on `signers`, asked of the API server
/// and remembered for a while.
package final class ApprovalGate: Sendable {
    private let client: KubeClient
    private let time: any TimeSource
    package let isEnabled: Bool
    private let known = Mutex<[String: Entry]>([:])

    private struct Entry {
        var isAllowed: Bool
        var until: Timestamp
    }

    /// `isEnabled`: whether the approver is among the controllers that run.
    package init(client: KubeClient, isEnabled: Bool, time: any TimeSource) {
        self.client = client
        self.isEnabled = isEnabled
        self.time = time
    }

    func right(_ reference: IssuerReference, namespace: String) async throws(KubeError) -> ApprovalRight {
        guard isEnabled else { return .no }
        let kind = Self.plural(reference)
        if try await isAllowed("\(kind)/*") { return .yes }
        for name in Self.names(reference, namespace) where try await isAllowed("\(kind)/\(name)") { return .yes }
        return .no
    }

    /// What the signer may be called: `namespace.name` where the kind is namespaced, else `name`. The kinds of external
    /// issuers may be either; a name with a dot is then not asked about alone, for it could be another namespace's.
    static func names(_ reference: IssuerReference, _ namespace: String) -> [String] {
        let (here, anywhere) = ("\(namespace).\(reference.name)", reference.name)
        if reference.isIssuer { return [here] }
        if reference.isOurs { return [anywhere] }
        return anywhere.contains(".") ? [here] : [here, anywhere]
    }

    /// As the API server would name the resource of the kind.
    private static func plural(_ reference: IssuerReference) -> String {
        let kind = reference.effectiveKind.lowercased()
        let plural = kind.hasSuffix("s") ? kind + "es" : kind.hasSuffix("y") ? kind.dropLast() + "ies" : kind + "s"
        return "\(plural).\(reference.effectiveGroup)"
    }

    private func isAllowed(_ signer: String) async throws(KubeError) -> Bool {
        let now = time.now()
        if let entry = known.withLock({ $0[signer] }), entry.until > now { return entry.isAllowed }
        let review = SelfSubjectAccessReview(
            .init(verb: "approve", group: Names.group, resource: "signers", name: signer))
        let isAllowed = try await client.create(review).status?.allowed ?? false
        // A right that was given should count soon; one that was taken away is enforced by the webhook as well.
        let until = now + (isAllowed ? .seconds(60) : .seconds(15))
        known.withLock { known in
            if known.count > 4096 { known.removeAll() }
            known[signer] = Entry(isAllowed: isAllowed, until: until)
        }
        return isAllowed
    }
}
