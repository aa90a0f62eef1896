import Testing
import Wire

@testable import KubeRuntime

@Suite("LeaseMachine")
struct LeaseMachineTests {
    typealias Record = LeaseMachine.Record

    func machine(_ identity: String = "me") -> LeaseMachine {
        LeaseMachine(identity: identity, timing: .init(), jitter: Jitter(seed: 5))
    }
    func record(_ holder: String?, transitions: Int = 3, duration: Int? = 60) -> Record {
        Record(holder: holder, durationSeconds: duration, renewTime: nil, transitions: transitions)
    }
    /// A machine that holds the Lease since a write sent at 100.
    func leading() -> LeaseMachine {
        var machine = machine()
        _ = machine.read(.notFound, now: .seconds(100))
        _ = machine.wrote(.lease(record("me"), version: "1"), sent: .seconds(100), now: .seconds(101))
        return machine
    }
    func waits(_ step: LeaseMachine.Step, within range: ClosedRange<Duration>) -> Bool {
        guard case .wait(let delay) = step else { return false }
        return range.contains(delay)
    }

    @Test("creates a missing Lease and holds it from when the write was sent")
    func creates() {
        var machine = machine()
        #expect(machine.waited(now: .zero) == .read)
        #expect(machine.read(.notFound, now: .seconds(1)) == .create)
        #expect(!machine.mayWrite(at: .seconds(1)))
        let step = machine.wrote(.lease(record("me"), version: "1"), sent: .seconds(1), now: .seconds(4))
        #expect(step == .wait(.seconds(15)))
        #expect(machine.deadline == .seconds(41))
        #expect(machine.mayWrite(at: .seconds(40)))
        #expect(!machine.mayWrite(at: .seconds(41)))
    }

