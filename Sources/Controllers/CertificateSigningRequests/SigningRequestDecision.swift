import CertificateAPI
import KubeModel
import Wire

/// What is known of the issuer that a CertificateSigningRequest names as its signer.
enum SigningRequestIssuer: Sendable, Equatable {
    case missing
    /// No kind of issuer is configured in it.
    case empty
    case notReady(String)
    case ca
    case selfSigned
    case acme
    /// It is asked over the network.
    case remote
    /// The controller for this kind of issuer is switched off.
    case elsewhere
}

/// Everything the decision about one CertificateSigningRequest looks at.
struct SigningRequestView: Sendable, Equatable {
    var request: CertificateSigningRequest
    var signer: SignerName
    var issuer: SigningRequestIssuer
    /// Where the Secrets and Orders of the issuer lie.
    var resourceNamespace: String
    /// Whether the requester may use the issuer of a namespace; nil while nobody has asked.
    var mayReference: Bool?
    /// Which annotations Orders get.
    var copiedAnnotations = AnnotationFilter.default
    var now: Timestamp
}

/// What to do for one CertificateSigningRequest.
struct SigningRequestAnswer: Sendable, Equatable {
    enum Need: Sendable, Equatable {
        /// Ask whether the requester may use the issuer, and decide again.
        case reference
        /// Have the issuer sign this, and decide with its answer.
        case signature(CertificateRequest)
        /// Go on with the Order for this, and decide with what comes of it.
        case order(CertificateRequest)
        /// Have the issuer asked for this over the network, and decide with how far that has come.
        case remote(CertificateRequest)
    }
    var need: Need?
    /// Nil to leave it.
    var status: CertificateSigningRequest.Status?
    /// What the issuer's server calls the request, where that is to be written down first.
    var pickupID: String?
    var notices: [Notice] = []
    var lookAgain: Timestamp?
}

enum SigningRequestDecision {
    private typealias Condition = CertificateSigningRequest.Condition

    static func decide(_ view: SigningRequestView) -> SigningRequestAnswer {
        let request = view.request
        guard !request.metadata.isBeingDeleted, !request.isTrue(Condition.failed), !request.isTrue(Condition.denied),
            request.status?.certificate?.bytes.isEmpty ?? true
        else { return SigningRequestAnswer() }
        guard request.isTrue(Condition.approved) else {
            return told(.normal("WaitingApproval", "Waiting for the Approved condition before issuing"))
        }
        switch view.issuer {
        case .missing: return told(.warning("IssuerNotFound", "Referenced \(view.signer.text) not found"))
        case .empty: return told(.warning("IssuerTypeMissing", "Referenced \(view.signer.text) is missing type"))
        case .elsewhere: return SigningRequestAnswer()
        case .notReady, .ca, .selfSigned, .acme, .remote: break
        }
        if view.signer.namespace != nil, let refusal = reference(view) { return refusal }
        return route(view)
    }

    /// With the answer of an issuer that answers at once.
    static func decide(_ view: SigningRequestView, _ answer: SigningAnswer) -> SigningRequestAnswer {
        switch answer {
        case .issued(let certificate, _, _, let warnings):
            return issued(Base64Data(certificate), view, warnings.map { .warning($0.reason, $0.message) })
        case .pending(let reason, let message): return told(.warning(reason, message))
        case .failed(let reason, let message): return failed(reason, message, view)
        }
    }

    /// With what comes of the Order, told as it is of a CertificateRequest's.
    static func decide(_ view: SigningRequestView, _ plan: ACMERequestPlan) -> SigningRequestAnswer {
        if let certificate = plan.status?.certificate { return issued(certificate, view, []) }
        let isFailure = plan.status?.failureTime != nil
        if isFailure, let notice = plan.notices.last { return failed(notice.reason, notice.message, view) }
        return SigningRequestAnswer(notices: plan.notices)
    }

    /// With how far a remote issuer has come.
    static func decide(_ view: SigningRequestView, _ progress: RemoteProgress) -> SigningRequestAnswer {
        switch progress {
        case .asking: return SigningRequestAnswer()
        case .answered(let answer): return decide(view, answer)
        case .waiting(let reason, let message, let pickupID, let until):
            var answer = told(.warning(reason, message))
            let known = view.request.metadata.annotations?[Names.SigningRequestAnnotation.venafiPickupID]
            if let pickupID, pickupID != known { answer.pickupID = pickupID }
            answer.lookAgain = until
            return answer
        }
    }

    // MARK: Steps

