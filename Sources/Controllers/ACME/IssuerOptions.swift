import ACME
import CertificateAPI
import Wire

/// What annotations of ours on an ACME issuer ask for beyond its spec.
struct IssuerOptions: Sendable, Equatable {
    /// Which chain is stored, where it is not `preferredChain` that says it.
    var chain: ChainPreference?
    /// Whether an order goes without its profile where the server will not have it.
    var profileIsPreferred = false
    /// How many orders may be made.
    var orderLimit: OrderLimit?
    /// What cannot be read, a sentence each.
    var problems: [String] = []

    init(_ annotations: [String: String]?, server: String) {
        let annotations = annotations ?? [:]
        orderLimit = OrderLimit(knownFor: server)
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
        if let text = annotations[Names.Annotation.orderLimit] {
            if text == "none" {
                orderLimit = nil
            } else if let limit = OrderLimit(text) {
                orderLimit = limit
            } else {
                refuse(Names.Annotation.orderLimit, text, "none, or a number and a time such as 300/3h")
            }
        }
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

    /// What CAs that say so let one account order. Renewals by window are exempt there, and not counted here either.
    init?(knownFor server: String) {
        switch server {
        case "https://acme-v02.api.letsencrypt.org/directory": self.init("300/3h")
        case "https://acme-staging-v02.api.letsencrypt.org/directory": self.init("1500/3h")
        default: return nil
        }
    }
}
