import Synchronization

/// How many requests a service lets one account send.
package struct Pace: Sendable, Hashable {
    /// One request more in each of these.
    let interval: Duration
    /// How many may go at once after a rest.
    let burst: Int

    /// Keeps within `limit` requests in any `period`, wherever the service's own window starts.
    package init(_ limit: Int, per period: Duration) {
        burst = max(1, limit / 4)
        interval = period / max(1, limit - burst)
    }
}

/// When the requests of one account may go (the generic cell rate algorithm), and until when none may.
struct PaceMachine: Hashable {
    enum Answer: Hashable {
        case go
        /// The place is taken; the request goes after this.
        case wait(Duration)
        /// Too far away to wait for.
        case refused(again: Duration)
    }

    /// Longer than this no errand waits: it ends, and is started again.
    static let patience = Duration.seconds(20)

    /// When the request after all that were let go would be due at an even pace.
    private(set) var due = Duration.zero
    private(set) var closedUntil = Duration.zero

    mutating func asked(at now: Duration, _ pace: Pace?) -> Answer {
        if closedUntil > now { return .refused(again: closedUntil - now) }
        guard let pace else { return .go }
        let start = max(due, now)
        let wait = start - pace.interval * (pace.burst - 1) - now
        if wait > Self.patience { return .refused(again: wait) }
        due = start + pace.interval
        return wait > .zero ? .wait(wait) : .go
    }

    /// The service has said that it takes no more for so long.
    mutating func closed(at now: Duration, for pause: Duration) { closedUntil = max(closedUntil, now + pause) }

    /// Whether forgetting it changes nothing.
    func isIdle(at now: Duration) -> Bool { due <= now && closedUntil <= now }
}

/// The pace of every account.
final class PaceMemory: Sendable {
    static let maximumAccounts = 256

    private let machines = Mutex<[AccountKey: PaceMachine]>([:])

    func asked(_ account: AccountKey, _ pace: Pace?, now: Duration) -> PaceMachine.Answer {
        machines.withLock { machines in
            if machines.count >= Self.maximumAccounts { machines = machines.filter { !$0.value.isIdle(at: now) } }
            return machines[account, default: PaceMachine()].asked(at: now, pace)
        }
    }

    func closed(_ account: AccountKey, now: Duration, for pause: Duration) {
        machines.withLock { $0[account, default: PaceMachine()].closed(at: now, for: pause) }
    }
}
