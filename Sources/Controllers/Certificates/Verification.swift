import CertificateAPI
import KubeClient
import KubeModel
import KubeRuntime
import Synchronization
import Wire

/// Looks again at what was there when the controller began, before anything is done by it that cannot be taken back.
///
/// First lists come from the API server's memory (docs/decisions/0008), and each of its resources may be behind by as much as it
/// likes: a Certificate from before the last process finished it, beside Secrets from after that, looks as if its key
/// were lost. The caches of a process that has just been elected may be behind what its predecessor did, too. Watches bring
/// what is missing; until they have had the time to, the API server is asked.
final class Verification: Sendable {
    /// By then the server's memory has caught up, or serves no watch either.
    static let doubtfulTime = Duration.seconds(60)

    private struct State {
        /// Of the first reconcile, right after the first lists or the election.
        var began: Timestamp?
        var verified: Set<ObjectKey> = []
    }

    private let time: any TimeSource
    private let state = Mutex(State())

    init(time: any TimeSource) { self.time = time }

    /// Called at each reconcile; the first is when the controller begins.
    func begin(_ certificates: Cache<Certificate>) {
        let isFirst = state.withLock { state in
            guard state.began == nil else { return false }
            state.began = time.now()
            return true
        }
        if isFirst { certificates.markPresent() }
    }

    /// Has the caches show everything about the Certificate as it is now, where that was in doubt; answers whether it was.
    func verify(_ view: CertificateView, _ shell: CertificateReconciler) async throws(KubeError) -> Bool {
        let key = view.certificate.key
        guard shell.certificates.isMarked(key), isDoubtful(key) else { return false }
        guard let certificate = try await shell.client.find(Certificate.self, key) else {
            shell.certificates.recordDeletion(of: view.certificate)
            return true
        }
        shell.certificates.record(certificate)
        var secrets: Set = [certificate.spec.secretName, NextKey.secretName(view)]
        if let named = certificate.status?.nextPrivateKeySecretName { secrets.insert(named) }
        for name in secrets.sorted() {
            try await shell.secrets.refresh(ObjectKey(namespace: key.namespace, name: name))
        }
        let revision = certificate.status?.revision ?? 0
        for number in [revision, revision + 1] where number > 0 {
            try await refreshRequest(
                ObjectKey(namespace: key.namespace, name: ChildName.request(key.name, revision: number)), shell)
        }
        state.withLock { _ = $0.verified.insert(key) }
        return true
    }

    private func isDoubtful(_ key: ObjectKey) -> Bool {
        let now = time.now()
        return state.withLock { state in
            guard let began = state.began, now - began < Self.doubtfulTime else {
                state.verified = []
                return false
            }
            return !state.verified.contains(key)
        }
    }

    private func refreshRequest(_ key: ObjectKey, _ shell: CertificateReconciler) async throws(KubeError) {
        if let found = try await shell.client.find(CertificateRequest.self, key) {
            shell.requests.record(RequestFacts(found))
        } else if let gone = shell.requests[key] {
            shell.requests.recordDeletion(of: gone)
        }
    }
}
