import ACME
import CertificateAPI
import Wire

/// What a CA lets one account have, as far as it says so or the issuer does.
package struct CALimits: Sendable, Hashable {
    /// New orders in a time.
    package var orders: OrderLimit?
    /// Orders for exactly the same names in a time.
    package var sameNames: OrderLimit?
    /// Orders that are open at once.
    package var openOrders: Int?
    /// Names that are being proved at once.
    package var openNames: Int?

    /// For how long what was ordered counts.
    package var memory: Duration { max(orders?.period ?? .zero, sameNames?.period ?? .zero) }

    package init(
        orders: OrderLimit? = nil, sameNames: OrderLimit? = nil, openOrders: Int? = nil, openNames: Int? = nil
    ) {
        self.orders = orders
        self.sameNames = sameNames
        self.openOrders = openOrders
        self.openNames = openNames
    }

    /// What is known of the server, as the issuer's annotations change it; and what cannot be read in these, a sentence
    /// each.
    package static func read(_ annotations: [String: String]?, server: String) -> (limits: CALimits, problems: [String])
    {
        let annotations = annotations ?? [:]
        var limits = KnownCA(server: server)?.limits ?? CALimits()
        var problems: [String] = []
        func refuse(_ key: String, _ text: String, _ wanted: String) {
            problems.append(
                "the annotation \(key) is \"\(Problem.presentable(text).prefix(60))\" and should be \(wanted)")
        }
        func window(_ key: String, _ known: OrderLimit?) -> OrderLimit? {
            guard let text = annotations[key] else { return known }
            if text == "none" { return nil }
            if let limit = OrderLimit(text) { return limit }
            refuse(key, text, "none, or a number and a time such as 300/3h")
            return known
        }
        func count(_ key: String, _ known: Int?) -> Int? {
            guard let text = annotations[key] else { return known }
            if text == "none" { return nil }
            if let count = Int(text), count > 0 { return count }
            refuse(key, text, "none, or a number greater than 0")
            return known
        }
        typealias Key = Names.Annotation
        limits.orders = window(Key.orderLimit, limits.orders)
        limits.sameNames = window(Key.sameNamesLimit, limits.sameNames)
        limits.openOrders = count(Key.openOrders, limits.openOrders)
        limits.openNames = count(Key.openNames, limits.openNames)
        return (limits, problems)
    }
}

/// So many orders in so much time.
package struct OrderLimit: Sendable, Hashable {
    package let count: Int
    package let period: Duration

    /// Such as `300/3h`.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), count > 0,
            let period = GoDuration(String(parts[1]))?.duration,
            period >= .seconds(1), period <= .seconds(30 * 86400)
        else { return nil }
        self.count = count
        self.period = period
    }
}
