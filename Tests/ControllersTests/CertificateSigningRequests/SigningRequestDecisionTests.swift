import CertificateAPI
import KubeModel
import Testing
import Wire

@testable import Controllers

@Suite("The decision about a CertificateSigningRequest")
struct SigningRequestDecisionTests {
    typealias Condition = CertificateSigningRequest.Condition
    typealias Key = Names.SigningRequestAnnotation

    static let now = Timestamp(secondsSince1970: 1_767_225_600)

    static func view(
        _ issuer: SigningRequestIssuer = .ca, signer: String = "clusterissuers.cert-manager.io/ca",
        approved: Bool = true, annotations: [String: String] = [:], mayReference: Bool? = nil,
        _ change: (inout CertificateSigningRequest) -> Void = { _ in }
    ) throws -> SigningRequestView {
        var metadata = ObjectMeta(name: "site")
        metadata.uid = "request-uid"
        metadata.annotations = annotations
        metadata.labels = ["team": "web"]
        var request = CertificateSigningRequest(
            metadata: metadata, spec: .init(request: Base64Data(Array("pem".utf8)), signerName: signer))
        request.spec.usages = ["server auth"]
        request.spec.username = "jane"
        request.status = .init(conditions: approved ? [Condition(type: Condition.approved)] : [])
        change(&request)
        return SigningRequestView(
            request: request, signer: try #require(SignerName(signer)), issuer: issuer,
            resourceNamespace: "cert-manager", mayReference: mayReference, now: now)
    }

    static func wanted(
        _ annotations: [String: String]? = nil, duration: String? = nil, isCA: Bool? = nil
    ) -> CertificateRequest {
        var metadata = ObjectMeta(name: "site", namespace: "cert-manager")
        metadata.uid = "request-uid"
        metadata.labels = ["team": "web"]
        metadata.annotations = annotations
        var spec = CertificateRequest.Spec(
            request: Base64Data(Array("pem".utf8)),
            issuerRef: IssuerReference(name: "ca", kind: "ClusterIssuer", group: "cert-manager.io"))
        spec.duration = duration
        spec.isCA = isCA
        spec.usages = ["server auth"]
        var status = CertificateRequest.Status()
        status.conditions = [.init(type: "Approved", status: .yes)]
        return CertificateRequest(metadata: metadata, spec: spec, status: status)
    }

    static func failure(_ reason: String, _ message: String) -> SigningRequestAnswer {
        SigningRequestAnswer(
            status: .init(conditions: [
                Condition(type: Condition.approved),
                Condition(type: Condition.failed, reason: reason, message: message, at: now),
            ]), notices: [.warning(reason, message)])
    }

    @Test(
        "signers' names tell the issuer, whose own name may have dots",
        arguments: [
            ("issuers.cert-manager.io/web.ca", "web", "ca", "Issuer"),
            ("issuers.cert-manager.io/web.ca.internal", "web", "ca.internal", "Issuer"),
            ("clusterissuers.cert-manager.io/ca.internal", nil, "ca.internal", "ClusterIssuer"),
        ] as [(String, String?, String, String)])
    func names(text: String, namespace: String?, name: String, kind: String) throws {
        let signer = try #require(SignerName(text))
        #expect(signer.namespace == namespace)
        #expect(signer.reference == IssuerReference(name: name, kind: kind, group: "cert-manager.io"))
    }

    @Test(
        "other signers are none of ours",
        arguments: [
            "kubernetes.io/kubelet-serving", "issuers.cert-manager.io", "issuers.cert-manager.io/ca",
            "issuers.cert-manager.io/.ca", "issuers.cert-manager.io/web.", "issuers.example.com/web.ca",
            "clusterissuers.cert-manager.io/", "certificates.cert-manager.io/web.ca", "a/b/c", "",
        ])
    func foreign(text: String) {
        #expect(SignerName(text) == nil)
    }

