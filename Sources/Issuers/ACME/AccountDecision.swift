package import ACME
package import CertificateAPI
import HTTPTransport
package import KubeModel
package import PKI
package import Wire

/// Everything the decision about an ACME issuer's account looks at.
package struct AccountView: Sendable, Equatable {
    package var issuer: ACMEIssuer
    package var status: IssuerStatus?
    package var key: AccountKeyState
    package var binding: BindingState
    /// The server has said since that it does not know the account.
    package var isDoubted: Bool
    /// What the server answered, once it was asked.
    package var answer: AccountAnswer?
    package var change = KeyChangeView()
    /// Whether the user has said that the account is to be ended.
    package var endsAccount = false
    /// What the server wants a person to do first.
    package var requiredAction: Refusal?
    /// The terms that a person has agreed to since.
    package var acceptedTerms: String?
    /// How often in a row the server could not be asked.
    package var failures: Int
    package var now: Timestamp

    package init(
        issuer: ACMEIssuer, status: IssuerStatus?, key: AccountKeyState, binding: BindingState = .none,
        isDoubted: Bool = false, answer: AccountAnswer? = nil, failures: Int = 0, now: Timestamp
    ) {
        self.issuer = issuer
        self.status = status
        self.key = key
        self.binding = binding
        self.isDoubted = isDoubted
        self.answer = answer
        self.failures = failures
        self.now = now
    }
}

/// What stands in the Secret that `privateKeySecretRef` names.
package enum AccountKeyState: Sendable, Equatable {
    case secretMissing(ObjectKey)
    /// The Secret is there and holds no usable key; the text says why.
    case unusable(String)
    case key(AccountKey)

    /// Reads the key of any kind. Only an RSA key of 2048 bits and more, an ECDSA or an Ed25519 key is one.
    package init(
        _ selector: SecretKeySelector, _ name: ObjectKey, in secret: Secret?, limits: PEMLimits = .default
    ) {
        guard let secret else {
            self = .secretMissing(name)
            return
        }
        let dataKey = selector.key.nonEmpty ?? Names.SecretKey.privateKey
        guard let pem = secret[dataKey], !pem.isEmpty else {
            self = .unusable("Secret \(name) has no data under \(dataKey)")
            return
        }
        do {
            self = .key(try AccountKey(try PrivateKey(pem: pem, limit: limits.privateKey)))
        } catch {
            self = .unusable("\(dataKey) in Secret \(name) is not a private key: \(error)")
        }
    }
}

/// An account's private key, told apart by its hash.
package struct AccountKey: Sendable, Equatable {
    package let key: PrivateKey
    /// The base64 SHA-256 of the key's traditional DER encoding, as cert-manager keeps it in `lastPrivateKeyHash`.
    package let hash: String

    package init(_ key: PrivateKey) throws(PKIError) {
        self.key = key
        hash = Base64.encode(Digest.sha256(try key.der(.pkcs1)))
    }

    package static func == (left: AccountKey, right: AccountKey) -> Bool { left.hash == right.hash }
}

/// Whether the account is to be bound to one that the CA already has, and whether that can be done.
package enum BindingState: Sendable, Equatable {
    case none
    /// The text says what is missing or wrong.
    case unusable(String)
    case ready

    package init(_ binding: Result<ACME.ExternalAccountBinding?, BindingProblem>) {
        switch binding {
        case .success(nil): self = .none
        case .success: self = .ready
        case .failure(let problem): self = .unusable(problem.description)
        }
    }
}

package struct BindingProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

package enum AccountAnswer: Sendable, Equatable {
    case account(ACMEAccount)
    case refused(ACMEError, whileUpdating: Bool)
    /// The account has the next key now.
    case keyChanged
    /// The next key belongs to this other account.
    case keyTaken(String)
    case ended(ACMEAccount)
}

package enum AccountStep: Sendable, Equatable {
    /// Make a key and store it; then decide again.
    case makeKey
    /// Ask the server; then decide again with its answer.
    case ask
    /// Make another key, store it beside the present one, and decide again.
    case makeNextKey
    /// Have the server take the next key in place of the present one; then decide again with its answer.
    case changeKey
    /// The next key is the account's: store it as such, and decide again.
    case promoteNextKey
    /// Give the next key up, for this reason, and decide again.
    case dropNextKey(String)
    /// End the account at the server; then decide again with its answer.
    case endAccount
    /// The account is in order; this is what the status says of it.
    case ready(IssuerStatus.ACMEStatus, IssuerReadiness)
    case notReady(IssuerReadiness)
}

