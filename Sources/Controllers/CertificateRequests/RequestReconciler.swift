import CertificateAPI
package import KubeClient
package import KubeModel
package import KubeRuntime
import Synchronization
package import Wire

/// Approves CertificateRequests, and signs those of issuers that answer at once.
package final class RequestReconciler: Reconciler {

    private let client: KubeClient
    let requests: Cache<RequestFacts>
    let lookup: IssuerLookup
    private let approval: ApprovalGate
    private let policies: PolicyBook
    private let signer: InstantSigner
    private let claims: RequestClaims
    private let events: EventRecorder
    private let time: any TimeSource
    /// Requests that wait for a Secret, by that Secret.
    private let waiting = Mutex<[ObjectKey: Set<ObjectKey>]>([:])

    package init(
        client: KubeClient, requests: Cache<RequestFacts>, lookup: IssuerLookup, approval: ApprovalGate,
        policies: PolicyBook, signer: InstantSigner, claims: RequestClaims, events: EventRecorder, time: any TimeSource
    ) {
        self.client = client
        self.requests = requests
        self.lookup = lookup
        self.approval = approval
        self.policies = policies
        self.signer = signer
        self.claims = claims
        self.events = events
        self.time = time
    }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        // A claimed request is being answered; the answer changes it, and that change is looked at.
        guard !claims.isClaimed(key), let request = requests[key]?.open?.value else { return .onChange }
        let reference = request.spec.issuerRef
        let isDecided = RequestFacts.State(request.status) != .undecided
        let right = isDecided ? .no : try await approval.right(reference, namespace: key.namespace)
        // Before the policies are known nobody is approved: one of them may say no.
        guard right == .no || policies.areKnown else { return .at(time.now() + .seconds(1)) }
        var view = RequestView(
            request: request, issuer: lookup.state(reference, namespace: key.namespace), approval: right,
            policy: right == .yes ? policies.verdict(on: request) : .ungoverned, now: time.now())
        var answer = RequestDecision.decide(view)
        if answer.mustSign {
            // Registered first, so that a Secret that comes while it is looked for is not missed.
            awaitSecret(of: request)
            let signed = try await signer.sign(request)
            view.now = time.now()
            answer = RequestDecision.decide(view, signed)
        }
        if let status = answer.status {
            let written = try await StatusPatch.write(status, over: request.status, of: request, client)
            requests.record(RequestFacts(written))
        }
        for notice in answer.notices { tell(notice, on: request) }
        // A right that is not there yet may be given at any time, and nothing tells when.
        let waitsForApproval = !isDecided && right == .no && approval.isEnabled
        return waitsForApproval ? .at(time.now() + .seconds(60)) : .onChange
    }

    /// The requests to look at again when this Secret changes.
    package func waitingFor(secret: ObjectKey) -> Set<ObjectKey> {
        waiting.withLock { $0.removeValue(forKey: secret) ?? [] }
    }

    private func awaitSecret(of request: CertificateRequest) {
        guard let secret = signer.awaitedSecret(request) else { return }
        waiting.withLock { _ = $0[secret, default: []].insert(request.key) }
    }

    private func tell(_ notice: Notice, on request: CertificateRequest) {
        events.record(
            notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message,
            on: ObjectReference(to: request), component: EventSource.request(notice, signer.issuer(of: request)))
    }
}
