import HTTPTypes
import Synchronization

/// How many requests of a kind a service lets one account send in a period.
package struct Pace: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case any, reads, changes
    }

    /// One request more in each of these.
    let interval: Duration
    /// How many may go at once after a rest.
    let burst: Int
    /// What is counted.
    let kind: Kind
    /// What is counted apart, such as a zone; empty for the account.
    let scope: String

    /// Keeps within `limit` requests in any `period`, wherever the service's own window starts.
    package init(_ limit: Int, per period: Duration, of kind: Kind = .any, scope: String = "") {
        burst = max(1, limit / 4)
        interval = period / max(1, limit - burst)
        self.kind = kind
        self.scope = scope
    }

    func covers(_ method: HTTPRequest.Method) -> Bool {
        switch kind {
        case .any: true
        case .reads: method == .get || method == .head
        case .changes: method != .get && method != .head
        }
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
    /// More than these are looked through for those that no longer matter.
    private static let manyPaces = 64

    /// When the request after all that were let go would be due at an even pace; of each pace.
    private(set) var due: [Pace: Duration] = [:]
    private(set) var closedUntil = Duration.zero

    /// Takes a place under each of `paces`, or none.
    mutating func asked(at now: Duration, _ paces: [Pace]) -> Answer {
        let answer = expected(at: now, paces)
        let wait: Duration
        switch answer {
        case .go: wait = .zero
        case .wait(let duration): wait = duration
        case .refused: return answer
        }
        if due.count > Self.manyPaces { due = due.filter { $0.value > now } }
        for pace in paces { due[pace] = max(due[pace] ?? .zero, now + wait) + pace.interval }
        return answer
    }

    /// A place that was taken is not used.
    mutating func givenBack(_ paces: [Pace]) {
        for pace in paces { due[pace] = due[pace].map { $0 - pace.interval } }
    }

    private func expected(at now: Duration, _ paces: [Pace]) -> Answer {
        if closedUntil > now { return .refused(again: closedUntil - now) }
        let wait =
            paces.map { max(due[$0] ?? .zero, now) - $0.interval * ($0.burst - 1) - now }.max() ?? .zero
        if wait > Self.patience { return .refused(again: wait) }
        return wait > .zero ? .wait(wait) : .go
    }

    /// The service has said that it takes no more for so long.
    mutating func closed(at now: Duration, for pause: Duration) { closedUntil = max(closedUntil, now + pause) }

    /// Whether forgetting it changes nothing.
    func isIdle(at now: Duration) -> Bool { closedUntil <= now && due.values.allSatisfy { $0 <= now } }
}

/// The pace of every account.
final class PaceMemory: Sendable {
    static let maximumAccounts = 256

    private let machines = Mutex<[AccountKey: PaceMachine]>([:])

    func asked(_ account: AccountKey, _ paces: [Pace], now: Duration) -> PaceMachine.Answer {
        machines.withLock { machines in
            if machines.count >= Self.maximumAccounts { machines = machines.filter { !$0.value.isIdle(at: now) } }
            return machines[account, default: PaceMachine()].asked(at: now, paces)
        }
    }

    func givenBack(_ account: AccountKey, _ paces: [Pace]) {
        machines.withLock { $0[account]?.givenBack(paces) }
    }

    func closed(_ account: AccountKey, now: Duration, for pause: Duration) {
        machines.withLock { $0[account, default: PaceMachine()].closed(at: now, for: pause) }
    }
}
