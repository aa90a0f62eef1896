package import CertificateAPI
package import DNSProviders
package import Wire

/// Puts the answer to a challenge where the CA will look for it, and takes it away again.
///
/// Each may be called again at any time, after any of them and in any state of the world: what is there already is
/// left, what is gone already is no error. Any of them may wait for a server, so they are run by `SolverErrands` and
/// not by a worker.
package protocol ChallengeSolver: Sendable {
    func present(_ challenge: Challenge) async throws(SolverError)
    /// Looks the way the CA will look. `presentedAt` tells how long it has been waited for.
    func check(_ challenge: Challenge) async -> SelfCheck
    func cleanUp(_ challenge: Challenge) async throws(SolverError)
}

/// Whether a challenge can be seen.
package enum SelfCheck: Sendable, Hashable {
    /// The CA may look now. The sentence says who saw what.
    case visible(String)
    /// Not yet; the sentence says who saw what instead, `again` how soon another look is worth it.
    case notYet(String, again: Duration)

    package var isVisible: Bool {
        if case .visible = self { true } else { false }
    }
    package var sentence: String {
        switch self {
        case .visible(let sentence), .notYet(let sentence, _): sentence
        }
    }
}

/// Why a challenge could not be presented or cleaned up.
package enum SolverError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The solver's stanza asks for what cannot be done; only a change of it helps.
    case refused([FieldProblem])
    case provider(DNSProviderError)
    /// Another try soon is worth it, such as after waiting for a deletion. `detail` is a whole sentence.
    case notNow(String, again: Duration)
    /// The cluster does not let what is needed be written: a right is missing, or a policy is against it. `detail` is a
    /// whole sentence.
    case denied(String)
    /// The cluster or the network failed; back off and try again. `detail` is a whole sentence.
    case failed(String)

    package var description: String {
        switch self {
        case .refused(let problems): problems.map(\.description).joined(separator: "; ")
        case .provider(let error): error.description
        case .notNow(let sentence, _), .denied(let sentence), .failed(let sentence): sentence
        }
    }

    /// Whether trying again without a change is no use.
    package var isTerminal: Bool {
        switch self {
        case .refused: true
        case .provider(let error): error.isTerminal
        case .notNow, .denied, .failed: false
        }
    }
}

/// How long to leave between looks: a quarter of the time already waited, so that a quick answer is seen quickly and a
/// slow one costs little.
package enum CheckPace {
    package static func delay(
        presentedAt: Timestamp?, now: Timestamp, shortest: Duration = .milliseconds(300),
        longest: Duration = .seconds(10)
    ) -> Duration {
        guard let presentedAt else { return shortest }
        return min(longest, max(shortest, (now - presentedAt) / 4))
    }
}
