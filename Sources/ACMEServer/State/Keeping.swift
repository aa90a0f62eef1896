package import ACME
package import PKI
package import Wire

/// Why what was to be kept could not be.
package enum KeepingError: Error, Sendable, Hashable {
    /// Somebody else changed it meanwhile: look again.
    case conflict
    /// There is one of that id.
    case exists
    /// The store does not answer.
    case unavailable(String)
}

/// Where accounts and orders are kept. What one replica has written, another finds.
package protocol ServerStore: Sendable {
    func account(_ id: String) async throws(KeepingError) -> ServerAccount?
    func account(of key: PublicKey, at issuer: IssuerName) async throws(KeepingError) -> ServerAccount?
    /// How many accounts were made with that credential.
    func accountCount(of credential: String) -> Int
    func create(_ account: ServerAccount) async throws(KeepingError) -> ServerAccount
    /// Replaces the version that `account` was read as; `conflict` where that is no longer the last.
    func replace(_ account: ServerAccount) async throws(KeepingError) -> ServerAccount

    func order(_ id: String) async throws(KeepingError) -> ServerOrder?
    /// The same, with what another replica has written of it a moment ago. Nil, too, where that was asked too often.
    func latestOrder(_ id: String) async throws(KeepingError) -> ServerOrder?
    /// Newest first; it may lack what another replica has just made.
    func orders(of account: String) -> [ServerOrder]
    var orderCount: Int { get }
    func create(_ order: ServerOrder) async throws(KeepingError) -> ServerOrder
    func replace(_ order: ServerOrder) async throws(KeepingError) -> ServerOrder

    func credential(_ id: String) -> Credential?
}

extension ServerStore {
    /// Changes an order whoever else does so: reads, lets `change` decide, writes, and begins again on a conflict.
    /// `change` answers whether it changed anything. Nil where there is no such order.
    @discardableResult
    package func update(
        _ id: String, _ change: (inout ServerOrder) -> Bool
    ) async throws(KeepingError) -> ServerOrder? {
        for attempt in 1... {
            guard var order = try await order(id) else { return nil }
            guard change(&order) else { return order }
            do throws(KeepingError) {
                return try await replace(order)
            } catch {
                guard error == .conflict, attempt < 8 else { throw error }
            }
        }
        preconditionFailure("the loop over attempts has no end of its own")
    }
}

/// What is known of the issuer behind a directory.
package enum IssuerSight: Sendable, Hashable {
    case ready
    case notReady
    case missing
    /// It can never serve others; a sentence.
    case unsuitable(String)
}

package protocol IssuerWatch: Sendable {
    func sight(of issuer: IssuerName) -> IssuerSight
}

/// Knows the certificates that were issued, without asking anybody.
package protocol RenewalWatch: Sendable {
    func sight(of id: RenewalIdentifier) -> RenewalSight?
}

/// What is asked of the issuer.
package struct IssuanceWish: Sendable, Hashable {
    package var request: SigningRequest
    package var usages: [String]
    package var duration: String?
}

/// A certificate that was found again.
package struct IssuedRecord: Sendable, Hashable {
    package var account: String
    package var issuer: String
    package var isRevoked: Bool
    /// What the desk knows it by.
    package var place: String

    package init(account: String, issuer: String, isRevoked: Bool, place: String) {
        self.account = account
        self.issuer = issuer
        self.isRevoked = isRevoked
        self.place = place
    }
}

/// Has certificates made, by what approves and signs requests in the cluster.
package protocol IssuanceDesk: Sendable {
    /// Asks for it. `exists` where something else was asked for under the same order.
    func begin(_ order: ServerOrder, _ wish: IssuanceWish) async throws(KeepingError)
    func state(of order: ServerOrder) async throws(KeepingError) -> IssuanceState
    /// Waits for an outcome, and answers what there is when the limit has passed.
    func outcome(of order: ServerOrder, within limit: Duration) async throws(KeepingError) -> IssuanceState
    func find(_ certificate: X509Certificate) async throws(KeepingError) -> IssuedRecord?
    /// Keeps it on record.
    func revoke(_ record: IssuedRecord, _ reason: RevocationReason, at now: Timestamp) async throws(KeepingError)
}
