import ACME
import CertificateAPI
import DNSProviders
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

@Suite("Orders")
struct OrderDecisionTests {
    private typealias Examples = ACMEExamples
    private let now = ACMEExamples.now

    private func view(
        _ order: Order, _ challenges: [Challenge] = [], news: OrderNews? = nil,
        _ change: (inout OrderView) -> Void = { _ in }
    ) async throws -> OrderView {
        var view = OrderView(
            order: order, challenges: challenges, issuer: try await Examples.access(), news: news, now: now)
        change(&view)
        return view
    }

    private func made(_ status: String = "pending", _ more: JSONValue = [:]) -> ACMEOrder {
        var document: JSONValue = [
            "status": .string(status), "finalize": "https://ca.example/order/1/finalize",
            "authorizations": ["https://ca.example/authz/1", "https://ca.example/authz/2"],
            "identifiers": [["type": "dns", "value": "a.example"], ["type": "dns", "value": "b.example"]],
        ]
        for member in more.objectValue ?? [:] { document[member.key] = member.value }
        return try! ACMEOrder(document, url: "https://ca.example/order/1")  // whole by construction
    }

    private func authorization(_ name: String, _ number: Int, _ status: String = "pending") -> ACMEAuthorization {
        try! ACMEAuthorization(  // whole by construction
            [
                "status": .string(status), "identifier": ["type": "dns", "value": .string(name)],
                "challenges": [
                    [
                        "type": "http-01", "url": "https://ca.example/chall/\(number)/http",
                        "token": .string(Examples.token),
                    ],
                    [
                        "type": "dns-01", "url": "https://ca.example/chall/\(number)/dns",
                        "token": .string(Examples.token),
                    ],
                    ["type": "dns-persist-01", "url": "https://ca.example/chall/\(number)/persist"],
                ],
            ], url: "https://ca.example/authz/\(number)")
    }

    @Test("a new order asks the server for its names, each once")
    func begins() async throws {
        let order = Examples.order { order in
            order.spec.commonName = "A.example"
            order.spec.ipAddresses = ["2001:db8:0::1"]
            order.spec.profile = "short"
            order.spec.duration = "24h"
        }
        var wanted = NewACMEOrder(
            identifiers: [.dns("a.example"), .dns("b.example"), try ACMEIdentifier(ip: "2001:db8::1")], profile: "short"
        )
        wanted.notAfter = now + .seconds(86400)
        var expected = OrderPlan(status: .init(), progress: .init())
        expected.ask = .create(wanted)
        #expect(OrderDecision.decide(try await view(order)) == expected)
    }

    @Test("a name no order can ask for ends the order with the reason")
    func illegalName() async throws {
        let plan = OrderDecision.decide(try await view(Examples.order { $0.spec.dnsNames = ["foo.*.example"] }))
        #expect(plan.status.state == .errored)
        #expect(plan.status.reason?.contains("foo.*.example") == true)
        #expect(plan.ask == nil)
    }

    @Test("the answer is mirrored and the challenges are made in one go")
    func makesChallenges() async throws {
        let news = OrderNews(
            question: .create(NewACMEOrder(identifiers: [.dns("a.example"), .dns("b.example")])), order: made(),
            authorizations: [authorization("a.example", 1), authorization("b.example", 2)])
        let plan = OrderDecision.decide(try await view(Examples.order(), news: news))
        #expect(plan.status == Examples.madeOrder().status)
        #expect(plan.create == [try await Examples.challenge("1"), try await Examples.challenge("2")])
        #expect(plan.notices.map(\.reason) == ["Created", "Created"])
        #expect(plan.ask == nil)
        #expect(plan.isWorthWriting(over: nil))
    }

    @Test("an authorization that the server reuses needs no challenge (O7)")
    func reused() async throws {
        let news = OrderNews(
            question: .create(NewACMEOrder(identifiers: [.dns("a.example"), .dns("b.example")])), order: made(),
            authorizations: [authorization("a.example", 1, "valid"), authorization("b.example", 2)])
        let plan = OrderDecision.decide(try await view(Examples.order(), news: news))
        #expect(plan.create.map(\.spec.dnsName) == ["b.example"])
    }

    @Test("an order that is ready at once is finalized at once (O6)")
    func readyAtOnce() async throws {
        let news = OrderNews(
            question: .create(NewACMEOrder(identifiers: [.dns("a.example"), .dns("b.example")])), order: made("ready"))
        let plan = OrderDecision.decide(try await view(Examples.order(), news: news))
        #expect(plan.ask == .finalize)
        #expect(plan.create.isEmpty)
    }