    @Test("nothing happens before the approval, and nothing after an answer")
    func states() throws {
        #expect(
            SigningRequestDecision.decide(try Self.view(approved: false))
                == SigningRequestAnswer(
                    notices: [.normal("WaitingApproval", "Waiting for the Approved condition before issuing")]))
        for type in [Condition.denied, Condition.failed] {
            let view = try Self.view { $0.status?.conditions?.append(Condition(type: type)) }
            #expect(SigningRequestDecision.decide(view) == SigningRequestAnswer())
        }
        let issued = try Self.view { $0.status?.certificate = Base64Data(Array("c".utf8)) }
        #expect(SigningRequestDecision.decide(issued) == SigningRequestAnswer())
        let leaving = try Self.view { $0.metadata.deletionTimestamp = Self.now }
        #expect(SigningRequestDecision.decide(leaving) == SigningRequestAnswer())
    }

    @Test(
        "an issuer that cannot sign yet is told about, and waited for",
        arguments: [
            (.missing, "IssuerNotFound", "Referenced ClusterIssuer ca not found"),
            (.empty, "IssuerTypeMissing", "Referenced ClusterIssuer ca is missing type"),
            (.notReady("no Secret"), "IssuerNotReady", "Referenced ClusterIssuer ca is not ready: no Secret"),
        ] as [(SigningRequestIssuer, String, String)])
    func waits(issuer: SigningRequestIssuer, reason: String, message: String) throws {
        #expect(
            SigningRequestDecision.decide(try Self.view(issuer))
                == SigningRequestAnswer(notices: [.warning(reason, message)]))
    }

    @Test("an issuer of a namespace is only for those who may reference it; a ClusterIssuer is for all")
    func reference() throws {
        let signer = "issuers.cert-manager.io/web.ca"
        #expect(
            SigningRequestDecision.decide(try Self.view(signer: signer)) == SigningRequestAnswer(need: .reference))
        #expect(
            SigningRequestDecision.decide(try Self.view(signer: signer, mayReference: false))
                == Self.failure(
                    "DeniedReference",
                    "Requester \"jane\" may not reference Issuer web/ca; it needs the verb reference on signers in "
                        + "cert-manager.io, named ca, in that namespace"))
        let allowed = SigningRequestDecision.decide(try Self.view(signer: signer, mayReference: true))
        guard case .signature(let request) = allowed.need else {
            Issue.record("expected to sign, got \(allowed)")
            return
        }
        #expect(request.spec.issuerRef == IssuerReference(name: "ca", kind: "Issuer", group: "cert-manager.io"))
    }

    @Test("what is asked for is what a CertificateRequest would ask for")
    func translation() throws {
        #expect(SigningRequestDecision.decide(try Self.view()).need == .signature(Self.wanted()))
        #expect(SigningRequestDecision.decide(try Self.view(.acme)).need == .order(Self.wanted()))
        let annotations = [Key.duration: "48h", Key.isCA: "true", "kubectl.kubernetes.io/x": "y"]
        let view = try Self.view(annotations: annotations) { $0.spec.expirationSeconds = 700 }
        #expect(
            SigningRequestDecision.decide(view).need
                == .signature(
                    Self.wanted([Key.duration: "48h", Key.isCA: "true"], duration: "48h0m0s", isCA: true)))
        let seconds = try Self.view { $0.spec.expirationSeconds = 700 }
        #expect(SigningRequestDecision.decide(seconds).need == .signature(Self.wanted(duration: "700s")))
        let key = [Key.privateKeySecretName: "site-key"]
        #expect(
            SigningRequestDecision.decide(try Self.view(.selfSigned, annotations: key)).need
                == .signature(Self.wanted(key.merging([Names.Annotation.privateKeySecretName: "site-key"]) { $1 })))
    }

    @Test(
        "what no later look can change fails the request",
        arguments: [
            (
                .ca, [Key.duration: "1 week"], "ErrorParseDuration",
                "The annotation experimental.cert-manager.io/request-duration must be a duration such as 24h, and is "
                    + "\"1 week\""
            ),
            (
                .ca, [Key.duration: "9m"], "InvalidDuration",
                "The annotation experimental.cert-manager.io/request-duration must be 10m0s or more, and is \"9m\""
            ),
            (
                .selfSigned, [:], "MissingAnnotation",
                "A self-signed request must name the Secret with its key in the annotation "
                    + "experimental.cert-manager.io/private-key-secret-name"
            ),
        ] as [(SigningRequestIssuer, [String: String], String, String)])
    func failures(
        issuer: SigningRequestIssuer, annotations: [String: String], reason: String, message: String
    ) throws {
        #expect(
            SigningRequestDecision.decide(try Self.view(issuer, annotations: annotations))
                == Self.failure(reason, message))
    }

    @Test("the issuer's answer becomes the certificate, a warning or the end")
    func answers() throws {
        let view = try Self.view()
        let bytes = Array("chain".utf8)
        let issued = Notice.normal("CertificateIssued", "Certificate fetched from issuer successfully")
        let status = CertificateSigningRequest.Status(
            conditions: view.request.status?.conditions, certificate: Base64Data(bytes))
        let warned = SigningAnswer.issued(
            certificate: bytes, ca: bytes, warnings: [Violation(reason: "BadConfig", message: "empty")])
        #expect(
            SigningRequestDecision.decide(view, warned)
                == SigningRequestAnswer(status: status, notices: [.warning("BadConfig", "empty"), issued]))
        #expect(
            SigningRequestDecision.decide(view, .pending(reason: "SecretMissing", message: "m"))
                == SigningRequestAnswer(notices: [.warning("SecretMissing", "m")]))
        #expect(
            SigningRequestDecision.decide(view, .failed(reason: "SigningError", message: "m"))
                == Self.failure("SigningError", "m"))
    }

    @Test("what comes of the Order is told the same way")
    func orders() throws {
        let view = try Self.view(.acme)
        var status = CertificateRequest.Status()
        status.certificate = Base64Data(Array("chain".utf8))
        let issued = SigningRequestDecision.decide(
            view, ACMERequestPlan(status: status, notices: [.normal("CertificateIssued", "other words")]))
        #expect(issued.status?.certificate == status.certificate)
        #expect(
            issued.notices == [.normal("CertificateIssued", "Certificate fetched from issuer successfully")])
        status = .init()
        status.failureTime = Self.now
        let plan = ACMERequestPlan(status: status, notices: [.warning("OrderFailed", "m")])
        #expect(SigningRequestDecision.decide(view, plan) == Self.failure("OrderFailed", "m"))
        let pending = ACMERequestPlan(status: .init(), notices: [.normal("OrderPending", "m")])
        #expect(
            SigningRequestDecision.decide(view, pending)
                == SigningRequestAnswer(notices: [.normal("OrderPending", "m")]))
    }
}
