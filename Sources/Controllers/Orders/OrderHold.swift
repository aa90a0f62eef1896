import ACME
import CertificateAPI
import KubeModel
import Wire

/// A limit that an order has met: until when it holds, and what else it holds up. It is kept in annotations of the
/// Order, so that it outlives the process.
struct OrderHold: Sendable, Equatable {
    var until: Timestamp
    var scope: LimitScope
    /// The Order that met it.
    var order: String

    init(until: Timestamp, scope: LimitScope, order: String) {
        self.until = until.wholeSeconds
        self.scope = scope
        self.order = order
    }

    init?(_ order: Order) {
        let annotations = order.metadata.annotations ?? [:]
        guard let until = annotations[Names.Annotation.heldUntil].flatMap({ Timestamp(rfc3339: $0) }) else {
            return nil
        }
        let scope = annotations[Names.Annotation.heldScope].flatMap { LimitScope(rawValue: $0) }
        self.init(until: until, scope: scope ?? .request, order: order.metadata.name)
    }

    var annotations: [String: String] {
        [Names.Annotation.heldUntil: until.rfc3339, Names.Annotation.heldScope: scope.rawValue]
    }

    /// The hold of `others` that keeps `order` from being made for longest; nil when none does.
    static func longest(of others: [Order], over order: Order, at now: Timestamp) -> OrderHold? {
        // Names that no order can have end it by themselves.
        let names = Set((try? OrderDecision.identifiers(of: order.spec)) ?? [])
        return
            others.compactMap { other -> OrderHold? in
                guard other.metadata.uid != order.metadata.uid, let hold = OrderHold(other), now < hold.until else {
                    return nil
                }
                // A CA exempts renewals that name their predecessor from what it counts.
                if order.spec.replaces.nonEmpty != nil, hold.scope != .server { return nil }
                let others = Set((try? OrderDecision.identifiers(of: other.spec)) ?? [])
                return hold.scope.covers(names, hitBy: others) ? hold : nil
            }
            .max { $0.until < $1.until }
    }

    var sentence: String {
        let what =
            switch scope {
            case .server: "the CA is busy"
            case .account: "the CA's limit for the account is used up"
            case .domain(let domain): "the CA's limit for \(domain) is used up"
            case .name(let name): "the CA has refused \(name) too often"
            case .sameNames: "the CA's limit for this set of names is used up"
            case .request: "the CA's limit is used up"
            }
        return "\(what), as it has told the Order \(order); next attempt at \(until.rfc3339)"
    }
}
