import ACME
import CertificateAPI
import HTTPTransport
import HTTPTypes
import Issuers
import PKI
import Testing
import Wire

@testable import Controllers

@Suite("Asking for an order")
struct OrderWorkTests {
    private func create(
        _ order: NewACMEOrder, dislikes: FakeCA.Dislikes, annotations: [String: String]? = nil
    ) async throws -> (news: OrderNews, newOrders: Int) {
        let clock = FaultClock()
        let ca = try await FakeCA(plan: nil, clock: clock, dislikes: dislikes)
        let server = ACMEServer(
            settings: .init(directoryURL: "\(FakeCA.base)/dir", userAgent: "certwright-tests"), transport: ca,
            time: clock)
        let client = ACMEClient(
            server: server, accountURL: "\(FakeCA.base)/acct/1", key: try await .generate(.ecdsa(.p256)))
        let work = OrderWork(
            client: client, question: .create(order), spec: ACMEExamples.order().spec, url: "", finalizeURL: "",
            options: IssuerOptions(annotations, server: FakeCA.base), preference: .standard, accountKeys: [],
            time: clock)
        return (await work.run(), ca.count(.newOrder))
    }

    @Test(
        "an order that may not name its predecessor is made without, at once, whatever the server calls it (ARI7)",
        arguments: [
            ("alreadyReplaced", 409), ("malformed", 400), ("malformed", 404), ("unauthorized", 401),
            ("serverInternal", 500), ("conflict", 409),
        ])
    func predecessor(name: String, status: Int) async throws {
        let order = NewACMEOrder(identifiers: [.dns("a.example")], replaces: "aki.serial")
        let result = try await create(
            order, dislikes: .init(replaces: (name, HTTPResponse.Status(code: status))))
        #expect(result.news.failure == nil)
        #expect(result.news.order?.status == .pending)
        #expect(result.newOrders == 2)
    }

    @Test("a server that does not tell of renewals is not told of predecessors (ARI7)")
    func noRenewals() async throws {
        let order = NewACMEOrder(identifiers: [.dns("a.example")], replaces: "aki.serial")
        let result = try await create(
            order, dislikes: .init(replaces: ("malformed", .badRequest), tellsOfRenewals: false))
        #expect(result.news.failure == nil)
        #expect(result.newOrders == 1)
    }

    @Test(
        "what is refused for another reason is not asked again without the predecessor (ARI7)",
        arguments: [("rateLimited", 429), ("rejectedIdentifier", 400), ("userActionRequired", 403)])
    func otherReasons(name: String, status: Int) async throws {
        let order = NewACMEOrder(identifiers: [.dns("a.example")], replaces: "aki.serial")
        let result = try await create(
            order, dislikes: .init(replaces: (name, HTTPResponse.Status(code: status))))
        #expect(result.news.failure?.refusal?.status == status)
        #expect(result.newOrders == 1)
    }

    @Test("a profile that is only preferred is left out where the server will not have it; a required one ends it (F3)")
    func profiles() async throws {
        let order = NewACMEOrder(identifiers: [.dns("a.example")], profile: "short")
        let preferred = [Names.Annotation.profileMode: "preferred"]
        let refusing = FakeCA.Dislikes(profile: "short", profiles: ["short", "long"])
        let unknown = FakeCA.Dislikes(profiles: ["long"])
        let left = try await create(order, dislikes: refusing, annotations: preferred)
        #expect(left.news.failure == nil)
        #expect(left.newOrders == 2)
        let notOffered = try await create(order, dislikes: unknown, annotations: preferred)
        #expect(notOffered.news.failure == nil)
        #expect(notOffered.newOrders == 1)
        let required = try await create(order, dislikes: refusing)
        #expect(required.news.failure?.refusal?.problem.type == .invalidProfile)
        #expect(required.news.failure?.advice == .permanent)
        let requiredUnknown = try await create(order, dislikes: unknown)
        #expect(requiredUnknown.newOrders == 0)
    }
}
