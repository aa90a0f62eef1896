import CertificateAPI
import KubeModel
import Wire

/// Everything the decision about a CertificateRequest of a remote issuer looks at.
struct RemoteRequestView: Sendable, Equatable {
    var request: CertificateRequest
    var issuer: RemoteRequestIssuer
    /// Nil before the issuer was asked.
    var progress: RemoteProgress?
    var now: Timestamp
}

enum RemoteRequestIssuer: Sendable, Equatable {
    /// Of another kind, or none, or switched off: somebody else answers.
    case other
    case notReady(String)
    case ready
}

/// What to do for one request.
struct RemoteRequestPlan: Sendable, Equatable {
    /// Have the issuer asked, and decide again with what is known then.
    var asks = false
    /// Nil to leave it.
    var status: CertificateRequest.Status?
    /// What the server calls the request, where that is to be written down first.
    var pickupID: String?
    var notices: [Notice] = []
    /// Nothing is left to do for the request.
    var isOver = false
    var lookAgain: Timestamp?
}

enum RemoteRequestDecision {
    static func decide(_ view: RemoteRequestView) -> RemoteRequestPlan {
        let request = view.request
        guard !request.metadata.isBeingDeleted, case .pending = RequestFacts.State(request.status) else {
            return RemoteRequestPlan(isOver: true)
        }
        switch (view.issuer, view.progress) {
        case (.other, _): return RemoteRequestPlan()
        case (.ready, nil): return RemoteRequestPlan(asks: true)
        case (.notReady(let why), nil): return plan(.pending(reason: "IssuerNotReady", message: why), view)
        case (_, .asking): return RemoteRequestPlan()
        case (_, .answered(let answer)):
            var plan = plan(answer, view)
            plan.isOver = true
            return plan
        case (_, .waiting(let reason, let message, let pickupID, let until)):
            var plan = plan(.pending(reason: reason, message: message), view)
            let known = request.metadata.annotations?[Names.Annotation.venafiPickupID]
            if let pickupID, pickupID != known { plan.pickupID = pickupID }
            plan.lookAgain = until
            return plan
        }
    }

    private static func plan(_ answer: SigningAnswer, _ view: RemoteRequestView) -> RemoteRequestPlan {
        let plain = RequestView(request: view.request, issuer: .elsewhere, approval: .no, now: view.now)
        let decided = RequestDecision.decide(plain, answer)
        return RemoteRequestPlan(status: decided.status, notices: decided.notices)
    }
}
