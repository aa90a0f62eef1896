package import KubeModel
import Synchronization

/// What we know of all objects of one type, read at once and without waiting.
///
/// An `Informer` fills it. Reads are consistent one by one; a view made of several reads may see a change come in
/// between. Objects change under a lock that is held for a few dictionary operations only.
package final class Cache<Object: KubeObject>: Sendable {
    package typealias Handler = @Sendable (_ old: Object?, _ new: Object?) -> Void

    private let machine: Mutex<CacheMachine<Object>>
    private let handlers = Mutex<[Handler]>([])
    private let synced = Latch()
    private let failures = Mutex(Failures())

    private struct Failures {
        /// In a row.
        var count = 0
        var last = ""
    }

    /// - Parameters:
    ///   - indexes: what `matching` can look for: each function names the values under which an object is found.
    ///     A value that is a string of the object itself costs no copy.
    ///   - accepts: which objects belong here, when that is not all of the informer's. The informer's selector must be
    ///     said here too, so that our own write that takes an object out of it takes it out of the cache.
    package init(
        indexes: [String: @Sendable (Object) -> [String]] = [:], accepts: (@Sendable (Object) -> Bool)? = nil
    ) {
        machine = Mutex(CacheMachine(indexes: indexes, accepts: accepts))
    }

    // MARK: Reading

    package subscript(key: ObjectKey) -> Object? {
        machine.withLock { $0.store[key] }
    }

    package var count: Int {
        machine.withLock { $0.store.count }
    }

    /// Whether the first list is complete.
    package var isSynced: Bool { synced.isOpen }

    /// Why the API server has not been heard for two attempts and more, as a sentence; nil while it is. What the cache
    /// holds may then be old.
    package var trouble: String? {
        failures.withLock { $0.count > 1 ? $0.last : nil }
    }

    /// How far the list and the watch have come, and the version of each object that is here: compared with what the
    /// server has, it tells whether anything is still on its way.
    package var progress: (seen: UInt64, versions: [ObjectKey: UInt64]) {
        machine.withLock { machine in
            let versions = machine.store.all().map { object in
                (ObjectKey(object), object.metadata.resourceVersion.flatMap { UInt64($0) } ?? 0)
            }
            return (machine.seenVersion, Dictionary(versions) { $1 })
        }
    }

    /// Every object, in no order.
    package func all() -> [Object] {
        machine.withLock { $0.store.all() }
    }

    /// The objects of one namespace, in no order; "" has those without a namespace.
    package func inNamespace(_ namespace: String) -> [Object] {
        machine.withLock { $0.store.inNamespace(namespace) }
    }

    /// The objects that the index of that name lists under `value`, in no order. The index must exist.
    package func matching(index: String, value: String) -> [Object] {
        machine.withLock { $0.store.matching(index: index, value: value) }
    }

    /// Returns when the first list is complete; throws `CancellationError` when the task is cancelled before.
    package func waitUntilSynced() async throws {
        try await synced.wait()
    }

    // MARK: Changing

    /// Takes over what a write of ours was answered with, so that the next look already sees it. Events from before the
    /// write change nothing any more.
    package func record(_ written: Object) {
        tell(machine.withLock { $0.recorded(written) })
    }

    /// Takes out an object that the server said is gone: deleted, with no finalizer and no grace period left.
    package func recordDeletion(of object: Object) {
        tell(machine.withLock { $0.deletionRecorded(object) })
    }

    /// Calls `handler` after every change, on whatever thread brought it and outside the lock; so it must be quick, and
    /// two changes of one object may be told in either order: look at the cache for what is true. Call it before the
    /// informer runs. `old` is nil for an object that appears, `new` for one that vanishes.
    package func onChange(_ handler: @escaping Handler) {
        handlers.withLock { $0.append(handler) }
    }

    // MARK: The informer's side

    func serverFailed(_ sentence: String) {
        failures.withLock { failures in
            failures.count += 1
            failures.last = sentence
        }
    }

    func serverAnswered() {
        failures.withLock { $0 = Failures() }
    }

    func listStarted() {
        machine.withLock { $0.listStarted() }
    }

    func pageArrived(_ objects: [Object], unreadable: [ObjectKey]) {
        tell(machine.withLock { $0.pageArrived(objects, unreadable: unreadable) })
    }

    func listEnded(version: String) {
        tell(machine.withLock { $0.listEnded(version: version) })
        synced.open()
    }

    func eventArrived(_ object: Object) {
        tell(machine.withLock { $0.eventArrived(object) })
    }

    /// Whether the event that names `identity` is known already and need not be decoded.
    func echoArrived(_ identity: CacheMachine<Object>.Identity) -> Bool {
        machine.withLock { $0.echoArrived(identity) }
    }

    func deletionArrived(_ identity: CacheMachine<Object>.Identity) {
        tell(machine.withLock { $0.deletionArrived(identity) })
    }

    func bookmarkArrived(version: String) {
        machine.withLock { $0.bookmarkArrived(version: UInt64(version)) }
    }

    private func tell(_ change: CacheMachine<Object>.Change?) {
        if let change { tell([change]) }
    }

    private func tell(_ changes: [CacheMachine<Object>.Change]) {
        if changes.isEmpty { return }
        let handlers = handlers.withLock { $0 }
        for change in changes {
            for handler in handlers { handler(change.old, change.new) }
        }
    }
}
