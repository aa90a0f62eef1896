import CertificateAPI
import KubeModel
import Synchronization
import Testing

@testable import Solvers

@Suite("Errands beside the workers")
struct ErrandTests {
    static let done = SolverErrands.Result.done

    static func challenge(_ name: String, uid: String = "u") -> Challenge {
        var challenge = Samples.challenge(.dns01, solver: Solver())
        challenge.metadata.name = name
        challenge.metadata.uid = uid
        return challenge
    }

    @Test("an errand is started once, and its result handed out once")
    func once() throws {
        var machine = ErrandMachine(limit: 2)
        let challenge = Self.challenge("a")
        for _ in 0..<3 { #expect(machine.asked(.present, for: challenge) == nil) }
        let jobs = machine.startable()
        #expect(jobs.map(\.errand) == [.present])
        #expect(machine.startable().isEmpty)
        #expect(machine.asked(.present, for: challenge) == nil)
        #expect(machine.finished(jobs[0], with: Self.done) == true)
        #expect(machine.asked(.present, for: challenge) == Self.done)
        #expect(machine.asked(.present, for: challenge) == nil)
        #expect(machine.startable().count == 1)
    }

    @Test("no more run than may, and the others wait their turn")
    func limit() {
        var machine = ErrandMachine(limit: 2)
        for name in ["a", "b", "c"] { _ = machine.asked(.check, for: Self.challenge(name)) }
        let jobs = machine.startable()
        #expect(jobs.map(\.challenge.metadata.name) == ["a", "b"])
        #expect(machine.finished(jobs[1], with: Self.done) == true)
        #expect(machine.startable().map(\.challenge.metadata.name) == ["c"])
    }

    @Test("another errand takes the place of one that runs, whose result nobody gets")
    func replaced() {
        var machine = ErrandMachine(limit: 1)
        let challenge = Self.challenge("a")
        _ = machine.asked(.check, for: challenge)
        let first = machine.startable()[0]
        #expect(machine.asked(.cleanUp, for: challenge) == nil)
        #expect(machine.startable().isEmpty)
        #expect(machine.finished(first, with: Self.done) == false)
        let second = machine.startable()
        #expect(second.map(\.errand) == [.cleanUp])
        #expect(machine.finished(second[0], with: Self.done) == true)
        #expect(machine.asked(.cleanUp, for: challenge) == Self.done)
    }

    @Test("a challenge made anew under the same name gets no result of the old one")
    func reborn() {
        var machine = ErrandMachine(limit: 1)
        _ = machine.asked(.check, for: Self.challenge("a", uid: "1"))
        let job = machine.startable()[0]
        #expect(machine.finished(job, with: Self.done) == true)
        #expect(machine.asked(.check, for: Self.challenge("a", uid: "2")) == nil)
        #expect(machine.startable().map(\.challenge.metadata.uid) == ["2"])
    }

    @Test("what is forgotten is not started")
    func forgotten() {
        var machine = ErrandMachine(limit: 1)
        _ = machine.asked(.check, for: Self.challenge("a"))
        machine.forgotten(Self.challenge("a").key)
        #expect(machine.startable().isEmpty)
    }

    @Test("what is forgotten while it runs leaves nothing behind, and holds up another of the name until it ends")
    func forgottenWhileRunning() {
        var machine = ErrandMachine(limit: 2)
        let challenge = Self.challenge("a")
        _ = machine.asked(.check, for: challenge)
        let job = machine.startable()[0]
        machine.forgotten(challenge.key)
        #expect(machine.finished(job, with: Self.done) == false)
        #expect(machine.asked(.check, for: challenge) == nil)
        let second = machine.startable()[0]
        machine.forgotten(challenge.key)
        #expect(machine.asked(.check, for: Self.challenge("a", uid: "2")) == nil)
        #expect(machine.startable().isEmpty)
        #expect(machine.finished(second, with: Self.done) == false)
        #expect(machine.startable().map(\.challenge.metadata.uid) == ["2"])
    }

    private struct Scripted: ChallengeSolver {
        func present(_ challenge: Challenge) async throws(SolverError) {}
        func check(_ challenge: Challenge) async -> SelfCheck { .visible("seen") }
        func cleanUp(_ challenge: Challenge) async throws(SolverError) { throw .failed("no") }
    }

    @Test("results arrive, each announced by its key")
    func runs() async throws {
        let (finished, announce) = AsyncStream.makeStream(of: ObjectKey.self)
        let errands = SolverErrands(solver: Scripted()) { announce.yield($0) }
        let challenge = Self.challenge("a")
        let running = Task { try await errands.run() }
        var keys = finished.makeAsyncIterator()
        for (errand, result) in [
            (SolverErrands.Errand.present, SolverErrands.Result.done), (.check, .checked(.visible("seen"))),
            (.cleanUp, .failed(.failed("no"))),
        ] {
            #expect(errands.result(of: errand, for: challenge) == nil)
            #expect(await keys.next() == challenge.key)
            #expect(errands.result(of: errand, for: challenge) == result)
        }
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
    }
}
