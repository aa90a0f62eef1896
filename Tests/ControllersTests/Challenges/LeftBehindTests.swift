import CertificateAPI
import DNSProviders
import KubeModel
import Solvers
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Controllers

@Suite("Records that were left behind")
struct LeftBehindTests {
    private let now = ACMEExamples.now

    /// Fails until the Secret is there.
    private final class Solver: ChallengeSolver {
        let cleaned = Mutex<[Timestamp]>([])
        let failures: Int
        let time: any TimeSource

        init(failures: Int, time: any TimeSource) {
            self.failures = failures
            self.time = time
        }

        func present(_ challenge: Challenge) async throws(SolverError) {}
        func check(_ challenge: Challenge) async -> SelfCheck { .visible("") }
        func cleanUp(_ challenge: Challenge) async throws(SolverError) {
            let count = cleaned.withLock {
                $0.append(time.now())
                return $0.count
            }
            if count <= failures { throw .provider(.secretMissing(ObjectKey(namespace: "web", name: "tsig"))) }
        }
    }

    /// Sleeping takes no time.
    private final class Leaps: TimeSource {
        private let passed = Mutex(Duration.zero)
        func now() -> Timestamp { ACMEExamples.now + elapsed() }
        func elapsed() -> Duration { passed.withLock { $0 } }
        func sleep(for duration: Duration) async throws {
            try Task.checkCancellation()
            passed.withLock { $0 += duration }
        }
    }

    private func challenge() async throws -> Challenge {
        var challenge = try await ACMEExamples.challenge("1")
        challenge.metadata.uid = "uid-1"
        return challenge
    }

    @Test(
        "a record is tried again ever more rarely until the Secret is back, and then it is told",
        arguments: [true, false])
    func removal(isAllowed: Bool) async throws {
        let time = Leaps()
        let solver = Solver(failures: 3, time: time)
        let (told, tell) = AsyncStream<Challenge>.makeStream()
        let asked = Mutex(0)
        let left = LeftBehind(solver: solver, time: time) { _ in
            asked.withLock { $0 += 1 }
            if !isAllowed { tell.finish() }
            return isAllowed
        } onRemoval: { challenge in
            tell.yield(challenge)
            tell.finish()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await left.run() }
            left.keep(try await challenge())
            var names: [String] = []
            for await challenge in told { names.append(challenge.metadata.name) }
            group.cancelAll()
            let expected = [try await challenge().metadata.name]
            #expect(names == (isAllowed ? expected : []))
        }
        let offsets = solver.cleaned.withLock { $0.map { $0 - now } }
        #expect(offsets == (isAllowed ? [60, 180, 420, 900].map { .seconds($0) } : []))
    }

    @Test("after a day it is given up, and only so many are kept")
    func bounds() async throws {
        var machine = LeftBehindMachine()
        let challenge = try await challenge()
        machine.left(challenge, now: now)
        var tries = 0
        while let next = machine.next {
            #expect(machine.due(now: next).count == 1)
            machine.failed(challenge, now: next)
            tries += 1
            guard tries < 100 else { break }
        }
        #expect((24...40).contains(tries), "\(tries)")
        for number in 0..<(LeftBehindMachine.limit + 5) {
            var other = challenge
            other.metadata.uid = "uid-\(number)"
            machine.left(other, now: now + .seconds(Int64(number)))
        }
        #expect(machine.due(now: now + .seconds(100_000)).count == LeftBehindMachine.limit)
    }
}
