import Synchronization
import Wire

/// What a token service handed out in exchange for credentials.
struct IssuedToken: Sendable, Hashable {
    var token: Redacted<String>
    var lifetime: Duration
}

/// Tokens that are good for a while, by the credentials they were given for.
final class TokenMemory: Sendable {
    static let maximumTokens = 256

    private struct Kept {
        var token: Redacted<String>
        /// When a new one is asked for: before this one ends.
        var renewal: Duration
    }

    private let tokens = Mutex<[AccountKey: Kept]>([:])

    func find(_ account: AccountKey, now: Duration) -> Redacted<String>? {
        tokens.withLock { tokens in tokens[account].flatMap { now < $0.renewal ? $0.token : nil } }
    }

    /// Keeps it for four fifths of its life.
    func keep(_ issued: IssuedToken, for account: AccountKey, now: Duration) {
        tokens.withLock { tokens in
            if tokens.count >= Self.maximumTokens { tokens = tokens.filter { now < $0.value.renewal } }
            guard tokens.count < Self.maximumTokens else { return }
            tokens[account] = Kept(token: issued.token, renewal: now + issued.lifetime / 5 * 4)
        }
    }

    func forget(_ account: AccountKey) { tokens.withLock { $0[account] = nil } }
}

extension ProviderMemory {
    /// The token that is kept for these credentials, or the one that `fetch` brings; many who ask at once fetch once.
    func token(
        for account: AccountKey, at time: any TimeSource, _ fetch: () async throws(DNSProviderError) -> IssuedToken
    ) async throws(DNSProviderError) -> Redacted<String> {
        if let token = tokens.find(account, now: time.elapsed()) { return token }
        return try await turns.run("token \(account.text)") { () async throws(DNSProviderError) in
            if let token = tokens.find(account, now: time.elapsed()) { return token }
            let issued = try await fetch()
            tokens.keep(issued, for: account, now: time.elapsed())
            return issued.token
        }
    }
}
