package import KubeModel
package import Logging
import Synchronization
package import Wire

/// Runs a reconciler for the keys that are due, a bounded number at a time and never one key twice at once.
///
/// A key that waits costs an entry in a queue, not a worker. Keys may be enqueued before `run`.
package final class ControllerLoop: Sendable {
    /// Long waits are cut into these, so that a wall clock that was set forward is noticed.
    private static var longestWait: Duration { .seconds(60) }

    package let name: String
    private let machine: Mutex<QueueMachine<ObjectKey>>
    private let wakeUp = Signal()
    private let reconciler: any Reconciler
    private let time: any TimeSource
    private let grace: Duration
    private let trail: @Sendable (ObjectKey) -> ObjectKey?
    private let logger: Logger
    private let counts: LoopCounts

    /// - Parameters:
    ///   - backoff: of one key, counting its failures in a row.
    ///   - trail: the Certificate that a key's object is for, which log lines then name; nil where there is none.
    ///   - grace: how long a running reconcile may go on after `run` is cancelled, before it is cancelled itself.
    package init(
        name: String, workers: Int, backoff: Backoff, reconciler: any Reconciler, time: any TimeSource = SystemTime(),
        counters: Counters, logger: Logger, trail: @escaping @Sendable (ObjectKey) -> ObjectKey? = { _ in nil },
        grace: Duration = .seconds(30)
    ) {
        self.name = name
        self.reconciler = reconciler
        self.time = time
        self.grace = grace
        self.trail = trail
        var logger = logger
        logger[metadataKey: "controller"] = "\(name)"
        self.logger = logger
        counts = LoopCounts(name, counters)
        machine = Mutex(QueueMachine(workers: workers, backoff: backoff, jitter: .seeded()))
    }

    /// Asks for `key` to be reconciled at once, or at the latest at `moment`. Never waits; any thread may call it.
    package func enqueue(_ key: ObjectKey, at moment: Timestamp? = nil) {
        let now = time.now()
        let mustLook = machine.withLock { machine in
            defer { counts.depth.set(machine.dueCount) }
            return machine.enqueued(key, at: moment, now: now)
        }
        if mustLook { wakeUp.raise() }
    }

    /// Whether a reconcile runs or is due.
    package var isBusy: Bool {
        machine.withLock { $0.runningCount > 0 || $0.dueCount > 0 }
    }

    /// Whether nothing runs, nothing is due, and nothing will be before `horizon` has passed unless something changes.
    package func isAtRest(for horizon: Duration) -> Bool {
        let end = time.now() + horizon
        return machine.withLock { machine in
            machine.runningCount == 0 && machine.dueCount == 0 && machine.nextDue.map { $0 > end } ?? true
        }
    }

    /// Works until cancelled; then takes no key any more, and returns when the running reconciles have ended, the
    /// last of them by cancellation after the grace period. Runs once.
    package func run() async throws {
        // Awaited right below. Not a child task, so that cancelling `run` does not cancel what is being reconciled.
        let work = Task { await dispatch() }
        await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            _ = machine.withLock { $0.stopped() }
            wakeUp.raise()
        }
    }

    // MARK: Dispatching

    private func dispatch() async {
        await withDiscardingTaskGroup { group in
            var deadline: Duration?
            while true {
                let (step, isStopping) = next()
                switch step {
                case .run(let key):
                    group.addTask { await self.work(startingWith: key) }
                case .wait(let moment):
                    if isStopping, deadline == nil { deadline = time.elapsed() + grace }
                    await wakeUp.wait(atMost: longestWait(until: moment, deadline: deadline), time: time)
                    if let deadline, time.elapsed() >= deadline { return group.cancelAll() }
                case .end:
                    return
                }
            }
        }
    }

    private func next() -> (QueueMachine<ObjectKey>.Step, isStopping: Bool) {
        let now = time.now()
        return machine.withLock { machine in
            defer { counts.depth.set(machine.dueCount) }
            return (machine.next(now: now), machine.isStopping)
        }
    }

    private func longestWait(until moment: Timestamp?, deadline: Duration?) -> Duration? {
        let limits = [
            moment.map { min($0 - time.now(), Self.longestWait) },
            deadline.map { $0 - time.elapsed() },
        ]
        return limits.compactMap { $0 }.min()
    }

    // MARK: Working

    /// One worker: goes from key to key while there is one that is due.
    private func work(startingWith first: ObjectKey) async {
        counts.running.add()
        var key = first
        while true {
            let outcome = await reconcile(key)
            let now = time.now()
            let answer = machine.withLock { machine in
                defer { counts.depth.set(machine.dueCount) }
                return machine.finished(key, outcome, now: now)
            }
            if answer.mustLook { wakeUp.raise() }
            guard let next = answer.next else { break }
            key = next
        }
        counts.running.add(-1)
    }

    private func reconcile(_ key: ObjectKey) async -> QueueMachine<ObjectKey>.Outcome {
        counts.syncs.add()
        let began = time.elapsed()
        defer { counts.duration.add(Int((time.elapsed() - began) / .microseconds(1))) }
        do {
            let requeue = try await reconciler.reconcile(key)
            logger.debug("Reconciled", metadata: metadata(of: key, ["next": "\(requeue)"]))
            switch requeue {
            case .onChange: return .settled
            case .at(let moment): return .lookAgain(at: moment)
            }
        } catch {
            let failure = ReconcileFailure(error, now: time.now())
            if failure.isWorthCounting { counts.errors.add() }
            failure.log(to: logger, metadata(of: key, ["error": "\(failure.cause)"]))
            return failure.outcome
        }
    }

    /// Made only for a line that is written.
    private func metadata(of key: ObjectKey, _ more: @autoclosure () -> Logger.Metadata) -> Logger.Metadata {
        var metadata = more()
        metadata["namespace"] = "\(key.namespace)"
        metadata["name"] = "\(key.name)"
        if let certificate = trail(key) { metadata["certificate"] = "\(certificate)" }
        return metadata
    }
}

/// The numbers of one loop.
private struct LoopCounts: Sendable {
    let syncs: Counters.Counter
    let errors: Counters.Counter
    let duration: Counters.Counter
    let depth: Counters.Counter
    let running: Counters.Counter

    init(_ name: String, _ counters: Counters) {
        syncs = counters.counter(.controllerSyncCallCount, of: name)
        errors = counters.counter(.controllerSyncErrorCount, of: name)
        duration = counters.counter(.controllerSyncDuration, of: name)
        depth = counters.counter(.controllerQueueDepth, of: name)
        running = counters.counter(.controllerRunning, of: name)
    }
}
