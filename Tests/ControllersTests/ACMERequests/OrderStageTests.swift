import ACME
import CertificateAPI
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

@Suite("Other issuers for a request")
struct OrderStageTests {
    private typealias Examples = ACMEExamples
    private typealias Key = Names.Annotation
    private let now = ACMEExamples.now
    private let second = IssuerReference(name: "second", kind: "Issuer")
    private let third = IssuerReference(name: "third", kind: "ClusterIssuer")

    private func request(
        _ change: (inout CertificateRequest) -> Void = { _ in }
    ) async throws -> CertificateRequest {
        var extensions = CertificateExtensions()
        extensions.names = [.dns("a.example")]
        let signing = try await SigningRequest.make(
            subject: .empty, extensions: extensions, key: try await Parts.shared.key, algorithm: nil)
        var metadata = ObjectMeta(name: "site-1", namespace: "web")
        metadata.uid = "uid-request"
        metadata.creationTimestamp = now
        var request = CertificateRequest(
            metadata: metadata,
            spec: .init(request: Base64Data(utf8: signing.pem), issuerRef: IssuerReference(name: "le")))
        var status = CertificateRequest.Status()
        status.conditions = [Condition(type: Condition.Kind.approved, status: .yes)]
        request.status = status
        change(&request)
        return request
    }

    private func view(_ change: (inout ACMERequestView) -> Void = { _ in }) async throws -> ACMERequestView {
        var view = ACMERequestView(
            request: try await request(), issuer: .ready(Examples.issuer()),
            fallbacks: [
                ACMECandidate(reference: second, issuer: .ready(Examples.issuer { $0.profile = "other" })),
                ACMECandidate(reference: third, issuer: .ready(Examples.issuer())),
            ], now: now)
        change(&view)
        return view
    }

    private func order(
        _ stage: OrderStage = .first, _ state: ACMEState? = nil, trouble: OrderTrouble? = nil,
        at reference: IssuerReference = IssuerReference(name: "le")
    ) -> Order {
        Examples.order { order in
            order.metadata.name = "order-\(stage)"
            order.metadata.annotations = [:]
            if let text = stage.text { order.metadata.annotations?[Key.stage] = text }
            if let trouble { order.metadata.annotations?[Key.trouble] = trouble.rawValue }
            order.spec.issuerRef = reference
            order.status = Order.Status()
            order.status?.state = state
            order.status?.reason = "what the CA said"
        }
    }

    private func message(_ plan: ACMERequestPlan) -> String {
        plan.status?.conditions[type: Condition.Kind.ready]?.message ?? ""
    }

    @Test(
        "an issuer that cannot certify is left for the next, failed or waiting alike", arguments: OrderTrouble.allCases)
    func leaves(trouble: OrderTrouble) async throws {
        for state in [ACMEState.errored, .pending, nil] {
            let plan = ACMERequestDecision.decide(
                try await view { $0.order = order(.first, state, trouble: trouble) })
            #expect(plan.create?.spec.issuerRef == second)
            #expect(plan.create?.spec.profile == "other")
            #expect(plan.create?.spec.replaces == nil)
            #expect(plan.create?.metadata.annotations?[Key.stage] == "fallback-1")
            #expect(plan.create?.metadata.name != ACMERequestDecision.orderName(try await request()))
            #expect(plan.notices.map(\.reason) == ["FallbackIssuer", "OrderCreated"])
            #expect(plan.notices.first?.message.contains(trouble.words) == true)
            #expect(plan.status == nil)
        }
    }

    @Test("what the controller believes of an Order does not come from the request's annotations")
    func annotationsOfUsers() async throws {
        let forged = Dictionary(uniqueKeysWithValues: Names.Annotation.ofOrders.map { ($0, "account") })
        let plan = ACMERequestDecision.decide(
            try await view { view in
                view.request.metadata.annotations = forged.merging(["note": "x"]) { $1 }
            })
        #expect(plan.create?.metadata.annotations == ["note": "x"])
    }

    @Test("a name that could not be proved is no reason to ask another CA; nor is anything where there is none")
    func stays() async throws {
        let failed = ACMERequestDecision.decide(try await view { $0.order = order(.first, .invalid) })
        #expect(failed.create == nil)
        #expect(failed.status?.failureTime == now)
        let alone = ACMERequestDecision.decide(
            try await view {
                $0.order = order(.first, .errored, trouble: .caa)
                $0.fallbacks = []
            })
        #expect(alone.create == nil)
        #expect(alone.status?.failureTime == now)
    }

