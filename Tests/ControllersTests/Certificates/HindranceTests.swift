import CertificateAPI
import KubeModel
import Testing
import Wire

@testable import Controllers

/// A Certificate that is not issued says why, in its Ready and its Issuing condition.
@Suite("a Certificate tells what it waits for")
struct HindranceTests {
    private static let began = Parts.now - .seconds(60)
    private let missing = "The Secret site-tls does not exist"

    /// The messages of Ready and Issuing as they are decided.
    private func messages(_ view: CertificateView) -> [String?] {
        let status = CertificateDecision.decide(view).status
        return ["Ready", "Issuing"].map { status?.conditions[type: $0]?.message }
    }

    private func request(_ answer: (inout CertificateRequest) -> Void) async throws -> RequestFacts {
        let parts = try await Parts.shared
        return try await parts.request(parts.certificate(), answer)
    }

    private func pendingRequest() async throws -> RequestFacts {
        try await request { $0.answer(.no, "Pending", "Waiting on certificate issuance from order") }
    }

    @Test("the cause stands in both conditions, once, and goes when it is gone")
    func told() async throws {
        let hindrance = Hindrance("Order site-1: no solver fits", tellFrom: Parts.now)
        let view = try await Parts.shared.underWay().with { $0.hindrance = hindrance }
        let sentence = "\(missing); issuing waits: Order site-1: no solver fits"
        #expect(messages(view) == [sentence, sentence])
        // The next look finds the same, and writes nothing.
        var told = view.certificate
        told.status = CertificateDecision.decide(view).status
        let again = view.with(certificate: told)
        #expect(CertificateDecision.decide(again.with { $0.hindrance = hindrance }).status == told.status)
        let other = Hindrance("Order site-1: another", tellFrom: Parts.now)
        let changed = "\(missing); issuing waits: Order site-1: another"
        #expect(messages(again.with { $0.hindrance = other }) == [changed, changed])
        #expect(messages(again) == [missing, missing])
    }

    @Test(
        "a time of day or a port that changes with every attempt is no news, and all else is",
        arguments: [
            (
                "x509: certificate has expired: current time 2026-11-26T09:00:00Z is after 2025-01-01T00:00:00Z",
                "x509: certificate has expired: current time 2026-11-26T09:00:31Z is after 2025-01-01T00:00:00Z", true
            ),
            (
                "read tcp 10.0.0.5:40122->10.0.0.1:443: connection reset",
                "read tcp 10.0.0.5:51334->10.0.0.1:443: connection reset", true
            ),
            ("GET http://a.example/ answers 404", "GET http://a.example/ answers 503", false),
            (
                "429 urn:ietf:params:acme:error:rateLimited: next attempt at 2026-11-26T09:00:00Z",
                "429 urn:ietf:params:acme:error:rateLimited: next attempt at 2026-11-26T10:00:00Z", false
            ),
            ("secrets \"a-1\" is forbidden", "secrets \"a-2\" is forbidden", false),
        ])
    func passing(first: String, second: String, isTheSame: Bool) async throws {
        let view = try await Parts.shared.underWay().with { $0.hindrance = Hindrance(first, tellFrom: Parts.now) }
        var told = view.certificate
        told.status = CertificateDecision.decide(view).status
        #expect(told.status?.conditions[type: "Ready"]?.message?.hasSuffix(first) == true)
        let next = view.with(certificate: told).with { $0.hindrance = Hindrance(second, tellFrom: Parts.now) }
        #expect((CertificateDecision.decide(next).status == told.status) == isTheSame)
        #expect(messages(next).allSatisfy { $0?.hasSuffix(isTheSame ? first : second) == true })
    }

    @Test("what has only begun is not told, and looked at again when it is worth it")
    func patient() async throws {
        let view = try await Parts.shared.underWay().with {
            $0.hindrance = Hindrance("Challenge x: y", tellFrom: Parts.now + .seconds(5))
        }
        #expect(CertificateDecision.decide(view) == [.setStatus(view.status), .lookAgain(at: Parts.now + .seconds(5))])
    }

