import Testing

@testable import KubeRuntime

@Suite("Backoff")
struct BackoffTests {
    @Test(
        "doubles from the minimum to the maximum",
        arguments: [(0, 1), (1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (7, 30), (1_000, 30)])
    func doubles(failures: Int, seconds: Int) {
        var jitter = Jitter(seed: 1)
        let backoff = Backoff(minimum: .seconds(1), maximum: .seconds(30), spread: 0)
        #expect(backoff.delay(afterFailures: failures, using: &jitter) == .seconds(seconds))
    }

    @Test("jitter stays within minimum and maximum, and spreads at the ceiling too")
    func spread() {
        var jitter = Jitter(seed: 7)
        let backoff = Backoff(minimum: .seconds(5), maximum: .seconds(300))
        for failures in 1...100 {
            let delay = backoff.delay(afterFailures: failures, using: &jitter)
            #expect((.seconds(5) ... .seconds(300)).contains(delay))
        }
        let atCeiling = (0..<50).map { _ in backoff.delay(afterFailures: 40, using: &jitter) }
        #expect(Set(atCeiling).count > 40)
        #expect(atCeiling.allSatisfy { $0 >= .seconds(225) })
    }

    @Test("a long minimum does not overflow")
    func longMinimum() {
        var jitter = Jitter(seed: 7)
        let backoff = Backoff(minimum: .seconds(86_400 * 365), maximum: .seconds(86_400 * 365 * 10), spread: 0)
        #expect(backoff.delay(afterFailures: 1_000, using: &jitter) == .seconds(86_400 * 3650))
    }
}
