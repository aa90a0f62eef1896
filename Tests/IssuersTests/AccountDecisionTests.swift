import ACME
import CertificateAPI
import HTTPTransport
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@Suite("The account of an ACME issuer")
struct AccountDecisionTests {
    private let now = SignerSamples.now
    private let secret = ObjectKey(namespace: "web", name: "account")

    private func issuer(_ change: (inout ACMEIssuer) -> Void = { _ in }) -> ACMEIssuer {
        var issuer = ACMEIssuer(
            server: "https://ca.example/dir", privateKeySecretRef: SecretKeySelector(name: "account"))
        change(&issuer)
        return issuer
    }

    private func status(
        _ key: AccountKey, ready: Bool = true, reason: String = "ACMEAccountRegistered",
        _ change: (inout IssuerStatus.ACMEStatus) -> Void = { _ in }
    ) -> IssuerStatus {
        var status = IssuerStatus()
        status.conditions = [Condition(type: Condition.Kind.ready, status: ready ? .yes : .no, reason: reason)]
        var account = IssuerStatus.ACMEStatus()
        account.uri = "https://ca.example/acct/1"
        account.lastPrivateKeyHash = key.hash
        change(&account)
        status.acme = account
        return status
    }

    private func key(_ algorithm: KeyAlgorithm = .ecdsa(.p256)) async throws -> AccountKey {
        try AccountKey(try await .generate(algorithm))
    }

    private func reason(_ step: AccountStep) -> String? {
        if case .notReady(let readiness) = step { readiness.reason } else { nil }
    }

    private func account(_ status: String = "valid") -> ACMEAccount {
        ACMEAccount(
            url: "https://ca.example/acct/1", status: .init(rawValue: status), contact: [], isNew: true)
    }

    @Test(
        "a server that cannot be asked is named",
        arguments: [
            ("ca.example", "InvalidURL"), ("http://ca.example/dir", "InvalidURL"),
            ("https://acme-v01.api.letsencrypt.org/directory", "InvalidConfig"),
        ])
    func server(url: String, expected: String) {
        let view = AccountView(
            issuer: issuer { $0.server = url }, status: nil, key: .secretMissing(secret), now: now)
        #expect(reason(AccountDecision.decide(view)) == expected)
    }

    @Test("a missing key is made, unless that is forbidden; an unusable one is said (A13)")
    func keys() {
        var view = AccountView(issuer: issuer(), status: nil, key: .secretMissing(secret), now: now)
        #expect(AccountDecision.decide(view) == .makeKey)
        view.issuer.disableAccountKeyGeneration = true
        #expect(reason(AccountDecision.decide(view)) == "ErrVerifyACMEAccount")
        view.key = .unusable("garbage")
        #expect(reason(AccountDecision.decide(view)) == "ErrVerifyACMEAccount")
    }

    @Test("every kind of key is read; junk and emptiness are told apart from absence (J6)")
    func reads() async throws {
        let selector = SecretKeySelector(name: "account")
        for algorithm in [KeyAlgorithm.rsa(bits: 2048), .ecdsa(.p384), .ed25519] {
            let made = try await PrivateKey.generate(algorithm)
            let stored = Secret(
                metadata: ObjectMeta(name: "account", namespace: "web"),
                data: ["tls.key": Base64Data(try made.pem(.pkcs8))])
            #expect(AccountKeyState(selector, secret, in: stored) == .key(try AccountKey(made)))
        }
        #expect(AccountKeyState(selector, secret, in: nil) == .secretMissing(secret))
        for data in [[:], ["tls.key": Base64Data(utf8: "junk")], ["tls.key": Base64Data([])]] as [[String: Base64Data]]
        {
            let stored = Secret(metadata: ObjectMeta(name: "account", namespace: "web"), data: data)
            guard case .unusable = AccountKeyState(selector, secret, in: stored) else {
                Issue.record("accepted")
                continue
            }
        }
    }

