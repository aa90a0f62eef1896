import CertificateAPI
import KubeModel
import Testing
import Wire

@testable import Controllers

@Suite("CertificateRequests")
struct RequestDecisionTests {
    private func view(
        _ issuer: IssuerState, _ approval: ApprovalRight = .yes, _ change: (inout CertificateRequest) -> Void = { _ in }
    ) -> RequestView {
        var request = CertificateRequest(
            metadata: ObjectMeta(name: "r", namespace: "web"),
            spec: .init(request: Base64Data([]), issuerRef: IssuerReference(name: "ca")))
        change(&request)
        return RequestView(request: request, issuer: issuer, approval: approval, now: Parts.now)
    }
    private let approved = Condition(
        type: "Approved", status: .yes, reason: "cert-manager.io",
        message: "Certificate request has been approved by cert-manager.io", lastTransitionTime: Parts.now)
    private let approval = Notice.normal(
        "cert-manager.io", "Certificate request has been approved by cert-manager.io")
    private func ready(_ status: Condition.Status, _ reason: String, _ message: String) -> Condition {
        Condition(type: "Ready", status: status, reason: reason, message: message, lastTransitionTime: Parts.now)
    }
    private func status(_ conditions: [Condition]) -> CertificateRequest.Status {
        var status = CertificateRequest.Status()
        status.conditions = conditions
        return status
    }

    @Test("without the right to approve it waits, and says so")
    func waits() {
        #expect(
            RequestDecision.decide(view(.instant, .no))
                == RequestAnswer(
                    notices: [.normal("WaitingForApproval", "Not signing CertificateRequest until it is Approved")]))
    }

    @Test("an external issuer's request is approved and left to it")
    func foreign() {
        #expect(
            RequestDecision.decide(view(.foreign)) == RequestAnswer(status: status([approved]), notices: [approval]))
        #expect(RequestDecision.decide(view(.foreign) { $0.status = status([approved]) }) == RequestAnswer())
    }

    @Test("a missing issuer is waited for; the second look writes nothing")
    func missing() {
        let message = "Referenced Issuer \"ca\" does not exist; it is waited for"
        let expected = status([approved, ready(.no, "Pending", message)])
        #expect(
            RequestDecision.decide(view(.missing))
                == RequestAnswer(status: expected, notices: [approval, .normal("IssuerNotFound", message)]))
        #expect(RequestDecision.decide(view(.missing) { $0.status = expected }) == RequestAnswer())
    }

    @Test("approval and result go in one write")
    func oneWrite() {
        let view = view(.instant)
        #expect(RequestDecision.decide(view) == RequestAnswer(mustSign: true))
        var expected = status([approved, ready(.yes, "Issued", "Certificate fetched from issuer successfully")])
        expected.certificate = Base64Data([1])
        expected.ca = Base64Data([2])
        #expect(
            RequestDecision.decide(view, .issued(certificate: [1], ca: [2]))
                == RequestAnswer(
                    status: expected,
                    notices: [
                        approval, .normal("CertificateIssued", "Certificate fetched from issuer successfully"),
                    ]))
    }

    @Test("a failure is final, with its time")
    func failure() {
        var expected = status([approved, ready(.no, "Failed", "no")])
        expected.failureTime = Parts.now
        #expect(
            RequestDecision.decide(view(.instant), .failed(reason: "SigningError", message: "no"))
                == RequestAnswer(status: expected, notices: [approval, .warning("SigningError", "no")]))
    }

    @Test("a denied request fails for good, whoever its issuer is")
    func denied() {
        let denial = Condition(type: "Denied", status: .yes, reason: "Policy")
        var expected = status([
            denial, ready(.no, "Denied", "The CertificateRequest was denied by an approval controller"),
        ])
        expected.failureTime = Parts.now
        #expect(
            RequestDecision.decide(view(.instant) { $0.status = status([denial]) }) == RequestAnswer(status: expected))
        #expect(RequestDecision.decide(view(.missing) { $0.status = expected }) == RequestAnswer())
    }

    @Test("an answered request is left alone")
    func answered() {
        for reason in ["Issued", "Failed"] {
            let done = status([approved, ready(reason == "Issued" ? .yes : .no, reason, "")])
            #expect(RequestDecision.decide(view(.instant) { $0.status = done }) == RequestAnswer())
        }
    }

    @Test("an issuer without a kind of signer, and one that is not ready, are waited for with their reason")
    func unusableIssuers() {
        let empty = "Referenced Issuer \"ca\" has no issuer configured"
        #expect(
            RequestDecision.decide(view(.empty))
                == RequestAnswer(
                    status: status([approved, ready(.no, "Pending", empty)]),
                    notices: [approval, .normal("IssuerTypeMissing", empty)]))
        let notReady = "Referenced Issuer \"ca\" is not ready yet: the Secret is missing"
        #expect(
            RequestDecision.decide(view(.notReady(reason: "the Secret is missing")))
                == RequestAnswer(
                    status: status([approved, ready(.no, "Pending", notReady)]),
                    notices: [approval, .normal("IssuerNotReady", notReady)]))
    }

    @Test("a request that somebody calls invalid is left alone, approved or not")
    func invalid() {
        let invalid = Condition(type: "InvalidRequest", status: .yes, reason: "Policy", message: "no such name")
        for conditions in [[invalid], [approved, invalid]] {
            #expect(RequestDecision.decide(view(.instant) { $0.status = status(conditions) }) == RequestAnswer())
        }
    }

    @Test("a denial of an external issuer's request is left to that issuer")
    func foreignDenial() {
        let denial = Condition(type: "Denied", status: .yes, reason: "Policy")
        #expect(RequestDecision.decide(view(.foreign) { $0.status = status([denial]) }) == RequestAnswer())
    }

    @Test("the signers that a right to approve may name", arguments: Signer.all)
    func signers(_ signer: Signer) {
        #expect(ApprovalGate.names(signer.reference, "web") == signer.names)
    }

    struct Signer: Sendable {
        var reference: IssuerReference
        var names: [String]

        static let all = [
            Signer(reference: IssuerReference(name: "ca"), names: ["web.ca"]),
            Signer(reference: IssuerReference(name: "ca", kind: "ClusterIssuer"), names: ["ca"]),
            Signer(
                reference: IssuerReference(name: "x", kind: "StepIssuer", group: "step.example"), names: ["web.x", "x"]),
            // It could be the issuer c of the namespace b.
            Signer(
                reference: IssuerReference(name: "b.c", kind: "StepIssuer", group: "step.example"), names: ["web.b.c"]),
        ]
    }
}