    @Test("takes a foreign Lease only after it has seen it unchanged for its whole duration")
    func takesExpired() {
        var machine = machine()
        #expect(
            waits(
                machine.read(.lease(record("other"), version: "7"), now: .seconds(0)),
                within: .seconds(15) ... .seconds(18)))
        #expect(
            waits(
                machine.read(.lease(record("other"), version: "7"), now: .seconds(50)),
                within: .seconds(10) ... .seconds(10)))
        let expected = LeaseMachine.Step.take(version: "7", transitions: 4, isRenewal: false)
        #expect(machine.read(.lease(record("other"), version: "7"), now: .seconds(60)) == expected)
    }

    @Test("a renewal seen starts the wait again, whatever its times say")
    func renewalSeen() {
        var machine = machine()
        var lease = record("other")
        lease.renewTime = .init(secondsSince1970: 1)
        _ = machine.read(.lease(lease, version: "7"), now: .zero)
        lease.renewTime = .init(secondsSince1970: 2)
        #expect(
            waits(machine.read(.lease(lease, version: "8"), now: .seconds(59)), within: .seconds(15) ... .seconds(18)))
        #expect(
            waits(machine.read(.lease(lease, version: "8"), now: .seconds(118)), within: .seconds(1) ... .seconds(1)))
    }

    @Test("a longer duration in the Lease is respected, a shorter one is not")
    func foreignDuration() {
        var machine = machine()
        _ = machine.read(.lease(record("other", duration: 300), version: "7"), now: .zero)
        #expect(
            waits(
                machine.read(.lease(record("other", duration: 300), version: "7"), now: .seconds(299)),
                within: .seconds(1) ... .seconds(1)))
        var second = self.machine()
        _ = second.read(.lease(record("other", duration: 1), version: "7"), now: .zero)
        #expect(
            waits(
                second.read(.lease(record("other", duration: 1), version: "7"), now: .seconds(59)),
                within: .seconds(1) ... .seconds(1)))
    }

    @Test("a released Lease is taken at once", arguments: [nil, ""])
    func released(holder: String?) {
        var machine = machine()
        let expected = LeaseMachine.Step.take(version: "9", transitions: 4, isRenewal: false)
        #expect(machine.read(.lease(record(holder, duration: 1), version: "9"), now: .zero) == expected)
    }

    @Test("losing the race for it means waiting, not leading")
    func raceLost() {
        var machine = machine()
        _ = machine.read(.notFound, now: .zero)
        #expect(waits(machine.wrote(.conflict, sent: .zero, now: .seconds(1)), within: .zero ... .seconds(1)))
        #expect(machine.state == .standby)
        #expect(machine.waited(now: .seconds(2)) == .read)
    }

    @Test("renews every retry period with the version it wrote last")
    func renews() {
        var machine = leading()
        #expect(machine.waited(now: .seconds(116)) == .take(version: "1", transitions: 3, isRenewal: true))
        #expect(
            machine.wrote(.lease(record("me"), version: "2"), sent: .seconds(116), now: .seconds(117))
                == .wait(.seconds(15)))
        #expect(machine.deadline == .seconds(156))
        #expect(machine.waited(now: .seconds(132)) == .take(version: "2", transitions: 3, isRenewal: true))
    }

    @Test("renewals that fail are repeated in a hurry, and at the deadline all stops for good")
    func loses() {
        var machine = leading()
        _ = machine.waited(now: .seconds(116))
        #expect(
            waits(
                machine.wrote(.failed, sent: .seconds(116), now: .seconds(120)),
                within: .milliseconds(1500) ... .seconds(3)))
        #expect(
            waits(
                machine.wrote(.failed, sent: .seconds(120), now: .milliseconds(139_500)),
                within: .zero ... .milliseconds(500)))
        #expect(machine.mayWrite(at: .milliseconds(139_999)))
        #expect(machine.waited(now: .seconds(140)) == .stop)
        #expect(!machine.mayWrite(at: .seconds(140)))
        #expect(
            machine.wrote(.lease(record("me"), version: "3"), sent: .seconds(120), now: .seconds(141)) == .end,
            "too late")
        #expect(machine.state == .lost)
    }

    @Test("an answer that comes after the deadline of its own sending does not count")
    func slowAnswer() {
        var machine = leading()
        _ = machine.waited(now: .seconds(116))
        #expect(machine.wrote(.lease(record("me"), version: "2"), sent: .seconds(116), now: .seconds(157)) == .stop)
    }

    @Test("a conflict while leading is looked at: ours is renewed, another's ends everything at once")
    func conflictWhileLeading() {
        var machine = leading()
        _ = machine.waited(now: .seconds(116))
        #expect(machine.wrote(.conflict, sent: .seconds(116), now: .seconds(117)) == .read)
        #expect(
            machine.read(.lease(record("me"), version: "5"), now: .seconds(118))
                == .take(version: "5", transitions: 3, isRenewal: true))
        #expect(machine.wrote(.conflict, sent: .seconds(118), now: .seconds(119)) == .read)
        #expect(machine.read(.lease(record("other"), version: "6"), now: .seconds(120)) == .stop)
        #expect(!machine.mayWrite(at: .seconds(120)))
    }

    @Test("a Lease deleted under its holder is created again")
    func deletedWhileLeading() {
        var machine = leading()
        _ = machine.waited(now: .seconds(116))
        #expect(machine.wrote(.notFound, sent: .seconds(116), now: .seconds(117)) == .read)
        #expect(machine.read(.notFound, now: .seconds(118)) == .create)
        #expect(machine.mayWrite(at: .seconds(118)))
    }

    @Test("shutting down releases what it holds, once")
    func releases() {
        var machine = leading()
        #expect(machine.shutDown() == .release(version: "1", transitions: 3))
        #expect(!machine.mayWrite(at: .seconds(102)))
        #expect(machine.shutDown() == .end)
        var standby = self.machine()
        #expect(standby.shutDown() == .end)
    }

    @Test("two candidates never both may write, whatever the network does", arguments: 0..<60)
    func mutualExclusion(seed: Int) {
        var world = LeaseWorld(seed: UInt64(seed))
        for _ in 0..<2_000 { world.step() }
        #expect(world.leaderships > 0)
    }
}

/// Candidates and one Lease, with lost requests, lost answers and slow answers.
private struct LeaseWorld {
    struct Candidate {
        var machine: LeaseMachine
        var step: LeaseMachine.Step = .read
        var dueAt: Duration
        var answer: (LeaseMachine.Answer, sent: Duration, isRead: Bool)?
        var isCutOff = false
    }

