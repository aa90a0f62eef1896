import CertificateAPI
import KubeModel
import Wire

/// What is known of the issuer that a request names.
enum IssuerState: Sendable, Equatable {
    /// Of another API group: its own controller answers.
    case foreign
    case missing
    /// No kind of issuer is configured in it.
    case empty
    case notReady(reason: String)
    /// Answers at once.
    case instant
    /// Answers through objects of its own; the controller of this kind of issuer deals with the request.
    case elsewhere
}

/// Whether this program approves requests for an issuer.
enum ApprovalRight: Sendable, Equatable {
    /// The approver is switched off, or has not the right.
    case no
    case yes
}

/// Everything the decision about one CertificateRequest looks at.
struct RequestView: Sendable, Equatable {
    var request: CertificateRequest
    var issuer: IssuerState
    var approval: ApprovalRight
    var policy = PolicyVerdict.ungoverned
    var now: Timestamp
}

/// What a signer says.
enum SigningAnswer: Sendable, Equatable {
    /// PEM, leaf first, and the root where it is known; sentences for the condition, and warnings for events.
    case issued(certificate: [UInt8], ca: [UInt8]?, notes: [String] = [], warnings: [Violation] = [])
    /// Something is missing that may yet come.
    case pending(reason: String, message: String)
    case failed(reason: String, message: String)
}

/// What to do for one CertificateRequest.
struct RequestAnswer: Sendable, Equatable {
    /// Nil to leave it.
    var status: CertificateRequest.Status?
    /// Ask the signer, and decide with its answer.
    var mustSign = false
    var notices: [Notice] = []
}

enum RequestDecision {
    /// Before a signer was asked.
    static func decide(_ view: RequestView) -> RequestAnswer {
        guard view.request.metadata.deletionTimestamp == nil else { return RequestAnswer() }
        switch RequestFacts.State(view.request.status) {
        case .issued, .failed, .invalid: return RequestAnswer()
        case .denied: return deny(view)
        case .pending: return route(view, approving: false)
        case .undecided:
            guard view.approval == .yes else {
                let message = "Not signing CertificateRequest until it is Approved"
                return RequestAnswer(notices: [.normal("WaitingForApproval", message)])
            }
            if let sentence = view.policy.sentence { return refuse(view, sentence) }
            return route(view, approving: true)
        }
    }

    /// With the signer's answer.
    static func decide(_ view: RequestView, _ answer: SigningAnswer) -> RequestAnswer {
        let isApproved = view.request.status?.conditions.isTrue(Condition.Kind.approved) ?? false
        var status = isApproved ? view.request.status ?? .init() : approved(view)
        var notices = isApproved ? [] : [approvalNotice]
        switch answer {
        case .issued(let certificate, let ca, let notes, let warnings):
            status.certificate = Base64Data(certificate)
            status.ca = ca.map { Base64Data($0) }
            let message = (["Certificate fetched from issuer successfully"] + notes).joined(separator: ". ")
            notices += warnings.map { .warning($0.reason, $0.message) }
            set(&status, .yes, "Issued", message, view.now)
            notices.append(.normal("CertificateIssued", message))
        case .pending(let reason, let message):
            set(&status, .no, "Pending", message, view.now)
            notices.append(.normal(reason, message))
        case .failed(let reason, let message):
            status.failureTime = view.now.wholeSeconds
            set(&status, .no, "Failed", message, view.now)
            notices.append(.warning(reason, message))
        }
        return changed(view, status, notices)
    }

    private static func route(_ view: RequestView, approving: Bool) -> RequestAnswer {
        let status = approving ? approved(view) : view.request.status ?? .init()
        let notices = approving ? [approvalNotice] : []
        let reference = view.request.spec.issuerRef
        func pending(_ reason: String, _ message: String) -> RequestAnswer {
            var status = status
            set(&status, .no, "Pending", message, view.now)
            return changed(view, status, notices + [.normal(reason, message)])
        }
        switch view.issuer {
        case .foreign, .elsewhere: return changed(view, status, notices)
        case .instant: return RequestAnswer(mustSign: true)
        case .missing:
            return pending(
                "IssuerNotFound",
                "Referenced \(reference.effectiveKind) \"\(reference.name)\" does not exist; it is waited for")
        case .empty:
            return pending(
                "IssuerTypeMissing",
                "Referenced \(reference.effectiveKind) \"\(reference.name)\" has no issuer configured")
        case .notReady(let reason):
            let why = reason.isEmpty ? "" : ": \(reason)"
            return pending(
                "IssuerNotReady", "Referenced \(reference.effectiveKind) \"\(reference.name)\" is not ready yet\(why)")
        }
    }

    /// Denied, and answered, in one write.
    private static func refuse(_ view: RequestView, _ sentence: String) -> RequestAnswer {
        let denial = Condition(
            type: Condition.Kind.denied, status: .yes, reason: CertificatePolicy.resource.group, message: sentence)
        var view = view
        var status = view.request.status ?? .init()
        status.conditions = status.conditions.setting(denial, now: view.now)
        view.request.status = status
        return RequestAnswer(
            status: deny(view).status ?? status, notices: [.warning("PolicyDenied", sentence)])
    }

    private static func deny(_ view: RequestView) -> RequestAnswer {
        guard view.issuer != .foreign else { return RequestAnswer() }
        var status = view.request.status ?? .init()
        status.failureTime = status.failureTime ?? view.now.wholeSeconds
        let message = "The CertificateRequest was denied by an approval controller"
        set(&status, .no, "Denied", message, view.now)
        return changed(view, status, [])
    }

    private static let approvalNotice = Notice.normal(
        "cert-manager.io", "Certificate request has been approved by cert-manager.io")

    private static func approved(_ view: RequestView) -> CertificateRequest.Status {
        var status = view.request.status ?? .init()
        status.conditions = status.conditions.setting(
            Condition(
                type: Condition.Kind.approved, status: .yes, reason: approvalNotice.reason,
                message: approvalNotice.message),
            now: view.now)
        return status
    }

    private static func set(
        _ status: inout CertificateRequest.Status, _ value: Condition.Status, _ reason: String, _ message: String,
        _ now: Timestamp
    ) {
        status.conditions = status.conditions.setting(
            Condition(type: Condition.Kind.ready, status: value, reason: reason, message: message), now: now)
    }

    /// Nothing is written, and nobody is told, where nothing changes.
    private static func changed(
        _ view: RequestView, _ status: CertificateRequest.Status, _ notices: [Notice]
    ) -> RequestAnswer {
        status == view.request.status ? RequestAnswer() : RequestAnswer(status: status, notices: notices)
    }
}
