import ACME
import CertificateAPI
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

/// Every kind of request, every fault: the certificate comes in the end, or the Order fails in words that say why; the
/// server is not asked without bounds, and nothing is left behind.
@Suite("Faults of ACME servers")
struct FaultMatrixTests {
    /// Requests of an order for one name when all goes well.
    private static let plainCount = 10

    /// What ends an order for good: the server has forgotten what it is about.
    private static func mayFail(_ plan: FakeCA.Plan) -> Bool {
        switch plan.fault {
        case .orderVanishes: plan.kind != .directory && plan.kind != .newNonce
        // The order is looked for where the server said, and is not there.
        case .wrongLocation: plan.kind == .newOrder
        // An account in doubt is looked up once for each order; then it is over.
        case .accountVanishes: true
        default: false
        }
    }

    static let plans: [FakeCA.Plan] = FakeCA.Fault.allCases.flatMap { fault in
        FakeCA.Kind.ordering.flatMap { kind in
            [1, 3].map { FakeCA.Plan(fault: fault, kind: kind, times: $0) }
        }
    }

    @Test("an honest server is asked no more than needed: ten requests for a name, the first nonce among them")
    func honest() async throws {
        let world = try await OrderWorld()
        try await world.run()
        #expect(world.order.status?.state == .valid)
        #expect(world.order.status?.certificate != nil)
        #expect(
            world.ca.seen == [
                .directory, .newNonce, .newOrder, .authorization, .challenge, .authorization, .authorization,
                .finalize, .order, .certificate,
            ])
        #expect(world.challenges.isEmpty)
    }

    @Test("every fault at every kind of request ends well or in words (N10, Y4, T12, T9, O16)", arguments: plans)
    func matrix(plan: FakeCA.Plan) async throws {
        let world = try await OrderWorld(plan: plan)
        try await world.run()
        let status = world.order.status
        #expect(world.ca.spoilt > 0 || !world.ca.seen.contains(plan.kind))
        if status?.certificate == nil {
            #expect(Self.mayFail(plan), "\(plan): \(status?.reason ?? "no reason")")
            #expect(status?.state?.isFailure == true, "\(plan): \(status as Any)")
            #expect((status?.reason ?? "").count > 20, "\(plan)")
            #expect((status?.reason ?? "").count < 2500, "\(plan)")
        } else {
            #expect(status?.state == .valid)
            #expect(world.challenges.isEmpty, "\(plan)")
        }
        // badNonce is answered within the same request, up to a bound; all else once for each spoilt answer.
        #expect(world.ca.seen.count <= Self.plainCount + 6 * plan.times + 8, "\(plan): \(world.ca.seen)")
        // Also where the answer that told of it was lost: the account's list has it.
        #expect(world.ca.orderCount <= 1, "\(plan)")
    }

    @Test(
        "an answer to newOrder that is lost makes one more order each time where the CA does not list an account's orders",
        arguments: [FakeCA.Fault.resetAfterActing, .truncated])
    func lost(fault: FakeCA.Fault) async throws {
        let plan = FakeCA.Plan(fault: fault, kind: .newOrder, times: 3)
        let world = try await OrderWorld(plan: plan, dislikes: .init(listsOrders: false))
        try await world.run()
        #expect(world.order.status?.certificate != nil)
        #expect(world.ca.orderCount == 4)
        #expect(world.ca.seen.count <= Self.plainCount + 6 * plan.times + 8, "\(world.ca.seen)")
    }

    @Test(
        "a storm of refused nonces is borne, and is no failure of the order (N5, N9)",
        arguments: [FakeCA.Kind.newOrder, .authorization, .challenge, .finalize, .order, .certificate])
    func nonceStorm(kind: FakeCA.Kind) async throws {
        let world = try await OrderWorld(plan: .init(fault: .badNonce, kind: kind, times: 30))
        try await world.run()
        #expect(world.order.status?.certificate != nil)
        #expect(world.ca.orderCount == 1)
    }

    @Test("a controller that dies after any request goes on with the same order (O3, O12, O15)", arguments: 1...14)
    func dies(request: Int) async throws {
        let world = try await OrderWorld()
        world.diesAfter = request
        try await world.run()
        #expect(world.order.status?.certificate != nil, "\(world.order.status as Any)")
        #expect(world.challenges.isEmpty)
        // Who dies with the answer to newOrder in hand has not written down which order it is, and finds it in the list.
        #expect(world.ca.count(.newOrder) == 1)
        #expect(world.ca.count(.finalize) <= 2)
        #expect(world.ca.seen.count <= Self.plainCount + 8)
    }

    @Test(
        "where the CA lists no orders, only who dies with the answer to newOrder in hand makes another (A11)",
        arguments: 1...6)
    func diesUnlisted(request: Int) async throws {
        let world = try await OrderWorld(dislikes: .init(listsOrders: false))
        world.diesAfter = request
        try await world.run()
        #expect(world.order.status?.certificate != nil, "\(world.order.status as Any)")
        let isLost = request <= world.ca.seen.firstIndex(of: .newOrder)! + 1
        #expect(world.ca.count(.newOrder) == (isLost ? 2 : 1))
    }

    @Test("several names: each is proved once, and the order is made once, wherever the controller dies (O15)")
    func severalNames() async throws {
        for request in 3...24 {
            let world = try await OrderWorld(names: ["a.example", "b.example", "c.example"])
            world.diesAfter = request
            try await world.run()
            #expect(world.order.status?.certificate != nil, "\(request): \(world.order.status as Any)")
            #expect(world.ca.orderCount == 1, "\(request)")
            #expect(world.challenges.isEmpty, "\(request)")
        }
    }
}
