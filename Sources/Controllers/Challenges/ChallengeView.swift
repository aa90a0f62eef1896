import ACME
import CertificateAPI
import KubeModel
import Solvers
import Wire

/// Everything the decision about one Challenge looks at.
struct ChallengeView: Sendable, Equatable {
    var challenge: Challenge
    var order: OrderStanding
    var solver: SolverStanding
    var issuer: IssuerAccess
    /// Whether it may work now: only so many do at once.
    var hasTurn = true
    /// What the solver has done since the last look.
    var result: SolverResult?
    /// What the server has said since the last look.
    var news: ChallengeNews?
    /// Whether the server is being asked.
    var isAsking = false
    var progress = ChallengeProgress()
    var now: Timestamp
}

/// How a Challenge stands to the Order that controls it.
enum OrderStanding: Sendable, Equatable {
    case underWay
    /// It deletes its Challenges itself.
    case over
    /// There is none, or not one of this issuer.
    case none
}

/// Whether the credentials that a solver names may be used for it. A forged Challenge would have them sent to a server
/// of its maker's (see GHSA-8rvj-mm4h-c258).
enum SolverStanding: Sendable, Equatable {
    /// The issuer has this solver.
    case offered
    /// It has not, perhaps no longer: the Order replaces the Challenge.
    case foreign
    /// There is no issuer to ask.
    case unknown
}

struct SolverResult: Sendable, Equatable {
    var errand: SolverErrands.Errand
    var result: SolverErrands.Result
}

/// What need not survive the process: everything in it can be found out again by doing it again.
struct ChallengeProgress: Sendable, Hashable {
    /// 0 up to 1; spreads the attempts of many.
    var jitter = 0.0
    var presentedAt: Timestamp?
    /// When the server was told that the response is in place.
    var acceptedAt: Timestamp?
    /// Why the server did not want to hear it; its own view of the authorization then decides.
    var acceptRefusal: String?
    var failures = 0
    /// When it was last presented once more because nobody saw it, and how often.
    var presentedAgainAt: Timestamp?
    var presentedAgainCount = 0
    /// Whether its record is thought to be lost.
    var isLost = false
    var notBefore: Timestamp?
    var polls = 0
    /// Whether somebody here did present it, so that it may be cleaned up whatever became of its issuer.
    var wasPresentedHere: Bool { presentedAt != nil }
}

enum ChallengeQuestion: Sendable, Hashable {
    /// Tell the server that the response is in place.
    case accept
    /// See what the server makes of it.
    case look
}

struct ChallengeNews: Sendable, Equatable {
    var question: ChallengeQuestion
    var challenge: ACMEChallenge?
    var authorization: ACMEAuthorization?
    var failure: ACMEError?
}

/// What to do for one Challenge, in this order.
struct ChallengeStep: Sendable, Equatable {
    /// The status as it should be.
    var status: Challenge.Status
    /// Whether the status is worth a write now; otherwise it goes with the next one.
    var mustWrite = false
    var addsFinalizer = false
    var removesFinalizers = false
    var notices: [Notice] = []
    var progress: ChallengeProgress
    /// Whether it keeps its turn, or lets another work while it waits.
    var keepsTurn = false
    var errand: SolverErrands.Errand?
    var ask: ChallengeQuestion?
    var lookAgain: Timestamp?
}
