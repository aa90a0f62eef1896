import Synchronization
import Wire

/// Wakes one waiting task; raised while nobody waits, it is kept for the next who does.
final class Signal: Sendable {
    private enum State {
        /// Leaves to `raised` or `awaited`.
        case quiet
        /// Leaves to `quiet` when somebody comes to wait.
        case raised
        /// Leaves to `quiet` when raised, or when the waiting task is cancelled.
        case awaited(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.quiet)

    func raise() {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { if case .awaited = state { state = .quiet } else { state = .raised } }
            if case .awaited(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume()
    }

    /// Returns when raised, or when the task is cancelled. One task at a time may wait.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRaised = state.withLock { state in
                    switch state {
                    case .awaited: preconditionFailure("two tasks wait for one signal")
                    case .raised:
                        state = .quiet
                        return true
                    case .quiet:
                        if Task.isCancelled { return true }
                        state = .awaited(continuation)
                        return false
                    }
                }
                if isRaised { continuation.resume() }
            }
        } onCancel: {
            // Not `raise`: a cancelled wait must not leave a wake-up behind for the next one.
            let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard case .awaited(let continuation) = state else { return nil }
                state = .quiet
                return continuation
            }
            waiting?.resume()
        }
    }

    /// Returns when raised, when `limit` (nil: none) has passed, or when the task is cancelled.
    func wait(atMost limit: Duration?, time: any TimeSource) async {
        guard let limit else { return await wait() }
        guard limit > .zero else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            // Only cancellation ends a sleep early, and then the wait is over as well.
            group.addTask { try? await time.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }
}

/// A door that opens once and stays open.
package final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var nextID: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Void, any Error>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var isOpen: Bool { state.withLock { $0.isOpen } }

    package func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when the latch is open; throws `CancellationError` when the task is cancelled before.
    package func wait() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wait(id, $0) }
        } onCancel: {
            cancel(id)
        }
    }

    private func wait(_ id: UInt64, _ continuation: CheckedContinuation<Void, any Error>) {
        let answer = state.withLock { state -> Result<Void, any Error>? in
            if state.isOpen { return .success(()) }
            // Cancelled from here on, the task finds its continuation there.
            if Task.isCancelled { return .failure(CancellationError()) }
            state.waiting[id] = continuation
            return nil
        }
        if let answer { continuation.resume(with: answer) }
    }

    private func cancel(_ id: UInt64) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(throwing: CancellationError())
    }
}
