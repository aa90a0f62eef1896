import KubeModel
import Logging
import Synchronization
import TestSupport
import Testing
import Wire

@testable import KubeRuntime

/// A reconciler whose answers a test gives, and which tells what it was asked.
private final class Script: Reconciler {
    typealias Answer = @Sendable (_ key: ObjectKey, _ run: Int) async throws -> Requeue

    struct Record {
        var runs: [ObjectKey] = []
        var now = 0
        var most = 0
    }
    let record = Mutex(Record())
    let started = AsyncStream<ObjectKey>.makeStream()
    private let answer: Answer

    init(_ answer: @escaping Answer) {
        self.answer = answer
    }

    func reconcile(_ key: ObjectKey) async throws -> Requeue {
        let run = record.withLock { record in
            record.runs.append(key)
            record.now += 1
            record.most = max(record.most, record.now)
            return record.runs.count { $0 == key }
        }
        started.continuation.yield(key)
        defer { record.withLock { $0.now -= 1 } }
        return try await answer(key, run)
    }

    var runs: [String] { record.withLock { $0.runs.map(\.name) } }
}

private struct Broken: Error {}

@Suite("ControllerLoop", .timeLimit(.minutes(5)))
struct ControllerLoopTests {
    let clock = ManualClock()
    let counters = Counters()

    private func loop(_ script: Script, workers: Int = 2) -> ControllerLoop {
        ControllerLoop(
            name: "things", workers: workers, backoff: Backoff(minimum: .seconds(2), maximum: .seconds(60), spread: 0),
            reconciler: script, time: clock, counters: counters,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "ns", name: name) }
    func value(_ name: Counters.Name) -> Int { counters.counter(name, of: "things").value }

    /// Runs the loop beside `body`, then stops it.
    private func running(_ loop: ControllerLoop, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await loop.run() }
            try await body()
            group.cancelAll()
        }
    }

    @Test("runs what was enqueued before and after it started, one worker per key, and counts")
    func runs() async throws {
        let script = Script { _, _ in .onChange }
        let loop = loop(script)
        loop.enqueue(key("a"))
        #expect(loop.isBusy)
        try await running(loop) {
            var started = script.started.stream.makeAsyncIterator()
            #expect(await started.next() == key("a"))
            loop.enqueue(key("b"))
            #expect(await started.next() == key("b"))
        }
        #expect(script.runs == ["a", "b"])
        #expect(value(.controllerSyncCallCount) == 2)
        #expect(value(.controllerSyncErrorCount) == 0)
        #expect(value(.controllerRunning) == 0)
        #expect(!loop.isBusy)
    }

    @Test("a key that fails comes back after its back-off, and one that asks for a time comes at it")
    func comesBack() async throws {
        let clock = clock
        let script = Script { _, run in
            switch run {
            case 1: throw Broken()
            case 2: return .at(clock.now() + .seconds(600))
            case 3: throw ReconcileError.retryAt(clock.now() + .seconds(100), Broken())
            default: throw ReconcileError.terminal(Broken())
            }
        }
        let loop = loop(script)
        try await running(loop) {
            var started = script.started.stream.makeAsyncIterator()
            loop.enqueue(key("a"))
            for delay in [0, 2, 600, 100] {
                if delay > 0 {
                    await clock.waitForSleepers()
                    clock.advance(by: .milliseconds(delay * 1000 - 1))
                    clock.advance(by: .milliseconds(1))
                }
                _ = await started.next()
            }
            try await until("three errors are counted") { value(.controllerSyncErrorCount) >= 3 }
        }
        #expect(script.runs == ["a", "a", "a", "a"])
        #expect(clock.elapsed() == .seconds(702))
    }

    @Test("never more runs at once than there are workers, and waiting keys hold none")
    func workers() async throws {
        let gate = Signal()
        let script = Script { key, _ in
            if key.name == "slow" { await gate.wait() }
            return .onChange
        }
        let loop = loop(script, workers: 2)
        try await running(loop) {
            loop.enqueue(key("slow"))
            for i in 0..<50 { loop.enqueue(key("later\(i)"), at: clock.now() + .seconds(3600)) }
            for i in 0..<50 { loop.enqueue(key("now\(i)")) }
            try await until("all but the slow and later keys have run") { script.runs.count >= 51 }
            gate.raise()
        }
        #expect(script.record.withLock { $0.most } == 2)
        #expect(script.runs.filter { $0.hasPrefix("later") }.isEmpty)
    }

    @Test("cancelling it takes no new key, and lets the running one finish")
    func gracefulStop() async throws {
        let gate = Signal()
        let finished = Counters().counter(.controllerRunning, of: "x")
        let script = Script { _, _ in
            await gate.wait()
            #expect(!Task.isCancelled)
            finished.add()
            return .onChange
        }
        let loop = loop(script, workers: 1)
        loop.enqueue(key("a"))
        loop.enqueue(key("b"))
        let run = Task { try await loop.run() }
        var started = script.started.stream.makeAsyncIterator()
        _ = await started.next()
        run.cancel()
        await clock.waitForSleepers()  // the grace period
        gate.raise()
        try await run.value
        #expect(finished.value == 1)
        #expect(script.runs == ["a"])
    }

    @Test("a run that outlasts the grace period is cancelled")
    func gracePeriodEnds() async throws {
        let clock = clock
        let script = Script { _, _ in
            try await clock.sleep(for: .seconds(3600))
            return .onChange
        }
        let loop = loop(script)
        loop.enqueue(key("a"))
        let run = Task { try await loop.run() }
        await clock.waitForSleepers(1)
        run.cancel()
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(30))
        try await run.value
        #expect(value(.controllerSyncErrorCount) == 0, "an interruption is nobody's error")
    }

    @Test("thousands of keys from many threads all run, and one key never twice at once")
    func many() async throws {
        let running = Mutex<Set<ObjectKey>>([])
        let script = Script { key, _ in
            #expect(running.withLock { $0.insert(key).inserted })
            await Task.yield()
            running.withLock { _ = $0.remove(key) }
            return .onChange
        }
        let loop = loop(script, workers: 8)
        try await self.running(loop) {
            await withTaskGroup(of: Void.self) { group in
                for start in 0..<8 {
                    group.addTask {
                        for i in 0..<2_000 {
                            loop.enqueue(ObjectKey(namespace: "ns", name: "\((start + i) % 500)"))
                        }
                    }
                }
            }
            try await until("the loop is idle") { !loop.isBusy }
        }
        #expect(Set(script.runs).count == 500)
    }
}
