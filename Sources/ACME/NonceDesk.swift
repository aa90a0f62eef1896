import Synchronization
import Wire

/// Hands out the nonces of one server, and lets requests wait for those of others: the shell of `NoncePool`.
final class NonceDesk: Sendable {
    private enum Waiter {
        /// Leaves to `waiting` or `served`.
        case expected
        /// Leaves when it is served.
        case waiting(CheckedContinuation<NoncePool.Turn, Never>)
        /// Leaves when it comes to wait.
        case served(NoncePool.Turn)
    }

    private struct State {
        var pool = NoncePool()
        var waiters: [UInt64: Waiter] = [:]
    }

    private let state = Mutex(State())
    private let time: any TimeSource

    init(time: any TimeSource) { self.time = time }

    /// A nonce for one request; nil when that must fetch one. `giveBack` must follow, whatever becomes of the request.
    func take() async throws(ACMEError) -> String? {
        let (turn, waiter) = state.withLock { state in
            let answer = state.pool.asked(at: time.now())
            if answer.turn == nil { state.waiters[answer.waiter] = .expected }
            return answer
        }
        let taken: NoncePool.Turn
        if let turn { taken = turn } else { taken = await wait(waiter) }
        switch taken {
        case .use(let nonce): return nonce
        case .fetch: return nil
        case .cancelled: throw .cancelled
        }
    }

    /// The request is over, and its last answer brought this nonce.
    func giveBack(_ nonce: String?) {
        let waiting = state.withLock { state -> (CheckedContinuation<NoncePool.Turn, Never>, NoncePool.Turn)? in
            guard let handover = state.pool.returned(nonce, at: time.now()) else { return nil }
            return serve(handover.waiter, handover.turn, &state)
        }
        if let (continuation, turn) = waiting { continuation.resume(returning: turn) }
    }

    /// Whether the server took a nonce that `take` gave.
    func judge(isAccepted: Bool) {
        state.withLock { $0.pool.judged(isAccepted: isAccepted) }
    }

    private func wait(_ waiter: UInt64) async -> NoncePool.Turn {
        await withTaskGroup(of: NoncePool.Turn?.self) { group in
            group.addTask { await self.turn(of: waiter) }
            group.addTask {
                // Only cancellation ends a sleep early, and then there is a turn already.
                try? await self.time.sleep(for: NoncePool.patience)
                self.giveUp(waiter, isCancelled: false)
                return nil
            }
            for await turn in group {
                guard let turn else { continue }
                group.cancelAll()
                return turn
            }
            preconditionFailure("the task that waits answers with a turn")
        }
    }

    private func turn(of waiter: UInt64) async -> NoncePool.Turn {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let turn = state.withLock { state -> NoncePool.Turn? in
                    switch state.waiters[waiter] {
                    case .served(let turn):
                        state.waiters[waiter] = nil
                        return turn
                    case .expected:
                        state.waiters[waiter] = .waiting(continuation)
                        return nil
                    case .waiting, nil: preconditionFailure("nobody else waits as \(waiter)")
                    }
                }
                if let turn { continuation.resume(returning: turn) }
            }
        } onCancel: {
            giveUp(waiter, isCancelled: true)
        }
    }

    private func giveUp(_ waiter: UInt64, isCancelled: Bool) {
        let waiting = state.withLock { state -> (CheckedContinuation<NoncePool.Turn, Never>, NoncePool.Turn)? in
            guard let turn = state.pool.gaveUp(waiter, isCancelled: isCancelled) else { return nil }
            return serve(waiter, turn, &state)
        }
        if let (continuation, turn) = waiting { continuation.resume(returning: turn) }
    }

    /// Whom to resume with the turn, once the lock is given back.
    private func serve(
        _ waiter: UInt64, _ turn: NoncePool.Turn, _ state: inout State
    ) -> (CheckedContinuation<NoncePool.Turn, Never>, NoncePool.Turn)? {
        if case .waiting(let continuation) = state.waiters[waiter] {
            state.waiters[waiter] = nil
            return (continuation, turn)
        }
        state.waiters[waiter] = .served(turn)
        return nil
    }
}
