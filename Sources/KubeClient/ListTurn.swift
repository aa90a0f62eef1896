import Synchronization

/// Has lists read one after the other, in the order in which their answers begin; those that wait stay on their connections.
///
/// A start asks for all lists at once, so that the API server need not wait for us; read at once they would also be in memory
/// at once.
package final class ListTurn: Sendable {
    private struct State {
        var isTaken = false
        var nextID: UInt64 = 0
        var waiting: [(id: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Returns when nobody reads; throws `CancellationError` when the task is cancelled before. `giveBack` must follow.
    package func take() async throws {
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

    package func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            state.isTaken = !state.waiting.isEmpty
            return state.isTaken ? state.waiting.removeFirst().continuation : nil
        }
        next?.resume()
    }

    private func wait(_ id: UInt64, _ continuation: CheckedContinuation<Void, any Error>) {
        let answer = state.withLock { state -> Result<Void, any Error>? in
            // Cancelled from here on, the task finds its continuation there.
            if Task.isCancelled { return .failure(CancellationError()) }
            if state.isTaken {
                state.waiting.append((id, continuation))
                return nil
            }
            state.isTaken = true
            return .success(())
        }
        if let answer { continuation.resume(with: answer) }
    }

    private func cancel(_ id: UInt64) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard let index = state.waiting.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiting.remove(at: index).continuation
        }
        waiting?.resume(throwing: CancellationError())
    }
}
