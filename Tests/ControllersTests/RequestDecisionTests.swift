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
}
