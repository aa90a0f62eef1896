package import KubeModel
import Synchronization

/// Runs what waits for an ACME server beside the workers of a controller, so that a slow server holds up nobody else.
///
/// One errand per object at a time. Its answer stays until it is consumed: a reconcile that fails to write down what
/// it has learnt finds it again. Errands of one lane (one server) are bounded in number and wait in order.
package final class Errands<Answer: Sendable>: Sendable {
    package typealias Work = @Sendable () async -> Answer

    private let onFinish: @Sendable (ObjectKey) -> Void
    private let machine: Mutex<LaneMachine<Answer>>
    private let work: AsyncStream<Void>
    private let hint: AsyncStream<Void>.Continuation

    /// - Parameter onFinish: told which object's errand has an answer.
    package init(limitPerLane: Int = 32, onFinish: @escaping @Sendable (ObjectKey) -> Void) {
        self.onFinish = onFinish
        machine = Mutex(LaneMachine(limitPerLane: limitPerLane))
        (work, hint) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// What the last errand for the object with this UID has brought, until it is consumed.
    package func answer(for key: ObjectKey, uid: String) -> Answer? {
        machine.withLock { $0.answer(for: key, uid: uid) }
    }

    /// Whether an errand is under way or waits for its turn.
    package func isUnderWay(for key: ObjectKey, uid: String) -> Bool {
        machine.withLock { $0.isUnderWay(for: key, uid: uid) }
    }

    /// Whether any errand is under way or waits for its turn.
    package var isBusy: Bool { machine.withLock { $0.isBusy } }

    package func consume(_ key: ObjectKey) { machine.withLock { $0.consumed(key) } }

    /// Does nothing while another errand for the object is under way.
    package func start(for key: ObjectKey, uid: String, lane: String, _ work: @escaping Work) {
        machine.withLock { $0.started(key, uid: uid, lane: lane, work) }
        hint.yield()
    }

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

    private func run(_ job: LaneMachine<Answer>.Job) async {
        let answer = await job.work()
        // What a shutdown has broken off is no answer.
        guard !Task.isCancelled else { return }
        let isWanted = machine.withLock { $0.finished(job, with: answer) }
        hint.yield()
        if isWanted { onFinish(job.key) }
    }
}

/// Which errands wait, run or have an answer, by object and by lane.
struct LaneMachine<Answer: Sendable> {
    struct Job: Sendable {
        var number: Int
        var key: ObjectKey
        var uid: String
        var lane: String
        var work: @Sendable () async -> Answer
    }

    private enum Entry {
        /// Leaves to `running` when its lane has room, or vanishes.
        case waiting(Job)
        /// Leaves to `finished`, or vanishes when its object was replaced meanwhile.
        case running(number: Int, uid: String)
        /// Leaves by being consumed, or when an errand of another object of the name starts.
        case finished(Answer, uid: String)

        var uid: String {
            switch self {
            case .waiting(let job): job.uid
            case .running(_, let uid), .finished(_, let uid): uid
            }
        }
    }

    private let limit: Int
    private var entries: [ObjectKey: Entry] = [:]
    private var lines: [String: [ObjectKey]] = [:]
    private var running: [String: Int] = [:]
    private var lastNumber = 0

    init(limitPerLane: Int) { limit = max(limitPerLane, 1) }

    func answer(for key: ObjectKey, uid: String) -> Answer? {
        if case .finished(let answer, uid) = entries[key] { answer } else { nil }
    }

    func isUnderWay(for key: ObjectKey, uid: String) -> Bool {
        switch entries[key] {
        case .waiting(let job): job.uid == uid
        case .running(_, let other): other == uid
        case .finished, nil: false
        }
    }

    var isBusy: Bool {
        entries.values.contains { entry in if case .finished = entry { false } else { true } }
    }

    mutating func consumed(_ key: ObjectKey) {
        if case .finished = entries[key] { entries[key] = nil }
    }

    mutating func started(
        _ key: ObjectKey, uid: String, lane: String, _ work: @escaping @Sendable () async -> Answer
    ) {
        guard entries[key]?.uid != uid || answer(for: key, uid: uid) != nil else { return }
        lastNumber += 1
        entries[key] = .waiting(Job(number: lastNumber, key: key, uid: uid, lane: lane, work: work))
        lines[lane, default: []].append(key)
    }

    mutating func startable() -> [Job] {
        var jobs: [Job] = []
        for (lane, line) in lines {
            var rest = line[...]
            while running[lane, default: 0] < limit, let key = rest.popFirst() {
                guard case .waiting(let job) = entries[key], job.lane == lane else { continue }
                entries[key] = .running(number: job.number, uid: job.uid)
                running[lane, default: 0] += 1
                jobs.append(job)
            }
            lines[lane] = rest.isEmpty ? nil : Array(rest)
        }
        return jobs
    }

    /// Whether somebody may want the answer.
    mutating func finished(_ job: Job, with answer: Answer) -> Bool {
        let left = running[job.lane, default: 1] - 1
        running[job.lane] = left == 0 ? nil : left
        guard case .running(job.number, _) = entries[job.key] else { return false }
        entries[job.key] = .finished(answer, uid: job.uid)
        return true
    }
}
