import ACME
import CertificateAPI
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

@Suite("Limits of CAs")
struct OrderLimitTests {
    private typealias Examples = ACMEExamples
    private let now = ACMEExamples.now

    private func view(_ order: Order, _ change: (inout OrderView) -> Void = { _ in }) async throws -> OrderView {
        var view = OrderView(order: order, issuer: try await Examples.access(), now: now)
        change(&view)
        return view
    }

    private func refused(_ detail: String, for duration: Duration) -> OrderNews {
        var news = OrderNews(question: .create(NewACMEOrder(identifiers: [.dns("a.example"), .dns("b.example")])))
        news.failure = .problem(
            Refusal(
                problem: Problem(type: .rateLimited, detail: detail), status: 429, action: .authorizeOrder,
                retryAt: now + duration, answeredAt: now))
        return news
    }

    private func held(_ hold: OrderHold, _ change: (inout Order) -> Void = { _ in }) -> Order {
        Examples.order { order in
            order.metadata.name = hold.order
            order.metadata.uid = "uid-\(hold.order)"
            order.metadata.annotations = hold.annotations
            change(&order)
        }
    }

    @Test("a limit that lasts is remembered on the Order with what it is about; one of a moment is not (Q1, Q5)")
    func remembered() async throws {
        let detail = "too many new orders (300) from this account in the last 3h0m0s"
        let plan = OrderDecision.decide(
            try await view(Examples.order()) { $0.news = refused(detail, for: .seconds(3600)) })
        #expect(plan.hold == OrderHold(until: now + .seconds(3600), scope: .account, order: "site-1-abc"))
        #expect(plan.lookAgain == now + .seconds(3600))
        #expect(plan.status.state == nil)
        let brief = OrderDecision.decide(
            try await view(Examples.order()) { $0.news = refused(detail, for: .seconds(60)) })
        #expect(brief.hold == nil)
        #expect(brief.lookAgain == now + .seconds(60))
    }

    @Test("after a restart the Order still waits as long as it was told, then asks (Q1)")
    func survives() async throws {
        let hold = OrderHold(until: now + .seconds(3600), scope: .account, order: "site-1-abc")
        let order = Examples.order { $0.metadata.annotations = hold.annotations }
        let waiting = OrderDecision.decide(try await view(order))
        #expect(waiting.ask == nil)
        #expect(waiting.lookAgain == now + .seconds(3600))
        let later = OrderDecision.decide(try await view(order) { $0.now = now + .seconds(3600) })
        #expect(later.ask != nil)
    }

    @Test("an order that another's limit covers is not sent, and says why; others are (Q5)")
    func covered() async throws {
        let until = now + .seconds(3600)
        let domain = OrderHold(until: until, scope: .domain("example"), order: "other")
        let plan = OrderDecision.decide(try await view(Examples.order()) { $0.hold = domain })
        #expect(plan.ask == nil)
        #expect(plan.lookAgain == until)
        #expect(
            plan.status.reason
                == "Waiting to create the ACME order: the CA's limit for example is used up, as it has told the Order "
                + "other; next attempt at \(until.rfc3339)")
        let order = Examples.order()
        func longest(_ holds: OrderHold...) -> OrderHold? {
            .longest(of: holds.map { held($0) }, over: order, at: now)
        }
        #expect(longest(domain) == domain)
        #expect(longest(OrderHold(until: until, scope: .domain("ample"), order: "other")) == nil)
        #expect(longest(OrderHold(until: until, scope: .name("b.example"), order: "other"))?.order == "other")
        // The same set of names, as the examples' orders all have.
        #expect(longest(OrderHold(until: until, scope: .sameNames, order: "other"))?.order == "other")
        #expect(longest(OrderHold(until: until, scope: .request, order: "other")) == nil)
        #expect(longest(OrderHold(until: now, scope: .account, order: "other")) == nil)
        let longer = OrderHold(until: until + .seconds(9), scope: .account, order: "third")
        #expect(longest(domain, longer) == longer)
    }

    @Test("a renewal that names its predecessor is tried in spite of others' limits, which CAs exempt it from (ARI10)")
    func exempt() {
        let hold = OrderHold(until: now + .seconds(3600), scope: .account, order: "other")
        let order = Examples.order { $0.spec.replaces = "aki.serial" }
        #expect(OrderHold.longest(of: [held(hold)], over: order, at: now) == nil)
        let busy = OrderHold(until: now + .seconds(3600), scope: .server, order: "other")
        #expect(OrderHold.longest(of: [held(busy)], over: order, at: now) == busy)
    }

    @Test("an order whose turn has not come waits for it, and says so (Q7)")
    func turn() async throws {
        let plan = OrderDecision.decide(try await view(Examples.order()) { $0.turn = now + .seconds(30) })
        #expect(plan.ask == nil)
        #expect(plan.lookAgain == now + .seconds(30))
        #expect(plan.status.reason?.hasSuffix("next attempt at \((now + .seconds(30)).rfc3339)") == true)
    }

    @Test("what needs a person is reported to the issuer, and not asked again within the hour (A14, Q6)")
    func person() async throws {
        var news = OrderNews(question: .create(NewACMEOrder(identifiers: [.dns("a.example")])))
        news.failure = Examples.refusal("userActionRequired", 403)
        let plan = OrderDecision.decide(try await view(Examples.order()) { $0.news = news })
        #expect(plan.actionRequired?.problem.type == .userActionRequired)
        #expect(plan.status.state == nil)
        #expect(plan.lookAgain == now + .seconds(3600))
    }
}

