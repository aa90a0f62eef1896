import CertificateAPI
import Issuers
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

@Suite("Requests of ACME issuers")
struct ACMERequestDecisionTests {
    private typealias Examples = ACMEExamples
    private let now = ACMEExamples.now

    private func request(
        names: [GeneralName] = [.dns("a.example")], commonName: String? = nil,
        _ change: (inout CertificateRequest) -> Void = { _ in }
    ) async throws -> CertificateRequest {
        let key = try await Parts.shared.key
        var extensions = CertificateExtensions()
        extensions.names = names
        let signing = try await SigningRequest.make(
            subject: try DistinguishedName(commonName: commonName), extensions: extensions, key: key, algorithm: nil)
        var metadata = ObjectMeta(name: "site-1", namespace: "web")
        metadata.uid = "uid-request"
        metadata.labels = ["team": "web"]
        metadata.annotations = ["note": "x"]
        var request = CertificateRequest(
            metadata: metadata,
            spec: .init(request: Base64Data(utf8: signing.pem), issuerRef: IssuerReference(name: "le")))
        request.spec.duration = "48h"
        var status = CertificateRequest.Status()
        status.conditions = [Condition(type: Condition.Kind.approved, status: .yes)]
        request.status = status
        change(&request)
        return request
    }

    private func view(
        _ request: CertificateRequest, _ order: Order? = nil, _ change: (inout ACMERequestView) -> Void = { _ in }
    ) -> ACMERequestView {
        var view = ACMERequestView(request: request, issuer: .ready(Examples.issuer()), order: order, now: now)
        change(&view)
        return view
    }

    private func ready(_ plan: ACMERequestPlan) -> Condition? { plan.status?.conditions[type: Condition.Kind.ready] }

    @Test("an approved request gets one Order with its names, labels and annotations")
    func creates() async throws {
        let request = try await request(
            names: [.dns("a.example"), .ip(IPAddress("192.0.2.1")!)], commonName: "a.example")
        let plan = ACMERequestDecision.decide(
            view(request) { $0.issuer = .ready(Examples.issuer { $0.profile = "short" }) })
        let order = try #require(plan.create)
        #expect(order.spec.dnsNames == ["a.example"])
        #expect(order.spec.ipAddresses == ["192.0.2.1"])
        #expect(order.spec.commonName == "a.example")
        #expect(order.spec.profile == "short")
        #expect(order.spec.duration == nil)
        #expect(order.spec.request == request.spec.request)
        #expect(order.metadata.labels == ["team": "web"])
        #expect(order.metadata.annotations == ["note": "x"])
        #expect(order.metadata.controller?.uid == "uid-request")
        #expect(plan.status == nil)
        // The name depends on nothing that may change meanwhile.
        let again = ACMERequestDecision.decide(view(request))
        #expect(again.create?.metadata.name == order.metadata.name)
    }

    @Test(
        "an order names the certificate it follows and when that runs out, but not to CAs without windows (ARI7, ARI10)"
    )
    func replaces() async throws {
        let request = try await request()
        let predecessor = Predecessor(renewalName: "aki.serial", notAfter: now + .seconds(86400))
        let order = try #require(ACMERequestDecision.decide(view(request) { $0.predecessor = predecessor }).create)
        #expect(order.spec.replaces == "aki.serial")
        #expect(order.metadata.annotations?[Names.Annotation.neededBefore] == (now + .seconds(86400)).rfc3339)
        let off = ACMERequestDecision.decide(
            view(request) {
                $0.predecessor = predecessor
                $0.issuer = .ready(Examples.issuer { $0.renewalInformationSource = "None" })
            })
        #expect(off.create?.spec.replaces == nil)
    }

    @Test("the Order's name follows from the request alone, whatever profile or predecessor come to be (O18)")
    func stableName() async throws {
        let request = try await request()
        let plain = ACMERequestDecision.decide(view(request))
        let other = ACMERequestDecision.decide(
            view(request) {
                $0.predecessor = Predecessor(renewalName: "x", notAfter: now)
                $0.issuer = .ready(Examples.issuer { $0.profile = "short" })
            })
        #expect(plain.create?.metadata.name == other.create?.metadata.name)
    }

    @Test("the lifetime is ordered only where the issuer says so")
    func duration() async throws {
        let request = try await request()
        let plan = ACMERequestDecision.decide(
            view(request) { $0.issuer = .ready(Examples.issuer { $0.enableDurationFeature = true }) })
        #expect(plan.create?.spec.duration == "48h")
    }

    @Test("what ACME cannot certify fails with the reason")
    func invalid() async throws {
        for (names, commonName) in [
            ([GeneralName.dns("a.example")], "other.example"), ([.uri("spiffe://x")], nil), ([], nil),
            ([.dns("a.example"), .email("a@b.example")], nil),
        ] as [([GeneralName], String?)] {
            let plan = ACMERequestDecision.decide(view(try await request(names: names, commonName: commonName)))
            #expect(plan.create == nil)
            #expect(ready(plan)?.reason == "Failed")
            #expect(plan.notices.map(\.reason) == ["InvalidOrder"])
            #expect(plan.status?.failureTime == now)
        }
        let garbage = try await request { $0.spec.request = Base64Data(utf8: "junk") }
        #expect(ACMERequestDecision.decide(view(garbage)).notices.map(\.reason) == ["RequestParsingError"])
    }

