import Wire

/// What one candidate does to get and keep a Lease, by the rules of client-go's leader election: the times that other
/// candidates write are never compared with our clock; what counts is how long ago we saw the Lease change.
///
/// Owns no task or clock; every method takes the time that has passed on a clock that only grows (`TimeSource.elapsed`).
struct LeaseMachine: Sendable, Equatable {
    /// What a Lease says, whoever wrote it.
    struct Record: Sendable, Equatable {
        /// nil or empty: released.
        var holder: String?
        var durationSeconds: Int?
        var renewTime: Timestamp?
        var transitions: Int
    }

    struct Timing: Sendable, Equatable {
        /// How long others must see no renewal before they take the Lease.
        var duration = Duration.seconds(60)
        /// How long after a renewal its holder still acts. What is left up to `duration` covers requests under way.
        var renewDeadline = Duration.seconds(40)
        var retry = Duration.seconds(15)
    }

    enum State: Sendable, Equatable {
        /// Somebody else's, or unknown. Leaves to `leading` when a write of ours is accepted.
        case standby
        /// Ours, as of a renewal sent at this time. Leaves to `lost`, or to `ended` when we give it up.
        case leading(renewed: Duration)
        /// It was ours. Final.
        case lost
        /// Given up. Final.
        case ended
    }

    enum Step: Sendable, Equatable {
        case read
        /// Create the Lease with us as its holder.
        case create
        /// Replace the Lease of this version with us as its holder.
        case take(version: String, transitions: Int, isRenewal: Bool)
        /// Nothing to do for so long; as a standby, a change of the Lease ends the wait.
        case wait(Duration)
        /// It is somebody else's, or might soon be: stop everything.
        case stop
        /// Replace the Lease of this version by one without a holder.
        case release(version: String, transitions: Int)
        case end
    }

    /// What the API server said to a read or a write.
    enum Answer: Sendable, Equatable {
        /// The Lease as read, or as our write left it.
        case lease(Record, version: String)
        case notFound
        /// Somebody else was first.
        case conflict
        /// Anything else, and no answer.
        case failed
    }

    private struct Observation: Equatable {
        var record: Record
        var version: String
        /// When we first saw it say so.
        var since: Duration
    }

    let identity: String
    let timing: Timing
    private(set) var state = State.standby
    private var observation: Observation?
    private var jitter: Jitter

    init(identity: String, timing: Timing, jitter: Jitter) {
        self.identity = identity
        self.timing = timing
        self.jitter = jitter
    }

    /// Until when the holder may act; nil when it may not at all.
    var deadline: Duration? {
        guard case .leading(let renewed) = state else { return nil }
        return renewed + timing.renewDeadline
    }

    /// Whether a write may leave now.
    func mayWrite(at now: Duration) -> Bool {
        deadline.map { now < $0 } ?? false
    }

    /// The version of the Lease seen last; nil when there was none.
    var observedVersion: String? { observation?.version }

    // MARK: What happened

    /// The answer to a `read`.
    mutating func read(_ answer: Answer, now: Duration) -> Step {
        if let step = timePassed(now: now) { return step }
        switch answer {
        case .lease(let record, let version): return observed(record, version: version, now: now)
        case .notFound:
            observation = nil
            return .create
        case .conflict, .failed: return .wait(pause(after: now))
        }
    }

    /// The answer to a `create` or `take` that was sent at `sent`.
    mutating func wrote(_ answer: Answer, sent: Duration, now: Duration) -> Step {
        switch answer {
        case .lease(let record, let version):
            // Others count from when the server stored it, which was after `sent`.
            switch state {
            case .standby, .leading: state = .leading(renewed: sent)
            case .lost, .ended: return .end
            }
            observation = Observation(record: record, version: version, since: now)
            return timePassed(now: now) ?? .wait(timing.retry)
        case .notFound, .conflict:
            if let step = timePassed(now: now) { return step }
            // As a standby, whoever was first has it; look again without haste.
            if case .leading = state { return .read }
            return .wait(min(timing.retry, .seconds(1)) * jitter.fraction())
        case .failed:
            return timePassed(now: now) ?? .wait(pause(after: now))
        }
    }

    /// A wait is over.
    mutating func waited(now: Duration) -> Step {
        if let step = timePassed(now: now) { return step }
        if case .leading = state, let observation { return take(observation, isRenewal: true) }
        return .read
    }

    /// We are asked to end; the work has already.
    mutating func shutDown() -> Step {
        guard case .leading = state, let observation else {
            if state == .standby { state = .ended }
            return .end
        }
        state = .ended
        return .release(version: observation.version, transitions: observation.record.transitions)
    }

    /// Answers `stop` when the time of the holder is over, `end` when the machine has ended, else nil.
    mutating func timePassed(now: Duration) -> Step? {
        switch state {
        case .standby: return nil
        case .ended: return .end
        case .lost: return .stop
        case .leading:
            if mayWrite(at: now) { return nil }
            state = .lost
            return .stop
        }
    }

    // MARK: Inside

    private mutating func observed(_ record: Record, version: String, now: Duration) -> Step {
        let isUnchanged = observation?.record == record
        let seen = Observation(record: record, version: version, since: isUnchanged ? observation?.since ?? now : now)
        observation = seen
        let holder = record.holder ?? ""
        if case .leading = state {
            if holder == identity { return take(seen, isRenewal: true) }
            state = .lost
            return .stop
        }
        let holds = record.durationSeconds.map { Duration.seconds(max(0, $0)) } ?? timing.duration
        let left = seen.since + max(holds, timing.duration) - now
        if holder.isEmpty || holder == identity || left <= .zero {
            return take(seen, isRenewal: holder == identity)
        }
        return .wait(min(left, timing.retry * (1 + 0.2 * jitter.fraction())))
    }

    private func take(_ seen: Observation, isRenewal: Bool) -> Step {
        .take(
            version: seen.version, transitions: seen.record.transitions + (isRenewal ? 0 : 1), isRenewal: isRenewal)
    }

    /// After a failure: a holder hurries, for its time runs; a standby does not.
    private mutating func pause(after now: Duration) -> Duration {
        guard let deadline else { return timing.retry * (1 + 0.2 * jitter.fraction()) }
        return min(deadline - now, timing.retry / 5 * (0.5 + 0.5 * jitter.fraction()))
    }
}
