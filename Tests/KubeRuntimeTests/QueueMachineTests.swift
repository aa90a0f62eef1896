import Testing
import Wire

@testable import KubeRuntime

@Suite("QueueMachine")
struct QueueMachineTests {
    typealias Step = QueueMachine<String>.Step
    let start = Timestamp(secondsSince1970: 1_000)

    func machine(workers: Int = 1) -> QueueMachine<String> {
        QueueMachine(
            workers: workers, backoff: Backoff(minimum: .seconds(2), maximum: .seconds(60), spread: 0),
            jitter: Jitter(seed: 1))
    }
    func at(_ seconds: Int) -> Timestamp { start + .seconds(seconds) }

    @Test("a key is handed out once, and the dispatcher then waits")
    func once() {
        var queue = machine()
        #expect(queue.enqueued("a", at: nil, now: start) == true)
        #expect(queue.enqueued("a", at: nil, now: start) == false, "it is due already")
        #expect(queue.next(now: start) == .run("a"))
        #expect(queue.next(now: start) == .wait(until: nil))
        let end = queue.finished("a", .settled, now: start)
        #expect(end.next == nil && !end.mustLook)
        #expect(queue.next(now: start) == .wait(until: nil))
        #expect(queue.count == 0)
    }

    @Test("a key enqueued while it runs is run again, after it has finished")
    func enqueuedWhileRunning() {
        var queue = machine(workers: 2)
        _ = queue.enqueued("a", at: nil, now: start)
        #expect(queue.next(now: start) == .run("a"))
        #expect(queue.enqueued("a", at: nil, now: start) == false)
        #expect(queue.next(now: start) == .wait(until: nil), "a second worker is free, but a runs")
        #expect(queue.finished("a", .settled, now: at(1)).next == "a")
        #expect(queue.finished("a", .settled, now: at(2)).next == nil)
    }

    @Test("the earliest wish wins")
    func earliest() {
        var queue = machine()
        #expect(queue.enqueued("a", at: at(100), now: start) == true)
        #expect(queue.next(now: start) == .wait(until: at(100)))
        #expect(queue.enqueued("a", at: at(200), now: start) == false)
        #expect(queue.enqueued("a", at: at(50), now: start) == true)
        #expect(queue.next(now: start) == .wait(until: at(50)))
        #expect(queue.next(now: at(50)) == .run("a"))
        #expect(queue.finished("a", .lookAgain(at: at(300)), now: at(51)).next == nil)
        #expect(queue.next(now: at(51)) == .wait(until: at(300)))
    }

    @Test("keys run in the order in which they became due")
    func fair() {
        var queue = machine()
        _ = queue.enqueued("late", at: at(10), now: start)
        _ = queue.enqueued("b", at: nil, now: start)
        _ = queue.enqueued("c", at: nil, now: start)
        #expect(queue.next(now: at(0)) == .run("b"))
        _ = queue.enqueued("b", at: nil, now: at(1))
        #expect(queue.finished("b", .settled, now: at(11)).next == "c")
        #expect(queue.finished("c", .settled, now: at(11)).next == "b")
        #expect(queue.finished("b", .settled, now: at(11)).next == "late")
    }

    @Test("failures back off, a success resets")
    func backsOff() {
        var queue = machine()
        _ = queue.enqueued("a", at: nil, now: start)
        #expect(queue.next(now: start) == .run("a"))
        _ = queue.finished("a", .failed, now: start)
        #expect(queue.next(now: start) == .wait(until: at(2)))
        #expect(queue.next(now: at(2)) == .run("a"))
        _ = queue.finished("a", .failed, now: at(2))
        #expect(queue.next(now: at(2)) == .wait(until: at(6)))
        #expect(queue.next(now: at(6)) == .run("a"))
        _ = queue.finished("a", .settled, now: at(6))
        _ = queue.enqueued("a", at: nil, now: at(7))
        #expect(queue.next(now: at(7)) == .run("a"))
        _ = queue.finished("a", .failed, now: at(7))
        #expect(queue.next(now: at(7)) == .wait(until: at(9)))
    }

    @Test("a change lets a failed key run sooner than its back-off, but at most once a second")
    func changeAfterFailure() {
        var queue = machine()
        _ = queue.enqueued("a", at: nil, now: start)
        for _ in 0..<5 {
            #expect(queue.next(now: start) == .run("a"))
            _ = queue.enqueued("a", at: nil, now: start)  // its own write's echo
            _ = queue.finished("a", .failed, now: start)
            #expect(queue.next(now: start) == .wait(until: at(1)))
            #expect(queue.next(now: at(1)) == .run("a"))
            _ = queue.finished("a", .settled, now: at(1))
            _ = queue.enqueued("a", at: nil, now: at(1))
        }
    }

    @Test("whoever said when to try again is obeyed, and a change may come sooner")
    func retryAt() {
        var queue = machine()
        _ = queue.enqueued("a", at: nil, now: start)
        #expect(queue.next(now: start) == .run("a"))
        _ = queue.finished("a", .failedUntil(at(500)), now: start)
        #expect(queue.next(now: at(1)) == .wait(until: at(500)))
        #expect(queue.enqueued("a", at: nil, now: at(20)) == true)
        #expect(queue.next(now: at(20)) == .run("a"))
    }

