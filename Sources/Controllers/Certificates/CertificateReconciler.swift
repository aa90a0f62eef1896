package import CertificateAPI
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Logging
import PKI
import Synchronization
package import Wire

/// Keeps Certificates issued: looks, decides (`CertificateDecision`), and does what was decided in order.
package final class CertificateReconciler: Reconciler {
    /// Names of the indexes that `Cache`s given to this controller must have.
    package enum Index {
        /// Certificates by `namespace/secretName`.
        package static let secretName = "secretName"
        /// Requests and next-key Secrets by the UID of the Certificate that controls them.
        package static let certificate = "certificate"
        /// Certificates by the `namespace/name` of the Secrets with their keystores' passwords.
        package static let passwordSecret = "passwordSecret"
        /// Unanswered requests by issuer.
        package static let issuer = "issuer"
    }

    let client: KubeClient
    let certificates: Cache<Certificate>
    let requests: Cache<RequestFacts>
    let secrets: SecretStore
    let approval: ApprovalGate
    let policies: PolicyBook
    let signer: InstantSigner
    let claims: RequestClaims
    let keystores: KeystoreReview
    /// Nil where there are no ACME issuers to wait for.
    let orders: Cache<Order>?
    let challenges: Cache<Challenge>?
    let events: EventRecorder
    let settings: CertificateSettings
    let time: any TimeSource
    let logger: Logger
    private let verification: Verification
    /// What the API server refused at the last look, by Certificate, so that it is told until it is done.
    private let refusals = Mutex<[ObjectKey: Hindrance]>([:])

    package init(
        client: KubeClient, certificates: Cache<Certificate>, requests: Cache<RequestFacts>, secrets: SecretStore,
        approval: ApprovalGate, policies: PolicyBook, signer: InstantSigner, claims: RequestClaims,
        orders: Cache<Order>? = nil, challenges: Cache<Challenge>? = nil, events: EventRecorder,
        settings: CertificateSettings, time: any TimeSource, logger: Logger
    ) {
        self.client = client
        self.certificates = certificates
        self.requests = requests
        self.secrets = secrets
        self.approval = approval
        self.policies = policies
        self.signer = signer
        self.claims = claims
        self.orders = orders
        self.challenges = challenges
        keystores = KeystoreReview(secrets: secrets, limits: settings.limits)
        self.events = events
        self.settings = settings
        self.time = time
        self.logger = logger
        verification = Verification(time: time)
    }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        verification.begin(certificates)
        guard let certificate = certificates[key] else {
            keystores.forget(key)
            refusals.withLock { $0[key] = nil }
            return .onChange
        }
        guard let (view, actions) = try await plan(certificate) else { return .onChange }
        var work = CertificateWork(self, view)
        do {
            let requeue = try await work.apply(actions)
            refusals.withLock { $0[key] = nil }
            return requeue
        } catch {
            // The next attempt tells it where this cannot: what counts is the refusal itself.
            try? await tellRefusal(error, of: key, view.secret)
            throw error
        }
    }

    /// What there is to do, by as much as the decision needs to know. Where that had to be waited for, all is looked at anew;
    /// nil when the Certificate has gone meanwhile, or has changed so much that this is not about it.
    private func plan(_ certificate: Certificate) async throws -> (CertificateView, [CertificateAction])? {
        let key = certificate.key
        let secretKey = ObjectKey(namespace: key.namespace, name: certificate.spec.secretName)
        var secret = try await secrets.look(at: secretKey, isExpected: certificate.status?.revision != nil)
        /// Where it names another Secret by now, its change brings it here again, and that Secret is looked at.
        func look() -> CertificateView? {
            observe(key, secret).flatMap { $0.certificate.spec.secretName == secretKey.name ? $0 : nil }
        }
        guard var view = look() else { return nil }
        if case .success(let desired) = view.desired,
            try await keystores.look(at: key, desired.outputs, in: secretKey, secret)
        {
            guard let again = look() else { return nil }
            view = again
        }
        var actions = CertificateDecision.decide(view)
        if actions.contains(where: \.isForGood), try await verification.verify(view, self) {
            secret = try await secrets.look(at: secretKey)
            guard let again = look() else { return nil }
            view = again
            actions = CertificateDecision.decide(view)
        }
        // Whether the issuer answers at once is asked only where it matters.
        guard actions.contains(where: \.beginsIssuing) else { return (view, actions) }
        let isInstant = try await answersAtOnce(view.certificate)
        if !isInstant, secret == nil {
            // Its watch may be behind that of Certificates. Where the issuer answers at once, its creation tells.
            try await secrets.refresh(secretKey)
            secret = try await secrets.look(at: secretKey)
        }
        guard var begun = look() else { return nil }
        begun.issuesAtOnce = isInstant
        return (begun, CertificateDecision.decide(begun))
    }

    /// Has the Certificate say what the API server refuses to do for it: else it would seem to be waited for forever.
    private func tellRefusal(_ error: any Error, of key: ObjectKey, _ secret: SecretFacts?) async throws {
        guard let sentence = (error as? KubeError)?.standingRefusal else { return }
        let hindrance = Hindrance(sentence, tellFrom: time.now())
        refusals.withLock { refusals in
            // The first of its wording keeps its time.
            if refusals[key]?.sentence != hindrance.sentence { refusals[key] = hindrance }
        }
        // What was done before the refusal is known by now.
        let secretKey = certificates[key].map { ObjectKey(namespace: key.namespace, name: $0.spec.secretName) }
        guard var view = observe(key, secretKey.flatMap(secrets.knownFacts) ?? secret) else { return }
        view.hindrance = hindrance
        guard let status = Issuing.refused(view) else { return }
        try await CertificateWork(self, view).setStatus(status)
    }

    /// One look at all caches, without waiting in between; at the Secret was looked before.
    private func observe(_ key: ObjectKey, _ secret: SecretFacts?) -> CertificateView? {
        guard let certificate = certificates[key] else { return nil }
        let secretName = certificate.spec.secretName
        let uid = certificate.metadata.uid ?? ""
        let rivals = certificates.matching(index: Index.secretName, value: "\(key.namespace)/\(secretName)")
            .filter { $0.metadata.name != key.name && !$0.metadata.isBeingDeleted }
            .map { Rival(name: $0.metadata.name, createdAt: $0.metadata.creationTimestamp) }
        let nextKeys = secrets.facts.matching(index: Index.certificate, value: uid)
            .filter { $0.isNextPrivateKey && $0.metadata.name != secretName && !$0.metadata.isBeingDeleted }
            .sorted { $0.metadata.name < $1.metadata.name }
        let owned = requests.matching(index: Index.certificate, value: uid).sorted {
            $0.metadata.name < $1.metadata.name
        }
        return CertificateView(
            certificate: certificate,
            secret: secret,
            nextKeys: nextKeys, requests: owned, rivals: rivals.sorted { $0.name < $1.name },
            keystores: keystores.finding(key), obstacle: obstacle(owned), settings: settings, now: time.now()
        ).with(hindrance: { hindrance($0, owned) })
    }

    /// What the issuance under way waits for.
    private func hindrance(_ view: CertificateView, _ requests: [RequestFacts]) -> (Hindrance?, waitsForOrder: Bool) {
        guard let issuing = view.issuing else { return (nil, false) }
        if let refused = refusals.withLock({ $0[view.certificate.key] }) { return (refused, false) }
        guard let request = requests.last(where: { $0.revision == view.nextRevision }) else { return (nil, false) }
        let orders = orders?.matching(index: ACMECaches.owner, value: request.metadata.uid ?? "") ?? []
        let owned = orders.flatMap { order in
            challenges?.matching(index: ACMECaches.owner, value: order.metadata.uid ?? "") ?? []
        }
        let began = issuing.lastTransitionTime ?? request.metadata.creationTimestamp ?? view.now
        return (
            Hindrance.find(request, orders: orders, challenges: owned, began: began),
            !orders.isEmpty && !request.state.isFinal
        )
    }

    /// What is in the way of the orders of requests that have brought nothing yet.
    private func obstacle(_ requests: [RequestFacts]) -> String? {
        guard let orders else { return nil }
        for request in requests where request.state != .issued {
            let found = orders.matching(index: ACMECaches.owner, value: request.metadata.uid ?? "")
                .compactMap { $0.metadata.annotations?[Names.Annotation.preflight] }
            if let text = found.min() { return text }
        }
        return nil
    }

    private func answersAtOnce(_ certificate: Certificate) async throws -> Bool {
        // Where there are policies each request is judged by itself.
        guard policies.areKnown, policies.isEmpty else { return false }
        let namespace = certificate.metadata.namespace ?? ""
        guard try await signer.canSign(certificate.spec.issuerRef, namespace: namespace) else { return false }
        return try await approval.right(certificate.spec.issuerRef, namespace: namespace) == .yes
    }

    func tell(_ notice: Notice, on object: ObjectReference, component: String) {
        events.record(
            notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message, on: object,
            component: component)
    }
}

