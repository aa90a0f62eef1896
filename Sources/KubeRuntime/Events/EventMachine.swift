import DequeModule
import KubeModel
import Wire

/// Which Kubernetes Events to write, and when: merged when they say the same, limited per object, bounded in number.
///
/// Owns no task or clock. Saying the same again costs no request while the first is still queued, and a patch of its
/// count after. The limits are client-go's (`tools/events`, `tools/record`): 25 at once for one object and component,
/// then one in five minutes.
struct EventMachine: Sendable {
    /// Something that happened to an object.
    struct Note: Sendable, Equatable {
        var kind: Event.Kind
        var reason: String
        /// At most 1024 bytes.
        var message: String
        var object: ObjectReference
        var component: String
    }

    /// One Event in the cluster: how often it happened, and when.
    struct Series: Sendable, Equatable {
        var first: Timestamp
        var last: Timestamp
        var count: Int
    }

    enum Request: Sendable, Equatable {
        case create(Note, Series, name: String)
        /// The Event of this name happened `series.count` times.
        case bump(Note, Series, name: String)
    }

    enum Step: Sendable, Equatable {
        /// Send this and answer with `finished` and the same ticket.
        case send(Request, ticket: UInt64)
        /// Ask again after so long, or (nil) when something was recorded or has finished.
        case wait(Duration?)
    }

    enum Result: Sendable, Equatable {
        /// It is in the cluster, by this request or an earlier one like it.
        case written
        /// The Event to bump has expired.
        case missing
        /// It will never be accepted.
        case refused
        /// No answer, or one that invites to try again.
        case failed
    }

    enum Recorded: Sendable, Equatable {
        case queued
        /// Counted on to one that says the same.
        case merged
        /// The object has had its share.
        case limited
        /// Queued, and the oldest of a full queue was given up for it.
        case displaced
    }

    struct Limits: Sendable, Equatable {
        var queue = 10_000
        /// Written Events that are remembered, to count on.
        var remembered = 2_048
        /// Objects whose share is remembered.
        var sources = 4_096
        var burst = 25.0
        var refill = Duration.seconds(300)
        var inFlight = 4
        var attempts = 5
        /// While the controller is busy nothing is sent, but not for longer than this. What holds Events up is work that users
        /// wait for: the API server writes a Certificate's status in the time that it writes its Events.
        var longestHold = Duration.seconds(60)
        /// How often to look whether it still is.
        var poll = Duration.milliseconds(200)
    }

    private struct Entry {
        var note: Note
        var series: Series
        /// The name it has in the cluster; nil before the first create.
        var name: String?
        var since: Duration
        var attempts = 0
    }

    private struct Written {
        var name: String
        var series: Series
        var use: UInt64
    }

    private struct Bucket {
        var tokens: Double
        var asOf: Duration
    }

    private let limits: Limits
    /// Tickets in the order of their recording; the ones given up are no longer in `queued`.
    private var order: Deque<UInt64> = []
    private var queued: [UInt64: Entry] = [:]
    private var inFlight: [UInt64: Entry] = [:]
    /// What happened again while its request was under way.
    private var meanwhile: [UInt64: Int] = [:]
    private var written: [UInt64: Written] = [:]
    private var buckets: [UInt64: Bucket] = [:]
    private var uses: UInt64 = 0
    private var pausedUntil: Duration?
    private var failures = 0

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    var isEmpty: Bool { queued.isEmpty && inFlight.isEmpty }
    var queuedCount: Int { queued.count }
    var rememberedCount: Int { written.count }
    var sourceCount: Int { buckets.count }

    // MARK: What happened

    mutating func recorded(_ note: Note, now: Timestamp, elapsed: Duration) -> Recorded {
        let ticket = Fingerprint(note).value
        if queued[ticket] != nil {
            queued[ticket]?.series.count += 1
            queued[ticket]?.series.last = now
            return .merged
        }
        if inFlight[ticket] != nil {
            meanwhile[ticket, default: 0] += 1
            return .merged
        }
        guard spend(note, elapsed: elapsed) else { return .limited }
        var entry = Entry(note: note, series: Series(first: now, last: now, count: 1), since: elapsed)
        if let known = written[ticket] {
            entry.name = known.name
            entry.series = Series(first: known.series.first, last: now, count: known.series.count + 1)
        }
        return enqueue(ticket, entry)
    }

    /// What to do now. With `isBusy` events wait for a calmer moment; with `isEnding` nothing waits any more.
    mutating func next(elapsed: Duration, isBusy: Bool, isEnding: Bool = false) -> Step {
        while let first = order.first, queued[first] == nil { order.removeFirst() }
        guard let ticket = order.first, let entry = queued[ticket] else { return .wait(nil) }
        if let pausedUntil, elapsed < pausedUntil { return .wait(pausedUntil - elapsed) }
        let isHeld = isBusy && !isEnding && elapsed - entry.since < limits.longestHold
        if isHeld { return .wait(limits.poll) }
        guard inFlight.count < (isBusy && !isEnding ? 1 : limits.inFlight) else { return .wait(nil) }
        order.removeFirst()
        queued[ticket] = nil
        return send(entry, ticket: ticket)
    }

