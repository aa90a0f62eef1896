/// What an informer asks the API server next: a paged list, a watch from where the list or the last event left off,
/// or nothing for a while.
///
/// Owns no task or clock. `Informer` does what it answers and tells it how that went. Nothing makes it hurry: a watch
/// that ends at once, and a list or a watch that fails, is followed by a wait that grows.
struct WatchMachine: Sendable, Equatable {
    enum State: Sendable, Equatable {
        /// Nothing known, or what is known is too old to go on from. Leaves to `listing` when a page arrives.
        case empty
        /// Between two pages of one list. Leaves to `current` with the last page, to `empty` when the list breaks off.
        case listing(continue: String, version: String)
        /// Everything is known as of `version`. Leaves to `empty` when the server no longer has what follows it.
        case current(version: String)
    }

    enum Step: Sendable, Equatable {
        /// Ask for a page: the first, or the one behind the token.
        case list(continue: String?)
        /// Watch from `version`, asking the server to end it after `timeoutSeconds`.
        case watch(from: String, timeoutSeconds: Int)
        /// Do nothing for so long, then say `waited`.
        case wait(Duration)
    }

    /// Why a list or a watch did not go on.
    enum Failure: Sendable, Equatable {
        /// 410: the version or the token is too old.
        case gone
        /// The server is busy and may have said for how long.
        case throttled(retryAfter: Duration?)
        /// Any other answer of the server than the one asked for, and what it sent could not be read.
        case refused
        /// No answer, or the stream was cut.
        case unreachable
    }

    /// A watch that lasted this long was a good one, whatever it ended with.
    private static var settledAfter: Duration { .seconds(1) }
    /// So many refused watches in a row, and the list is made again: the version itself may be what is refused.
    private static var refusalsBeforeRelisting: Int { 3 }

    private(set) var state = State.empty
    /// Lists and watches that failed in a row, without an event between them.
    private(set) var failures = 0
    private var refusals = 0
    private var watchProgressed = false
    private var jitter: Jitter
    private let backoff: Backoff

    init(backoff: Backoff, jitter: Jitter) {
        self.backoff = backoff
        self.jitter = jitter
    }

    mutating func started() -> Step {
        next()
    }

    /// A page of the list arrived and is in the cache.
    mutating func pageArrived(version: String, continue token: String?) -> Step {
        if case .current = state { preconditionFailure("a page arrived in \(state)") }
        if let token, !token.isEmpty {
            state = .listing(continue: token, version: version)
        } else {
            state = .current(version: version)
        }
        return next()
    }

    mutating func listFailed(_ failure: Failure) -> Step {
        let wasFirstPage = state == .empty
        failures += 1
        switch failure {
        case .gone:
            state = .empty
            // The token of a long list expired (5 minutes by default): begin again, but not for ever without a pause.
            return failures == 1 && !wasFirstPage ? next() : wait()
        case .throttled(let retryAfter): return wait(atLeast: retryAfter)
        case .refused, .unreachable: return wait()
        }
    }

    /// An event (or bookmark) of this version is in the cache.
    mutating func eventArrived(version: String) {
        guard case .current = state else { preconditionFailure("an event arrived in \(state)") }
        state = .current(version: version)
        watchProgressed = true
        failures = 0
        refusals = 0
    }

    /// The watch is over: the server ended it (nil), or it failed. `lasted` counts from the server's first answer.
    mutating func watchEnded(_ failure: Failure?, lasted: Duration) -> Step {
        guard case .current = state else { preconditionFailure("a watch ended in \(state)") }
        let wasGood = watchProgressed || lasted >= Self.settledAfter
        watchProgressed = false
        if wasGood {
            failures = 0
            refusals = 0
        }
        switch failure {
        case .gone:
            state = .empty
            return again(afterGood: wasGood)
        case .throttled(let retryAfter):
            failures += 1
            return wait(atLeast: retryAfter)
        case .refused:
            refusals += 1
            failures += 1
            if refusals >= Self.refusalsBeforeRelisting {
                refusals = 0
                state = .empty
            }
            return wait()
        case .unreachable, nil:
            return lasted >= Self.settledAfter ? next() : again(afterGood: false)
        }
    }

    mutating func waited() -> Step {
        next()
    }

    // MARK: Inside

    private mutating func next() -> Step {
        switch state {
        case .empty: .list(continue: nil)
        case .listing(let token, _): .list(continue: token)
        // Spread, so that the watches of many controllers do not all come back in the same second.
        case .current(let version): .watch(from: version, timeoutSeconds: 270 + Int(60 * jitter.fraction()))
        }
    }

    private mutating func again(afterGood wasGood: Bool) -> Step {
        if wasGood { return next() }
        failures += 1
        return wait()
    }

    private mutating func wait(atLeast least: Duration? = nil) -> Step {
        let delay = backoff.delay(afterFailures: failures, using: &jitter)
        return .wait(max(delay, least ?? .zero))
    }
}
