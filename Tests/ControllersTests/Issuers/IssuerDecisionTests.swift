import CertificateAPI
import DNSProviders
import Issuers
import KubeModel
import Testing
import Wire

@testable import ACME
@testable import Controllers

@Suite("Issuers")
struct IssuerDecisionTests {
    private let now = ACMEExamples.now

    private func decide(_ finding: IssuerFinding, _ status: IssuerStatus? = nil) -> IssuerPlan {
        IssuerDecision.decide(
            IssuerView(spec: IssuerSpec(), status: status, generation: 3, finding: finding, now: now))
    }

    private func ready(_ plan: IssuerPlan) -> Condition? { plan.status?.conditions[type: Condition.Kind.ready] }

    @Test("a spec that breaks a rule is refused by the field, visibly")
    func refused() throws {
        var spec = IssuerSpec()
        spec.vault = VaultIssuer(auth: .init(), server: "https://v", path: "pki/../sys")
        let plan = decide(.refused(IssuerRules(spec).fatal))
        #expect(ready(plan)?.status == .no)
        #expect(ready(plan)?.reason == "InvalidConfig")
        #expect(ready(plan)?.message?.contains("spec.vault.path") == true)
        #expect(ready(plan)?.observedGeneration == 3)
        #expect(plan.notices.map(\.reason) == ["InvalidConfig"])
    }

    @Test("a solver with a fault does not keep the account from being used")
    func solvers() {
        var spec = IssuerSpec()
        var bad = Solver()
        bad.dns01 = .init()
        bad.dns01?.providers = ["cloudflare": [:]]
        spec.acme = ACMEExamples.issuer { $0.solvers?.append(bad) }
        #expect(IssuerRules(spec).fatal.isEmpty)
        #expect(SolverReview.problems(of: ACMEExamples.solver, at: .spec).isEmpty)
        #expect(!SolverReview.problems(of: bad, at: .spec).isEmpty)
        var account = IssuerStatus.ACMEStatus()
        account.uri = "https://ca.example/acct/1"
        let readiness = IssuerReadiness(isReady: true, reason: "ACMEAccountRegistered", message: "fine")
        let plan = decide(.account(account, readiness, solverProblems: ["spec.acme.solvers[1]: no"]))
        #expect(ready(plan)?.reason == "InvalidSolver")
        #expect(ready(plan)?.status == .no)
        #expect(ACMEReadiness(plan.status).isUsable)
        let fine = decide(.account(account, readiness, solverProblems: []))
        #expect(ready(fine)?.status == .yes)
        #expect(fine.status?.acme == account)
    }

    @Test("what has not changed is neither written nor told")
    func unchanged() {
        let readiness = IssuerReadiness(isReady: true, reason: "IsReady", message: "fine", lookAgain: now + .seconds(9))
        let first = decide(.readiness(readiness))
        #expect(decide(.readiness(readiness), first.status) == IssuerPlan(lookAgain: now + .seconds(9)))
        #expect(decide(.asking, first.status) == IssuerPlan())
    }

    @Test("another attempt that fails for the same reason is written but not told again")
    func failing() {
        func failure(_ text: String) -> IssuerFinding {
            .readiness(IssuerReadiness(isReady: false, reason: "ErrRegisterACMEAccount", message: text))
        }
        let first = decide(failure("next attempt at 1"))
        #expect(first.notices.count == 1)
        let second = decide(failure("next attempt at 2"), first.status)
        #expect(second.status != nil)
        #expect(second.notices.isEmpty)
    }

    @Test("every Secret that an issuer reads is known, those of its DNS providers too")
    func secretNames() {
        var spec = IssuerSpec()
        spec.acme = ACMEExamples.issuer { issuer in
            issuer.externalAccountBinding = .init(keyID: "k", keySecretRef: SecretKeySelector(name: "eab", key: "key"))
            issuer.solvers?[0].dns01?.providers = [
                "rfc2136": ["nameserver": "192.0.2.1", "tsigSecretSecretRef": ["name": "tsig", "key": "k"]]
            ]
        }
        #expect(spec.secretNames == ["account", "eab", "tsig"])
        var ca = IssuerSpec()
        ca.ca = CAIssuer(secretName: "ca")
        #expect(ca.secretNames == ["ca"])
    }

    private func directory(_ meta: JSONValue = [:]) throws -> ACMEDirectory {
        try ACMEDirectory([
            "newNonce": "https://ca/n", "newAccount": "https://ca/a", "newOrder": "https://ca/o",
            "renewalInfo": "https://ca/r", "meta": meta,
        ])
    }

    @Test("what the server says of itself is a condition, terms of any kind among it (D3, D4, D5)")
    func server() throws {
        let information = ServerInformation(
            try directory([
                "termsOfService": "data:text/plain,Do%20what%20thou%20wilt", "website": "https://ca.example",
                "caaIdentities": ["ca.example"], "profiles": ["classic": "x", "short": "y"],
            ]), clockSkew: .seconds(2))
        let readiness = IssuerReadiness(isReady: true, reason: "IsReady", message: "fine")
        let view = IssuerView(
            spec: IssuerSpec(), status: nil, generation: 3, finding: .readiness(readiness), server: information,
            now: now)
        let plan = IssuerDecision.decide(view)
        let condition = plan.status?.conditions[type: ServerInformation.conditionType]
        #expect(condition?.status == .yes)
        #expect(condition?.reason == "Directory")
        #expect(
            condition?.message == """
                Terms of service: data:text/plain,Do%20what%20thou%20wilt. Website: https://ca.example. Identities for \
                CAA records: ca.example. Profiles: classic, short. The CA says when to renew (renewal information)
                """)
        #expect(plan.notices.isEmpty)
        var second = view
        second.status = plan.status
        #expect(IssuerDecision.decide(second) == IssuerPlan())
        second.server = ServerInformation(
            try directory(["termsOfService": "https://ca.example/terms/2"]), clockSkew: nil)
        #expect(IssuerDecision.decide(second).notices.map(\.reason) == ["ServerInformation"])
    }

    @Test("a clock that is off by more than a minute is warned of, once, and not written at every look (ARI11)")
    func clock() throws {
        let readiness = IssuerReadiness(isReady: true, reason: "IsReady", message: "fine")
        var view = IssuerView(
            spec: IssuerSpec(), status: nil, generation: 3, finding: .readiness(readiness),
            server: ServerInformation(try directory(), clockSkew: .seconds(-95)), now: now)
        let plan = IssuerDecision.decide(view)
        let condition = plan.status?.conditions[type: ServerInformation.conditionType]
        #expect(condition?.status == .no)
        #expect(condition?.message?.contains("95 s ahead of the server's") == true)
        #expect(plan.notices.map(\.reason) == ["ClockSkew"])
        view.status = plan.status
        view.server = ServerInformation(try directory(), clockSkew: .seconds(-96))
        #expect(IssuerDecision.decide(view) == IssuerPlan())
    }
}
