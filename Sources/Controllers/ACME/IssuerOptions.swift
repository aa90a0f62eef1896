import ACME
import CertificateAPI
import Wire

/// What annotations of ours on an ACME issuer ask for beyond its spec.
struct IssuerOptions: Sendable, Equatable {
    /// Which chain is stored, where it is not `preferredChain` that says it.
    var chain: ChainPreference?
    /// Whether an order goes without its profile where the server will not have it.
    var profileIsPreferred = false
    /// What may be ordered.
    var limits = CALimits()
    /// What cannot be read, a sentence each.
    var problems: [String] = []

    init(_ annotations: [String: String]?, server: String) {
        let annotations = annotations ?? [:]
        if let known = KnownCA(server: server) {
            limits = known.limits
            if let end = known.hasEnded { problems.append(end) }
        }
        if let text = annotations[Names.Annotation.preferredRoot] {
            chain = ChainPreference(root: text)
            if chain == nil {
                refuse(
                    Names.Annotation.preferredRoot, text,
                    "64 hexadecimal digits of a SHA-256 fingerprint or 40 of a key identifier")
            }
        }
        switch annotations[Names.Annotation.preferredChain] {
        case nil: break
        case "smallest": chain = .smallest
        case let text?: refuse(Names.Annotation.preferredChain, text, "smallest")
        }
        switch annotations[Names.Annotation.profileMode] {
        case nil, "required": break
        case "preferred": profileIsPreferred = true
        case let text?: refuse(Names.Annotation.profileMode, text, "required or preferred")
        }
        readLimits(annotations)
    }

    private mutating func readLimits(_ annotations: [String: String]) {
        typealias Key = Names.Annotation
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
        limits.orders = window(Key.orderLimit, limits.orders)
        limits.sameNames = window(Key.sameNamesLimit, limits.sameNames)
        limits.openOrders = count(Key.openOrders, limits.openOrders)
        limits.openNames = count(Key.openNames, limits.openNames)
    }

    private mutating func refuse(_ key: String, _ text: String, _ wanted: String) {
        problems.append("the annotation \(key) is \"\(Problem.presentable(text).prefix(60))\" and should be \(wanted)")
    }
}

/// So many orders in so much time.
struct OrderLimit: Sendable, Hashable {
    let count: Int
    let period: Duration

    /// Such as `300/3h`.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), count > 0,
            let period = GoDuration(String(parts[1]))?.duration,
            period >= .seconds(1), period <= .seconds(30 * 86400)
        else { return nil }
        self.count = count
        self.period = period
    }
}