    @Test("an order under way is looked at twice by time, and not for ever")
    func looks() async throws {
        let view = try await Parts.shared.underWay().with { $0.waitsForOrder = true }
        let times = [0, 10, 30].map { seconds in view.with { $0.now = Self.began + .seconds(seconds) } }
        #expect(
            times.map(\.nextLookForHindrance) == [Self.began + .seconds(3), Self.began + .seconds(30), nil])
    }

    @Test("a certificate that is good stays so; its renewal says what it waits for")
    func renewal() async throws {
        let ready = try await Parts.shared.ready {
            let renewing = Condition(
                type: "Issuing", status: .yes, reason: "Renewing", message: "Renewal was planned for today")
            let conditions = $0.status?.conditions.setting(renewing, now: Self.began)
            $0.status?.conditions = conditions
            $0.status?.nextPrivateKeySecretName = "site-next-key-1"
        }
        let request = try await Parts.shared.request(ready.certificate, revision: 2, key: Parts.shared.otherKey)
        let nextKey = try await Parts.shared.nextKey(key: Parts.shared.otherKey)
        let view = ready.with {
            $0.nextKeys = [nextKey]
            $0.requests.append(request)
            $0.hindrance = Hindrance("Order site-2: no", tellFrom: Self.began)
        }
        #expect(
            messages(view) == [
                "Certificate is up to date and has not expired",
                "Renewal was planned for today; issuing waits: Order site-2: no",
            ])
    }

    @Test("after a failure the Ready condition says what failed")
    func failed() async throws {
        let view = try await Parts.shared.underWay { $0.answer(.no, "Failed", "the CA said no", failedAt: Parts.now) }
        let after = CertificateDecision.decide(view).status
        let ready = after?.conditions[type: "Ready"]?.message ?? ""
        #expect(ready.hasPrefix("\(missing). ") && ready.hasSuffix(": the CA said no"))
        var certificate = view.certificate
        certificate.status = after
        // While it waits for its next try, nothing is written.
        let waiting = view.with(certificate: certificate).with { $0.nextKeys = [] }
        #expect(CertificateDecision.decide(waiting).status == nil)
    }

    @Test("what cannot go on without a person stands in the Ready condition too")
    func blocked() async throws {
        let view = try await Parts.shared.ready {
            $0.spec.privateKey?.rotationPolicy = "Never"
            $0.spec.privateKey?.size = 384
        }
        #expect(messages(view).first??.contains("rotationPolicy is Never") == true)
    }

    @Test("what the API server refuses is told even where nothing could be stored")
    func refused() async throws {
        let view = try await Parts.shared.fresh().with {
            $0.hindrance = Hindrance("failed calling webhook", tellFrom: Parts.now)
        }
        let status = try #require(Issuing.refused(view))
        let sentence = "\(missing); issuing waits: failed calling webhook"
        #expect(status.conditions[type: "Ready"]?.message == sentence)
        #expect(status.conditions[type: "Issuing"]?.message == sentence)
        #expect(status.conditions.isTrue("Issuing"))
        let good = try await Parts.shared.ready()
        #expect(Issuing.refused(good) == nil)
    }

    // MARK: Finding it

    private func challenge(
        _ number: String, _ state: ACMEState, _ reason: String?, presentedAgo: Duration? = nil
    ) async throws -> Challenge {
        try await ACMEExamples.challenge(number, state: state) {
            $0.status?.reason = reason
            $0.status?.presentedAt = presentedAgo.map { Parts.now - $0 }
        }
    }

    @Test("without an order the request says it; nobody having approved is told later")
    func ofRequest() async throws {
        let pending = try await request { $0.answer(.no, "Pending", "Referenced Issuer \"x\" does not exist") }
        #expect(
            Hindrance.find(pending, orders: [], challenges: [], began: Self.began)
                == Hindrance(
                    "CertificateRequest site-1: Referenced Issuer \"x\" does not exist",
                    tellFrom: Self.began + .seconds(3)))
        let undecided = try await request { _ in }
        #expect(
            Hindrance.find(undecided, orders: [], challenges: [], began: Self.began)?.tellFrom
                == Self.began + .seconds(10))
        let issued = try await request { $0.answer(.yes, "Issued") }
        #expect(Hindrance.find(issued, orders: [], challenges: [], began: Self.began) == nil)
    }

    @Test("a challenge that failed comes before one with an error, and that before one that waits")
    func ofChallenge() async throws {
        let request = try await pendingRequest()
        let order = ACMEExamples.madeOrder { $0.status?.reason = "the order's" }
        func found(_ challenges: Challenge...) -> String? {
            Hindrance.find(request, orders: [order], challenges: challenges, began: Self.began)?.sentence
        }
        let waiting = try await challenge("1", .pending, "Waiting for DNS-01 challenge propagation: none")
        let error = try await challenge("2", .pending, "Error presenting challenge: REFUSED")
        #expect(found(waiting, error)?.hasSuffix("for b.example: Error presenting challenge: REFUSED") == true)
        let failed = try await challenge("1", .invalid, "caa")
        #expect(found(failed, error)?.hasSuffix("for a.example: caa") == true)
        let valid = try await challenge("1", .valid, "Successfully authorized domain")
        #expect(found(valid) == "Order site-1-abc: the order's")
    }

    @Test("what was presented has half a minute to be seen; an error is told soon")
    func patience() async throws {
        let request = try await pendingRequest()
        func from(_ challenge: Challenge) -> Timestamp? {
            Hindrance.find(request, orders: [ACMEExamples.madeOrder()], challenges: [challenge], began: Self.began)?
                .tellFrom
        }
        let waiting = try await challenge("1", .pending, "Waiting for x", presentedAgo: .seconds(10))
        #expect(from(waiting) == Parts.now + .seconds(20))
        #expect(from(try await challenge("1", .pending, "Error presenting challenge: x")) == Self.began + .seconds(3))
    }

    @Test(
        "a sentence is the same at every attempt; a CA's limit keeps its time",
        arguments: [
            ("503 busy; next attempt at 2026-01-01T00:00:00Z", "503 busy"),
            ("limit; next attempt at 2026-01-01T00:00:00Z. Use the old one", "limit. Use the old one"),
            ("fails: x; looked at again at 2026-01-01T00:00:00Z", "fails: x"),
            (
                "429 urn:ietf:params:acme:error:rateLimited: no; next attempt at 2026-01-01T00:00:00Z",
                "429 urn:ietf:params:acme:error:rateLimited: no; next attempt at 2026-01-01T00:00:00Z"
            ),
            ("plain", "plain"),
        ])
    func lasting(text: String, lasting: String) {
        #expect(Hindrance("\(text)", tellFrom: Parts.now).sentence == lasting)
    }

    @Test("a sentence is bounded")
    func bounded() {
        #expect(Hindrance(String(repeating: "x", count: 5000), tellFrom: Parts.now).sentence.count == 1000)
    }
}