    @Test("requests that are not approved, are answered or belong to others are left alone")
    func quiet() async throws {
        let undecided = try await request { $0.status = nil }
        #expect(ACMERequestDecision.decide(view(undecided)) == ACMERequestPlan())
        let issued = try await request {
            $0.status?.conditions?.append(Condition(type: Condition.Kind.ready, status: .yes, reason: "Issued"))
        }
        #expect(ACMERequestDecision.decide(view(issued)) == ACMERequestPlan())
        #expect(ACMERequestDecision.decide(view(try await request()) { $0.issuer = .notACME }) == ACMERequestPlan())
    }

    @Test("an issuer that is not ready is waited for")
    func notReady() async throws {
        let plan = ACMERequestDecision.decide(view(try await request()) { $0.issuer = .notReady("not ready yet") })
        #expect(plan.create == nil)
        #expect(ready(plan)?.reason == "Pending")
    }

    @Test("an Order on its way is told of after a moment, later where many are, and at once when it has a reason")
    func pending() async throws {
        let request = try await request()
        let young = ACMERequestDecision.decide(view(request, Examples.madeOrder()))
        #expect(young == ACMERequestPlan(lookAgain: now + .seconds(3)))
        let old = ACMERequestDecision.decide(view(request, Examples.madeOrder()) { $0.now = now + .seconds(4) })
        #expect(ready(old)?.message == "Waiting on certificate issuance from order web/site-1-abc: \"pending\"")
        // One among many may well take longer, and then it would be told of for nothing.
        func amongMany(_ age: Int) -> ACMERequestPlan {
            ACMERequestDecision.decide(
                view(request, Examples.madeOrder()) {
                    $0.ordersUnderWay = OrderPatience.many
                    $0.now = now + .seconds(age)
                })
        }
        #expect(amongMany(0) == ACMERequestPlan(lookAgain: now + .seconds(3)))
        #expect(amongMany(4) == ACMERequestPlan(lookAgain: now + .seconds(7)))
        #expect(amongMany(29) == ACMERequestPlan(lookAgain: now + .seconds(30)))
        #expect(ready(amongMany(30))?.reason == "Pending")
        // One that the CA has not been asked for yet has more time: what the CA says is worth telling, and is told once.
        let queued = Examples.madeOrder { $0.status = nil }
        let early = ACMERequestDecision.decide(view(request, queued) { $0.now = now + .seconds(4) })
        #expect(early == ACMERequestPlan(lookAgain: now + .seconds(30)))
        let late = ACMERequestDecision.decide(view(request, queued) { $0.now = now + .seconds(30) })
        #expect(ready(late)?.message == "Waiting on certificate issuance from order web/site-1-abc: \"new\"")
        let limited = Examples.madeOrder { $0.status?.reason = "429 slow down" }
        let told = ACMERequestDecision.decide(view(request, limited))
        #expect(ready(told)?.message?.hasSuffix("\"pending\": 429 slow down") == true)
    }

    @Test("a completed Order is the answer, for the key of this request alone")
    func issued() async throws {
        let parts = try await Parts.shared
        let request = try await request()
        func order(_ key: PrivateKey) async throws -> Order {
            let leaf = try await parts.leaf(["a.example"], key: key)
            return Examples.madeOrder {
                $0.status?.state = .valid
                $0.status?.certificate = Base64Data(utf8: leaf.pem)
            }
        }
        let good = try await order(parts.key)
        let plan = ACMERequestDecision.decide(view(request, good))
        #expect(plan.status?.certificate == good.status?.certificate)
        #expect(plan.status?.ca == nil)
        #expect(ready(plan)?.reason == "Issued")
        let bad = ACMERequestDecision.decide(view(request, try await order(parts.otherKey)))
        #expect(bad.notices.map(\.reason) == ["OrderBadCertificate"])
        #expect(ACMERequestDecision.decide(view(request, good.withoutBulk)) == ACMERequestPlan(fetchesOrder: true))
    }

    @Test("a failed Order fails the request in its words", arguments: [ACMEState.invalid, .expired, .errored])
    func failed(state: ACMEState) async throws {
        let order = Examples.madeOrder {
            $0.status?.state = state
            $0.status?.reason = "NXDOMAIN"
        }
        let plan = ACMERequestDecision.decide(view(try await request(), order))
        #expect(ready(plan)?.reason == "Failed")
        #expect(ready(plan)?.message?.hasSuffix("state: NXDOMAIN") == true)
        #expect(plan.notices.map(\.reason) == ["OrderFailed"])
    }
}
