import TestSupport
import Testing

@testable import KubeRuntime

@Suite("Signal and Latch", .timeLimit(.minutes(5)))
struct SignalTests {
    @Test("a signal raised before the wait is not lost, and counts once")
    func early() async {
        let signal = Signal()
        let clock = ManualClock()
        signal.raise()
        signal.raise()
        await signal.wait()
        let second = Task { await signal.wait(atMost: .seconds(1), time: clock) }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(1))
        await second.value
    }

    @Test("a cancelled wait returns, and leaves nothing behind")
    func cancelled() async {
        let signal = Signal()
        let clock = ManualClock()
        let task = Task { await signal.wait(atMost: .seconds(1), time: clock) }
        await clock.waitForSleepers()
        task.cancel()
        await task.value
        #expect(clock.sleeperCount == 0)
        let next = Task { await signal.wait(atMost: .seconds(1), time: clock) }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(1))
        await next.value
    }

    @Test("every wake-up between threads arrives")
    func pingPong() async {
        let (ping, pong) = (Signal(), Signal())
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for _ in 0..<2_000 {
                    await ping.wait()
                    pong.raise()
                }
            }
            group.addTask {
                for _ in 0..<2_000 {
                    ping.raise()
                    await pong.wait()
                }
            }
        }
    }

    @Test("a latch lets everybody pass, before and after it opens; a cancelled wait throws")
    func latch() async throws {
        let latch = Latch()
        let cancelled = Task { try await latch.wait() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let waiting = (0..<10).map { _ in Task { try await latch.wait() } }
        latch.open()
        for task in waiting { try await task.value }
        try await latch.wait()
        #expect(latch.isOpen)
    }
}
