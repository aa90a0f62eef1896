import Synchronization
import Wire

/// Time in which sleeping takes none: the clock leaps ahead. Server and client of a test share one, so that what a
/// service counts in a minute is counted in the client's minutes.
final class LeapingTime: TimeSource {
    private let passed = Mutex(Duration.zero)
    private let start = Timestamp.now().wholeSeconds

    func now() -> Timestamp { start + elapsed() }
    func elapsed() -> Duration { passed.withLock { $0 } }
    func advance(by duration: Duration) { passed.withLock { $0 += duration } }

    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        let wakingTime = elapsed() + duration
        await Task.yield()
        passed.withLock { $0 = max($0, wakingTime) }
    }
}
