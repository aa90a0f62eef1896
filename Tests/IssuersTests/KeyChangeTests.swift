import ACME
import CertificateAPI
import HTTPTransport
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@Suite("Another key for an ACME account")
struct KeyChangeTests {
    private let now = SignerSamples.now
    private let name = ObjectKey(namespace: "web", name: "account")

    /// An account in order, and its Secret.
    private struct Sample {
        var view: AccountView
        var secret: Secret
        var next: PrivateKey
    }

    private func sample(_ annotations: [String: String]? = nil, hasNext: Bool = false) async throws -> Sample {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let next = try await PrivateKey.generate(.ecdsa(.p256))
        var issuer = ACMEIssuer(
            server: "https://ca.example/dir", privateKeySecretRef: SecretKeySelector(name: "account"))
        issuer.email = "a@example.com"
        var status = IssuerStatus()
        status.conditions = [Condition(type: Condition.Kind.ready, status: .yes, reason: "ACMEAccountRegistered")]
        status.acme = .init()
        status.acme?.uri = "https://ca.example/acct/1"
        status.acme?.lastRegisteredEmail = "a@example.com"
        status.acme?.lastPrivateKeyHash = try AccountKey(key).hash
        var metadata = ObjectMeta(name: "account", namespace: "web")
        metadata.creationTimestamp = now - .seconds(86400 * 100)
        var secret = Secret(metadata: metadata, data: ["tls.key": Base64Data(try key.pem(.pkcs8))])
        if hasNext { secret.data?["tls.key.next"] = Base64Data(try next.pem(.pkcs8)) }
        let selector = SecretKeySelector(name: "account")
        var view = AccountView(
            issuer: issuer, status: status, key: AccountKeyState(selector, name, in: secret), now: now)
        view.change = KeyChangeView(
            annotations: annotations, secret: secret, dataKey: "tls.key", hasOpenChallenges: false, now: now)
        return Sample(view: view, secret: secret, next: next)
    }

    private func isReady(_ step: AccountStep) -> Bool { if case .ready = step { true } else { false } }

    @Test("the next key is stored before the server hears of it, then changed, then takes the other's place (K3)")
    func steps() async throws {
        let wish = [Names.Annotation.rotateAccountKey: "2026-11"]
        let first = try await sample(wish)
        #expect(AccountDecision.decide(first.view) == .makeNextKey)
        var stored = try await sample(wish, hasNext: true)
        #expect(AccountDecision.decide(stored.view) == .changeKey)
        stored.view.answer = .keyChanged
        #expect(AccountDecision.decide(stored.view) == .promoteNextKey)
    }

    @Test("a next key that is found after a crash is asked about, whatever else is wished (K3)")
    func crash() async throws {
        let found = try await sample(hasNext: true)
        #expect(AccountDecision.decide(found.view) == .changeKey)
    }

    @Test("a wish that the Secret says was answered is none; without a wish nothing changes (K3)")
    func answered() async throws {
        #expect(isReady(AccountDecision.decide(try await sample().view)))
        let wish = [Names.Annotation.rotateAccountKey: "2026-11"]
        var done = try await sample(wish)
        done.secret.metadata.annotations = [Names.Annotation.accountKeyRotation: "2026-11"]
        done.view.change = KeyChangeView(
            annotations: wish, secret: done.secret, dataKey: "tls.key", hasOpenChallenges: false, now: now)
        #expect(isReady(AccountDecision.decide(done.view)))
    }

    @Test("while a challenge is open the key stays, and it is looked at again soon (K5)")
    func openChallenges() async throws {
        var sample = try await sample([Names.Annotation.rotateAccountKey: "now"])
        sample.view.change.hasOpenChallenges = true
        guard case .ready(_, let readiness) = AccountDecision.decide(sample.view) else {
            Issue.record("not ready")
            return
        }
        #expect(readiness.lookAgain == now + .seconds(30))
    }