@Suite("The budget of orders")
struct OrderBudgetTests {
    private let now = ACMEExamples.now
    private let limit = OrderLimit("3/1h")!

    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "web", name: name) }

    @Test("so many orders are made in the time, and the next when the first is old enough (Q7)")
    func limits() {
        var budget = OrderBudget()
        func ask(_ name: String, at time: Timestamp, needed: Duration = .seconds(86400)) -> Timestamp? {
            budget.ask(key(name), account: "a", needed: now + needed, limit: limit, now: time)
        }
        for number in 0..<3 { #expect(ask("n\(number)", at: now + .seconds(number)) == nil) }
        #expect(ask("n3", at: now + .seconds(3)) == now + .seconds(3600))
        #expect(ask("n3", at: now + .seconds(3599)) == now + .seconds(3600))
        #expect(ask("n3", at: now + .seconds(3600)) == nil)
        #expect(ask("n4", at: now + .seconds(3600)) == now + .seconds(3601))
        // Another account has a budget of its own.
        #expect(budget.ask(key("x"), account: "b", needed: now, limit: limit, now: now) == nil)
    }

    @Test("what runs out first goes first, whoever asked before (Q7)")
    func priority() {
        var budget = OrderBudget()
        for number in 0..<3 {
            _ = budget.ask(key("n\(number)"), account: "a", needed: now, limit: limit, now: now + .seconds(number))
        }
        func ask(_ name: String, needed: Int, at: Int) -> Timestamp? {
            budget.ask(
                key(name), account: "a", needed: now + .seconds(needed), limit: limit, now: now + .seconds(at))
        }
        #expect(ask("later", needed: 9000, at: 10) == now + .seconds(3600))
        #expect(ask("sooner", needed: 5000, at: 11) == now + .seconds(3600))
        #expect(ask("later", needed: 9000, at: 3600) == now + .seconds(3601))
        #expect(ask("sooner", needed: 5000, at: 3600) == nil)
        #expect(ask("later", needed: 9000, at: 3601) == nil)
    }

    @Test("who no longer wants an order holds up nobody; what earlier processes ordered counts (Q7)")
    func forgetting() {
        var budget = OrderBudget()
        #expect(!budget.knows("a"))
        budget.began("a", made: [now - .seconds(7200), now - .seconds(60), now - .seconds(30), now - .seconds(10)])
        #expect(budget.knows("a"))
        func ask(_ name: String, needed: Int, at: Int) -> Timestamp? {
            budget.ask(
                key(name), account: "a", needed: now + .seconds(needed), limit: limit, now: now + .seconds(at))
        }
        #expect(ask("gone", needed: 1, at: 0) == now + .seconds(3540))
        #expect(ask("here", needed: 2, at: 0) == now + .seconds(3570))
        budget.forget(key("gone"))
        #expect(ask("here", needed: 2, at: 3540) == nil)
    }

    @Test("limits are read as written, and known for CAs that publish them (Q7)")
    func reading() {
        #expect(OrderLimit("300/3h")?.count == 300)
        #expect(OrderLimit("300/3h")?.period == .seconds(10800))
        for text in ["", "300", "0/1h", "-1/1h", "a/1h", "1/", "1/0s", "1/9000h", "1/1h/2"] {
            #expect(OrderLimit(text) == nil)
        }
        #expect(OrderLimit(knownFor: "https://acme-v02.api.letsencrypt.org/directory")?.count == 300)
        #expect(OrderLimit(knownFor: "https://ca.example/dir") == nil)
    }

    @Test("annotations of the issuer say what the spec has no field for, and what is wrong in them (F1, F3, X6)")
    func options() {
        let options = IssuerOptions(
            [
                Names.Annotation.preferredChain: "smallest", Names.Annotation.profileMode: "preferred",
                Names.Annotation.orderLimit: "10/1h",
            ], server: "https://acme-v02.api.letsencrypt.org/directory")
        #expect(options.chain == .smallest)
        #expect(options.profileIsPreferred)
        #expect(options.orderLimit == OrderLimit("10/1h"))
        #expect(options.problems.isEmpty)
        let wrong = IssuerOptions(
            [
                Names.Annotation.preferredRoot: "ISRG", Names.Annotation.preferredChain: "best",
                Names.Annotation.profileMode: "maybe", Names.Annotation.orderLimit: "many",
            ], server: "https://ca.example/dir")
        #expect(wrong.problems.count == 4)
        #expect(wrong.chain == nil)
        let none = IssuerOptions(
            [Names.Annotation.orderLimit: "none"], server: "https://acme-v02.api.letsencrypt.org/directory")
        #expect(none.orderLimit == nil)
    }
}
