import DNSWire
import Wire

/// A change to what a service keeps as a whole: all values of a name, or all records of a domain.
///
/// Within the process one errand at a time reads and writes (`turn`). Where the service does not notice that what it
/// overwrites has changed since it was read, another replica, another cluster or a person may read before this write
/// and write after it, and so undo it unknowingly. Therefore an errand looks again once whoever had read before must
/// have written, and writes again what is missing; so does the other, and each from what it finds, until both are
/// there. What this rests on: nobody takes longer from reading to writing than `settling` gives them.
package struct SharedEdit: Sendable {
    /// Errands with the same text wait for each other.
    var turn: String
    /// Whether the service refuses to overwrite what has changed since it was read.
    var noticesConflicts: Bool
    var provider: String
    var context: ProviderContext
    /// Where few changes are allowed: the turn for one is taken before reading, so that no wait comes between reading and
    /// writing, and nothing is read in vain.
    var turnToWrite: TurnToWrite?

    package struct TurnToWrite: Sendable {
        /// Waits, or throws `.rateLimited`.
        var take: @Sendable () async throws(DNSProviderError) -> Void
        /// There was nothing to write.
        var giveBack: @Sendable () -> Void
    }

    /// How often is written at most; then the errand ends in `.conflict`, and is started again later.
    static let tries = 6
    /// The shortest wait between a write and the look whether it stayed.
    static let settling = Duration.seconds(5)
    /// The longest one, for services that take their time.
    static let longestSettling = Duration.seconds(60)

    /// `change` answers with what should be there, or nil when all is as it should be. `write` throws `.conflict` where
    /// the service does notice.
    func run<Whole, Wanted>(
        read: () async throws(DNSProviderError) -> Whole,
        change: (Whole) throws(DNSProviderError) -> Wanted?,
        write: (Wanted, Whole) async throws(DNSProviderError) -> Void
    ) async throws(DNSProviderError) {
        var failure = DNSProviderError.conflict(provider: provider, detail: "the value does not stay as written")
        for number in 0...Self.tries {
            do throws(DNSProviderError) {
                guard let took = try await round(number, read, change, write) else { return }
                if noticesConflicts { return }
                // Whoever is as slow as this errand was has written by then.
                let settling = min(max(Self.settling, took * 2), Self.longestSettling)
                try await pause(settling + .milliseconds(Int.random(in: 0..<500)))
            } catch .conflict(let provider, let detail) {
                if number == Self.tries { break }
                failure = .conflict(provider: provider, detail: detail)
                // Longer each time, and not the same for two replicas.
                try await pause(.milliseconds(Int.random(in: 50...150) << number))
            }
        }
        throw failure
    }

    /// One look and, where something is missing, one write. Answers with the time from the one to the end of the other,
    /// or nil where nothing was to do.
    private func round<Whole, Wanted>(
        _ number: Int,
        _ read: () async throws(DNSProviderError) -> Whole,
        _ change: (Whole) throws(DNSProviderError) -> Wanted?,
        _ write: (Wanted, Whole) async throws(DNSProviderError) -> Void
    ) async throws(DNSProviderError) -> Duration? {
        try await context.memory.turns.run(turn) { () async throws(DNSProviderError) in
            // Mostly all is as it was written, and then no turn is needed.
            if number > 0, turnToWrite != nil, try change(try await read()) == nil { return nil }
            if number == Self.tries { throw .conflict(provider: provider, detail: "") }
            try await turnToWrite?.take()
            var isTurnUsed = false
            defer { if !isTurnUsed { turnToWrite?.giveBack() } }
            let start = context.time.elapsed()
            let whole = try await read()
            guard let wanted = try change(whole) else { return nil }
            isTurnUsed = true
            try await write(wanted, whole)
            return context.time.elapsed() - start
        }
    }

    private func pause(_ duration: Duration) async throws(DNSProviderError) {
        do {
            try await context.time.sleep(for: duration)
        } catch {
            throw .dns(.cancelled)
        }
    }
}
