package import Wire

/// Time that passes so many times faster than it does, so that waits of minutes are seen in seconds.
package struct HurriedTime: TimeSource {
    private let factor: Int
    private let start = ContinuousClock.now
    private let wall = Timestamp.now()

    package init(times factor: Int) {
        self.factor = factor
    }

    package func now() -> Timestamp { wall + elapsed() }
    package func elapsed() -> Duration { (ContinuousClock.now - start) * factor }
    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration / factor) }
}
