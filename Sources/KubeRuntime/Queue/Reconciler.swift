package import KubeModel
package import Wire

/// What a controller does for one object: look at the world, decide, apply; called again until nothing is left to do.
package protocol Reconciler: Sendable {
    /// Runs for one key at a time. Throws a `ReconcileError` to say when to try again; any other error means `retry`,
    /// a conflict means soon. Cancelled when a shutdown has lasted too long.
    func reconcile(_ key: ObjectKey) async throws -> Requeue
}

/// When a key that was reconciled wants to be looked at again.
package enum Requeue: Sendable, Equatable {
    /// When something it depends on changes.
    case onChange
    /// Then, or when something changes before.
    case at(Timestamp)

    package func sooner(_ time: Timestamp) -> Requeue {
        switch self {
        case .onChange: .at(time)
        case .at(let other): .at(min(time, other))
        }
    }

    package func sooner(_ other: Requeue) -> Requeue {
        switch other {
        case .onChange: self
        case .at(let time): sooner(time)
        }
    }
}

/// Why a reconcile failed, as the one question the queue has: when is it worth trying again?
package enum ReconcileError: Error, Sendable {
    /// After the key's back-off.
    case retry(any Error)
    /// Not before then: somebody said so (Retry-After).
    case retryAt(Timestamp, any Error)
    /// Not before something changes.
    case terminal(any Error)
}
