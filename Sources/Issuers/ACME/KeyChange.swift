package import ACME
import CertificateAPI
package import KubeModel
package import PKI
package import Wire

/// What the decision to give an account another key looks at (RFC 8555 §7.3.5).
///
/// The order of things makes it safe to stop anywhere: the next key is stored beside the present one before the server
/// hears of it, and whoever finds one there asks the server first whose it is.
package struct KeyChangeView: Sendable, Equatable {
    /// The next key, stored and perhaps known to the server already.
    package var next: AccountKey?
    /// When another key is wanted; nil for never. In the past means now.
    package var wantedAt: Timestamp?
    /// Whether challenges are open whose answers speak of the present key.
    package var hasOpenChallenges = false

    package init() {}

    /// - Parameters:
    ///   - annotations: those of the issuer, which say what is wanted.
    ///   - secret: that of the account's key, which says what was done.
    package init(
        annotations: [String: String]?, secret: Secret?, dataKey: String, hasOpenChallenges: Bool,
        limits: PEMLimits = .default, now: Timestamp
    ) {
        self.hasOpenChallenges = hasOpenChallenges
        // What is no key is made anew.
        next = secret?[Self.nextKey(dataKey)].flatMap {
            try? AccountKey(try PrivateKey(pem: $0, limit: limits.privateKey))
        }
        let done = secret?.metadata.annotations ?? [:]
        if let wish = annotations?[Names.Annotation.rotateAccountKey].nonEmpty,
            wish != done[Names.Annotation.accountKeyRotation]
        {
            wantedAt = now
        } else if let pause = annotations?[Names.Annotation.rotateAccountKeyEvery].flatMap({ GoDuration($0)?.duration }
        ),
            let made = done[Names.Annotation.accountKeyMadeAt].flatMap({ Timestamp(rfc3339: $0) })
                ?? secret?.metadata.creationTimestamp
        {
            // More often than daily is a slip of the pen, and would use up the CA's patience.
            wantedAt = made + max(pause, .seconds(86400))
        }
    }

    /// Where the next key lies in the data of the account's Secret.
    package static func nextKey(_ dataKey: String) -> String { "\(dataKey).next" }
}

enum KeyChange {
    /// A change that has begun is brought to its end before anything else.
    static func decide(_ view: AccountView) -> AccountStep? {
        guard view.change.next != nil else { return nil }
        switch view.answer {
        case .keyChanged: return .promoteNextKey
        case .keyTaken(let account):
            return .dropNextKey("it belongs to the account \(account) already; make another one")
        case .refused(let error, _):
            guard case .permanent = error.advice else { return AccountDecision.refuse(error, true, view) }
            return .dropNextKey("\(error)")
        case .account, .ended, nil: return .changeKey
        }
    }

    /// Only while no challenge is open: its answer would speak of the old key.
    static func begin(_ view: AccountView) -> AccountStep? {
        guard let wanted = view.change.wantedAt, wanted <= view.now, !view.change.hasOpenChallenges else { return nil }
        return .makeNextKey
    }

    static func nextLook(_ view: AccountView) -> Timestamp? {
        guard let wanted = view.change.wantedAt else { return nil }
        return wanted <= view.now ? view.now + .seconds(30) : wanted
    }
}

/// Asks a server to take the next key for an account.
package struct AccountKeyChange: Sendable {
    private let client: ACMEClient
    private let next: PrivateKey

    package init(server: ACMEServer, accountURL: String, present: AccountKey, next: AccountKey) {
        client = ACMEClient(server: server, accountURL: accountURL, key: present.key)
        self.next = next.key
    }

    /// Whose the next key is comes first: an earlier process may have changed it and not lived to hear so. It is asked
    /// again afterwards, for the answer to a change says nothing, and a gateway says "200" too.
    package func ask() async -> AccountAnswer {
        do throws(ACMEError) {
            if let answer = try await ownership() { return answer }
            _ = try await client.changeKey(to: next)
            return try await ownership()
                ?? .refused(
                    .malformed("the server accepted the account's next key and does not know it"), whileUpdating: true)
        } catch {
            if let refusal = error.refusal, refusal.status == 409 { return .keyTaken(refusal.location ?? "of others") }
            return .refused(error, whileUpdating: true)
        }
    }

    /// Whose account the next key has; nil when it has none.
    private func ownership() async throws(ACMEError) -> AccountAnswer? {
        guard let owner = try await client.server.existingAccount(of: next) else { return nil }
        return owner.url == client.accountURL ? .keyChanged : .keyTaken(owner.url)
    }
}

/// The end of an account, which only the user's explicit word brings about (RFC 8555 §7.3.6).
enum AccountEnd {
    static let reason = "AccountDeactivated"

    static func decide(_ view: AccountView) -> AccountStep? {
        guard view.endsAccount else { return nil }
        switch view.answer {
        case .ended: return .notReady(ended(view))
        case .refused(let error, _):
            // Servers refuse everything that the key of an ended account signs.
            if let refusal = error.refusal, [401, 403].contains(refusal.status) { return .notReady(ended(view)) }
            return AccountDecision.refuse(error, true, view)
        case .account, .keyChanged, .keyTaken, nil: break
        }
        let ready = view.status?.conditions[type: Condition.Kind.ready]
        return ready?.reason == reason ? .notReady(ended(view)) : .endAccount
    }

    private static func ended(_ view: AccountView) -> IssuerReadiness {
        IssuerReadiness(
            isReady: false, reason: reason,
            message: "The ACME account \(view.status?.acme?.uri ?? "") was deactivated, as the annotation "
                + "\(Names.Annotation.deactivateAccount) asked; to register another one, remove the annotation and "
                + "delete the Secret \(view.issuer.privateKeySecretRef.name)")
    }
}

/// What a server wants a person to do before it goes on, such as agreeing to new terms (RFC 8555 §7.3.3).
package enum RequiredAction {
    static let pause = Duration.seconds(3600)

    /// Whether it is still to be done: nobody has said that it is, and it is too soon to find out.
    package static func isOpen(_ view: AccountView) -> Bool {
        guard let refusal = view.requiredAction, view.now < refusal.answeredAt + pause else { return false }
        return refusal.termsOfService == nil || refusal.termsOfService != view.acceptedTerms
    }

    static func decide(_ view: AccountView) -> AccountStep? {
        guard isOpen(view), let refusal = view.requiredAction else { return nil }
        let next = refusal.answeredAt + pause
        var message = "The CA wants a person to act before it serves this account: \(refusal)"
        if let terms = refusal.termsOfService {
            message +=
                ". Read the terms; when you have agreed, set the annotation "
                + "\(Names.Annotation.acceptedTerms) to \(terms)"
        }
        message += "; next attempt at \(next.wholeSeconds.rfc3339)"
        return .notReady(
            IssuerReadiness(isReady: false, reason: "UserActionRequired", message: message, lookAgain: next))
    }
}

extension ACMEClient {
    /// Ends the account, as an answer.
    package func end() async -> AccountAnswer {
        do throws(ACMEError) {
            return .ended(try await deactivate())
        } catch {
            return .refused(error, whileUpdating: true)
        }
    }
}
