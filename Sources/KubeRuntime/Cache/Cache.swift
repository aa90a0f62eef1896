package import KubeModel
import Synchronization

/// What we know of all objects of one type, read at once and without waiting.
///
/// An `Informer` fills it. Reads are consistent one by one; a view made of several reads may see a change come in
/// between. Objects change under a lock that is held for a few dictionary operations only.
package final class Cache<Object: KubeObject>: Sendable {
    package typealias Handler = @Sendable (_ old: Object?, _ new: Object?) -> Void

    private let parts: Mutex<Parts>
    private let handlers = Mutex<[Handler]>([])
    private let synced = Latch()

    /// One machine for all namespaces, or one for each of those that are read by informers of their own: lists and watches
    /// of one part say nothing about the others.
    private struct Parts {
        var machines: [CacheMachine<Object>]
        var failures: [Failures]
        /// Which part a namespace is; empty where there is one for all.
        var places: [String: Int] = [:]

        /// nil for a namespace that is not read.
        func part(of namespace: String) -> Int? { places.isEmpty ? 0 : places[namespace] }

        func flatMap<Value>(_ read: (ObjectStore<Object>) -> [Value]) -> [Value] {
            machines.count == 1 ? read(machines[0].store) : machines.flatMap { read($0.store) }
        }

        var isSynced: Bool { machines.allSatisfy(\.isSynced) }
    }

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
        parts = Mutex(Parts(machines: [CacheMachine(indexes: indexes, accepts: accepts)], failures: [Failures()]))
    }

    /// Makes room for one informer for each of these namespaces; none for one of all. Call it before they run.
    package func divide(into namespaces: [String]) {
        guard !namespaces.isEmpty else { return }
        parts.withLock { parts in
            parts.machines = namespaces.map { _ in parts.machines[0] }
            parts.failures = namespaces.map { _ in Failures() }
            parts.places = Dictionary(zip(namespaces, namespaces.indices)) { first, _ in first }
        }
    }

    // MARK: Reading

    package subscript(key: ObjectKey) -> Object? {
        parts.withLock { parts in parts.part(of: key.namespace).flatMap { parts.machines[$0].store[key] } }
    }

    /// Marks what is here now, for `isMarked`: a controller that begins does not know how old that is.
    package func markPresent() {
        parts.withLock { parts in
            for machine in parts.machines { machine.store.markPresent() }
        }
    }

    /// Whether the object was here at the last `markPresent`, whatever it has become since.
    package func isMarked(_ key: ObjectKey) -> Bool {
        parts.withLock { parts in
            parts.part(of: key.namespace).map { parts.machines[$0].store.isMarked(key) } ?? false
        }
    }

    package var count: Int {
        parts.withLock { $0.machines.reduce(0) { $0 + $1.store.count } }
    }

    /// Whether the first list is complete, of every namespace that is read.
    package var isSynced: Bool { synced.isOpen }

    /// Why the API server has not been heard for two attempts and more, as a sentence; nil while it is. What the cache
    /// holds may then be old.
    package var trouble: String? {
        parts.withLock { $0.failures.first { $0.count > 1 }?.last }
    }

    /// How far the list and the watch have come (of several, the one that is furthest back), and the version of each
    /// object that is here: compared with what the server has, it tells whether anything is still on its way.
    package var progress: (seen: UInt64, versions: [ObjectKey: UInt64]) {
        parts.withLock { parts in
            let versions = parts.flatMap { store in
                store.all().map { ($0, $0.metadata.resourceVersion.flatMap { UInt64($0) } ?? 0) }
            }
            let seen = parts.machines.map(\.seenVersion).min() ?? 0
            return (seen, Dictionary(versions.map { (ObjectKey($0.0), $0.1) }) { $1 })
        }
    }

    /// Every object, in no order.
    package func all() -> [Object] {
        parts.withLock { $0.flatMap { $0.all() } }
    }

    /// The objects of one namespace, in no order; "" has those without a namespace.
    package func inNamespace(_ namespace: String) -> [Object] {
        parts.withLock { parts in
            parts.part(of: namespace).map { parts.machines[$0].store.inNamespace(namespace) } ?? []
        }
    }

    /// The objects that the index of that name lists under `value`, in no order. The index must exist.
    package func matching(index: String, value: String) -> [Object] {
        parts.withLock { $0.flatMap { $0.matching(index: index, value: value) } }
    }

    /// How many `matching` would answer with.
    package func count(index: String, value: String) -> Int {
        parts.withLock { $0.machines.reduce(0) { $0 + $1.store.count(index: index, value: value) } }
    }

    /// Returns when the first list is complete; throws `CancellationError` when the task is cancelled before.
    package func waitUntilSynced() async throws {
        try await synced.wait()
    }

    // MARK: Changing

    /// Takes over what a write of ours was answered with, so that the next look already sees it. Events from before the
    /// write change nothing any more.
    package func record(_ written: Object) {
        tell(
            parts.withLock { parts in
                parts.part(of: ObjectKey(written).namespace).flatMap { parts.machines[$0].recorded(written) }
            })
    }

    /// Takes out an object that the server said is gone: deleted, with no finalizer and no grace period left.
    package func recordDeletion(of object: Object) {
        tell(
            parts.withLock { parts in
                parts.part(of: ObjectKey(object).namespace).flatMap { parts.machines[$0].deletionRecorded(object) }
            })
    }

    /// Calls `handler` after every change, on whatever thread brought it and outside the lock; so it must be quick, and
    /// two changes of one object may be told in either order: look at the cache for what is true. Call it before the
    /// informer runs. `old` is nil for an object that appears, `new` for one that vanishes.
    package func onChange(_ handler: @escaping Handler) {
        handlers.withLock { $0.append(handler) }
    }

    // MARK: The informer's side

    /// Which part an informer of that namespace fills; nil is for all namespaces. `divide` must have named it.
    func part(of namespace: String?) -> Int {
        parts.withLock { parts in
            guard let part = parts.part(of: namespace ?? "") else {
                preconditionFailure("no part for namespace \(namespace ?? "")")
            }
            return part
        }
    }

    func isSynced(_ part: Int) -> Bool {
        parts.withLock { $0.machines[part].isSynced }
    }

    func serverFailed(_ sentence: String, in part: Int) {
        parts.withLock { parts in
            parts.failures[part].count += 1
            parts.failures[part].last = sentence
        }
    }

    func serverAnswered(in part: Int) {
        parts.withLock { $0.failures[part] = Failures() }
    }

    func listStarted(in part: Int) {
        parts.withLock { $0.machines[part].listStarted() }
    }

    func pageArrived(_ objects: [Object], unreadable: [ObjectKey], in part: Int) {
        tell(parts.withLock { $0.machines[part].pageArrived(objects, unreadable: unreadable) })
    }

    func listEnded(version: String, in part: Int) {
        let (changes, isSynced) = parts.withLock { parts in
            (parts.machines[part].listEnded(version: version), parts.isSynced)
        }
        tell(changes)
        if isSynced { synced.open() }
    }

    func eventArrived(_ object: Object, in part: Int) {
        tell(parts.withLock { $0.machines[part].eventArrived(object) })
    }

    /// Whether the event that names `identity` is known already and need not be decoded.
    func echoArrived(_ identity: CacheMachine<Object>.Identity, in part: Int) -> Bool {
        parts.withLock { $0.machines[part].echoArrived(identity) }
    }

    func deletionArrived(_ identity: CacheMachine<Object>.Identity, in part: Int) {
        tell(parts.withLock { $0.machines[part].deletionArrived(identity) })
    }

    func bookmarkArrived(version: String, in part: Int) {
        parts.withLock { $0.machines[part].bookmarkArrived(version: UInt64(version)) }
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
