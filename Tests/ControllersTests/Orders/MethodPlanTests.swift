import ACME
import CertificateAPI
import KubeModel
import PKI
import Solvers
import Testing
import Wire

@testable import Controllers

@Suite("Which challenges an issuer wants, and what answers them")
struct MethodPlanTests {
    private typealias Examples = ACMEExamples
    private static let offerText = #"{"issuer-domain-names":["ca.example"]}"#

    private func facts(
        _ annotations: [String: String], _ change: (inout ACMEIssuer) -> Void = { _ in }
    ) async throws -> ACMEIssuerFacts {
        ACMEIssuerFacts(
            issuer: Examples.issuer(change), accountKey: try await Parts.shared.key.publicKey,
            accountURL: "https://ca.example/acct/1", annotations: annotations)
    }

    private func plan(
        _ annotations: [String: String], wildcard: Bool = false, challenges: [Challenge] = [],
        _ change: (inout ACMEIssuer) -> Void = { _ in }
    ) async throws -> OrderPlan {
        let order = Examples.madeOrder { order in
            var authorization = Examples.authorization("a.example", "1")
            authorization.wildcard = wildcard
            authorization.challenges?.append(
                .init(url: "https://ca.example/chall/1/alpn", token: Examples.token, type: "tls-alpn-01"))
            authorization.challenges?.append(
                .init(url: "https://ca.example/chall/1/account", token: Examples.token, type: "dns-account-01"))
            authorization.challenges?.append(
                .init(url: "https://ca.example/chall/1/persist", token: Self.offerText, type: "dns-persist-01"))
            order.status?.authorizations = [authorization]
        }
        let view = OrderView(
            order: order, challenges: challenges, issuer: .ready(try await facts(annotations, change)),
            now: Examples.now)
        return OrderDecision.decide(view)
    }

    private func made(
        _ annotations: [String: String], wildcard: Bool = false, _ change: (inout ACMEIssuer) -> Void = { _ in }
    ) async throws -> Challenge {
        let plan = try await plan(annotations, wildcard: wildcard, change)
        return try #require(plan.create.first, "\(plan.status.reason ?? "no reason")")
    }

    private static func http(_ issuer: inout ACMEIssuer) {
        var solver = Solver()
        solver.http01 = Solver.HTTP01()
        solver.http01?.ingress = Solver.IngressSolver()
        issuer.solvers = [solver]
    }

    private typealias Key = Names.Annotation

    @Test("HTTP-01 is shared unless the issuer says each, and the Challenge remembers")
    func modes() async throws {
        let shared = try await made([:], Self.http)
        #expect(shared.mode == .shared)
        #expect(shared.method == .http01)
        #expect(SolverSet(shared) != nil)
        let each = try await made([Key.solverMode: "each", Key.selfCheck: "service"], Self.http)
        #expect(each.mode == .each)
        #expect(each.selfCheck == .service)
        #expect(SolverSet(each) == nil)
    }

    @Test("TLS-ALPN-01 is an HTTP-01 of the API with an annotation, and answers with the key authorization (L5)")
    func tls() async throws {
        let challenge = try await made(
            [Key.challengeTypes: "tls-alpn-01, dns-01", Key.tlsRouting: "traefik"], Self.http)
        #expect(challenge.spec.type == .http01)
        #expect(challenge.method == .tlsALPN01)
        #expect(challenge.methodName == "TLS-ALPN-01")
        #expect(challenge.routing == .traefik)
        #expect(challenge.spec.url.hasSuffix("/alpn"))
        #expect(challenge.spec.key.hasPrefix(Examples.token + "."))
    }

    @Test("DNS-ACCOUNT-01 writes under the account's label, and is made anew for another account (C1, C4)")
    func account() async throws {
        let wish = [Key.challengeTypes: "dns-account-01"]
        let challenge = try await made(wish)
        let label = AccountLabel(accountURL: "https://ca.example/acct/1").text
        #expect(challenge.spec.type == .dns01)
        #expect(challenge.recordName == "\(label)._acme-challenge.a.example")
        #expect(challenge.spec.key.utf8.count == 43)
        #expect(ChallengeAnswer.stands(challenge, try await facts(wish)))
        var other = try await facts(wish)
        other.accountURL += "0"
        #expect(!ChallengeAnswer.stands(challenge, other))
        var damaged = challenge
        damaged.metadata.annotations?[Key.accountLabel] = "_dmarc"
        #expect(damaged.recordName == nil)
    }

