package import KubeClient
package import KubeModel
package import Logging
import Synchronization
package import Wire

/// Holds a Lease while the work runs, so that of all replicas one works at a time.
///
/// It is also the gate that every write passes: the gate closes by itself, by a clock that only grows, when the Lease
/// has not been renewed for `renewDeadline`, which is before another replica may take it. What is left until
/// `leaseDuration` is the time that a write which has passed may take (`writeLimit`).
package final class LeaderElection: WriteGate {
    package struct Settings: Sendable, Equatable {
        package var leaseDuration: Duration
        package var renewDeadline: Duration
        package var retryPeriod: Duration

        /// The longer must be the longer, as client-go asks: `leaseDuration > renewDeadline > retryPeriod > 0`.
        package init(
            leaseDuration: Duration = .seconds(60), renewDeadline: Duration = .seconds(40),
            retryPeriod: Duration = .seconds(15)
        ) {
            self.leaseDuration = leaseDuration
            self.renewDeadline = renewDeadline
            self.retryPeriod = retryPeriod
        }

        package var isValid: Bool {
            leaseDuration > renewDeadline && renewDeadline > retryPeriod && retryPeriod > .zero
        }
    }

    private let store: LeaseStore
    private let machine: Mutex<LeaseMachine>
    private let settings: Settings
    private let releaseLimit: Duration
    private let isLost = Latch()
    private let time: any TimeSource
    private let logger: Logger

    /// - Parameters:
    ///   - client: one without a gate, for the Lease must be written while the gate is closed.
    ///   - identity: of this process alone; no other, earlier or later, may have the same.
    ///   - releaseLimit: how long giving the Lease up may take at the end.
    package init(
        client: KubeClient, lease: ObjectKey, identity: String, settings: Settings = Settings(),
        releaseLimit: Duration = .seconds(5), time: any TimeSource = SystemTime(), logger: Logger
    ) {
        precondition(settings.isValid, "a lease needs leaseDuration > renewDeadline > retryPeriod > 0")
        var logger = logger
        logger[metadataKey: "lease"] = "\(lease)"
        self.logger = logger
        self.time = time
        self.settings = settings
        self.releaseLimit = releaseLimit
        store = LeaseStore(
            client: client, key: lease, identity: identity, duration: settings.leaseDuration, time: time)
        let timing = LeaseMachine.Timing(
            duration: settings.leaseDuration, renewDeadline: settings.renewDeadline, retry: settings.retryPeriod)
        machine = Mutex(LeaseMachine(identity: identity, timing: timing, jitter: .seeded()))
    }

    package var isLeading: Bool {
        let now = time.elapsed()
        return machine.withLock { $0.mayWrite(at: now) }
    }

    /// How long since the Lease was last renewed while we hold it; nil when we do not. For a health check: past
    /// `renewDeadline` the process should have ended.
    package var timeSinceRenewal: Duration? {
        let now = time.elapsed()
        return machine.withLock { machine in machine.deadline.map { now - ($0 - settings.renewDeadline) } }
    }

    package func check() throws(KubeError) {
        guard isLeading else { throw .fenced }
    }

    package var writeLimit: Duration { settings.leaseDuration - settings.renewDeadline }

    /// Waits for the Lease, then runs `work` and keeps the Lease for as long as that takes.
    ///
    /// Cancelling it cancels `work`, keeps the Lease until `work` has ended, and gives it up, so that a successor
    /// starts at once. Losing the Lease cancels `work` and throws `LeaseLost` when that has ended; no write passes the
    /// gate meanwhile. Runs once.
    package func run(whileLeading work: @escaping @Sendable () async throws -> Void) async throws {
        guard await acquire() else { return await giveUp() }
        logger.info("The lease is ours; work begins")
        // Awaited below. Not a child task: while the work winds down after a cancellation the Lease must be kept.
        let keeper = Task { await keep() }
        let result = await runUntilLost(work)
        keeper.cancel()
        await keeper.value
        if isLost.isOpen {
            logger.error("The lease is lost; all work has stopped")
            throw LeaseLost()
        }
        await giveUp()
        try result.get()
    }

    // MARK: Working

    private func runUntilLost(_ work: @escaping @Sendable () async throws -> Void) async -> Result<Void, any Error> {
        await withTaskGroup(of: Result<Void, any Error>?.self) { group in
            group.addTask {
                do {
                    return .success(try await work())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await self.isLost.wait()  // cancelled: the work has ended
                return nil
            }
            var result: Result<Void, any Error> = .success(())
            for await ended in group {
                group.cancelAll()
                if let ended { result = ended }
            }
            return result
        }
    }

    // MARK: The lease

    /// Answers whether the Lease is ours; false when cancelled before.
    private func acquire() async -> Bool {
        var step = machine.withLock { $0.waited(now: time.elapsed()) }
        while !Task.isCancelled {
            step = await perform(step, atMost: settings.retryPeriod)
            if isLeading { return true }
        }
        return false
    }

    private func keep() async {
        var step = LeaseMachine.Step.wait(settings.retryPeriod)
        while !Task.isCancelled {
            let now = time.elapsed()
            let left = machine.withLock { $0.deadline }.map { $0 - now } ?? .zero
            step = await perform(step, atMost: left)
            if step == .stop { return isLost.open() }
        }
    }

    /// Does one step, within a time limit where it is a request, and answers the next.
    private func perform(_ step: LeaseMachine.Step, atMost limit: Duration) async -> LeaseMachine.Step {
        let sent = time.elapsed()
        switch step {
        case .read:
            let answer = await answer(atMost: limit) { await self.store.read() }
            return machine.withLock { $0.read(answer, now: time.elapsed()) }
        case .create:
            let answer = await answer(atMost: limit) { await self.store.create() }
            return machine.withLock { $0.wrote(answer, sent: sent, now: time.elapsed()) }
        case .take(let version, let transitions, let isRenewal):
            let answer = await answer(atMost: limit) {
                await self.store.take(version: version, transitions: transitions, isRenewal: isRenewal)
            }
            return machine.withLock { $0.wrote(answer, sent: sent, now: time.elapsed()) }
        case .wait(let delay):
            await wait(delay)
            return machine.withLock { $0.waited(now: time.elapsed()) }
        case .stop, .end, .release:
            return step
        }
    }

    private func answer(
        atMost limit: Duration, _ request: @escaping @Sendable () async -> LeaseMachine.Answer
    ) async -> LeaseMachine.Answer {
        let answer = await withTimeLimit(limit, time: time, request) ?? .failed
        if answer == .failed, !Task.isCancelled {
            logger.warning("A request for the lease failed", metadata: ["leading": "\(isLeading)"])
        }
        return answer
    }

    /// A standby also wakes when the Lease changes, for it may have been released.
    private func wait(_ delay: Duration) async {
        guard !isLeading, let version = machine.withLock({ $0.observedVersion }) else {
            try? await time.sleep(for: delay)  // cancellation is what the callers' loops look at
            return
        }
        _ = await withTimeLimit(delay, time: time) { [time, store] in
            if await store.waitForChange(since: version, atMost: delay) { return }
            // No watch to be had: then the time alone.
            try? await time.sleep(for: delay)
        }
    }

    /// Releases the Lease if it is ours, or may be by a write whose answer never came.
    private func giveUp() async {
        let step = machine.withLock { $0.shutDown() }
        // Awaited right here, for `releaseLimit` at most: a cancelled task could not send the request itself.
        await Task { [store, logger, time, releaseLimit] in
            let isReleased = await withTimeLimit(releaseLimit, time: time) {
                switch step {
                case .release(let version, let transitions):
                    await store.release(version: version, transitions: transitions)
                default:
                    await store.releaseIfOurs()
                }
            }
            if isReleased == true { logger.info("The lease is released") }
        }.value
    }
}

/// Another replica may be working: this process must end.
package struct LeaseLost: Error, CustomStringConvertible {
    package var description: String { "The lease was lost, so all work has stopped." }
}
