import DNSWire
import Synchronization

/// Lets one at a time do something, for each key, in the order they came.
final class KeyedTurns: Sendable {
    private struct Waiter {
        var id: UInt64
        var continuation: CheckedContinuation<Bool, Never>
    }
    private struct State {
        /// A key is here while somebody has its turn; then its line.
        var lines: [String: [Waiter]] = [:]
        var lastID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Waits for the turn, and has it until `body` is left. Cancelled while waiting, it throws.
    func run<R: Sendable>(
        _ key: String, _ body: () async throws(DNSProviderError) -> R
    ) async throws(DNSProviderError) -> R {
        guard await enter(key) else { throw .dns(.cancelled) }
        defer { leave(key) }
        return try await body()
    }

    /// How many keys have somebody at work: none once all have left.
    var busyCount: Int { state.withLock { $0.lines.count } }

    private func enter(_ key: String) async -> Bool {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    guard state.lines[key] != nil else {
                        state.lines[key] = []
                        return true
                    }
                    state.lines[key]?.append(Waiter(id: id, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            cancel(id, key)
        }
    }

    private func cancel(_ id: UInt64, _ key: String) {
        let waiter = state.withLock { state -> Waiter? in
            guard let place = state.lines[key]?.firstIndex(where: { $0.id == id }) else { return nil }
            return state.lines[key]?.remove(at: place)
        }
        waiter?.continuation.resume(returning: false)
    }

    private func leave(_ key: String) {
        let next = state.withLock { state -> Waiter? in
            guard state.lines[key]?.isEmpty == false else {
                state.lines[key] = nil
                return nil
            }
            return state.lines[key]?.removeFirst()
        }
        next?.continuation.resume(returning: true)
    }
}