    private static func reference(_ view: SigningRequestView) -> SigningRequestAnswer? {
        switch view.mayReference {
        case true: return nil
        case nil: return SigningRequestAnswer(need: .reference)
        case false:
            let user = view.request.spec.username ?? ""
            let message =
                "Requester \"\(user)\" may not reference \(view.signer.text); it needs the verb reference on signers in "
                + "\(Names.group), named \(view.signer.reference.name), in that namespace"
            return failed("DeniedReference", message, view)
        }
    }

    private static func route(_ view: SigningRequestView) -> SigningRequestAnswer {
        switch view.issuer {
        case .notReady(let why):
            let detail = why.isEmpty ? "" : ": \(why)"
            return told(.warning("IssuerNotReady", "Referenced \(view.signer.text) is not ready\(detail)"))
        case .selfSigned where privateKeySecret(view.request) == nil:
            let message =
                "A self-signed request must name the Secret with its key in the annotation "
                + "\(Names.SigningRequestAnnotation.privateKeySecretName)"
            return failed("MissingAnnotation", message, view)
        default: break
        }
        do throws(Refusal) {
            let request = try translated(view)
            switch view.issuer {
            case .acme: return SigningRequestAnswer(need: .order(request))
            case .remote: return SigningRequestAnswer(need: .remote(request))
            default: return SigningRequestAnswer(need: .signature(request))
            }
        } catch {
            return failed(error.reason, error.message, view)
        }
    }

    private static func told(_ notice: Notice) -> SigningRequestAnswer { SigningRequestAnswer(notices: [notice]) }

    private static func issued(
        _ certificate: Base64Data, _ view: SigningRequestView, _ notices: [Notice]
    ) -> SigningRequestAnswer {
        var status = view.request.status ?? .init()
        status.certificate = certificate
        return SigningRequestAnswer(
            status: status,
            notices: notices + [.normal("CertificateIssued", "Certificate fetched from issuer successfully")])
    }

    /// For ever: nothing takes the condition away again.
    private static func failed(_ reason: String, _ message: String, _ view: SigningRequestView) -> SigningRequestAnswer
    {
        var status = view.request.status ?? .init()
        let condition = Condition(
            type: Condition.failed, reason: reason, message: message, at: view.now.wholeSeconds)
        status.conditions = (status.conditions ?? []) + [condition]
        return SigningRequestAnswer(status: status, notices: [.warning(reason, message)])
    }
}

// MARK: - The same as a CertificateRequest

extension SigningRequestDecision {
    /// The shortest lifetime that Kubernetes lets a request ask for.
    private static let minimumLifetime = GoDuration(nanoseconds: 600_000_000_000)

    private struct Refusal: Error {
        var reason: String
        var message: String
    }

    private static func privateKeySecret(_ request: CertificateSigningRequest) -> String? {
        request.metadata.annotations?[Names.SigningRequestAnnotation.privateKeySecretName].nonEmpty
    }

    /// An approved CertificateRequest that asks for the same, beside what the issuer keeps. It is never sent.
    private static func translated(_ view: SigningRequestView) throws(Refusal) -> CertificateRequest {
        let source = view.request
        var metadata = ObjectMeta(name: source.metadata.name, namespace: view.resourceNamespace)
        metadata.uid = source.metadata.uid
        metadata.labels = source.metadata.labels
        var annotations = view.copiedAnnotations.filter(source.metadata.annotations)
        annotations[Names.Annotation.privateKeySecretName] = privateKeySecret(source)
        metadata.annotations = annotations.isEmpty ? nil : annotations
        var spec = CertificateRequest.Spec(request: source.spec.request, issuerRef: view.signer.reference)
        spec.duration = try duration(of: source)
        spec.usages = source.spec.usages
        let isCA = source.metadata.annotations?[Names.SigningRequestAnnotation.isCA]
        spec.isCA = isCA == "true" ? true : nil
        var request = CertificateRequest(metadata: metadata, spec: spec)
        var status = CertificateRequest.Status()
        status.conditions = [.init(type: CertificateAPI.Condition.Kind.approved, status: .yes)]
        request.status = status
        return request
    }

    /// The annotation counts before the field, which Kubernetes has had since 1.22 only.
    private static func duration(of request: CertificateSigningRequest) throws(Refusal) -> String? {
        let key = Names.SigningRequestAnnotation.duration
        guard let text = request.metadata.annotations?[key].nonEmpty else {
            return request.spec.expirationSeconds.map { "\($0)s" }
        }
        guard let duration = GoDuration(text) else {
            throw Refusal(
                reason: "ErrorParseDuration",
                message: "The annotation \(key) must be a duration such as 24h, and is \"\(text)\"")
        }
        guard duration >= minimumLifetime else {
            throw Refusal(
                reason: "InvalidDuration",
                message: "The annotation \(key) must be \(minimumLifetime) or more, and is \"\(text)\"")
        }
        return duration.description
    }
}