@Suite("What a request's conditions say, whoever wrote them")
struct RequestStateTests {
    private func state(_ conditions: [Condition], failedAt: Timestamp? = nil) -> RequestFacts.State {
        var status = CertificateRequest.Status()
        status.conditions = conditions
        status.failureTime = failedAt
        return RequestFacts.State(status)
    }
    private func ready(_ status: Condition.Status, _ reason: String?, _ message: String? = nil) -> Condition {
        Condition(type: "Ready", status: status, reason: reason, message: message)
    }
    private let approved = Condition(type: "Approved", status: .yes)

    @Test("nothing yet, approved, and under way in an external issuer's own words")
    func waiting() {
        #expect(RequestFacts.State(nil) == .undecided)
        #expect(state([]) == .undecided)
        #expect(state([Condition(type: "Approved", status: .no)]) == .undecided)
        #expect(state([approved]) == .pending(reason: nil))
        #expect(state([approved, ready(.no, "Pending")]) == .pending(reason: "Pending"))
        #expect(state([approved, ready(.unknown, "Initializing")]) == .pending(reason: "Initializing"))
        #expect(state([approved, ready(.no, nil)]) == .pending(reason: nil))
    }

    @Test("issued, with cert-manager's reason or another")
    func issued() {
        #expect(state([approved, ready(.yes, "Issued")]) == .issued)
        #expect(state([approved, ready(.yes, "Signed")]) == .issued)
        #expect(state([ready(.yes, nil)]) == .issued)
    }

    @Test("failed by its reason, or by its failure time alone; denied and invalid come before both")
    func failed() {
        #expect(state([approved, ready(.no, "Failed", "no")]) == .failed(reason: "Failed", message: "no"))
        #expect(
            state([approved, ready(.no, "Rejected", "no")], failedAt: Parts.now)
                == .failed(reason: "Rejected", message: "no"))
        #expect(state([approved], failedAt: Parts.now) == .failed(reason: "Failed", message: ""))
        let denied = Condition(type: "Denied", status: .yes, reason: "Policy", message: "not here")
        #expect(state([denied, ready(.yes, "Issued")]) == .denied(reason: "Policy", message: "not here"))
        let invalid = Condition(type: "InvalidRequest", status: .yes)
        #expect(state([approved, invalid, ready(.no, "Failed")]) == .invalid(reason: "InvalidRequest", message: ""))
        #expect(state([Condition(type: "InvalidRequest", status: .no), approved]) == .pending(reason: nil))
    }
}
