import KubeModel
import Synchronization
import Testing

@testable import Controllers

@Suite("Errands beside the workers")
struct ErrandTests {
    private let one = ObjectKey(namespace: "web", name: "one")

    @Test("a lane has its limit, and another lane is not held up")
    func lanes() {
        var machine = LaneMachine<Int>(limitPerLane: 2)
        for number in 0..<4 {
            machine.started(ObjectKey(name: "slow\(number)"), uid: "u", lane: "slow") { number }
        }
        machine.started(one, uid: "u", lane: "quick") { 7 }
        let first = machine.startable()
        #expect(Set(first.map(\.key.name)) == ["slow0", "slow1", "one"])
        #expect(machine.startable().isEmpty)
        let isWanted = machine.finished(first.first { $0.key.name == "slow0" }!, with: 0)
        #expect(isWanted)
        #expect(machine.startable().map(\.key.name) == ["slow2"])
    }

    @Test("one errand per object at a time; its answer stays until it is consumed")
    func answers() {
        var machine = LaneMachine<Int>(limitPerLane: 2)
        machine.started(one, uid: "u", lane: "l") { 1 }
        machine.started(one, uid: "u", lane: "l") { 2 }
        let jobs = machine.startable()
        #expect(jobs.count == 1)
        #expect(machine.isUnderWay(for: one, uid: "u"))
        let isWanted = machine.finished(jobs[0], with: 1)
        #expect(isWanted)
        #expect(machine.answer(for: one, uid: "u") == 1)
        #expect(machine.answer(for: one, uid: "u") == 1)
        machine.consumed(one)
        #expect(machine.answer(for: one, uid: "u") == nil)
    }

    @Test("an object that takes the name of another does not get its answer")
    func replaced() {
        var machine = LaneMachine<Int>(limitPerLane: 2)
        machine.started(one, uid: "old", lane: "l") { 1 }
        let jobs = machine.startable()
        machine.started(one, uid: "new", lane: "l") { 2 }
        let isWanted = machine.finished(jobs[0], with: 1)
        #expect(!isWanted)
        #expect(machine.answer(for: one, uid: "old") == nil)
        #expect(machine.isUnderWay(for: one, uid: "new"))
        #expect(machine.startable().map(\.uid) == ["new"])
    }

    @Test("the shell runs errands and says whose are done")
    func runs() async throws {
        let (finished, continuation) = AsyncStream<ObjectKey>.makeStream()
        let errands = Errands<Int>(limitPerLane: 4) { continuation.yield($0) }
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await errands.run() }
            for number in 0..<20 {
                errands.start(for: ObjectKey(name: "k\(number)"), uid: "u", lane: "l") { number }
            }
            var seen: Set<String> = []
            for await key in finished {
                seen.insert(key.name)
                if seen.count == 20 { break }
            }
            group.cancelAll()
        }
        #expect(errands.answer(for: ObjectKey(name: "k7"), uid: "u") == 7)
    }
}
