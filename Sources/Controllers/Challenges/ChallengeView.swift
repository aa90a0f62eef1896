import CertificateAPI
import Solvers
package import Wire

/// Everything the decisions about one Challenge look at.
struct ChallengeView: Sendable, Equatable {
    var challenge: Challenge
    var standing: ChallengeStanding
    /// Whether this challenge is among those worked on now.
    var hasSlot: Bool
    var memory: ChallengeMemory
    var now: Timestamp
}

/// Whether a Challenge may be worked on at all. Its solver may name another's credentials, so that it is not believed
/// just because somebody could create it.
enum ChallengeStanding: Sendable, Hashable {
    case proper
    /// The Order that made it is not in the cache (yet).
    case orderMissing
    case issuerMissing
    /// It is not what an Order of its issuer would have made: why.
    case improper(String)
}

/// What this process did for a Challenge and need not write down: after a restart it is found out again.
struct ChallengeMemory: Sendable, Equatable {
    enum Phase: Sendable, Equatable {
        /// Nothing is known. Leaves to `checking` when it was presented, to `polling` when the CA was found to be looking.
        case unknown
        /// Presented by this process, or found presented with the CA not looking. Leaves to `polling` when the CA was told.
        case checking(notBefore: Timestamp)
        /// The CA was told to look. Leaves by becoming final.
        case polling(notBefore: Timestamp)
    }
    var phase = Phase.unknown
    /// How often the authorization was looked at since the CA was told.
    var polls = 0
    var failures = 0
}

/// What to do next, one thing at a time.
enum ChallengeStep: Sendable, Equatable {
    case rest
    case lookAgain(Timestamp)
    case awaitSlot
    /// Put the response in place.
    case present
    /// See whether the CA would see it.
    case check
    /// Ask the CA where the authorization stands.
    case poll
    case cleanUp
    /// There is nothing to take away: only the finalizers.
    case release
    /// It will not be worked on: say so and let it go.
    case reject(String)
}

/// What is to be written and said.
enum ChallengeAction: Sendable, Equatable {
    case status(Challenge.Status)
    case removeFinalizers
    case remember(ChallengeMemory)
    case tell(Notice)
    case accept
    case lookAgain(Timestamp)
    /// Wait as long as failures in a row ask for.
    case backOff(String)
}
