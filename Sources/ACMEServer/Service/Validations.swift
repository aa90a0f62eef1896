import ACME
import Synchronization
import Wire

/// The looks that this replica takes at challenges, each once at a time.
///
/// A look lives longer than the request that began it: a client is answered after a moment, and asks again.
final class Validations: Sendable {
    struct Key: Sendable, Hashable {
        var order: String
        var index: Int
    }

    /// How many at once; more are put off.
    static let limit = 64
    /// Of one account.
    static let accountLimit = 16

    private struct Contents {
        var running: [Key: Task<Void, Never>] = [:]
        var accounts: [Key: String] = [:]
        var isStopping = false
    }
    private let contents = Mutex(Contents())

    enum Start: Sendable, Equatable { case begun, underWay, tooMany }

    /// Runs `work` unless a look at the same name is under way.
    ///
    /// The task is awaited by ``stop()``; what it does is bounded in time, and another replica takes over what it leaves.
    func start(_ key: Key, account: String, _ work: @escaping @Sendable () async -> Void) -> Start {
        contents.withLock { contents in
            if contents.running[key] != nil { return .underWay }
            guard !contents.isStopping, contents.running.count < Self.limit,
                contents.accounts.values.count(where: { $0 == account }) < Self.accountLimit
            else { return .tooMany }
            contents.accounts[key] = account
            contents.running[key] = Task { [self] in
                await work()
                forget(key)
            }
            return .begun
        }
    }

    /// Calls off what runs, and returns when it has ended.
    func stop() async {
        let running = contents.withLock { contents in
            contents.isStopping = true
            return Array(contents.running.values)
        }
        for task in running { task.cancel() }
        for task in running { await task.value }
    }

    private func forget(_ key: Key) {
        contents.withLock { contents in
            contents.running[key] = nil
            contents.accounts[key] = nil
        }
    }
}

/// Something that is waited for once, and may have happened before.
final class Moment: Sendable {
    private enum State {
        case coming
        case awaited(CheckedContinuation<Void, Never>)
        case past
    }
    private let state = Mutex(State.coming)

    /// Every call but the first does nothing.
    func come() {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state = .past }
            if case .awaited(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume()
    }

    /// To be called once.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isPast = state.withLock { state in
                if case .past = state { return true }
                state = .awaited(continuation)
                return false
            }
            if isPast { continuation.resume() }
        }
    }
}
