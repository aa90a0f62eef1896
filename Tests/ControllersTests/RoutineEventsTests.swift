import CertificateAPI
import KubeModel
import Testing

@testable import Controllers

@Suite("Events: who says them, and which are left out")
struct RoutineEventsTests {
    private static let ca = {
        var spec = IssuerSpec()
        spec.ca = CAIssuer(secretName: "ca")
        return spec
    }()
    private static let selfSigned = {
        var spec = IssuerSpec()
        spec.selfSigned = SelfSignedIssuer()
        return spec
    }()

    @Test("each is said by the controller of cert-manager that says it there")
    func sources() {
        let opening = Issuing.opening + "because"
        let certificate: [(Notice, String)] = [
            (.normal("Issuing", opening), "trigger"),
            (.normal("Issuing", "The certificate has been successfully issued"), "issuing"),
            (.normal("Issuing", "Issued temporary certificate"), "issuing"),
            (.normal("Generated", ""), "key-manager"), (.normal("Reused", ""), "key-manager"),
            (.normal("Deleted", ""), "key-manager"), (.warning("DecodeFailed", ""), "key-manager"),
            (.warning("CannotRegenerateKey", ""), "key-manager"), (.normal("Requested", ""), "request-manager"),
            (.warning("Failed", ""), "issuing"), (.warning("Denied", ""), "issuing"),
            (.warning("InvalidCertificate", ""), "issuing"),
            (.warning("KeystorePasswordSecretNotFound", ""), "issuing"),
        ]
        for (notice, name) in certificate {
            #expect(EventSource.certificate(notice) == "cert-manager-certificates-\(name)", "\(notice)")
        }
        let request: [(Notice, IssuerSpec?, String)] = [
            (.normal("cert-manager.io", ""), Self.ca, "-approver"),
            (.normal("WaitingForApproval", ""), Self.ca, "-issuer-ca"),
            (.normal("CertificateIssued", ""), Self.ca, "-issuer-ca"),
            (.normal("CertificateIssued", ""), Self.selfSigned, "-issuer-selfsigned"),
            (.warning("ErrorSigning", ""), Self.selfSigned, "-issuer-selfsigned"),
            (.normal("IssuerNotFound", ""), nil, ""), (.normal("IssuerTypeMissing", ""), IssuerSpec(), ""),
        ]
        for (notice, issuer, name) in request {
            #expect(EventSource.request(notice, issuer) == "cert-manager-certificaterequests\(name)", "\(notice)")
        }
        #expect(EventSource.signingRequest(Self.ca) == "cert-manager-certificatesigningrequests-issuer-ca")
        #expect(EventSource.signingRequest(nil) == "cert-manager-certificatesigningrequests")
        #expect(ACMERequestReconciler.component == "cert-manager-certificaterequests-issuer-acme")
        #expect(OrderReconciler.component == "cert-manager-orders")
        #expect(ChallengeReconciler.component == "cert-manager-challenges")
    }

    @Test("what only repeats a condition or a new object is left out; the story and every warning stay")
    func choice() {
        func certificate(_ notice: Notice) -> (Notice, String) { (notice, EventSource.certificate(notice)) }
        func request(_ notice: Notice, _ issuer: IssuerSpec) -> (Notice, String) {
            (notice, EventSource.request(notice, issuer))
        }
        let all: [(Notice, String)] = [
            certificate(.normal("Issuing", Issuing.opening)), certificate(.normal("Generated", "")),
            certificate(.normal("Reused", "")), certificate(.normal("Requested", "")),
            certificate(.warning("Requested", "")), request(.normal("cert-manager.io", ""), Self.ca),
            request(.normal("CertificateIssued", ""), Self.ca),
            request(.normal("CertificateIssued", ""), Self.selfSigned),
            (.normal("OrderCreated", ""), ACMERequestReconciler.component),
            (.normal("CertificateIssued", ""), ACMERequestReconciler.component),
            (.warning("OrderFailed", ""), ACMERequestReconciler.component),
            (.normal("Created", ""), OrderReconciler.component), (.normal("Complete", ""), OrderReconciler.component),
            (.normal("Presented", ""), ChallengeReconciler.component),
            (.normal("DomainVerified", ""), ChallengeReconciler.component),
        ]
        let told = all.filter { notice, component in
            !RoutineEvents.includes(notice.kind == .normal ? .normal : .warning, notice.reason, component)
        }
        #expect(
            told.map { "\($0.0.kind) \($0.0.reason)" } == [
                "normal Issuing", "warning Requested", "normal OrderCreated", "warning OrderFailed",
                "normal Presented", "normal DomainVerified",
            ])
    }
}
