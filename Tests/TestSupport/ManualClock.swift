import Synchronization
package import Wire

/// Time that stands still until a test moves it.
package final class ManualClock: TimeSource {
    private struct Sleeper {
        var id: UInt64
        var until: Duration
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var elapsed = Duration.zero
        var wall: Timestamp
        var nextID: UInt64 = 0
        var sleepers: [Sleeper] = []
    }

    private let state: Mutex<State>

    /// Starts at 2026-01-01T00:00:00Z.
    package init(_ start: Timestamp = Timestamp(secondsSince1970: 1_767_225_600)) {
        state = Mutex(State(wall: start))
    }

    package func now() -> Timestamp { state.withLock { $0.wall } }

    package func elapsed() -> Duration { state.withLock { $0.elapsed } }

    package func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { fallAsleep(id, for: duration, $0) }
        } onCancel: {
            cancel(id)
        }
    }

    /// Lets `duration` pass at once, waking in their order those who sleep no longer.
    package func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.elapsed += duration
            state.wall = state.wall + duration
            let now = state.elapsed
            let woken = state.sleepers.filter { $0.until <= now }.sorted { ($0.until, $0.id) < ($1.until, $1.id) }
            state.sleepers.removeAll { $0.until <= now }
            return woken
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }

    /// Sets the wall clock, as NTP or a person would: nobody wakes, and `elapsed` does not notice.
    package func setWall(to time: Timestamp) {
        state.withLock { $0.wall = time }
    }

    package var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// Returns as soon as at least so many tasks sleep, so that a test knows that its subject waits; or after 20 real
    /// seconds, so that what the test expects next fails instead of hanging.
    package func waitForSleepers(_ count: Int = 1) async {
        let end = ContinuousClock.now + .seconds(20)
        while sleeperCount < count, .now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(1))  // cancelled, the loop ends
        }
    }

    private func fallAsleep(_ id: UInt64, for duration: Duration, _ continuation: CheckedContinuation<Void, any Error>)
    {
        enum Answer {
            case asleep
            case awake
            case cancelled
        }
        let answer = state.withLock { state -> Answer in
            if Task.isCancelled { return .cancelled }
            if duration <= .zero { return .awake }
            state.sleepers.append(Sleeper(id: id, until: state.elapsed + duration, continuation: continuation))
            return .asleep
        }
        switch answer {
        case .asleep: break
        case .awake: continuation.resume()
        case .cancelled: continuation.resume(throwing: CancellationError())
        }
    }

    private func cancel(_ id: UInt64) {
        let sleeper = state.withLock { state -> Sleeper? in
            state.sleepers.firstIndex { $0.id == id }.map { state.sleepers.remove(at: $0) }
        }
        sleeper?.continuation.resume(throwing: CancellationError())
    }
}
