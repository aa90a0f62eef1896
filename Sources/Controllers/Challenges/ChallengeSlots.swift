package import KubeModel
import Synchronization
import Wire

/// Which Challenges are worked on: a bounded number at once, the oldest of those that wait first.
package final class ChallengeSlots: Sendable {
    private struct State {
        var taken: Set<ObjectKey> = []
        var waiting: [ObjectKey: Timestamp] = [:]
    }
    private let limit: Int
    private let state = Mutex(State())

    package init(limit: Int) { self.limit = limit }

    package var takenCount: Int { state.withLock { $0.taken.count } }

    /// Whether `key` has a slot now; if not it waits for one, in the order of `createdAt`.
    func take(_ key: ObjectKey, createdAt: Timestamp) -> Bool {
        state.withLock { state in
            if state.taken.contains(key) { return true }
            let isFirst = state.waiting.values.allSatisfy { $0 >= createdAt }
            guard state.taken.count < limit, isFirst || state.taken.count + state.waiting.count < limit else {
                state.waiting[key] = createdAt
                return false
            }
            state.waiting[key] = nil
            state.taken.insert(key)
            return true
        }
    }

    func has(_ key: ObjectKey) -> Bool { state.withLock { $0.taken.contains(key) } }

    /// Gives the slot back; answers who may try to take one now.
    func give(back key: ObjectKey) -> [ObjectKey] {
        state.withLock { state in
            state.waiting[key] = nil
            guard state.taken.remove(key) != nil else { return [] }
            let free = limit - state.taken.count
            guard free > 0, !state.waiting.isEmpty else { return [] }
            return state.waiting.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.prefix(free).map(\.key)
        }
    }
}
