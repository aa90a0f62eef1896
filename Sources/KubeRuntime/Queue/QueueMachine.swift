import DequeModule
import HeapModule
import Wire

/// Which keys wait for a time, are due, or run: a work queue that never hands out one key twice at a time.
///
/// Owns no task or clock; the shell (`ControllerLoop`) tells it what happened and the time, and does what it answers.
/// Keys that are due are handed out in the order in which they became due.
struct QueueMachine<Key: Hashable & Sendable>: Sendable {
    /// What a run of one key ended with.
    enum Outcome: Sendable, Equatable {
        /// Nothing more to do until something changes.
        case settled
        /// Fine, and it asks to be looked at again then.
        case lookAgain(at: Timestamp)
        /// Failed; try again after the back-off of its failures in a row.
        case failed
        /// Failed, and somebody said when to try again.
        case failedUntil(Timestamp)
        /// It acted on something older than what the server has: try again soon, without the long back-off.
        case conflicted
    }

    /// What the dispatcher does next.
    enum Step: Sendable, Equatable {
        /// Start a worker with this key; it is then running until `finished`.
        case run(Key)
        /// Wait until then, or (nil) until something happens.
        case wait(until: Timestamp?)
        /// Stopping, and nothing runs any more.
        case end
    }

    private enum Place: Equatable {
        /// In `waiting` under this ticket. Leaves to `due` when its time comes, or to another `waiting` for an earlier one.
        case waiting(until: Timestamp, ticket: UInt64)
        /// In `due`. Leaves to `running` when a worker takes it.
        case due
        /// With a worker. Leaves to nothing, `due` or `waiting` when it finishes; `again` is the earliest time anybody
        /// asked for meanwhile.
        case running(again: Timestamp?)
    }

    private struct Entry {
        var place: Place
        /// In a row; conflicts count here too.
        var failures: UInt16 = 0
        /// After a failure nothing starts it again before this, however often its object changes: a reconcile that
        /// writes something new and then fails would else be a storm.
        var notBefore: Timestamp?
    }

    private struct Alarm: Comparable {
        var time: Timestamp
        var ticket: UInt64
        var key: Key

        static func < (a: Alarm, b: Alarm) -> Bool { (a.time, a.ticket) < (b.time, b.ticket) }
        static func == (a: Alarm, b: Alarm) -> Bool { a.ticket == b.ticket }
    }

    /// The least time between two runs that a key asked for itself.
    static var breath: Duration { .milliseconds(10) }

    let workers: Int
    let backoff: Backoff
    /// The back-off of conflicts: what is missing is our own write's echo, which takes milliseconds.
    private let conflictBackoff: Backoff
    /// The longest that a change has to wait after a failure (see `Entry.notBefore`).
    private let changeFloor: Duration
    private var jitter: Jitter

    private var entries: [Key: Entry] = [:]
    private var due: Deque<Key> = []
    /// May hold alarms that no entry points to any more; those are skipped, and swept when they are the most.
    private var waiting = Heap<Alarm>()
    private var nextTicket: UInt64 = 0
    /// When the dispatcher wakes by itself; nil: not before it is told to look.
    private var armedUntil: Timestamp?
    private(set) var runningCount = 0
    private(set) var isStopping = false

    init(workers: Int, backoff: Backoff, jitter: Jitter) {
        precondition(workers > 0, "a loop needs a worker")
        self.workers = workers
        self.backoff = backoff
        self.jitter = jitter
        conflictBackoff = Backoff(
            minimum: .milliseconds(20), maximum: max(backoff.maximum, .milliseconds(20)), spread: backoff.spread)
        changeFloor = min(backoff.minimum, .seconds(1))
    }

    /// Keys that could start now, were there a free worker.
    var dueCount: Int { due.count }
    /// When the first of those that wait becomes due.
    var nextDue: Timestamp? {
        entries.values.compactMap { entry in if case .waiting(let until, _) = entry.place { until } else { nil } }.min()
    }
    /// Keys known in any place.
    var count: Int { entries.count }
    /// Alarms kept, dead ones included.
    var alarmCount: Int { waiting.count }

    // MARK: What happened

    /// Somebody wants `key` looked at, at once or at a time; the earliest wish wins. Answers whether the dispatcher
    /// must look (`next`) because of it.
    mutating func enqueued(_ key: Key, at time: Timestamp?, now: Timestamp) -> Bool {
        guard var entry = entries[key] else {
            place(key, Entry(place: .due), at: time ?? now, now: now)
            return mustLook
        }
        let wanted = max(time ?? now, entry.notBefore ?? now)
        switch entry.place {
        case .due:
            return false
        case .running(let again):
            entry.place = .running(again: again.map { min($0, wanted) } ?? wanted)
            entries[key] = entry
            return false
        case .waiting(let until, _):
            guard wanted < until else { return false }
            place(key, entry, at: wanted, now: now)
            return mustLook
        }
    }