extension CertificateView {
    fileprivate func with(
        hindrance find: (CertificateView) -> (Hindrance?, waitsForOrder: Bool)
    ) -> CertificateView {
        var view = self
        (view.hindrance, view.waitsForOrder) = find(self)
        return view
    }
}

extension KubeError {
    /// What the API server will say again until somebody changes something: a right or a quota that is missing, a policy,
    /// an admission webhook that cannot be called. Nil for what passes by itself.
    fileprivate var standingRefusal: String? {
        guard let status, !isConflict, !isAlreadyExists, !isNotFound else { return nil }
        let isUncalled = status.message?.contains("failed calling webhook") == true
        guard isForbidden || isInvalid || status.code == 400 || isUncalled else { return nil }
        return description
    }
}

extension CertificateAction {
    /// Whether this cannot be taken back: another certificate is asked for, or something is deleted.
    fileprivate var isForGood: Bool {
        switch self {
        case .deleteRequest, .deleteNextKey, .storeNextKey, .createRequest, .issueAtOnce: true
        case .complete, .storeTemporary, .mendSecret, .setStatus, .tell, .lookAgain: false
        }
    }

    /// Whether this goes another way with an issuer that answers at once.
    fileprivate var beginsIssuing: Bool {
        switch self {
        case .storeNextKey: true
        default: false
        }
    }
}
