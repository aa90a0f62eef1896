import KubeClient
import Synchronization
import Testing

@Suite("The turn of lists that are read one after the other")
struct ListTurnTests {
    private final class Readers: Sendable {
        struct Counts: Equatable {
            var now = 0
            var most = 0
            var all = 0
        }
        private let state = Mutex(Counts())
        var counts: Counts { state.withLock { $0 } }

        func came() {
            state.withLock { state in
                state.now += 1
                state.all += 1
                state.most = max(state.most, state.now)
            }
        }
        func went() { state.withLock { $0.now -= 1 } }
    }

    @Test("one reads at a time, and everybody comes to read")
    func oneAtATime() async throws {
        let turn = ListTurn()
        let readers = Readers()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await turn.take()
                    readers.came()
                    await Task.yield()
                    readers.went()
                    turn.giveBack()
                }
            }
            try await group.waitForAll()
        }
        #expect(readers.counts == .init(now: 0, most: 1, all: 50))
    }

    @Test("who is cancelled while waiting leaves the turn to the others")
    func cancelled() async throws {
        let turn = ListTurn()
        try await turn.take()
        let waiting = Task { try await turn.take() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        turn.giveBack()
        try await turn.take()
        turn.giveBack()
    }
}
