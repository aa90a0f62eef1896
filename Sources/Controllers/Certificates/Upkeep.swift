import CertificateAPI
import KubeModel
import PKI
import Wire

/// What is done for a Certificate that needs no issuing.
enum Upkeep {
    static func decide(_ view: CertificateView) -> [CertificateAction] {
        var actions: [CertificateAction] = []
        if needsMending(view) { actions.append(.mendSecret) }
        return actions
            + outdatedRequests(view).map { .deleteRequest(name: $0.metadata.name, uid: $0.metadata.uid ?? "") }
    }

    /// Whether labels, annotations, owner or the other forms of key and certificate in the Secret differ from what
    /// they should be.
    static func needsMending(_ view: CertificateView) -> Bool {
        // A Secret without a usable certificate is about to be written whole.
        guard let secret = view.secret, secret.leaf.value != nil, secret.privateKey.value != nil else { return false }
        let labels = TargetMetadata.labels(view.certificate)
        let annotations = TargetMetadata.annotations(view.certificate)
        guard secret.describesLeaf, secret.labels.contains(labels),
            annotations.allSatisfy({ TargetMetadata.has($0.key, $0.value, in: secret.annotations) })
        else { return true }
        let mayStand = Set(annotations.keys).union(TargetMetadata.descriptionKeys)
        guard secret.owned.labels.isSubset(of: labels.keys), secret.owned.annotations.isSubset(of: mayStand) else {
            return true
        }
        return !ownerIsRight(secret, view) || !formsAreRight(secret, view)
    }

    private static func formsAreRight(_ secret: SecretFacts, _ view: CertificateView) -> Bool {
        guard case .success(let desired) = view.desired else { return true }
        let outputs = desired.outputs
        let facts = secret.outputs
        if secret.privateKey.value?.algorithm != .ed25519, facts.keyEncoding != desired.keyEncoding { return false }
        if outputs.formats.contains(.der), facts.der != .right { return false }
        if outputs.formats.contains(.combinedPEM), facts.combinedPEM != .right { return false }
        // What is no longer wanted goes where it is ours; a file that somebody else put there stays.
        return view.keystores != .outdated && secret.owned.data.isSubset(of: outputs.keys)
    }

    private static func ownerIsRight(_ secret: SecretFacts, _ view: CertificateView) -> Bool {
        guard let uid = view.certificate.metadata.uid else { return true }
        let isOwned = secret.metadata.ownerReferences?.contains { $0.uid == uid } ?? false
        if view.settings.setsOwnerReference { return isOwned }
        // A reference that somebody else set stays.
        return !(isOwned && secret.owned.ownerUIDs.contains(uid))
    }

    /// Requests of revisions that are history and over the limit; only once the certificate is good.
    private static func outdatedRequests(_ view: CertificateView) -> [RequestFacts] {
        guard view.status.conditions.isTrue(Condition.Kind.ready), let revision = view.status.revision else {
            return []
        }
        let limit = max(1, view.certificate.spec.revisionHistoryLimit ?? 1)
        let history = view.requests.filter { ($0.revision ?? .max) <= revision }
            .sorted { ($0.revision ?? 0, $0.metadata.name) < ($1.revision ?? 0, $1.metadata.name) }
        // One without a legible revision is no part of the history.
        let outdated = view.requests.filter { $0.revision == nil } + history.dropLast(limit)
        return outdated.filter { !$0.metadata.isBeingDeleted }
    }
}