    @Test("what the status says already is not asked again, unless something changed or the server denied it (A2, E4)")
    func settled() async throws {
        let key = try await key()
        let other = try await self.key()
        let view = AccountView(issuer: issuer(), status: status(key), key: .key(key), now: now)
        guard case .ready = AccountDecision.decide(view) else {
            Issue.record("asked")
            return
        }
        var changes: [AccountView] = []
        changes.append(AccountView(issuer: issuer(), status: status(key), key: .key(key), isDoubted: true, now: now))
        changes.append(AccountView(issuer: issuer(), status: status(other), key: .key(key), now: now))
        changes.append(
            AccountView(issuer: issuer { $0.email = "a@b.example" }, status: status(key), key: .key(key), now: now))
        changes.append(
            AccountView(
                issuer: issuer { $0.server = "https://other.example/dir" }, status: status(key), key: .key(key),
                now: now))
        changes.append(
            AccountView(
                issuer: issuer(), status: status(key, ready: false, reason: "ErrRegisterACMEAccount"), key: .key(key),
                now: now))
        changes.append(AccountView(issuer: issuer(), status: nil, key: .key(key), now: now))
        for changed in changes { #expect(AccountDecision.decide(changed) == .ask) }
        // One bad solver is no reason to ask.
        let solver = AccountView(
            issuer: issuer(), status: status(key, ready: false, reason: "InvalidSolver"), key: .key(key), now: now)
        #expect(AccountDecision.decide(solver) != .ask)
    }

    @Test(
        "a binding that is missing keeps a new account from being made, and says so; an account that exists needs none (E3)"
    )
    func binding() async throws {
        let key = try await key()
        var view = AccountView(
            issuer: issuer(), status: nil, key: .key(key), binding: .unusable("Secret web/eab does not exist"), now: now
        )
        guard case .notReady(let readiness) = AccountDecision.decide(view) else {
            Issue.record("asked")
            return
        }
        #expect(readiness.reason == "ErrRegisterACMEAccount")
        #expect(readiness.message.contains("web/eab"))
        view.status = status(key)
        #expect(reason(AccountDecision.decide(view)) == nil)
        view.isDoubted = true
        #expect(AccountDecision.decide(view) == .ask)
    }

    @Test("an account in order is kept with the key's hash and the e-mail; another never is (A9)")
    func answers() async throws {
        let key = try await key()
        var view = AccountView(
            issuer: issuer { $0.email = "a@b.example" }, status: nil, key: .key(key), answer: .account(account()),
            now: now)
        guard case .ready(let account, let readiness) = AccountDecision.decide(view) else {
            Issue.record("not ready")
            return
        }
        #expect(account.uri == "https://ca.example/acct/1")
        #expect(account.lastPrivateKeyHash == key.hash)
        #expect(account.lastRegisteredEmail == "a@b.example")
        #expect(readiness.reason == "ACMEAccountRegistered")
        view.answer = .account(self.account("deactivated"))
        #expect(reason(AccountDecision.decide(view)) == "ErrVerifyACMEAccount")
    }

    @Test("a refusal says what comes next, and when (A6, A14)")
    func refusals() async throws {
        let key = try await key()
        func decide(_ error: ACMEError, updating: Bool = false, failures: Int = 1) -> IssuerReadiness? {
            let view = AccountView(
                issuer: issuer(), status: nil, key: .key(key), answer: .refused(error, whileUpdating: updating),
                failures: failures, now: now)
            guard case .notReady(let readiness) = AccountDecision.decide(view) else { return nil }
            return readiness
        }
        func refusal(_ name: String, _ status: Int, retryAt: Timestamp? = nil) -> ACMEError {
            .problem(
                Refusal(
                    problem: Problem(type: .init(rawValue: "urn:ietf:params:acme:error:\(name)"), detail: "no"),
                    status: status, action: .registerAccount, retryAt: retryAt, answeredAt: now))
        }
        #expect(decide(refusal("invalidContact", 400))?.lookAgain == nil)
        #expect(decide(refusal("invalidContact", 400), updating: true)?.reason == "ErrUpdateACMEAccount")
        let later = now + .seconds(1800)
        #expect(decide(refusal("rateLimited", 429, retryAt: later))?.lookAgain == later)
        #expect(decide(refusal("userActionRequired", 403))?.lookAgain == now + .seconds(3600))
        let down = ACMEError.transport(.timeout, attempting: .discover)
        #expect(decide(down)?.lookAgain == now + .seconds(5))
        #expect(decide(down, failures: 20)?.lookAgain == now + .seconds(600))
        #expect(decide(down)?.message.contains("next attempt at") == true)
    }
}
