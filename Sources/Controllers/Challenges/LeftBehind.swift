import CertificateAPI
import KubeModel
import Solvers
import Synchronization
import Wire

/// Records of Challenges that were deleted while the Secret with the solver's credentials was gone: the Challenge is let go, and
/// its record is removed when the Secret is there again.
///
/// Kept in memory: what was left when the process ends is told by the Event that said so.
final class LeftBehind: Sendable {
    private let solver: any ChallengeSolver
    private let time: any TimeSource
    /// Whether the issuer's credentials may be used for it still.
    private let isAllowed: @Sendable (Challenge) -> Bool
    private let onRemoval: @Sendable (Challenge) -> Void
    private let machine = Mutex(LeftBehindMachine())
    private let news: AsyncStream<Void>
    private let hint: AsyncStream<Void>.Continuation

    init(
        solver: any ChallengeSolver, time: any TimeSource, isAllowed: @escaping @Sendable (Challenge) -> Bool,
        onRemoval: @escaping @Sendable (Challenge) -> Void
    ) {
        self.solver = solver
        self.time = time
        self.isAllowed = isAllowed
        self.onRemoval = onRemoval
        (news, hint) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func keep(_ challenge: Challenge) {
        machine.withLock { $0.left(challenge, now: time.now()) }
        hint.yield()
    }

    /// Tries again until cancelled. Waits for nothing while nothing is left behind.
    func run() async throws {
        for await _ in news {
            while let next = machine.withLock({ $0.next }) {
                let now = time.now()
                if now < next { try await time.sleep(for: next - now) }
                for challenge in machine.withLock({ $0.due(now: time.now()) }) { await remove(challenge) }
            }
        }
        try Task.checkCancellation()
    }

    private func remove(_ challenge: Challenge) async {
        guard isAllowed(challenge) else { return machine.withLock { $0.removed(challenge) } }
        do throws(SolverError) {
            try await solver.cleanUp(challenge)
            machine.withLock { $0.removed(challenge) }
            onRemoval(challenge)
        } catch {
            machine.withLock { $0.failed(challenge, now: time.now()) }  // the Event of its deletion has said why
        }
    }
}

/// What was left behind, and when it is tried next.
struct LeftBehindMachine {
    /// More are not kept: the oldest go first.
    static let limit = 500
    /// After this the record is somebody's to remove by hand.
    static let patience = Duration.seconds(86_400)
    static let firstPause = Duration.seconds(60)
    static let longestPause = Duration.seconds(3600)

    private struct Entry {
        var challenge: Challenge
        var since: Timestamp
        var due: Timestamp
        var failures = 0
    }

    private var entries: [String: Entry] = [:]

    /// When something is due; nil where nothing is left.
    var next: Timestamp? { entries.values.map(\.due).min() }

    mutating func left(_ challenge: Challenge, now: Timestamp) {
        guard let uid = challenge.metadata.uid else { return }
        if entries.count >= Self.limit, let oldest = entries.min(by: { $0.value.since < $1.value.since }) {
            entries[oldest.key] = nil
        }
        entries[uid] = Entry(challenge: challenge, since: now, due: now + Self.firstPause)
    }

    func due(now: Timestamp) -> [Challenge] {
        entries.values.filter { $0.due <= now }.map(\.challenge).sorted { $0.metadata.name < $1.metadata.name }
    }

    mutating func failed(_ challenge: Challenge, now: Timestamp) {
        guard let uid = challenge.metadata.uid, var entry = entries[uid] else { return }
        entry.failures += 1
        entry.due = now + min(Self.firstPause * (1 << min(entry.failures, 6)), Self.longestPause)
        entries[uid] = entry.due - entry.since > Self.patience ? nil : entry
    }

    mutating func removed(_ challenge: Challenge) {
        if let uid = challenge.metadata.uid { entries[uid] = nil }
    }
}
