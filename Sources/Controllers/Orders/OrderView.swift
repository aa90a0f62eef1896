import ACME
import CertificateAPI
import KubeModel
import PKI
import Solvers
import Wire

/// Everything the decision about one Order looks at.
struct OrderView: Sendable, Equatable {
    var order: Order
    /// The Challenges that the Order controls, in the order of their names.
    var challenges: [Challenge] = []
    var issuer: IssuerAccess
    /// What the server has said since the last look.
    var news: OrderNews?
    /// Whether the server is being asked.
    var isAsking = false
    /// A limit that another Order has met and that keeps this one from being made.
    var hold: OrderHold?
    /// What the look before the order has found since the last look at the Order.
    var inspection: [PreflightFinding]?
    /// Whether that look is under way.
    var isInspecting = false
    var preflightMode = PreflightMode.off
    /// Why and how long this order has to wait, where a CA's budget has no room for it now.
    var turn: OrderTurn?
    /// Whether an earlier process may have made the order at the CA and not lived to write that down.
    var isInherited = false
    var progress = OrderProgress()
    var now: Timestamp
}

/// What need not survive the process: times and counts that only pace the work.
struct OrderProgress: Sendable, Hashable {
    /// 0 up to 1; spreads the attempts of many orders.
    var jitter = 0.0
    /// How often in a row the server could not be asked.
    var failures = 0
    /// No request before this.
    var notBefore: Timestamp?
    /// Whether the certificate was asked for: from then on the order is looked at.
    var isFinalized = false
    var polls = 0
    /// How often the server has said that it does not know our account.
    var accountDoubts = 0
    /// When the server last told how the order stands.
    var heardAt: Timestamp?
    /// When the server will forget the order.
    var expires: Timestamp?
    /// What the look before the order has found last.
    var preflight: PreflightReport?
    /// Whether the order may have been made, though the answer that would tell its URL did not come.
    var isInDoubt = false
}

/// What to ask the server.
enum OrderQuestion: Sendable, Hashable {
    /// Make the order.
    case create(NewACMEOrder)
    /// The same, unless it was made already and the server tells of it.
    case resume(NewACMEOrder)
    /// Read these authorizations.
    case authorizations([String])
    /// Ask for the certificate, and download it if it is there.
    case finalize
    /// See how the order stands, and download the certificate if it is there.
    case look
    /// Give up these authorizations.
    case giveUp([String])
}

extension OrderQuestion {
    /// Whether the answer is a new order.
    var makesOrder: Bool {
        switch self {
        case .create, .resume: true
        case .authorizations, .finalize, .look, .giveUp: false
        }
    }
    /// Whether orders that the server has already are looked through.
    var isSearch: Bool { if case .resume = self { true } else { false } }
}

/// What the server said.
struct OrderNews: Sendable, Equatable {
    var question: OrderQuestion
    var order: ACMEOrder?
    var authorizations: [ACMEAuthorization] = []
    /// PEM, checked against the request.
    var certificate: String?
    /// Whether `preferredChain` was found, or none was asked for.
    var isPreferredChain = true
    /// What went wrong after all that.
    var failure: ACMEError?
}

/// What to do for one Order, in this order.
struct OrderPlan: Sendable, Equatable {
    /// The status as it should be.
    var status: Order.Status
    var create: [Challenge] = []
    var delete: [Challenge] = []
    var notices: [Notice] = []
    var progress: OrderProgress
    /// The account is to be looked up again.
    var doubtsAccount = false
    /// A limit that the order has met, to be remembered on it.
    var hold: OrderHold?
    /// The server wants a person to do something first.
    var actionRequired: Refusal?
    /// What the Order is to say of its preflight; nil to leave that.
    var preflight: PreflightMark?
    /// What the Order is to say of why its CA cannot certify now; nil to leave that.
    var trouble: TroubleMark?
    /// Look, beside all else, at what is in the way of the order.
    var inspects = false
    var ask: OrderQuestion?
    var lookAgain: Timestamp?
}

/// What an Order says of its preflight.
enum PreflightMark: Sendable, Equatable {
    case says(String)
    case isClear

    /// For a merge patch.
    var annotations: JSONValue {
        switch self {
        case .says(let text): [Names.Annotation.preflight: .string(text)]
        case .isClear: [Names.Annotation.preflight: .null]
        }
    }
}
