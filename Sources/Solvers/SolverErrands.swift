package import CertificateAPI
package import KubeModel
import Synchronization

/// Runs what waits for the world outside, so that no worker of a controller does.
///
/// A reconcile asks for a result and gets it, or nil while the errand is under way; then `onFinish` names the
/// challenge once there is one, and the reconcile that follows asks again.
package final class SolverErrands: Sendable {
    package enum Errand: Sendable, Hashable {
        case present, check, cleanUp
    }

    package enum Result: Sendable, Hashable {
        /// Presented, or cleaned up.
        case done
        case checked(SelfCheck)
        case failed(SolverError)
    }

    private let solver: any ChallengeSolver
    private let onFinish: @Sendable (ObjectKey) -> Void
    private let machine: Mutex<ErrandMachine>
    private let work: AsyncStream<Void>
    private let hint: AsyncStream<Void>.Continuation

    /// At most `limit` errands are under way at once; the others wait in the order they were asked for.
    package init(
        solver: any ChallengeSolver, limit: Int = 100, onFinish: @escaping @Sendable (ObjectKey) -> Void
    ) {
        self.solver = solver
        self.onFinish = onFinish
        machine = Mutex(ErrandMachine(limit: limit))
        (work, hint) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The result, handed out once; asking again after that starts the errand anew. Asking for another errand of the
    /// same challenge calls the first one off; the second starts when the first has ended.
    package func result(of errand: Errand, for challenge: Challenge) -> Result? {
        let result = machine.withLock { $0.asked(errand, for: challenge) }
        if result == nil { hint.yield() }
        return result
    }

    /// Whether any errand is under way or waits for its turn.
    package var isBusy: Bool { machine.withLock { $0.isBusy } }

    /// Drops what is known of a challenge that is gone.
    package func forget(_ key: ObjectKey) { machine.withLock { $0.forgotten(key) } }

    /// Runs errands until cancelled.
    package func run() async throws {
        await withDiscardingTaskGroup { group in
            for await _ in work {
                for job in machine.withLock({ $0.startable() }) {
                    group.addTask { await self.run(job) }
                }
            }
            group.cancelAll()
        }
        try Task.checkCancellation()
    }

    private func run(_ job: ErrandMachine.Job) async {
        let result = await result(of: job)
        let isWanted = machine.withLock { $0.finished(job, with: result) }
        hint.yield()
        if isWanted { onFinish(job.challenge.key) }
    }

    private func result(of job: ErrandMachine.Job) async -> Result {
        do throws(SolverError) {
            switch job.errand {
            case .present: try await solver.present(job.challenge)
            case .check: return .checked(await solver.check(job.challenge))
            case .cleanUp: try await solver.cleanUp(job.challenge)
            }
            return .done
        } catch {
            return .failed(error)
        }
    }
}

/// Who has asked for what, what is under way, and which results wait to be fetched.
struct ErrandMachine {
    struct Job: Sendable {
        var number: Int
        var errand: SolverErrands.Errand
        var challenge: Challenge
    }

    private enum Entry {
        /// Asked for. Leaves to `running` when its turn comes.
        case waiting(Job)
        /// Under way; `then` is asked for next, and makes this result worthless. Leaves to `finished`, or to
        /// `waiting` for what comes next.
        case running(Job, then: Job?)
        /// Under way for a challenge that is gone. Leaves to `running` when another of the name asks, or vanishes.
        case forgotten(Job)
        /// Leaves by being fetched.
        case finished(Job, SolverErrands.Result)
    }

    private let limit: Int
    private var entries: [ObjectKey: Entry] = [:]
    private var line: [ObjectKey] = []
    private var runningCount = 0
    private var lastNumber = 0

    init(limit: Int) { self.limit = max(limit, 1) }

    var isBusy: Bool {
        entries.values.contains { entry in if case .finished = entry { false } else { true } }
    }

    mutating func asked(_ errand: SolverErrands.Errand, for challenge: Challenge) -> SolverErrands.Result? {
        let key = challenge.key
        switch entries[key] {
        case .finished(let job, let result) where job.matches(errand, challenge):
            entries[key] = nil
            return result
        case .waiting(let job) where job.matches(errand, challenge): break
        case .running(let job, nil) where job.matches(errand, challenge): break
        case .running(_, let then?) where then.matches(errand, challenge): break
        case .running(let job, _), .forgotten(let job):
            entries[key] = .running(job, then: next(errand, challenge))
        case .waiting: entries[key] = .waiting(next(errand, challenge))  // its place in the line stays
        case .finished, nil:
            entries[key] = .waiting(next(errand, challenge))
            line.append(key)
        }
        return nil
    }

    mutating func startable() -> [Job] {
        var jobs: [Job] = []
        while runningCount < limit, !line.isEmpty {
            let key = line.removeFirst()
            guard case .waiting(let job) = entries[key] else { continue }
            entries[key] = .running(job, then: nil)
            runningCount += 1
            jobs.append(job)
        }
        return jobs
    }

    /// Whether somebody may fetch the result.
    mutating func finished(_ job: Job, with result: SolverErrands.Result) -> Bool {
        let key = job.challenge.key
        runningCount -= 1
        if case .forgotten(let forgotten) = entries[key], forgotten.number == job.number { entries[key] = nil }
        guard case .running(let running, let then) = entries[key], running.number == job.number else { return false }
        guard let then else {
            entries[key] = .finished(job, result)
            return true
        }
        entries[key] = .waiting(then)
        line.append(key)
        return false
    }

    mutating func forgotten(_ key: ObjectKey) {
        switch entries[key] {
        case .running(let job, _), .forgotten(let job): entries[key] = .forgotten(job)
        case .waiting, .finished, nil: entries[key] = nil
        }
    }

    private mutating func next(_ errand: SolverErrands.Errand, _ challenge: Challenge) -> Job {
        lastNumber += 1
        return Job(number: lastNumber, errand: errand, challenge: challenge)
    }
}

extension ErrandMachine.Job {
    func matches(_ errand: SolverErrands.Errand, _ challenge: Challenge) -> Bool {
        self.errand == errand && self.challenge.metadata.uid == challenge.metadata.uid
    }
}