    @Test("authorizations that could not be read are read, and only those")
    func readsAuthorizations() async throws {
        let order = Examples.madeOrder { $0.status?.authorizations?[1] = .init(url: "https://ca.example/authz/2") }
        let plan = OrderDecision.decide(try await view(order))
        #expect(plan.ask == .authorizations(["https://ca.example/authz/2"]))
    }

    @Test("while a name is unproved the order waits, and looks at the server rarely")
    func waits() async throws {
        let challenges = [
            try await Examples.challenge("1", state: .valid), try await Examples.challenge("2", state: .pending),
        ]
        let plan = OrderDecision.decide(try await view(Examples.madeOrder(), challenges))
        #expect(plan.ask == nil)
        #expect(plan.create.isEmpty)
        #expect(plan.lookAgain == now + .seconds(6 * 3600))
        let later = OrderDecision.decide(
            try await view(Examples.madeOrder(), challenges) {
                $0.progress.heardAt = now
                $0.now = now + .seconds(6 * 3600)
            })
        #expect(later.ask == .look)
    }

    @Test("all names proved: finalize; after that the order is only looked at (O6, O14)")
    func finalizes() async throws {
        let challenges = [
            try await Examples.challenge("1", state: .valid), try await Examples.challenge("2", state: .valid),
        ]
        // After a restart the server may know more than was written down.
        #expect(OrderDecision.decide(try await view(Examples.madeOrder(), challenges)).ask == .look)
        let heard = OrderDecision.decide(
            try await view(Examples.madeOrder(), challenges) { $0.progress.heardAt = now })
        #expect(heard.ask == .finalize)
        let news = OrderNews(question: .finalize, order: made("processing"))
        let plan = OrderDecision.decide(try await view(Examples.madeOrder(), challenges, news: news))
        #expect(plan.ask == nil)
        #expect(plan.lookAgain == now + .milliseconds(400))
        // What is a moment old is not written.
        #expect(!plan.isWorthWriting(over: Examples.madeOrder().status))
        let next = OrderDecision.decide(
            try await view(Examples.madeOrder(), challenges) {
                $0.progress = plan.progress
                $0.now = now + .milliseconds(400)
            })
        #expect(next.ask == .look)
    }

    @Test("an order found processing after a restart is looked at, not finalized again (O14, O15)")
    func processing() async throws {
        let plan = OrderDecision.decide(try await view(Examples.madeOrder { $0.status?.state = .processing }))
        #expect(plan.ask == .look)
    }

    @Test("polling follows Retry-After within reason, and slows down without it (O14, O16)")
    func polling() async throws {
        func wait(_ retryAfter: Duration?, polls: Int = 0) -> Duration {
            PollPace.delay(afterPolls: polls, retryAfter: retryAfter, jitter: 0)
        }
        #expect(wait(.seconds(3)) == .seconds(3))
        #expect(wait(.seconds(86400)) == .seconds(600))
        #expect(wait(.zero) == .milliseconds(250))
        #expect((0...8).map { wait(nil, polls: $0) }.last == .seconds(30))
    }

    @Test("an order that has run out is given up, also where the server still calls it pending (O8)")
    func runsOut() async throws {
        let challenges = [
            try await Examples.challenge("1", state: .pending), try await Examples.challenge("2", state: .pending),
        ]
        let end = now + .seconds(3600)
        let news = OrderNews(question: .look, order: made("pending", ["expires": .string(end.rfc3339)]))
        let plan = OrderDecision.decide(try await view(Examples.madeOrder(), challenges, news: news))
        #expect(plan.status.state == .pending)
        #expect(plan.lookAgain == end)
        let over = OrderDecision.decide(
            try await view(Examples.madeOrder(), challenges, news: news) { $0.now = end })
        #expect(over.status.state == .expired)
        #expect(over.status.reason?.contains(end.rfc3339) == true)
        #expect(over.ask == .giveUp(["https://ca.example/authz/1", "https://ca.example/authz/2"]))
    }

    @Test("a challenge that answers for another account key is replaced (K5)")
    func otherKey() async throws {
        let stale = try await Examples.challenge("1", state: .pending) { $0.spec.key = "for another key" }
        let fine = try await Examples.challenge("2", state: .pending)
        let plan = OrderDecision.decide(try await view(Examples.madeOrder(), [stale, fine]))
        #expect(plan.delete == [stale])
        #expect(plan.create.isEmpty)
    }

