package import CertificateAPI
package import Issuers
package import KubeModel
package import Wire

/// What is left of what a CA allows one ACME account, as the objects of the cluster tell it.
///
/// Orders that were deleted, and what other clusters ordered with the account, are not in it: the CA may have counted
/// more.
package struct AccountBudget: Sendable, Equatable {
    /// By its URL at the CA; empty before it is registered.
    package var account: String
    package var server: String
    package var limits: CALimits
    /// New orders within the last period of `limits.orders`.
    package var used = 0
    /// Orders that are being worked on at the CA.
    package var open = 0
    /// Orders that are not made yet.
    package var waiting = 0
    /// Until when the CA wants no order, as it told the one of that name.
    package var hold: Hold?
    /// The issuers with the account.
    private let places: Set<IssuerPlace>

    package struct Hold: Sendable, Equatable {
        package var until: Timestamp
        package var order: ObjectKey
    }

    /// New orders that may still be made now; nil where no limit is known.
    package var left: Int? { limits.orders.map { max(0, $0.count - used) } }

    /// Nil for an issuer without ACME.
    ///
    /// - Parameters:
    ///   - others: every issuer of the cluster that is known; those with the same account share its budget.
    ///   - orders: every Order that is known.
    package init?(
        _ issuer: some IssuerObject, among others: [IssuerAccount], orders: [Order], now: Timestamp
    ) {
        guard let acme = issuer.spec.acme else { return nil }
        account = issuer.status?.acme?.uri ?? ""
        server = acme.server
        limits = CALimits.read(issuer.metadata.annotations, server: acme.server).limits
        let account = account
        places = Set(others.filter { !account.isEmpty && $0.account == account }.map(\.place))
            .union([IssuerPlace(issuer)])
        for order in orders where places.contains(IssuerPlace(order)) { count(order, now) }
    }

    private mutating func count(_ order: Order, _ now: Timestamp) {
        let isMade = order.status?.url.nonEmpty != nil
        let isOver = order.status?.state?.isFinal == true
        if isMade, !isOver { open += 1 }
        if !isMade, !isOver { waiting += 1 }
        // Renewals that name their predecessor are not counted by CAs.
        if isMade, order.spec.replaces.nonEmpty == nil, let limit = limits.orders,
            let made = order.metadata.creationTimestamp, now < made + limit.period
        {
            used += 1
        }
        if let until = order.metadata.annotations?[Names.Annotation.heldUntil].flatMap({ Timestamp(rfc3339: $0) }),
            order.status?.state != .valid, now < until, hold.map({ $0.until < until }) ?? true
        {
            hold = Hold(until: until, order: order.key)
        }
    }

    /// Of `orders`, how many the account has made for exactly these names within the period of the CA's limit for that; nil
    /// where no such limit is known.
    package func sameNames(_ names: [String], in orders: [Order], now: Timestamp) -> (used: Int, limit: OrderLimit)? {
        guard let limit = limits.sameNames else { return nil }
        let wanted = Set(names.map { $0.lowercased() })
        let used = orders.count { order in
            guard places.contains(IssuerPlace(order)), order.status?.url.nonEmpty != nil,
                order.spec.replaces.nonEmpty == nil,
                let made = order.metadata.creationTimestamp, now < made + limit.period
            else { return false }
            return order.names == wanted
        }
        return (used, limit)
    }
}

/// The issuer that an object names.
package struct IssuerPlace: Sendable, Hashable {
    package var isClusterIssuer: Bool
    package var key: ObjectKey

    package init(_ issuer: some IssuerObject) {
        isClusterIssuer = type(of: issuer).resource.kind == ClusterIssuer.resource.kind
        key = issuer.key
    }

    package init(_ order: Order) { self.init(order.spec.issuerRef, namespace: order.key.namespace) }

    package init(_ reference: IssuerReference, namespace: String) {
        isClusterIssuer = reference.isClusterIssuer
        key = ObjectKey(namespace: reference.isClusterIssuer ? "" : namespace, name: reference.name)
    }
}

/// Which account an issuer uses.
package struct IssuerAccount: Sendable, Hashable {
    package var place: IssuerPlace
    package var account: String

    package init(_ issuer: some IssuerObject) {
        place = IssuerPlace(issuer)
        account = issuer.status?.acme?.uri ?? ""
    }
}

extension Order {
    /// What it is to certify, in lower case.
    fileprivate var names: Set<String> {
        let all = (spec.dnsNames ?? []) + (spec.ipAddresses ?? []) + [spec.commonName.nonEmpty].compactMap(\.self)
        return Set(all.map { $0.lowercased() })
    }
}

extension OrderLimit {
    /// "300 in 3h".
    package var words: String { "\(count) in \(HumanDuration.text(period))" }
}
