import TestSupport
import Testing
import Wire

@testable import ACME

@Suite("Nonces")
struct NonceTests {
    let now = Timestamp(rfc3339: "2026-03-01T12:00:00Z")!

    /// A pool that holds these.
    private func pool(_ nonces: [String]) -> NoncePool {
        var pool = NoncePool()
        for _ in nonces {
            let answer = pool.asked(at: now)
            if answer.turn == nil { #expect(pool.gaveUp(answer.waiter, isCancelled: false) == .fetch) }
        }
        for nonce in nonces { #expect(pool.returned(nonce, at: now) == nil) }
        return pool
    }

    @Test("each nonce is handed out once, oldest first (N3)")
    func once() {
        var pool = pool(["a", "b"])
        #expect(pool.asked(at: now).turn == .use("a"))
        #expect(pool.asked(at: now).turn == .use("b"))
        #expect(pool.asked(at: now).turn == .fetch)
    }

    @Test(
        "nonces with characters outside base64url are ignored (N7, T8)",
        arguments: ["", "a b", "a=", "a+b", "é", "a\n"])
    func illegal(text: String) {
        #expect(pool([text]).count == 0)
    }

    @Test("old nonces are dropped, and the pool is bounded (N8)")
    func bounds() {
        var pool = pool((0..<500).map { "n\($0)" })
        #expect(pool.count == NoncePool.limit)
        #expect(pool.asked(at: now + .seconds(300)).turn == .use("n\(500 - NoncePool.limit)"))
        #expect(pool.asked(at: now + .seconds(301)).turn == .fetch)
        #expect(pool.count == 0)
    }

    @Test("one nonce refused by chance costs the pool nothing, three in a row empty it (N5)")
    func distrust() {
        var pool = pool(["a", "b"])
        for isAccepted in [false, false, true, false, false, true] { pool.judged(isAccepted: isAccepted) }
        #expect(pool.count == 2)
        for _ in 0..<3 { pool.judged(isAccepted: false) }
        #expect(pool.count == 0)
    }

    // MARK: Waiting

    /// A desk whose first 16 requests are in flight, so that whoever comes now waits.
    private func busyDesk(_ clock: ManualClock) async throws -> NonceDesk {
        let desk = NonceDesk(time: clock)
        for _ in 0..<NoncePool.freeRequests { #expect(try await desk.take() == nil) }
        return desk
    }

    @Test("past sixteen in flight, requests use the nonces that others' answers bring, first come first served (N2)")
    func sharing() async throws {
        let clock = ManualClock()
        let desk = try await busyDesk(clock)
        var waiting: [Task<String?, any Error>] = []
        for number in 1...24 {
            waiting.append(Task { try await desk.take() })
            await clock.waitForSleepers(number)
        }
        for number in 1...24 { desk.giveBack("n\(number)") }
        for (index, task) in waiting.enumerated() { #expect(try await task.value == "n\(index + 1)") }
        desk.giveBack("left")
        #expect(try await desk.take() == "left")
    }

    @Test("who waits for half a second, or for an answer that brings no nonce, fetches one")
    func patience() async throws {
        let clock = ManualClock()
        let desk = try await busyDesk(clock)
        let late = Task { try await desk.take() }
        await clock.waitForSleepers()
        clock.advance(by: NoncePool.patience)
        #expect(try await late.value == nil)
        desk.giveBack(nil)  // seventeen were in flight: still too many
        let second = Task { try await desk.take() }
        await clock.waitForSleepers()
        desk.giveBack(nil)
        #expect(try await second.value == nil)
    }

    @Test("a cancelled request stops waiting, and the next nonce is not lost on it")
    func cancellation() async throws {
        let clock = ManualClock()
        let desk = try await busyDesk(clock)
        let cancelled = Task { try await desk.take() }
        await clock.waitForSleepers()
        cancelled.cancel()
        await #expect(throws: ACMEError.cancelled) { try await cancelled.value }
        desk.giveBack("kept")
        #expect(try await desk.take() == "kept")
    }
}
