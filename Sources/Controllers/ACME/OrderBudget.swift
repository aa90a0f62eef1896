import Issuers
import KubeModel
import Wire

/// An order that somebody wants to be made.
struct OrderWish: Sendable, Hashable {
    var key: ObjectKey
    /// When what it replaces runs out.
    var needed: Timestamp
    /// The same for the same names and profile, and another for others.
    var names: String
    var nameCount: Int
    /// It names its predecessor: CAs do not count it.
    var isExempt = false
}

/// Why an order has to wait, and until when it need not be asked again.
struct OrderTurn: Sendable, Hashable {
    enum Reason: Sendable, Hashable {
        case orders, sameNames
        case openOrders(Int)
        case openNames(Int)
        /// This one is for the same names: the CA would give both the same order.
        case twin(ObjectKey)
    }
    var until: Timestamp
    var reason: Reason

    var sentence: String {
        let at = "next attempt at \(until.wholeSeconds.rfc3339)"
        switch reason {
        case .orders:
            return "as many as the CA allows have been made, and certificates that run out sooner go first; \(at)"
        case .sameNames:
            return
                "as many as the CA allows have been made for exactly these names; \(at). Use the certificate that is "
                + "there in place of asking for another"
        case .openOrders(let count):
            return "\(count) orders of the account are open, which is the limit; it goes on when one is done"
        case .openNames(let count):
            return "\(count) names are being proved for the account, and its limit leaves no room for this order; it "
                + "goes on when some are done"
        case .twin(let key):
            return "the Order \(key) is for the same names, and the CA would take both for one; it goes on when that "
                + "one is done"
        }
    }
}