    @Test("a schedule counts from when the key was made, and never means more than once a day (K3)")
    func schedule() async throws {
        let monthly = [Names.Annotation.rotateAccountKeyEvery: "2400h"]
        #expect(AccountDecision.decide(try await sample(monthly).view) == .makeNextKey)
        var recent = try await sample(monthly)
        recent.secret.metadata.annotations = [
            Names.Annotation.accountKeyMadeAt: (now - .seconds(3600)).rfc3339
        ]
        recent.view.change = KeyChangeView(
            annotations: monthly, secret: recent.secret, dataKey: "tls.key", hasOpenChallenges: false, now: now)
        guard case .ready(_, let readiness) = AccountDecision.decide(recent.view) else {
            Issue.record("not ready")
            return
        }
        #expect(readiness.lookAgain == now + .seconds(2399 * 3600))
        let hasty = KeyChangeView(
            annotations: [Names.Annotation.rotateAccountKeyEvery: "1s"], secret: recent.secret, dataKey: "tls.key",
            hasOpenChallenges: false, now: now)
        #expect(hasty.wantedAt == now + .seconds(82800))
    }

    @Test("a next key that has an account, or that the server will not have, is given up (K4, K7)")
    func givenUp() async throws {
        var sample = try await sample(hasNext: true)
        sample.view.answer = .keyTaken("https://ca.example/acct/9")
        guard case .dropNextKey(let why) = AccountDecision.decide(sample.view) else {
            Issue.record("kept")
            return
        }
        #expect(why.contains("https://ca.example/acct/9"))
        let refusal = Refusal(
            problem: Problem(detail: "not implemented"), status: 501, action: .changeKey, answeredAt: now)
        sample.view.answer = .refused(.problem(refusal), whileUpdating: true)
        guard case .dropNextKey = AccountDecision.decide(sample.view) else {
            Issue.record("kept")
            return
        }
    }

    @Test("a server in trouble leaves the next key stored, and is asked again (K3)")
    func trouble() async throws {
        var sample = try await sample(hasNext: true)
        sample.view.answer = .refused(.transport(.timeout, attempting: .changeKey), whileUpdating: true)
        guard case .notReady(let readiness) = AccountDecision.decide(sample.view) else {
            Issue.record("ready")
            return
        }
        #expect(readiness.lookAgain != nil)
    }

    @Test("an account ends only when its own URL is named, and stays so (A8, A9)")
    func ending() async throws {
        var sample = try await sample()
        #expect(isReady(AccountDecision.decide(sample.view)))
        sample.view.endsAccount = true
        #expect(AccountDecision.decide(sample.view) == .endAccount)
        sample.view.answer = .ended(
            ACMEAccount(url: "https://ca.example/acct/1", status: .deactivated, contact: [], isNew: false))
        guard case .notReady(let readiness) = AccountDecision.decide(sample.view) else {
            Issue.record("ready")
            return
        }
        #expect(readiness.reason == "AccountDeactivated")
        #expect(readiness.lookAgain == nil)
        sample.view.answer = nil
        sample.view.status?.conditions = [
            Condition(type: Condition.Kind.ready, status: .no, reason: "AccountDeactivated")
        ]
        #expect(AccountDecision.decide(sample.view) == .notReady(readiness))
    }

    @Test("changed terms are shown with their address; orders wait until they are accepted, or an hour (A14, D4)")
    func terms() async throws {
        var sample = try await sample()
        let terms = "https://ca.example/terms/2"
        sample.view.requiredAction = Refusal(
            problem: Problem(document: [
                "type": "urn:ietf:params:acme:error:userActionRequired", "detail": "Terms of service have changed",
                "instance": "https://ca.example/agree",
            ]), status: 403, action: .authorizeOrder, answeredAt: now, termsOfService: terms)
        guard case .notReady(let readiness) = AccountDecision.decide(sample.view) else {
            Issue.record("ready")
            return
        }
        #expect(readiness.reason == "UserActionRequired")
        #expect(readiness.message.contains(terms))
        #expect(readiness.message.contains("https://ca.example/agree"))
        #expect(readiness.lookAgain == now + .seconds(3600))
        var accepted = sample.view
        accepted.acceptedTerms = terms
        #expect(isReady(AccountDecision.decide(accepted)))
        var later = sample.view
        later.now = now + .seconds(3600)
        #expect(isReady(AccountDecision.decide(later)))
    }
}