    /// A worker gave `key` back. Answers the key that the same worker takes next, if there is one, and whether the
    /// dispatcher must look too.
    mutating func finished(_ key: Key, _ outcome: Outcome, now: Timestamp) -> (next: Key?, mustLook: Bool) {
        guard var entry = entries[key], case .running(let again) = entry.place else {
            preconditionFailure("finished a key that was not running")
        }
        runningCount -= 1
        let wish = settle(&entry, outcome, now: now)
        let wishes = [wish, again.map { max($0, entry.notBefore ?? $0) }].compactMap { $0 }
        if let time = wishes.min() {
            place(key, entry, at: time, now: now)
        } else {
            entries[key] = nil
        }
        let next = take(now: now)
        return (next, mustLook)
    }

    /// No key is handed out any more. Answers whether the dispatcher must look.
    mutating func stopped() -> Bool {
        isStopping = true
        return mustLook
    }

    /// What the dispatcher does at `now`. It asks again after every `run`, and after every wake-up.
    mutating func next(now: Timestamp) -> Step {
        armedUntil = nil
        if let key = take(now: now) { return .run(key) }
        if isStopping { return runningCount == 0 ? .end : .wait(until: nil) }
        if runningCount < workers { armedUntil = waiting.min?.time }
        return .wait(until: armedUntil)
    }

    // MARK: Inside

    private var mustLook: Bool {
        if isStopping { return runningCount == 0 }
        guard runningCount < workers else { return false }
        guard due.isEmpty, let first = waiting.min?.time else { return !due.isEmpty }
        return armedUntil.map { first < $0 } ?? true
    }

    private mutating func take(now: Timestamp) -> Key? {
        wakeDue(now: now)
        guard !isStopping, runningCount < workers, let key = due.popFirst() else { return nil }
        entries[key]?.place = .running(again: nil)
        runningCount += 1
        return key
    }

    /// Counts the outcome and answers when it wants to be looked at again.
    private mutating func settle(_ entry: inout Entry, _ outcome: Outcome, now: Timestamp) -> Timestamp? {
        entry.notBefore = nil
        switch outcome {
        case .settled:
            entry.failures = 0
            return nil
        case .lookAgain(let time):
            entry.failures = 0
            return max(time, now + Self.breath)
        case .failed:
            entry.failures = min(entry.failures + 1, 1_000)
            entry.notBefore = now + changeFloor
            return now + backoff.delay(afterFailures: Int(entry.failures), using: &jitter)
        case .failedUntil(let time):
            entry.failures = min(entry.failures + 1, 1_000)
            entry.notBefore = now + changeFloor
            return max(time, now + changeFloor)
        case .conflicted:
            entry.failures = min(entry.failures + 1, 1_000)
            return now + conflictBackoff.delay(afterFailures: Int(entry.failures), using: &jitter)
        }
    }

    /// Puts `key` where `time` says.
    private mutating func place(_ key: Key, _ entry: Entry, at time: Timestamp, now: Timestamp) {
        var entry = entry
        if time <= now {
            entry.place = .due
            entries[key] = entry
            due.append(key)
            return
        }
        nextTicket += 1
        entry.place = .waiting(until: time, ticket: nextTicket)
        entries[key] = entry
        waiting.insert(Alarm(time: time, ticket: nextTicket, key: key))
        sweep()
    }

    private mutating func wakeDue(now: Timestamp) {
        while let alarm = waiting.min {
            let isLive = points(entries[alarm.key], at: alarm)
            guard alarm.time <= now || !isLive else { return }
            waiting.removeMin()
            guard isLive else { continue }
            entries[alarm.key]?.place = .due
            due.append(alarm.key)
        }
    }

    private func points(_ entry: Entry?, at alarm: Alarm) -> Bool {
        guard case .waiting(_, let ticket)? = entry?.place else { return false }
        return ticket == alarm.ticket
    }

    /// Drops dead alarms when they could be the most of them, which keeps the heap linear in the keys.
    private mutating func sweep() {
        guard waiting.count > 64, waiting.count > 2 * entries.count else { return }
        waiting = Heap(waiting.unordered.filter { points(entries[$0.key], at: $0) })
    }
}