/// Certificates of a controller that may not read what it must.
@Suite("a controller that cannot begin says so on Certificates")
struct StandstillTests {
    private let trouble =
        "Waiting for the API server to tell of secrets: The API server refused: secrets is forbidden: User \"x\" cannot list"

    @Test("one that nobody has looked at gets a Ready condition, once")
    func new() async throws {
        let certificate = try await Parts.shared.certificate()
        let status = try #require(Standstill.status(of: certificate, trouble, now: Parts.now))
        let ready = status.conditions[type: "Ready"]
        #expect(ready?.status == .no && ready?.reason == "Pending")
        #expect(
            ready?.message
                == "Nobody has looked at the Secret site-tls yet; issuing waits: the controller cannot begin: \(trouble)"
        )
        var told = certificate
        told.status = status
        #expect(Standstill.status(of: told, trouble, now: Parts.now + .seconds(60)) == nil)
    }

    @Test("one that is ready is left alone; the first look afterwards takes the sentence away")
    func others() async throws {
        let ready = try await Parts.shared.ready()
        #expect(Standstill.status(of: ready.certificate, trouble, now: Parts.now) == nil)
        let view = try await Parts.shared.underWay()
        var told = view.certificate
        told.status = Standstill.status(of: told, trouble, now: Parts.now)
        #expect(told.status?.conditions[type: "Ready"]?.reason == "DoesNotExist")
        #expect(CertificateDecision.decide(view.with(certificate: told)).status == view.status)
    }

    @Test("a server that is away is no refusal")
    func away() {
        #expect(Standstill.refusal("Waiting for secrets: The API server could not be reached") == nil)
        #expect(Standstill.refusal(nil) == nil)
        #expect(Standstill.refusal(trouble) == trouble)
    }
}
