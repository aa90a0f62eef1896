import ACME
import CertificateAPI
import PKI

/// What answers a challenge: the text that is served or written, and what the account is called in the record's name.
struct ChallengeAnswer: Sendable, Equatable {
    let key: String
    var accountLabel: AccountLabel?

    /// - Parameter token: with dns-persist-01 what stands in its place.
    init(
        to method: ChallengeMethod, token: String, domain: String, isWildcard: Bool, _ facts: ACMEIssuerFacts
    ) throws {
        switch method {
        case .http01, .tlsALPN01: key = try ChallengeToken(token).keyAuthorization(for: facts.accountKey).reveal()
        case .dns01: key = try ChallengeToken(token).keyAuthorization(for: facts.accountKey).dnsValue
        case .dnsAccount01:
            key = try ChallengeToken(token).keyAuthorization(for: facts.accountKey).dnsValue
            accountLabel = AccountLabel(accountURL: facts.accountURL)
        case .dnsPersist01:
            let offer = try PersistOffer(token, accountURL: facts.accountURL, directory: facts.directory)
            key = try PersistentRecord(
                for: offer, domain: domain, isWildcard: isWildcard,
                allowsWildcard: facts.options.solving.persistsWildcards, accountURL: facts.accountURL,
                accountKey: facts.accountKey
            ).text
        }
    }

    /// Whether a Challenge that was made earlier answers still: what answers for another key or account proves nothing.
    static func stands(_ challenge: Challenge, _ facts: ACMEIssuerFacts) -> Bool {
        guard let method = challenge.method else { return false }
        let answer = try? ChallengeAnswer(
            to: method, token: challenge.spec.token, domain: challenge.spec.dnsName,
            isWildcard: challenge.spec.wildcard == true, facts)
        // What cannot be used had no Challenge made for it.
        guard let answer else { return true }
        return challenge.spec.key == answer.key && challenge.accountLabel == answer.accountLabel?.text
    }
}
