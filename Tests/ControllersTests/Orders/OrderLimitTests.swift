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
        let plan = OrderDecision.decide(
            try await view(Examples.order()) { $0.turn = OrderTurn(until: now + .seconds(30), reason: .orders) })
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
    private let limits = CALimits(orders: OrderLimit("3/1h")!)

    private func wish(_ name: String, needed: Int = 86400, names: String? = nil, count: Int = 1) -> OrderWish {
        OrderWish(
            key: ObjectKey(namespace: "web", name: name), needed: now + .seconds(needed), names: names ?? name,
            nameCount: count)
    }

    @Test("so many orders are made in the time, and the next when the first is old enough (Q7)")
    func limit() {
        var budget = OrderBudget()
        func ask(_ name: String, at seconds: Int) -> Timestamp? {
            budget.ask(wish(name), account: "a", limits: limits, now: now + .seconds(seconds))?.until
        }
        for number in 0..<3 { #expect(ask("n\(number)", at: number) == nil) }
        #expect(ask("n3", at: 3) == now + .seconds(3600))
        #expect(ask("n3", at: 3599) == now + .seconds(3600))
        #expect(ask("n3", at: 3600) == nil)
        #expect(ask("n4", at: 3600) == now + .seconds(3601))
        // Another account has a budget of its own.
        #expect(budget.ask(wish("x"), account: "b", limits: limits, now: now) == nil)
    }

    @Test("what runs out first goes first, whoever asked before (Q7)")
    func priority() {
        var budget = OrderBudget()
        func ask(_ name: String, needed: Int, at seconds: Int) -> Timestamp? {
            budget.ask(wish(name, needed: needed), account: "a", limits: limits, now: now + .seconds(seconds))?.until
        }
        for number in 0..<3 { _ = ask("n\(number)", needed: 0, at: number) }
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
        let made = [-7200, -60, -30, -10].map { OrderBudget.Made(at: now + .seconds($0), names: "n\($0)") }
        budget.began("a", made: made, open: [], now: now)
        #expect(budget.knows("a"))
        func ask(_ name: String, needed: Int, at seconds: Int) -> Timestamp? {
            budget.ask(wish(name, needed: needed), account: "a", limits: limits, now: now + .seconds(seconds))?.until
        }
        #expect(ask("gone", needed: 1, at: 0) == now + .seconds(3540))
        #expect(ask("here", needed: 2, at: 0) == now + .seconds(3570))
        #expect(budget.forget(wish("gone").key) == [])
        #expect(ask("here", needed: 2, at: 3540) == nil)
    }

    @Test("so many are open at once; when one is done, the one that runs out first is called (Q7)")
    func open() {
        var budget = OrderBudget()
        func ask(_ name: String, needed: Int = 9000) -> OrderTurn.Reason? {
            budget.ask(wish(name, needed: needed), account: "a", limits: CALimits(openOrders: 2), now: now)?.reason
        }
        #expect(ask("a") == nil)
        #expect(ask("b") == nil)
        #expect(ask("later", needed: 9000) == .openOrders(2))
        #expect(ask("sooner", needed: 5000) == .openOrders(2))
        // One that asks again while it is open has lost its answer only.
        #expect(ask("a", needed: 1) == nil)
        #expect(budget.forget(wish("b").key) == [wish("sooner").key])
        #expect(ask("later", needed: 9000) == .openOrders(1))
        #expect(ask("sooner", needed: 5000) == nil)
        #expect(budget.forget(wish("nobody").key) == [])
    }

    @Test("so many names are proved at once; an order with more goes alone (Q7)")
    func openNames() {
        var budget = OrderBudget()
        func ask(_ name: String, _ count: Int) -> OrderTurn.Reason? {
            budget.ask(wish(name, count: count), account: "a", limits: CALimits(openNames: 10), now: now)?.reason
        }
        #expect(ask("a", 6) == nil)
        #expect(ask("b", 5) == .openNames(6))
        #expect(budget.forget(wish("a").key) == [wish("b").key])
        #expect(ask("b", 5) == nil)
        #expect(budget.forget(wish("b").key) == [])
        #expect(ask("large", 50) == nil)
        #expect(ask("c", 1) == .openNames(50))
    }

    @Test("an order for the same names waits for the one that is open: the CA would take both for one (Q7)")
    func twins() {
        var budget = OrderBudget()
        func ask(_ name: String, _ names: String) -> OrderTurn.Reason? {
            budget.ask(wish(name, names: names), account: "a", limits: CALimits(), now: now)?.reason
        }
        #expect(ask("a", "x") == nil)
        #expect(ask("b", "x") == .twin(wish("a").key))
        #expect(ask("c", "y") == nil)
        #expect(budget.forget(wish("a").key) == [wish("b").key])
        #expect(ask("b", "x") == nil)
        // After a restart the one that is open is known from its Order.
        var other = OrderBudget()
        other.began("a", made: [], open: [wish("a", names: "x")], now: now)
        #expect(
            other.ask(wish("b", names: "x"), account: "a", limits: CALimits(), now: now)?.reason
                == .twin(wish("a").key))
    }

    @Test("an order that is not done after a while is waited for no longer (Q7)")
    func stuck() {
        var budget = OrderBudget()
        func ask(_ name: String, _ names: String, after: Duration) -> OrderTurn.Reason? {
            budget.ask(
                wish(name, names: names), account: "a", limits: CALimits(openOrders: 1), now: now + after)?.reason
        }
        #expect(ask("a", "x", after: .zero) == nil)
        #expect(ask("b", "x", after: .seconds(599)) == .twin(wish("a").key))
        #expect(ask("b", "x", after: .seconds(600)) == .openOrders(1))
        #expect(ask("b", "x", after: .seconds(1800)) == nil)
    }

    @Test("the same names are not ordered more often than the CA allows; renewals that name theirs are exempt (ARI10)")
    func sameNames() {
        var budget = OrderBudget()
        let limits = CALimits(sameNames: OrderLimit("2/168h")!)
        func ask(_ name: String, at seconds: Int, isExempt: Bool = false) -> OrderTurn? {
            var wish = wish(name, names: "x")
            wish.isExempt = isExempt
            defer { _ = budget.forget(wish.key) }
            return budget.ask(wish, account: "a", limits: limits, now: now + .seconds(seconds))
        }
        #expect(ask("a", at: 0) == nil)
        #expect(ask("b", at: 10) == nil)
        #expect(ask("c", at: 20) == OrderTurn(until: now + .seconds(604_800), reason: .sameNames))
        #expect(ask("d", at: 30, isExempt: true) == nil)
        #expect(ask("c", at: 604_800) == nil)
        for reason in [OrderTurn.Reason.sameNames, .openOrders(2), .openNames(3), .twin(wish("a").key), .orders] {
            #expect(OrderTurn(until: now, reason: reason).sentence.count > 40)
        }
    }

    @Test("limits are read as written, and known for CAs that publish them (Q7)")
    func reading() {
        #expect(OrderLimit("300/3h")?.count == 300)
        #expect(OrderLimit("300/3h")?.period == .seconds(10800))
        for text in ["", "300", "0/1h", "-1/1h", "a/1h", "1/", "1/0s", "1/9000h", "1/1h/2"] {
            #expect(OrderLimit(text) == nil)
        }
        let known = KnownCA(server: "https://acme-v02.api.letsencrypt.org/directory")
        #expect(known?.limits.orders == OrderLimit("300/3h"))
        #expect(known?.limits.sameNames == OrderLimit("5/168h"))
        #expect(known?.caaIdentities == ["letsencrypt.org"])
        let staging = KnownCA(server: "https://acme-staging-v02.api.letsencrypt.org/directory")
        #expect(staging?.limits.orders?.count == 1500)
        #expect(KnownCA(server: "https://acme.zerossl.com/v2/DV90")?.limits.openOrders == 20)
        #expect(KnownCA(server: "https://ca.example/dir") == nil)
        #expect(
            IssuerOptions(nil, server: "https://api.buypass.com/acme/directory").problems.first?.contains("another CA")
                == true)
    }

    @Test("annotations of the issuer say what the spec has no field for, and what is wrong in them (F1, F3, X6)")
    func options() {
        let options = IssuerOptions(
            [
                Names.Annotation.preferredChain: "smallest", Names.Annotation.profileMode: "preferred",
                Names.Annotation.orderLimit: "10/1h", Names.Annotation.sameNamesLimit: "none",
                Names.Annotation.openOrders: "7", Names.Annotation.openNames: "50",
            ], server: "https://acme-v02.api.letsencrypt.org/directory")
        #expect(options.chain == .smallest)
        #expect(options.profileIsPreferred)
        #expect(options.limits == CALimits(orders: OrderLimit("10/1h"), openOrders: 7, openNames: 50))
        #expect(options.problems.isEmpty)
        let wrong = IssuerOptions(
            [
                Names.Annotation.preferredRoot: "ISRG", Names.Annotation.preferredChain: "best",
                Names.Annotation.profileMode: "maybe", Names.Annotation.orderLimit: "many",
                Names.Annotation.openOrders: "0",
            ], server: "https://ca.example/dir")
        #expect(wrong.problems.count == 5)
        #expect(wrong.chain == nil)
        let none = IssuerOptions(
            [Names.Annotation.orderLimit: "none"], server: "https://acme-v02.api.letsencrypt.org/directory")
        #expect(none.limits.orders == nil)
    }
}