    @Test(
        "DNS-PERSIST-01 shows its record in the Challenge; a new account key changes only that of a digest (P2, P5, K6)"
    )
    func persist() async throws {
        let wish = [Key.challengeTypes: "dns-persist-01, dns-01"]
        let challenge = try await made(wish)
        #expect(challenge.recordName == "_validation-persist.a.example")
        #expect(challenge.spec.key == "ca.example; accounturi=https://ca.example/acct/1")
        var facts = try await facts(wish)
        #expect(ChallengeAnswer.stands(challenge, facts))
        facts.accountKey = try await PrivateKey.generate(.ecdsa(.p256)).publicKey
        #expect(ChallengeAnswer.stands(challenge, facts))
        facts.directory = try ACMEDirectory([
            "newNonce": "n", "newAccount": "a", "newOrder": "o",
            "meta": ["accountHashPrefix": "https://ca.example/h/"],
        ])
        #expect(!ChallengeAnswer.stands(challenge, facts))
    }

    @Test("a record for a wildcard is made only where the issuer allows it, and the Order says how (P6)")
    func wildcard() async throws {
        let wish = [Key.challengeTypes: "dns-persist-01"]
        let refused = try await plan(wish, wildcard: true)
        #expect(refused.create.isEmpty)
        #expect(refused.status.reason?.contains("certwright.dev/persist-wildcard=true") == true)
        let allowed = try await made(wish.merging([Key.persistWildcard: "true"]) { $1 }, wildcard: true)
        #expect(allowed.spec.key.hasSuffix("; policy=wildcard"))
    }

    @Test("a name that stands proved by its record needs no challenge (P9)")
    func provedAlready() async throws {
        let order = Examples.madeOrder { order in
            var authorization = Examples.authorization("a.example", "1")
            authorization.initialState = .valid
            order.status?.authorizations = [authorization]
        }
        let plan = OrderDecision.decide(
            OrderView(
                order: order, issuer: .ready(try await facts([Key.challengeTypes: "dns-persist-01"])),
                progress: OrderProgress(heardAt: Examples.now), now: Examples.now))
        #expect(plan.create.isEmpty)
        #expect(plan.ask == .finalize)
    }

    @Test("a person is told which record to write, and by whom it is not needed any more")
    func manual() async throws {
        let challenge = try await made([:]) { issuer in
            var solver = Solver()
            solver.dns01 = Solver.DNS01()
            solver.dns01?.providers = ["webhook": ["groupName": "certwright.dev", "solverName": "manual"]]
            issuer.solvers = [solver]
        }
        #expect(challenge.isManual)
        var view = ChallengeView(
            challenge: challenge, order: .underWay, solver: .offered, issuer: .ready(try await facts([:])),
            result: SolverResult(errand: .present, result: .done), now: Examples.now)
        var step = ChallengeDecision.decide(view)
        #expect(step.notices.map(\.reason) == ["RecordNeeded"])
        #expect(step.notices.first?.message.contains(challenge.spec.key) == true)
        #expect(step.status.reason?.contains("_acme-challenge.a.example") == true)
        step.status.state = .valid
        step.status.presented = true
        view.challenge.status = step.status
        view.result = SolverResult(errand: .cleanUp, result: .done)
        let end = ChallengeDecision.decide(view)
        #expect(end.removesFinalizers)
        #expect(end.notices.map(\.reason) == ["RecordNotNeeded"])
    }

    @Test("what an issuer's annotations cannot say is told, and the standard stands")
    func problems() {
        let wrong = IssuerOptions(
            [
                Key.challengeTypes: "http-01, dns-02", Key.solverMode: "all", Key.selfCheck: "no", Key.tlsRouting: "x",
                Key.persistWildcard: "yes",
            ], server: "https://ca.example")
        #expect(wrong.problems.count == 5)
        #expect(wrong.solving == SolvingOptions())
        let right = IssuerOptions([Key.challengeTypes: " dns-persist-01,dns-account-01 "], server: "https://ca.example")
        #expect(right.problems.isEmpty)
        #expect(right.solving.methods == [.dnsPersist01, .dnsAccount01])
        #expect(!IssuerOptions([Key.challengeTypes: ""], server: "https://ca.example").problems.isEmpty)
    }
}
