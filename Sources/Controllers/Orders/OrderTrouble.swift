import ACME
import CertificateAPI
import KubeModel
import Wire

/// Why a CA cannot certify now what another may: kept in an annotation of the Order, so that whoever made it can go to
/// another CA. Names that cannot be proved are no such reason: no CA would do better.
enum OrderTrouble: String, Sendable, Hashable, CaseIterable {
    case outage, rateLimit, caa, identifier, userAction

    /// A wait that is shorter than this is no reason to leave a CA.
    static let patience = Duration.seconds(600)
    /// So many failures in a row are an outage: with the pauses between them some minutes.
    static let outageFailures = 5

    init?(_ order: Order) {
        guard let text = order.metadata.annotations?[Names.Annotation.trouble] else { return nil }
        self.init(rawValue: text)
    }

    /// What a refusal means beyond its Order.
    init?(_ error: ACMEError, failures: Int, now: Timestamp) {
        if let kind = error.refusal.flatMap({ Self.kind(of: $0.problem) }) {
            self = kind
            return
        }
        switch error.advice {
        case .userActionRequired: self = .userAction
        case .retryAt(let time) where time - now > Self.patience: self = .rateLimit
        case .retry, .retryAt:
            guard failures >= Self.outageFailures else { return nil }
            self = .outage
        case .permanent: return nil
        }
    }

    /// By the problem's own type, or by those of its parts where they all say the same kind of thing.
    static func kind(of problem: Problem) -> OrderTrouble? {
        switch problem.type {
        case .caa: return .caa
        case .rejectedIdentifier, .unsupportedIdentifier: return .identifier
        case .compound:
            let kinds = problem.subproblems.map { kind(of: $0.problem) }
            return kinds.contains(nil) ? nil : kinds.first ?? nil
        default: return nil
        }
    }

    var words: String {
        switch self {
        case .outage: "it cannot be reached"
        case .rateLimit: "its limits are used up"
        case .caa: "CAA records do not allow it"
        case .identifier: "it does not certify such names"
        case .userAction: "a person has to act there first"
        }
    }
}

/// What an Order says of why its CA cannot certify now.
enum TroubleMark: Sendable, Equatable {
    case says(OrderTrouble)
    case isClear

    /// For a merge patch.
    var annotations: JSONValue {
        switch self {
        case .says(let trouble): [Names.Annotation.trouble: .string(trouble.rawValue)]
        case .isClear: [Names.Annotation.trouble: .null]
        }
    }
}

extension OrderPlan {
    mutating func note(_ trouble: OrderTrouble?, of order: Order) {
        guard let trouble, trouble != OrderTrouble(order) else { return }
        self.trouble = .says(trouble)
    }
}
