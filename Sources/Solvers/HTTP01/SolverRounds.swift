import CertificateAPI
import Synchronization

/// What a challenge wants of the objects that it shares with others.
struct SolverWish: Sendable, Hashable {
    enum Aim: Sendable, Hashable {
        case present(SolverObjects)
        /// It is over; its objects may go with the last challenge of the set.
        case retire(SolverObjects)
        /// Nobody's: what is left over is to go.
        case tidy
    }

    var number: Int
    var aim: Aim
}

/// Gathers wishes about one set of objects into rounds, so that a hundred challenges that come at once take a few
/// requests and none works against another: while one round is under way, what comes waits for the next. Whoever comes
/// first leads a round; the others wait for its outcome.
final class SolverRounds: Sendable {
    typealias Failures = [Int: SolverError]

    private enum Word: Sendable {
        case lead
        case over(SolverError?)
    }
    private struct State {
        var machine = RoundMachine()
        var waiting: [Int: CheckedContinuation<Word, Never>] = [:]
    }
    private let state = Mutex(State())

    /// Answers when a round that began after this call is over. `round` is given the wishes of all who came for it, and
    /// answers what failed for whom.
    func run(
        _ aim: SolverWish.Aim, in set: SolverSet, _ round: ([SolverWish]) async -> Failures
    ) async throws(SolverError) {
        let number = state.withLock { $0.machine.nextNumber() }
        let word = await withCheckedContinuation { continuation in
            let leads = state.withLock { state in
                let leads = state.machine.joined(SolverWish(number: number, aim: aim), set)
                if !leads { state.waiting[number] = continuation }
                return leads
            }
            if leads { continuation.resume(returning: .lead) }
        }
        switch word {
        case .over(let error?): throw error
        case .over(nil): return
        case .lead: break
        }
        let wishes = state.withLock { $0.machine.began(set) }
        let failures = await round(wishes)
        end(wishes, of: set, failures)
        if let error = failures[number] { throw error }
    }

    private func end(_ wishes: [SolverWish], of set: SolverSet, _ failures: Failures) {
        let (others, next) = state.withLock { state in
            let others = wishes.compactMap { wish in
                state.waiting.removeValue(forKey: wish.number).map { (wish.number, $0) }
            }
            let next = state.machine.ended(set).flatMap { state.waiting.removeValue(forKey: $0) }
            return (others, next)
        }
        for (number, continuation) in others { continuation.resume(returning: .over(failures[number])) }
        next?.resume(returning: .lead)
    }
}

/// Which wishes wait for which round.
struct RoundMachine {
    /// Gathered for the round that follows. A set that is here has a round under way, or a leader that begins one.
    private var gathered: [SolverSet: [SolverWish]] = [:]
    private var lastNumber = 0

    mutating func nextNumber() -> Int {
        lastNumber += 1
        return lastNumber
    }

    /// Whether this one leads a round now; otherwise it waits for a word.
    mutating func joined(_ wish: SolverWish, _ set: SolverSet) -> Bool {
        let leads = gathered[set] == nil
        gathered[set, default: []].append(wish)
        return leads
    }

    /// The wishes of the round that begins.
    mutating func began(_ set: SolverSet) -> [SolverWish] {
        defer { gathered[set] = [] }
        return gathered[set] ?? []
    }

    /// Who leads the next round; nil when nobody waits for one.
    mutating func ended(_ set: SolverSet) -> Int? {
        guard let first = gathered[set]?.first else {
            gathered[set] = nil
            return nil
        }
        return first.number
    }
}

extension [SolverWish] {
    /// Of the challenges that they are about.
    var objects: [SolverObjects] {
        compactMap { wish in
            switch wish.aim {
            case .present(let objects), .retire(let objects): objects
            case .tidy: nil
            }
        }
    }

    func failing(with error: SolverError) -> SolverRounds.Failures {
        reduce(into: [:]) { $0[$1.number] = error }
    }
}