    @Test("another profile than asked for is told (F2)")
    func otherProfile() async throws {
        let order = Examples.order { $0.spec.profile = "short" }
        let news = OrderNews(
            question: .create(NewACMEOrder(identifiers: [.dns("a.example"), .dns("b.example")], profile: "short")),
            order: made("pending", ["profile": "long"]))
        let plan = OrderDecision.decide(try await view(order, news: news))
        #expect(plan.notices.map(\.reason) == ["Profile"])
        #expect(plan.ask == .authorizations(["https://ca.example/authz/1", "https://ca.example/authz/2"]))
    }

    @Test("the certificate completes the order; its challenges go")
    func completes() async throws {
        let challenges = [
            try await Examples.challenge("1", state: .valid), try await Examples.challenge("2", state: .valid),
        ]
        var news = OrderNews(question: .look, order: made("valid", ["certificate": "https://ca.example/cert/1"]))
        news.certificate = "PEM"
        let plan = OrderDecision.decide(try await view(Examples.madeOrder(), challenges, news: news))
        #expect(plan.status.state == .valid)
        #expect(plan.status.certificate == Base64Data(utf8: "PEM"))
        #expect(plan.delete == challenges)
        #expect(plan.notices == [.normal("Complete", "Order completed successfully")])
        #expect(plan.ask == nil)
    }

    @Test("a valid order whose certificate could not be had is looked at again")
    func certificateLater() async throws {
        var news = OrderNews(question: .finalize, order: made("valid", ["certificate": "https://ca.example/cert/1"]))
        news.failure = Examples.refusal("serverInternal", 500)
        let plan = OrderDecision.decide(try await view(Examples.madeOrder(), news: news))
        #expect(plan.status.state == .valid)
        #expect(plan.status.certificate == nil)
        #expect(plan.lookAgain == now + .seconds(5))
        let next = OrderDecision.decide(
            try await view(Examples.madeOrder { $0.status = plan.status }) {
                $0.progress = plan.progress
                $0.now = now + .seconds(5)
            })
        #expect(next.ask == .look)
    }

    @Test("429 never ends an order: it waits until the time given, and says so (Q1)")
    func throttled() async throws {
        let until = now + .seconds(3600)
        let question = OrderQuestion.create(NewACMEOrder(identifiers: [.dns("a.example")]))
        for name in ["rateLimited", "malformed", "unauthorized"] {
            var news = OrderNews(question: question)
            news.failure = Examples.refusal(name, 429, retryAt: until)
            let plan = OrderDecision.decide(try await view(Examples.order(), news: news))
            #expect(plan.status.state == nil)
            #expect(plan.status.reason?.hasSuffix("next attempt at \(until.rfc3339)") == true)
            #expect(plan.lookAgain == until)
            #expect(plan.ask == nil)
        }
    }

    @Test("a server in trouble is asked ever more rarely")
    func backsOff() async throws {
        var progress = OrderProgress()
        var delays: [Duration] = []
        for _ in 1...9 {
            var news = OrderNews(question: .look)
            news.failure = Examples.refusal("serverInternal", 500)
            let plan = OrderDecision.decide(
                try await view(Examples.madeOrder(), news: news) { $0.progress = progress })
            progress = plan.progress
            delays.append(try #require(plan.lookAgain) - now)
        }
        #expect(delays == [5, 10, 20, 40, 80, 160, 320, 600, 600].map { Duration.seconds($0) })
    }

    @Test("what the server will not have ends the order in the server's words (O17)")
    func refused() async throws {
        var news = OrderNews(question: .create(NewACMEOrder(identifiers: [.dns("a.example")])))
        news.failure = Examples.refusal("rejectedIdentifier", 400)
        let plan = OrderDecision.decide(try await view(Examples.order(), news: news))
        #expect(plan.status.state == .errored)
        #expect(plan.status.failureTime == now)
        #expect(plan.status.reason == "Failed to create Order: 400 urn:ietf:params:acme:error:rejectedIdentifier: no")
        news.failure = .profileNotAdvertised("x", offered: [])
        let profile = OrderDecision.decide(try await view(Examples.order(), news: news))
        #expect(
            profile.status.reason?.hasPrefix(
                "Failed to create Order: acme: certificate authority does not advertise a profile with name x") == true)
    }

