import KubeModel
import Wire

/// Spreads new orders over what a CA allows an account, and lets those go first whose certificate runs out first.
package struct OrderBudget: Sendable {
    /// What one account has used.
    package struct Reading: Sendable, Equatable {
        /// By its URL at the CA.
        package var account: String
        /// Orders in one period.
        package var limit: Int
        package var used: Int
        package var waiting: Int
    }

    private struct Account {
        /// As it was last asked with.
        var limit: OrderLimit?
        /// When orders were made, oldest first; what is older than the period counts no more.
        var made: [Timestamp] = []
        /// Who waits, and by when the certificate is needed.
        var waiting: [ObjectKey: Timestamp] = [:]
    }

    private var accounts: [String: Account] = [:]

    init() {}

    /// Whether what earlier processes ordered is known.
    func knows(_ account: String) -> Bool { accounts[account] != nil }

    /// What earlier processes ordered.
    mutating func began(_ account: String, made: [Timestamp]) {
        guard accounts[account] == nil else { return }
        accounts[account] = Account(made: made.sorted())
    }

    /// Answers nil when the order may be made now, and counts it; else when to ask again.
    ///
    /// - Parameter needed: when what the certificate replaces runs out.
    mutating func ask(
        _ key: ObjectKey, account: String, needed: Timestamp, limit: OrderLimit, now: Timestamp
    ) -> Timestamp? {
        var state = accounts[account] ?? Account()
        defer { accounts[account] = state }
        state.limit = limit
        state.made.removeAll { $0 + limit.period <= now }
        let ahead = state.waiting.count { $0.key != key && ($0.value, $0.key.description) < (needed, key.description) }
        let free = limit.count - state.made.count
        if ahead < free {
            state.waiting[key] = nil
            state.made.append(now)
            return nil
        }
        state.waiting[key] = needed
        // So many have to fall out of the period before it is this one's turn.
        let index = min(max(ahead - free, 0), state.made.count - 1)
        guard state.made.indices.contains(index) else { return now + limit.period }
        return max(state.made[index] + limit.period, now + .seconds(1))
    }

    /// Of each account that was asked for, ordered by its URL.
    func readings(at now: Timestamp) -> [Reading] {
        accounts.sorted { $0.key < $1.key }.compactMap { url, state in
            state.limit.map { limit in
                Reading(
                    account: url, limit: limit.count, used: state.made.count { $0 + limit.period > now },
                    waiting: state.waiting.count)
            }
        }
    }

    /// It no longer wants to be made.
    mutating func forget(_ key: ObjectKey) {
        for account in Array(accounts.keys) { accounts[account]?.waiting[key] = nil }
    }
}