    var random: Jitter
    var now = Duration.seconds(1_000)
    var lease: (record: LeaseMachine.Record, version: Int)?
    var candidates: [Candidate]
    var leaderships = 0
    var generation = 0

    init(seed: UInt64) {
        random = Jitter(seed: seed)
        candidates = (0..<3).map { i in
            Candidate(
                machine: LeaseMachine(identity: "c\(i)", timing: .init(), jitter: Jitter(seed: UInt64(i))),
                dueAt: .seconds(1_000))
        }
    }

    mutating func step() {
        guard let index = candidates.indices.min(by: { candidates[$0].dueAt < candidates[$1].dueAt }) else { return }
        now = max(now, candidates[index].dueAt)
        if Int.random(in: 0..<25, using: &random) == 0 { candidates[index].isCutOff.toggle() }
        if let (answer, sent, isRead) = candidates[index].answer {
            candidates[index].answer = nil
            candidates[index].step =
                isRead
                ? candidates[index].machine.read(answer, now: now)
                : candidates[index].machine.wrote(answer, sent: sent, now: now)
        } else {
            act(index)
        }
        let leaders = candidates.filter { $0.machine.mayWrite(at: now) }.count
        #expect(leaders <= 1)
        leaderships += leaders
    }

    mutating func act(_ index: Int) {
        switch candidates[index].step {
        case .read:
            reply(index, lease.map { .lease($0.record, version: "\($0.version)") } ?? .notFound, isRead: true)
        case .create:
            write(index, if: lease == nil, transitions: 0)
        case .take(let version, let transitions, _):
            write(index, if: lease.map { "\($0.version)" == version } ?? false, transitions: transitions)
        case .wait(let delay):
            candidates[index].dueAt = now + delay
            waitOver(index, at: now + delay)
        case .release(let version, let transitions):
            if let current = lease, "\(current.version)" == version {
                lease = (
                    .init(holder: nil, durationSeconds: 1, renewTime: nil, transitions: transitions),
                    current.version + 1
                )
            }
            restart(index)
        case .stop, .end:
            restart(index)
        }
    }

    /// Waits are simulated by asking the machine when they are over; the world moves on to the earliest candidate.
    mutating func waitOver(_ index: Int, at time: Duration) {
        candidates[index].step = candidates[index].machine.waited(now: time)
        if case .stop = candidates[index].step { return }
        // A leader sometimes shuts down instead of renewing.
        if Int.random(in: 0..<40, using: &random) == 0 {
            candidates[index].step = candidates[index].machine.shutDown()
        }
    }

    mutating func write(_ index: Int, if isAllowed: Bool, transitions: Int) {
        guard isAllowed else { return reply(index, .conflict, isRead: false) }
        let isLost = candidates[index].isCutOff && Bool.random(using: &random)
        if isLost { return reply(index, .failed, isRead: false) }
        generation += 1
        let record = LeaseMachine.Record(
            holder: candidates[index].machine.identity, durationSeconds: 60,
            renewTime: .init(secondsSince1970: Int64(generation)), transitions: transitions)
        lease = (record, (lease?.version ?? 0) + 1)
        reply(index, .lease(record, version: "\(lease?.version ?? 0)"), isRead: false)
    }

    mutating func reply(_ index: Int, _ answer: LeaseMachine.Answer, isRead: Bool) {
        let isLost = candidates[index].isCutOff
        let delay = Duration.milliseconds(Int.random(in: 1...(isLost ? 30_000 : 200), using: &random))
        candidates[index].answer = (isLost ? .failed : answer, sent: now, isRead: isRead)
        candidates[index].dueAt = now + delay
    }

    mutating func restart(_ index: Int) {
        generation += 1
        candidates[index].machine = LeaseMachine(
            identity: "c\(index)-\(generation)", timing: .init(), jitter: Jitter(seed: UInt64(generation)))
        candidates[index].step = .read
        candidates[index].dueAt = now + .seconds(1)
    }
}