package enum AccountDecision {
    package static func decide(_ view: AccountView) -> AccountStep {
        if let problem = serverProblem(view.issuer.server) { return .notReady(problem) }
        let key: AccountKey
        switch view.key {
        case .key(let found): key = found
        case .secretMissing(let name):
            guard view.issuer.disableAccountKeyGeneration == true else { return .makeKey }
            return unverified(
                "Secret \(name) with the account key does not exist, and disableAccountKeyGeneration is set; create it")
        case .unusable(let why): return unverified("The account key cannot be used: \(why)")
        }
        if let step = AccountEnd.decide(view) ?? RequiredAction.decide(view) ?? KeyChange.decide(view) { return step }
        switch view.answer {
        case .account(let account): return accept(account, key, view)
        case .refused(let error, let whileUpdating): return refuse(error, whileUpdating, view)
        case .keyChanged, .keyTaken, .ended, nil: break
        }
        if let settled = settled(key, view) { return KeyChange.begin(view) ?? .ready(settled, registered(view)) }
        // Only a new account is bound, so a binding that has been used up does no harm to one that exists.
        if case .unusable(let why) = view.binding, !isKnown(key, view) {
            return .notReady(
                IssuerReadiness(
                    isReady: false, reason: "ErrRegisterACMEAccount",
                    message: "The external account binding cannot be used: \(why)"))
        }
        return .ask
    }

    private static func registered(_ view: AccountView) -> IssuerReadiness {
        IssuerReadiness(
            isReady: true, reason: "ACMEAccountRegistered",
            message: "The ACME account was registered with the ACME server", lookAgain: KeyChange.nextLook(view))
    }

    private static func serverProblem(_ server: String) -> IssuerReadiness? {
        func problem(_ reason: String, _ message: String) -> IssuerReadiness {
            IssuerReadiness(isReady: false, reason: reason, message: message)
        }
        guard let address = HTTPAddress(url: server) else {
            return problem("InvalidURL", "spec.acme.server: \"\(server)\" is not a URL")
        }
        if ["acme-v01.api.letsencrypt.org", "acme-staging.api.letsencrypt.org"].contains(address.host) {
            return problem(
                "InvalidConfig",
                "spec.acme.server: Let's Encrypt has switched off ACME version 1; use "
                    + "https://acme-v02.api.letsencrypt.org/directory")
        }
        guard address.scheme == .https else {
            return problem("InvalidURL", "spec.acme.server: \"\(server)\" must be an https URL")
        }
        return nil
    }

    private static func unverified(_ message: String) -> AccountStep {
        .notReady(IssuerReadiness(isReady: false, reason: "ErrVerifyACMEAccount", message: message))
    }

    /// Whether the status says that this key has an account at this server.
    private static func isKnown(_ key: AccountKey, _ view: AccountView) -> Bool {
        guard let known = view.status?.acme, let uri = known.uri.nonEmpty, let account = HTTPAddress(url: uri),
            let server = HTTPAddress(url: view.issuer.server)
        else { return false }
        return known.lastPrivateKeyHash == key.hash && account.host == server.host && account.port == server.port
    }

    /// What the status says already, when the server need not be asked.
    private static func settled(_ key: AccountKey, _ view: AccountView) -> IssuerStatus.ACMEStatus? {
        guard !view.isDoubted, isKnown(key, view), let known = view.status?.acme,
            (known.lastRegisteredEmail ?? "") == (view.issuer.email ?? ""), ACMEReadiness(view.status).isUsable
        else { return nil }
        return known
    }

    private static func accept(_ account: ACMEAccount, _ key: AccountKey, _ view: AccountView) -> AccountStep {
        guard account.status == .valid else {
            return unverified(
                "The ACME account \(account.url) is \(account.status.rawValue); to register another one, delete the "
                    + "Secret \(view.issuer.privateKeySecretRef.name)")
        }
        var status = IssuerStatus.ACMEStatus()
        status.uri = account.url
        status.lastRegisteredEmail = view.issuer.email.nonEmpty
        status.lastPrivateKeyHash = key.hash
        return .ready(status, registered(view))
    }

    static func refuse(_ error: ACMEError, _ whileUpdating: Bool, _ view: AccountView) -> AccountStep {
        let lookAgain: Timestamp? =
            switch error.advice {
            case .permanent: nil
            case .retryAt(let time): max(time, view.now + .seconds(5))
            case .retry: view.now + RetryPace.delay(afterFailures: view.failures)
            case .userActionRequired: view.now + .seconds(3600)
            }
        let next = lookAgain.map { "; next attempt at \($0.wholeSeconds.rfc3339)" } ?? ""
        let attempt = whileUpdating ? "update" : "register"
        return .notReady(
            IssuerReadiness(
                isReady: false, reason: whileUpdating ? "ErrUpdateACMEAccount" : "ErrRegisterACMEAccount",
                message: "Failed to \(attempt) ACME account: \(error)\(next)", lookAgain: lookAgain))
    }
}

/// What an ACME issuer's status says of its use.
package struct ACMEReadiness: Sendable, Equatable {
    /// Whether the account can be used: one solver that cannot leaves the others to work with.
    package let isUsable: Bool

    package init(_ status: IssuerStatus?) {
        let ready = status?.conditions[type: Condition.Kind.ready]
        isUsable = ready?.status == .yes || ready?.reason == ACMEReadiness.invalidSolver
    }

    /// The reason of an issuer that is not ready only because some of its solvers cannot be used.
    package static let invalidSolver = "InvalidSolver"
}

/// How long to leave between attempts that fail in a row: 5 s, doubling up to 10 minutes.
package enum RetryPace {
    /// - Parameter jitter: 0 up to 1, the same for one object, so that many that failed together spread out.
    package static func delay(afterFailures failures: Int, jitter: Double = 0) -> Duration {
        let plain = min(5.0 * Double(1 << min(max(failures - 1, 0), 10)), 600)
        return .milliseconds(Int64(plain * (1 + 0.3 * jitter) * 1000))
    }
}