    /// The request of `ticket` was answered. Answers whether its event is given up.
    mutating func finished(_ ticket: UInt64, _ result: Result, now: Timestamp, elapsed: Duration) -> Bool {
        guard var entry = inFlight.removeValue(forKey: ticket) else {
            preconditionFailure("an event finished that was not under way")
        }
        let more = meanwhile.removeValue(forKey: ticket) ?? 0
        switch result {
        case .written:
            failures = 0
            remember(entry, ticket: ticket)
            guard more > 0 else { return false }
            entry.series = Series(first: entry.series.first, last: now, count: entry.series.count + more)
            entry.attempts = 0
            _ = enqueue(ticket, entry)
            return false
        case .missing:
            written[ticket] = nil
            entry.name = nil
            entry.series = Series(first: now, last: now, count: 1 + more)
        case .refused:
            written[ticket] = nil
            return true
        case .failed:
            entry.series.count += more
            failures += 1
            pausedUntil = elapsed + .seconds(min(30, 1 << min(failures - 1, 5)))
        }
        entry.attempts += 1
        guard entry.attempts < limits.attempts else { return true }
        order.prepend(ticket)
        queued[ticket] = entry
        return false
    }

    // MARK: Inside

    private mutating func enqueue(_ ticket: UInt64, _ entry: Entry) -> Recorded {
        queued[ticket] = entry
        order.append(ticket)
        guard queued.count > limits.queue else { return .queued }
        while let oldest = order.popFirst() {
            if queued.removeValue(forKey: oldest) != nil { break }
        }
        return .displaced
    }

    private mutating func send(_ entry: Entry, ticket: UInt64) -> Step {
        if let name = entry.name, written[ticket] != nil {
            inFlight[ticket] = entry
            return .send(.bump(entry.note, entry.series, name: name), ticket: ticket)
        }
        // The same name at every attempt: a create whose answer was lost cannot make a second Event.
        var entry = entry
        let name = entry.name ?? Fingerprint.name(for: entry.note, first: entry.series.first)
        entry.name = name
        inFlight[ticket] = entry
        return .send(.create(entry.note, entry.series, name: name), ticket: ticket)
    }

    private mutating func remember(_ entry: Entry, ticket: UInt64) {
        guard let name = entry.name else { preconditionFailure("an event was written without a name") }
        uses += 1
        written[ticket] = Written(name: name, series: entry.series, use: uses)
        guard written.count > limits.remembered else { return }
        let median = written.values.map(\.use).sorted()[written.count / 2]
        written = written.filter { $0.value.use >= median }
    }

    /// Takes one token of the object's and component's bucket, if there is one.
    private mutating func spend(_ note: Note, elapsed: Duration) -> Bool {
        let source = Fingerprint(sourceOf: note).value
        var bucket = buckets[source] ?? Bucket(tokens: limits.burst, asOf: elapsed)
        bucket.tokens = min(limits.burst, bucket.tokens + (elapsed - bucket.asOf) / limits.refill)
        bucket.asOf = elapsed
        let isAllowed = bucket.tokens >= 1
        if isAllowed { bucket.tokens -= 1 }
        buckets[source] = bucket
        if buckets.count > limits.sources { forgetSources() }
        return isAllowed
    }

    /// Forgets the half that has most left: those lose least by a full bucket.
    private mutating func forgetSources() {
        let median = buckets.values.map(\.tokens).sorted()[buckets.count / 2]
        buckets = buckets.filter { $0.value.tokens < median }
    }
}

/// FNV-1a, 64 bits, over texts with their ends marked.
struct Fingerprint {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    init(_ note: EventMachine.Note) {
        self.init(sourceOf: note)
        add(note.kind.rawValue)
        add(note.reason)
        add(note.message)
    }

    init(sourceOf note: EventMachine.Note) {
        add(note.component)
        add(note.object.apiVersion)
        add(note.object.kind)
        add(note.object.namespace ?? "")
        add(note.object.name)
        add(note.object.uid ?? "")
    }

    private mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte) }
        add(0xff)  // in no UTF-8 text
    }

    private mutating func add(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }

    /// A name for the Event, the same whenever it is asked for: the object's name, and what makes this Event differ
    /// from all others of the object.
    static func name(for note: EventMachine.Note, first: Timestamp) -> String {
        var print = Fingerprint(note)
        print.add(first.rfc3339)
        let hex = String(print.value, radix: 16)
        let suffix = String(repeating: "0", count: 16 - hex.count) + hex
        var prefix = note.object.name.prefix(253 - 17)
        while let last = prefix.last, !last.isLetter, !last.isNumber { prefix.removeLast() }
        return prefix.isEmpty ? suffix : "\(prefix).\(suffix)"
    }
}