    @Test("an account the server does not know is looked up again once, and only then ends the order (A10)")
    func doubtful() async throws {
        var news = OrderNews(question: .create(NewACMEOrder(identifiers: [.dns("a.example")])))
        news.failure = Examples.refusal("accountDoesNotExist", 400)
        let first = OrderDecision.decide(try await view(Examples.order(), news: news))
        #expect(first.doubtsAccount)
        #expect(first.status.state == nil)
        let second = OrderDecision.decide(
            try await view(Examples.order(), news: news) { $0.progress = first.progress })
        #expect(!second.doubtsAccount)
        #expect(second.status.state == .errored)
    }

    @Test("an order that the server has forgotten is expired (O8, X9)")
    func forgotten() async throws {
        var news = OrderNews(question: .look)
        news.failure = Examples.refusal("malformed", 404)
        #expect(OrderDecision.decide(try await view(Examples.madeOrder(), news: news)).status.state == .expired)
    }

    @Test("an invalid order says why, for the order and for each name; what was left open is given up (O17, Z11)")
    func invalid() async throws {
        let failed = try await Examples.challenge("1", state: .invalid) { $0.status?.reason = "NXDOMAIN" }
        let open = try await Examples.challenge("2", state: .pending)
        let asked = OrderDecision.decide(try await view(Examples.madeOrder(), [failed, open]))
        #expect(asked.ask == .look)
        let error: JSONValue = ["type": "urn:ietf:params:acme:error:dns", "detail": "no such name"]
        let news = OrderNews(question: .look, order: made("invalid", ["error": error]))
        let plan = OrderDecision.decide(try await view(Examples.madeOrder(), [failed, open], news: news))
        #expect(plan.status.state == .invalid)
        #expect(plan.status.reason?.contains("no such name") == true)
        #expect(plan.status.reason?.contains("NXDOMAIN") == true)
        #expect(plan.delete == [open])
        #expect(plan.ask == .giveUp(["https://ca.example/authz/2"]))
    }

    @Test("a challenge that failed here ends an order that the server would keep open")
    func blamed() async throws {
        let failed = try await Examples.challenge("1", state: .errored) { $0.status?.reason = "no such solver" }
        let plan = OrderDecision.decide(
            try await view(Examples.madeOrder(), [failed], news: OrderNews(question: .look, order: made())))
        #expect(plan.status.state == .errored)
        #expect(plan.status.reason?.contains("no such solver") == true)
        #expect(plan.ask == .giveUp(["https://ca.example/authz/2"]))
    }

    @Test("a challenge whose solver the issuer no longer has is replaced; one that is proved stays")
    func replacesSolver() async throws {
        var other = Examples.solver
        other.dns01?.providers = ["rfc2136": ["nameserver": "192.0.2.99:53"]]
        let issuer = Examples.issuer { $0.solvers = [other] }
        let challenges = [
            try await Examples.challenge("1", state: .pending), try await Examples.challenge("2", state: .valid),
        ]
        let access = try await Examples.access(issuer)
        let plan = OrderDecision.decide(try await view(Examples.madeOrder(), challenges) { $0.issuer = access })
        #expect(plan.delete == [challenges[0]])
        #expect(plan.create.isEmpty)
    }

    @Test("no solver for a name is said once, and waited for")
    func noSolver() async throws {
        let access = try await Examples.access(Examples.issuer { $0.solvers = [] })
        let plan = OrderDecision.decide(try await view(Examples.madeOrder()) { $0.issuer = access })
        #expect(plan.status.state == .pending)
        #expect(plan.notices.map(\.reason).contains("Solver"))
        let again = OrderDecision.decide(
            try await view(Examples.madeOrder { $0.status = plan.status }) { $0.issuer = access })
        #expect(again.notices.isEmpty || again.status == plan.status)
    }

    @Test("an issuer that is not ready is waited for; nothing is asked")
    func waitsForIssuer() async throws {
        let plan = OrderDecision.decide(
            try await view(Examples.order()) { $0.issuer = .waiting("waiting for Issuer \"le\" to be ready") })
        #expect(plan.ask == nil)
        #expect(plan.status.reason == "waiting for Issuer \"le\" to be ready")
    }

    @Test(
        "an order that is being asked about, or is over, is left alone",
        arguments: ACMEState.allCases.filter(\.isFailure))
    func quiet(state: ACMEState) async throws {
        let asking = OrderDecision.decide(try await view(Examples.madeOrder()) { $0.isAsking = true })
        #expect(asking.ask == nil)
        let over = Examples.madeOrder { $0.status?.state = state }
        let plan = OrderDecision.decide(try await view(over))
        #expect(plan == OrderPlan(status: over.status!, progress: .init()))
    }
}