    @Test("an order that failed where no fallback is ready yet is not the end: they are waited for, two minutes in all")
    func lateFallback() async throws {
        var view = try await view {
            $0.order = order(.first, .errored, trouble: .identifier)
            $0.fallbacks[0].issuer = .notReady("no account yet")
            $0.fallbacks[1].issuer = .notReady("neither")
        }
        let waiting = ACMERequestDecision.decide(view)
        #expect(message(waiting).hasSuffix("Issuer \"second\" is to be asked, and is waited for: no account yet"))
        #expect(waiting.lookAgain == now + .seconds(5))
        #expect(waiting.status?.failureTime == nil)
        view.now = now + ACMERequestDecision.issuerPatience
        #expect(ACMERequestDecision.decide(view).status?.failureTime != nil)
        view.now = now
        view.order = order(.first, .errored)
        #expect(ACMERequestDecision.decide(view).status?.failureTime != nil)
    }

    @Test("fallbacks are gone through in order, those that are not ready passed over, and the last word tells of all")
    func inOrder() async throws {
        let first = order(.first, .errored, trouble: .caa)
        let fallback = order(.fallback(1), .errored, trouble: .outage, at: second)
        let next = ACMERequestDecision.decide(
            try await view {
                $0.order = fallback
                $0.earlier = [first]
            })
        #expect(next.create?.spec.issuerRef == third)
        #expect(next.create?.metadata.annotations?[Key.stage] == "fallback-2")
        let passed = ACMERequestDecision.decide(
            try await view {
                $0.order = first
                $0.fallbacks[0].issuer = .notReady("not yet")
            })
        #expect(passed.create?.spec.issuerRef == third)
        let last = ACMERequestDecision.decide(
            try await view {
                $0.order = order(.fallback(2), .errored, trouble: .outage, at: third)
                $0.earlier = [first, fallback]
            })
        #expect(last.create == nil)
        for words in [
            "\"le\" could not: \(OrderTrouble.caa.words)", "\"second\" could not: \(OrderTrouble.outage.words)",
        ] {
            #expect(message(last).contains(words), "\(message(last))")
        }
    }

    @Test("what the first CA was waited for is given up once another is asked, and only once")
    func givesUp() async throws {
        var first = order(.first, .pending, trouble: .rateLimit)
        let plan = ACMERequestDecision.decide(
            try await view {
                $0.order = order(.fallback(1), .pending, at: second)
                $0.earlier = [first]
            })
        #expect(plan.giveUp == [first])
        #expect(plan.create == nil)
        first.metadata.annotations?[Key.givenUp] = "another"
        let again = ACMERequestDecision.decide(
            try await view {
                $0.order = order(.fallback(1), .pending, at: second)
                $0.earlier = [first]
            })
        #expect(again.giveUp.isEmpty)
        // The Order ends by that, and lets go of what it holds at its CA.
        let made = Examples.madeOrder { $0.metadata.annotations = [Key.givenUp: "another issuer was asked"] }
        let ended = OrderDecision.decide(
            OrderView(order: made, issuer: try await Examples.access(), now: now))
        #expect(ended.status.state == .errored)
        #expect(ended.status.reason == "Given up: another issuer was asked")
        #expect(ended.ask == .giveUp(["https://ca.example/authz/1", "https://ca.example/authz/2"]))
    }

    @Test("an issuer that is not ready is waited for two minutes, then another is asked")
    func unready() async throws {
        let early = ACMERequestDecision.decide(try await view { $0.issuer = .notReady("no account") })
        #expect(early.create == nil)
        #expect(early.lookAgain == now + .seconds(120))
        let late = ACMERequestDecision.decide(
            try await view {
                $0.issuer = .notReady("no account")
                $0.now = now + .seconds(120)
            })
        #expect(late.create?.spec.issuerRef == second)
        let none = ACMERequestDecision.decide(
            try await view {
                $0.issuer = .notReady("no account")
                $0.now = now + .seconds(120)
                $0.fallbacks = [ACMECandidate(reference: second, issuer: .notReady("neither"))]
            })
        #expect(none.create == nil)
        #expect(message(none).contains("no fallback is ready either"))
        #expect(none.lookAgain == now + .seconds(150))
    }

    @Test("a rehearsal comes first; its success makes the real order, its failure none")
    func rehearsal() async throws {
        let staging = IssuerReference(name: "staging", kind: "Issuer")
        func rehearsing(_ order: Order?) async throws -> ACMERequestPlan {
            ACMERequestDecision.decide(
                try await view {
                    $0.order = order
                    $0.rehearsal = .at(ACMECandidate(reference: staging, issuer: .ready(Examples.issuer())))
                })
        }
        let begun = try await rehearsing(nil)
        #expect(begun.create?.spec.issuerRef == staging)
        #expect(begun.create?.metadata.annotations?[Key.stage] == "rehearsal")
        let pending = try await rehearsing(order(.rehearsal, .pending, at: staging))
        #expect(pending.create == nil)
        #expect(message(pending).hasSuffix("it is a rehearsal"))
        let real = try await rehearsing(order(.rehearsal, .valid, at: staging))
        #expect(real.create?.spec.issuerRef == IssuerReference(name: "le"))
        #expect(real.create?.metadata.annotations?[Key.stage] == nil)
        let failed = try await rehearsing(order(.rehearsal, .invalid, trouble: .caa, at: staging))
        #expect(failed.create == nil)
        #expect(failed.status?.failureTime == now)
        #expect(message(failed).contains("nothing was asked of the issuer itself"))
        let impossible = ACMERequestDecision.decide(try await view { $0.rehearsal = .impossible("no annotation") })
        #expect(impossible.create == nil)
        #expect(message(impossible).contains("no annotation"))
    }

