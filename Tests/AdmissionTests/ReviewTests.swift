import CertificateAPI
import HTTPTransport
import KubeClient
import Logging
import TestSupport
import Testing
import Wire

@testable import Admission

extension AdmissionService {
    /// One whose API server answers from a list.
    static func scripted(
        _ answers: [ScriptedTransport.Answer] = [], issuer: IssuerSighting = .unknown
    ) -> (service: AdmissionService, transport: ScriptedTransport, clock: ManualClock) {
        let transport = ScriptedTransport(answers)
        let clock = ManualClock()
        let client = KubeClient(
            configuration: ClusterConfiguration(
                server: "https://cluster.test", tls: .system, credentials: FixedCredential(Authorization())),
            transport: transport, userAgent: "test/1", retries: RetryPolicy(tries: 1), time: clock)
        let service = AdmissionService(
            rights: ApprovalRights(client: client, time: clock),
            sight: IssuerSight(time: clock) { _, _ in issuer }, time: clock, logger: Logger(label: "test"))
        return (service, transport, clock)
    }
}

@Suite("Admission reviews")
struct ReviewTests {
    func response(_ bytes: [UInt8]) throws -> JSONValue { try #require(try JSONValue(parsing: bytes)["response"]) }

    @Test("a legal object is allowed under the uid of the question")
    func allowed() async throws {
        let request = AdmissionRequest.create("certificates", Samples.certificate)
        let answer = try await AdmissionService.scripted().service.validate(request.review.serialized())
        #expect(
            try JSONValue(parsing: answer) == [
                "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
                "response": ["uid": "1", "allowed": true],
            ])
    }

    @Test("a wrong object is refused with every rule it breaks, each once, as the API server's aggregates read")
    func refused() async throws {
        var wrong = Samples.certificate
        wrong["spec"]?["secretName"] = "Site"
        wrong["spec"]?["issuerRef"] = ["name": "", "kind": "Thing"]
        let request = AdmissionRequest.create("certificates", wrong)
        let response = try response(
            try await AdmissionService.scripted().service.validate(request.review.serialized()))
        #expect(response["allowed"] == false)
        #expect(response["status"]?["code"] == 406)
        #expect(response["status"]?["reason"] == "NotAcceptable")
        let message = try #require(response["status"]?["message"]?.stringValue)
        #expect(message.hasPrefix("[spec.secretName: Invalid value: \"Site\": a lowercase RFC 1123 subdomain"))
        #expect(
            message.hasSuffix(
                ", spec.issuerRef.name: Required value: must be specified, spec.issuerRef.kind: Invalid value: \"Thing\":"
                    + " must be one of Issuer or ClusterIssuer]"))
    }

    @Test(
        "what is none of our business is allowed whatever it says",
        arguments: [
            ("apps", "deployments", "CREATE"), ("cert-manager.io", "certificates", "DELETE"),
            ("cert-manager.io", "somethings", "CREATE"),
        ])
    func others(group: String, resource: String, operation: String) async throws {
        var review = AdmissionRequest.create(resource, ["spec": 7], group: group).review
        review["request"]?["operation"] = .string(operation)
        let response = try response(try await AdmissionService.scripted().service.validate(review.serialized()))
        #expect(response == ["uid": "1", "allowed": true])
    }

    @Test(
        "what is no review is told why",
        arguments: [
            ("{", "The body is not JSON"), ("[]", "The body is not an AdmissionReview."),
            (
                #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}"#,
                "not of version admission.k8s.io/v1"
            ),
            (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}"#, "has no request"),
            (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{}}"#, "request.uid is missing"),
            (
                #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1","resource":{"resource":"x"},"operation":"PATCH"}}"#,
                "request.operation is not"
            ),
        ])
    func malformed(text: String, part: String) async {
        await #expect {
            _ = try await AdmissionService.scripted().service.validate(Array(text.utf8))
        } throws: { "\($0)".contains(part) }
    }

    @Test("10,000 damaged reviews are each answered or refused, and none takes the service along")
    func damaged() async throws {
        let service = AdmissionService.scripted().service
        let request = try await Samples.certificateRequest()
        let whole = [
            AdmissionRequest.create("certificates", Samples.certificate).review,
            AdmissionRequest.create("certificaterequests", request).review,
            AdmissionRequest.create("issuers", Samples.dns01("akamai", ["a": 1])).review,
        ].map { $0.serialized() }
        var random = SeededGenerator(seed: 7)
        var (answered, refused) = (0, 0)
        for turn in 0..<10_000 {
            var bytes = whole[turn % whole.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(bytes[place], at: place)
                default: bytes.removeLast(min(bytes.count - 1, Int.random(in: 0...20, using: &random)))
                }
            }
            do throws(ReviewError) {
                _ = try turn % 2 == 0 ? await service.validate(bytes) : service.mutate(bytes)
                answered += 1
            } catch {
                refused += 1
            }
        }
        #expect(answered + refused == 10_000)
        #expect(answered > 100 && refused > 100)
        let deep = Array(String(repeating: "[", count: 100_000).utf8)
        #expect(throws: ReviewError.self) { try service.mutate(deep) }
    }
}

/// The same numbers in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
