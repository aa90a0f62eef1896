package import CertificateAPI
package import KubeClient
import KubeModel
package import KubeRuntime
import Synchronization
package import Wire

/// The approval policies of the cluster, as far as they are known.
package final class PolicyBook: Sendable {
    package let cache: Cache<CertificatePolicy>
    /// Whether the cluster has no such kind: then there is no policy.
    private let isAbsent = Mutex(false)
    /// Open once they were known for the first time.
    private let known = Latch()

    package init(cache: Cache<CertificatePolicy> = Cache()) { self.cache = cache }

    /// A book that is known to be empty, for programs that serve a cluster without the kind.
    package static var none: PolicyBook {
        let book = PolicyBook()
        book.isAbsent.withLock { $0 = true }
        return book
    }

    package var areKnown: Bool { cache.isSynced || isAbsent.withLock { $0 } }
    package var isEmpty: Bool { cache.count == 0 }

    func verdict(on request: CertificateRequest) -> PolicyVerdict {
        let policies = cache.all()
        if policies.isEmpty { return .ungoverned }
        guard let subject = PolicySubject(request.spec, namespace: request.key.namespace) else { return .unreadable }
        return PolicyDecision.judge(subject, by: policies)
    }

    /// Returns when they have been read or the cluster turned out not to know them, or after `limit`: there is work that
    /// does not depend on them.
    package func waitUntilKnown(atMost limit: Duration, time: any TimeSource) async {
        // Cancelled, it ends like one that took too long.
        _ = await withTimeLimit(limit, time: time) { [known] in try? await known.wait() }
    }

    /// Finds out whether the cluster knows the kind, until the policies have been read. Ends then, or when cancelled.
    package func settle(_ client: KubeClient, time: any TimeSource) async throws {
        while !cache.isSynced {
            // Without an answer nothing is known, and nobody is approved.
            let isServed = try? await client.serves(CertificatePolicy.resource)
            try Task.checkCancellation()
            isAbsent.withLock { $0 = isServed == false }
            if isServed == false { known.open() }
            _ = await withTimeLimit(isServed == nil ? .seconds(1) : .seconds(5), time: time) { [cache] in
                try? await cache.waitUntilSynced()
            }
            try Task.checkCancellation()
        }
        isAbsent.withLock { $0 = false }
        known.open()
    }
}
