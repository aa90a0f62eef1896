import KubeModel
import Synchronization

/// Requests that a Certificate's own reconcile is answering right now, so that nobody else does.
package final class RequestClaims: Sendable {
    private let claimed = Mutex<Set<ObjectKey>>([])

    package init() {}

    func claim(_ key: ObjectKey) { claimed.withLock { _ = $0.insert(key) } }
    func release(_ key: ObjectKey) { claimed.withLock { _ = $0.remove(key) } }
    func isClaimed(_ key: ObjectKey) -> Bool { claimed.withLock { $0.contains(key) } }
}