    @Test("a conflict is tried again in milliseconds, growing when it stays")
    func conflict() {
        var queue = machine()
        _ = queue.enqueued("a", at: nil, now: start)
        #expect(queue.next(now: start) == .run("a"))
        _ = queue.finished("a", .conflicted, now: start)
        #expect(queue.next(now: start) == .wait(until: start + .milliseconds(20)))
        #expect(queue.next(now: at(1)) == .run("a"))
        _ = queue.finished("a", .conflicted, now: at(1))
        #expect(queue.next(now: at(1)) == .wait(until: at(1) + .milliseconds(40)))
    }

    @Test("a key that always asks for the past does not spin")
    func breath() {
        var queue = machine()
        _ = queue.enqueued("a", at: nil, now: start)
        #expect(queue.next(now: start) == .run("a"))
        _ = queue.finished("a", .lookAgain(at: at(-5)), now: start)
        #expect(queue.next(now: start) == .wait(until: start + .milliseconds(10)))
    }

    @Test("stopping hands out nothing more and ends with the last running key")
    func stops() {
        var queue = machine(workers: 2)
        _ = queue.enqueued("a", at: nil, now: start)
        _ = queue.enqueued("b", at: nil, now: start)
        _ = queue.enqueued("c", at: nil, now: start)
        #expect(queue.next(now: start) == .run("a"))
        #expect(queue.next(now: start) == .run("b"))
        #expect(queue.stopped() == false)
        #expect(queue.next(now: start) == .wait(until: nil))
        let first = queue.finished("a", .failed, now: start)
        #expect(first.next == nil && !first.mustLook)
        let second = queue.finished("b", .settled, now: start)
        #expect(second.next == nil && second.mustLook)
        #expect(queue.next(now: start) == .end)
    }

    @Test("moving one key a million times keeps the queue small")
    func dedup() {
        var queue = machine()
        for i in 0..<100_000 { _ = queue.enqueued("a", at: at(200_000 - i), now: start) }
        #expect(queue.alarmCount < 200)
        #expect(queue.next(now: start) == .wait(until: at(100_001)))
    }
}

/// What a queue must do, said as simply as possible: for each key the earliest time anybody wants it.
private struct QueueModel {
    var wanted: [Int: Timestamp] = [:]
    var running: Set<Int> = []
    var again: [Int: Timestamp] = [:]
    var floor: [Int: Timestamp] = [:]

    mutating func enqueue(_ key: Int, at time: Timestamp, now: Timestamp) {
        let time = max(time, floor[key] ?? time)
        if running.contains(key) {
            again[key] = min(again[key] ?? time, time)
        } else {
            // Asking for a moment that has passed is asking for now; a key that is due stays so.
            wanted[key] = min(wanted[key] ?? time, time)
        }
    }
}

@Suite("QueueMachine against a model")
struct QueueMachineModelTests {
    @Test("never runs a key twice at once, never loses one, never runs one early", arguments: 0..<40)
    func agrees(seed: Int) {
        var random = Jitter(seed: UInt64(seed))
        let workers = Int.random(in: 1...4, using: &random)
        let backoff = Backoff(minimum: .seconds(1), maximum: .seconds(8), spread: 0)
        var queue = QueueMachine<Int>(workers: workers, backoff: backoff, jitter: Jitter(seed: 1))
        var model = QueueModel()
        var failures: [Int: Int] = [:]
        var now = Timestamp(secondsSince1970: 0)

        func started(_ key: Int) {
            #expect(!model.running.contains(key))
            #expect(model.wanted[key].map { $0 <= now } ?? false, "\(key) ran at \(now) without being due")
            model.wanted[key] = nil
            model.running.insert(key)
            #expect(model.running.count <= workers)
        }
        func dispatch() {
            while true {
                guard case .run(let key) = queue.next(now: now) else { break }
                started(key)
            }
            let isDueLeft = model.wanted.values.contains { $0 <= now }
            #expect(!isDueLeft || model.running.count == workers, "a due key waits although a worker is free")
        }
        for _ in 0..<600 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                now = now + .milliseconds(Int.random(in: 0...1500, using: &random))
                dispatch()
            case 1, 2:
                let key = Int.random(in: 0..<8, using: &random)
                let time = Bool.random(using: &random) ? nil : now + .seconds(Int.random(in: -2...10, using: &random))
                let mustLook = queue.enqueued(key, at: time, now: now)
                model.enqueue(key, at: time ?? now, now: now)
                if mustLook { dispatch() }
            default:
                guard let key = model.running.sorted().randomElement(using: &random) else { continue }
                let outcomes: [QueueMachine<Int>.Outcome] = [
                    .settled, .lookAgain(at: now + .seconds(3)), .failed, .failedUntil(now + .seconds(5)),
                ]
                guard let outcome = outcomes.randomElement(using: &random) else { continue }
                model.running.remove(key)
                model.floor[key] = nil
                switch outcome {
                case .settled: failures[key] = nil
                case .lookAgain(let time):
                    failures[key] = nil
                    model.wanted[key] = time
                case .failed, .failedUntil, .conflicted:
                    failures[key, default: 0] += 1
                    model.floor[key] = now + .seconds(1)
                    let delay = min(8, 1 << (failures[key, default: 1] - 1))
                    if case .failedUntil(let time) = outcome {
                        model.wanted[key] = time
                    } else {
                        model.wanted[key] = now + .seconds(delay)
                    }
                }
                if let time = model.again.removeValue(forKey: key) { model.enqueue(key, at: time, now: now) }
                let answer = queue.finished(key, outcome, now: now)
                if let next = answer.next { started(next) }
                if answer.mustLook { dispatch() }
            }
            let due = model.wanted.values.filter { $0 <= now }.count
            #expect(queue.dueCount <= due)
            #expect(queue.runningCount == model.running.count)
        }
    }
}
