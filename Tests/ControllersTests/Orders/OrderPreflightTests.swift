import ACME
import CertificateAPI
import Issuers
import KubeModel
import PKI
import Solvers
import Testing
import Wire

@testable import Controllers

@Suite("The look before an order")
struct OrderPreflightTests {
    private typealias Examples = ACMEExamples
    private let now = ACMEExamples.now
    private let fault = PreflightFinding(.caa, .fault, "a.example: add the record: a.example. CAA 0 issue \"ca\"")
    private let doubt = PreflightFinding(.address, .doubt, "b.example: its address could not be looked up")

    private func view(
        _ mode: PreflightMode, _ order: Order = ACMEExamples.order(), _ change: (inout OrderView) -> Void = { _ in }
    ) async throws -> OrderView {
        var view = OrderView(order: order, issuer: try await Examples.access(), now: now)
        view.preflightMode = mode
        change(&view)
        return view
    }

    @Test("off looks at nothing; warn looks and orders at once; enforce looks first")
    func modes() async throws {
        let off = OrderDecision.decide(try await view(.off))
        #expect(!off.inspects)
        #expect(off.ask != nil)
        let warn = OrderDecision.decide(try await view(.warn))
        #expect(warn.inspects)
        #expect(warn.ask == off.ask)
        let enforce = OrderDecision.decide(try await view(.enforce))
        #expect(enforce.inspects)
        #expect(enforce.ask == nil)
        let looking = OrderDecision.decide(try await view(.enforce) { $0.isInspecting = true })
        #expect(!looking.inspects)
        #expect(looking.ask == nil)
    }

    @Test("what is found is told once, on the Order too, the certain first; the order is made all the same")
    func warns() async throws {
        let plan = OrderDecision.decide(try await view(.warn) { $0.inspection = [doubt, fault] })
        let text = "\(fault.sentence); \(doubt.sentence)"
        #expect(plan.preflight == .says(text))
        #expect(plan.notices == [.warning("Preflight", "In the way of the ACME order: \(text)")])
        #expect(plan.ask != nil)
        #expect(!plan.inspects)
        let order = Examples.order { $0.metadata.annotations = [Names.Annotation.preflight: text] }
        let again = OrderDecision.decide(try await view(.warn, order) { $0.inspection = [doubt, fault] })
        #expect(again.preflight == nil)
        #expect(again.notices.isEmpty)
        let mended = OrderDecision.decide(try await view(.warn, order) { $0.inspection = [] })
        #expect(mended.preflight == .isClear)
        #expect(mended.notices.map(\.kind) == [.normal])
        #expect(PreflightMark.isClear.annotations == [Names.Annotation.preflight: .null])
    }

    @Test("enforced, a fault holds the order up and is looked at again, ever more rarely; a doubt does not")
    func enforces() async throws {
        let plan = OrderDecision.decide(try await view(.enforce) { $0.inspection = [fault] })
        #expect(plan.ask == nil)
        #expect(plan.lookAgain == now + .seconds(60))
        #expect(plan.status.reason?.contains(fault.sentence) == true)
        #expect(plan.status.reason?.hasSuffix("looked at again at \((now + .seconds(60)).rfc3339)") == true)
        let later = OrderDecision.decide(
            try await view(.enforce) {
                $0.progress = plan.progress
                $0.now = now + .seconds(60)
            })
        #expect(later.inspects)
        #expect(later.ask == nil)
        let mended = OrderDecision.decide(
            try await view(.enforce) {
                $0.progress = plan.progress
                $0.now = now + .seconds(60)
                $0.inspection = [doubt]
            })
        #expect(mended.ask != nil)
        #expect(
            (1...6).map { OrderPreflight.pause(afterRound: $0) } == [60, 120, 240, 480, 900, 900].map { .seconds($0) })
    }

    @Test("findings grow old: an order that had to wait is looked into again")
    func stale() async throws {
        let fresh = OrderDecision.decide(try await view(.enforce) { $0.inspection = [] })
        #expect(fresh.ask != nil)
        let old = OrderDecision.decide(
            try await view(.enforce) {
                $0.progress = fresh.progress
                $0.now = now + OrderPreflight.freshness
            })
        #expect(old.inspects)
        #expect(old.ask == nil)
    }

    @Test("an order that the CA has is not looked into, and one that is certified has nothing in its way")
    func made() async throws {
        #expect(!OrderDecision.decide(try await view(.enforce, Examples.madeOrder())).inspects)
        let valid = Examples.madeOrder { order in
            order.status?.state = .valid
            order.status?.certificate = Base64Data(utf8: "PEM")
        }
        let plan = OrderDecision.decide(try await view(.warn, valid) { $0.inspection = [fault] })
        #expect(plan.preflight == nil)
        #expect(plan.notices.isEmpty)
    }

    @Test("each name goes with the solver that would prove it")
    func inquiry() async throws {
        guard case .ready(let facts) = try await Examples.access() else { return }
        let names = [ACMEIdentifier.dns("a.example"), .dns("*.b.example"), try ACMEIdentifier(ip: "192.0.2.1")]
        let inquiry = PreflightInquiry(
            Examples.order(), names, facts, accountURL: "u", caaIdentities: ["CA"], clockSkew: nil)
        #expect(
            inquiry.names == [
                .init("a.example", method: "dns-01", solver: 0), .init("*.b.example", method: "dns-01", solver: 0),
                .init("192.0.2.1"),
            ])
        #expect(inquiry.policy.identities == ["ca"])
        #expect(inquiry.namespace == "web")
    }
}
