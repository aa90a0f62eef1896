/// The wall clock and the only way to sleep; tests give one that they move by hand.
package protocol TimeSource: Sendable {
    func now() -> Timestamp
    /// Throws `CancellationError` when the task is cancelled meanwhile.
    func sleep(for duration: Duration) async throws
}

package struct SystemTime: TimeSource {
    package init() {}
    package func now() -> Timestamp { .now() }
    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