    @Test("annotations name issuers by name or by kind and name; a ClusterIssuer leads to ClusterIssuers alone")
    func annotations() {
        let own = OtherIssuers(
            [Key.fallbackIssuers: "second, ClusterIssuer/third", Key.rehearsalIssuer: "staging", Key.rehearse: "true"],
            kind: "Issuer")
        #expect(own.fallbacks == [second, third])
        #expect(own.rehearsal == IssuerReference(name: "staging", kind: "Issuer"))
        #expect(own.rehearses)
        #expect(own.problems.isEmpty)
        let cluster = OtherIssuers([Key.fallbackIssuers: "third,Issuer/second"], kind: "ClusterIssuer")
        #expect(cluster.fallbacks == [third])
        #expect(cluster.problems.count == 1)
        for text in ["a/b/c", "Secret/x", "/", "Issuer/"] {
            let wrong = OtherIssuers([Key.fallbackIssuers: text], kind: "Issuer")
            #expect(wrong.fallbacks.isEmpty)
            #expect(wrong.problems.count == 1)
        }
        #expect(OtherIssuers([Key.rehearse: "true"], kind: "Issuer").problems.count == 1)
        #expect(OtherIssuers(nil, kind: "Issuer") == OtherIssuers([:], kind: "ClusterIssuer"))
    }

    @Test("an Order says why its CA cannot certify now, and takes it back when it can")
    func troubles() async throws {
        func trouble(_ error: ACMEError, failures: Int = 1) -> OrderTrouble? {
            OrderTrouble(error, failures: failures, now: now)
        }
        #expect(trouble(Examples.refusal("caa", 403)) == .caa)
        #expect(trouble(Examples.refusal("rejectedIdentifier", 400)) == .identifier)
        #expect(trouble(Examples.refusal("unsupportedIdentifier", 400)) == .identifier)
        #expect(trouble(Examples.refusal("userActionRequired", 403)) == .userAction)
        #expect(trouble(Examples.refusal("rateLimited", 429, retryAt: now + .seconds(3600))) == .rateLimit)
        #expect(trouble(Examples.refusal("rateLimited", 429, retryAt: now + .seconds(60))) == nil)
        #expect(trouble(Examples.refusal("serverInternal", 500), failures: 4) == nil)
        #expect(trouble(Examples.refusal("serverInternal", 500), failures: 5) == .outage)
        for name in ["dns", "connection", "unauthorized", "malformed", "badCSR"] {
            #expect(trouble(Examples.refusal(name, 400), failures: 9) == nil)
        }
        let part: JSONValue = ["type": "urn:ietf:params:acme:error:caa", "detail": "no"]
        let other: JSONValue = ["type": "urn:ietf:params:acme:error:dns", "detail": "no"]
        func compound(_ parts: JSONValue...) -> OrderTrouble? {
            .kind(of: Problem(document: ["type": "urn:ietf:params:acme:error:compound", "subproblems": .array(parts)]))
        }
        #expect(compound(part, part) == .caa)
        #expect(compound(part, other) == nil)
        #expect(compound() == nil)
        var news = OrderNews(question: .look)
        news.failure = Examples.refusal("caa", 403)
        var view = OrderView(
            order: Examples.madeOrder(), issuer: try await Examples.access(), news: news, now: now)
        #expect(OrderDecision.decide(view).trouble == .says(.caa))
        view.order.metadata.annotations = [Key.trouble: "caa"]
        #expect(OrderDecision.decide(view).trouble == nil)
        view.news = OrderNews(question: .look)
        #expect(OrderDecision.decide(view).trouble == .isClear)
        var waiting = OrderView(order: Examples.order(), issuer: try await Examples.access(), now: now)
        waiting.hold = OrderHold(until: now + .seconds(3600), scope: .account, order: "other")
        #expect(OrderDecision.decide(waiting).trouble == .says(.rateLimit))
        waiting.hold = OrderHold(until: now + .seconds(300), scope: .account, order: "other")
        #expect(OrderDecision.decide(waiting).trouble == nil)
    }
}