/// Spreads new orders over what a CA allows an account, and lets those go first whose certificate runs out first.
package struct OrderBudget: Sendable {
    /// What one account has used of its new orders.
    package struct Reading: Sendable, Equatable {
        /// By its URL at the CA.
        package var account: String
        /// Orders in one period.
        package var limit: Int
        package var used: Int
        package var waiting: Int
    }

    /// An order that was made; what is older than the limits reach back counts no more.
    struct Made: Sendable {
        var at: Timestamp
        var names: String
        var isExempt = false
    }

    private struct Open: Sendable {
        var names: String
        var nameCount: Int
        var since: Timestamp
    }

    private struct Account {
        /// As it was last asked with.
        var limit: OrderLimit?
        /// Oldest first.
        var made: [Made] = []
        var open: [ObjectKey: Open] = [:]
        var waiting: [ObjectKey: OrderWish] = [:]
    }

    /// How long to leave one that waits for another; it is called when that is done.
    private static let patience = Duration.seconds(60)
    /// An order that is not done after this time may never be, and nobody waits for it any longer.
    static let openTime = Duration.seconds(1800)
    static let twinTime = Duration.seconds(600)

    private var accounts: [String: Account] = [:]

    init() {}

    /// Whether what earlier processes ordered is known.
    func knows(_ account: String) -> Bool { accounts[account] != nil }

    /// What earlier processes ordered, and which of it is still open.
    mutating func began(_ account: String, made: [Made], open: [OrderWish], now: Timestamp) {
        guard accounts[account] == nil else { return }
        var state = Account(made: made.sorted { $0.at < $1.at })
        for wish in open { state.open[wish.key] = Open(names: wish.names, nameCount: wish.nameCount, since: now) }
        accounts[account] = state
    }

    /// Answers nil when the order may be made now, and counts it; else why it has to wait.
    mutating func ask(_ wish: OrderWish, account: String, limits: CALimits, now: Timestamp) -> OrderTurn? {
        var state = accounts[account] ?? Account()
        defer { accounts[account] = state }
        state.limit = limits.orders
        state.made.removeAll { $0.at + limits.memory <= now }
        // One that was granted before and asks again has failed: only its answer was lost.
        state.open[wish.key] = nil
        let ahead = state.waiting.values.filter { $0.key != wish.key && $0.goesBefore(wish) }
        if let turn = Self.turn(of: wish, ahead, state, limits, now) {
            state.waiting[wish.key] = wish
            return turn
        }
        state.waiting[wish.key] = nil
        if limits.memory > .zero {
            state.made.append(Made(at: now, names: wish.names, isExempt: wish.isExempt))
        }
        state.open[wish.key] = Open(names: wish.names, nameCount: wish.nameCount, since: now)
        return nil
    }

    /// Of each account that was asked for and has such a limit, ordered by its URL.
    func readings(at now: Timestamp) -> [Reading] {
        accounts.sorted { $0.key < $1.key }.compactMap { url, state in
            state.limit.map { limit in
                Reading(
                    account: url, limit: limit.count,
                    used: state.made.count { !$0.isExempt && now < $0.at + limit.period }, waiting: state.waiting.count)
            }
        }
    }

    /// It is done, or no longer wants to be made. Answers who may go on now.
    mutating func forget(_ key: ObjectKey) -> [ObjectKey] {
        var called: [ObjectKey] = []
        for account in Array(accounts.keys) {
            accounts[account]?.waiting[key] = nil
            guard let gone = accounts[account]?.open.removeValue(forKey: key) else { continue }
            let waiting = (accounts[account]?.waiting.values).map(Array.init) ?? []
            called += waiting.filter { $0.names == gone.names }.map(\.key)
            if let first = waiting.min(by: { $0.goesBefore($1) }) { called.append(first.key) }
        }
        return Array(Set(called)).sorted()
    }

    private static func turn(
        of wish: OrderWish, _ ahead: [OrderWish], _ state: Account, _ limits: CALimits, _ now: Timestamp
    ) -> OrderTurn? {
        let open = state.open.filter { now < $0.value.since + openTime }
        let twins = open.filter { $0.value.names == wish.names && now < $0.value.since + twinTime }
        if let twin = twins.map(\.key).min() { return OrderTurn(until: now + patience, reason: .twin(twin)) }
        if !wish.isExempt {
            let same = state.made.filter { $0.names == wish.names && !$0.isExempt }.map(\.at)
            if let until = free(limits.sameNames, same, ahead: 0, now) {
                return OrderTurn(until: until, reason: .sameNames)
            }
            let counted = ahead.count { !$0.isExempt }
            if let until = free(limits.orders, state.made.filter { !$0.isExempt }.map(\.at), ahead: counted, now) {
                return OrderTurn(until: until, reason: .orders)
            }
        }
        if let limit = limits.openOrders, open.count + ahead.count >= limit {
            return OrderTurn(until: now + patience, reason: .openOrders(open.count))
        }
        let names = open.values.reduce(0) { $0 + $1.nameCount }
        let wanted = ahead.reduce(wish.nameCount) { $0 + $1.nameCount }
        // One that is larger than the limit goes alone.
        if let limit = limits.openNames, names > 0 || !ahead.isEmpty, names + wanted > limit {
            return OrderTurn(until: now + patience, reason: .openNames(names))
        }
        return nil
    }

    /// When a window has room for one more after `ahead` others; nil when it has now.
    private static func free(
        _ limit: OrderLimit?, _ made: [Timestamp], ahead: Int, _ now: Timestamp
    ) -> Timestamp? {
        guard let limit else { return nil }
        let recent = made.filter { now < $0 + limit.period }
        let room = limit.count - recent.count
        if ahead < room { return nil }
        // So many have to fall out of the period before it is this one's turn.
        let index = min(max(ahead - room, 0), recent.count - 1)
        guard recent.indices.contains(index) else { return now + limit.period }
        return max(recent[index] + limit.period, now + .seconds(1))
    }
}

extension OrderWish {
    fileprivate func goesBefore(_ other: OrderWish) -> Bool {
        (needed, key.description) < (other.needed, other.key.description)
    }
}
