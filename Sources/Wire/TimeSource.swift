import Glibc

/// The clocks and the only way to sleep; tests give one that they move by hand.
package protocol TimeSource: Sendable {
    /// The wall clock, which people and NTP may set in either direction.
    func now() -> Timestamp
    /// What has passed since a moment fixed for this process, sleep of the machine included; it only grows.
    func elapsed() -> Duration
    /// Throws `CancellationError` when the task is cancelled meanwhile.
    func sleep(for duration: Duration) async throws
}

package struct SystemTime: TimeSource {
    package init() {}
    package func now() -> Timestamp { .now() }
    package func elapsed() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
