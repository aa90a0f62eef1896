package import CertificateAPI
import Issuers
package import KubeClient
package import KubeModel
package import KubeRuntime
import Synchronization
package import Wire

/// Answers approved CertificateSigningRequests whose signer is an issuer of ours.
package final class SigningRequestReconciler: Reconciler {
    /// Kinds of issuers whose requests are answered.
    package enum Kind: Sendable, Hashable, CaseIterable { case acme, ca, selfSigned, vault, venafi }

    private let client: KubeClient
    private let requests: Cache<CertificateSigningRequest>
    private let orders: Cache<Order>
    private let lookup: IssuerLookup
    private let signer: InstantSigner
    private let desk: RemoteDesk
    private let kinds: Set<Kind>
    private let copiedAnnotations: AnnotationFilter
    private let gate: ReferenceGate
    private let events: EventRecorder
    private let time: any TimeSource
    /// Requests that wait for a Secret, by that Secret.
    private let waiting = Mutex<[ObjectKey: Set<ObjectKey>]>([:])

    package init(
        client: KubeClient, requests: Cache<CertificateSigningRequest>, orders: Cache<Order>, lookup: IssuerLookup,
        signer: InstantSigner, desk: RemoteDesk, kinds: Set<Kind>, copiedAnnotations: AnnotationFilter,
        events: EventRecorder,
        time: any TimeSource
    ) {
        self.client = client
        self.requests = requests
        self.orders = orders
        self.lookup = lookup
        self.signer = signer
        self.desk = desk
        self.kinds = kinds
        self.copiedAnnotations = copiedAnnotations
        gate = ReferenceGate(client: client)
        self.events = events
        self.time = time
    }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let request = requests[key], var view = observe(request) else {
            desk.isDone(key)
            return .onChange
        }
        var answer = SigningRequestDecision.decide(view)
        if answer.need == .reference, let namespace = view.signer.namespace {
            view.mayReference = try await gate.mayReference(view.signer.reference, namespace: namespace, request)
            answer = SigningRequestDecision.decide(view)
        }
        var requeue = Requeue.onChange
        switch answer.need {
        case .signature(let wanted):
            // Registered first, so that a Secret that comes while it is looked for is not missed.
            if let secret = signer.awaitedSecret(wanted) { awaitSecret(secret, for: key) }
            let signed = try await signer.sign(wanted)
            view.now = time.now()
            answer = SigningRequestDecision.decide(view, signed)
        case .order(let wanted):
            let plan = try await order(wanted, for: request)
            requeue = plan.lookAgain.map { .at($0) } ?? .onChange
            answer = SigningRequestDecision.decide(view, plan)
        case .remote(let wanted):
            answer = SigningRequestDecision.decide(view, ask(wanted, for: request, view.signer))
            requeue = answer.lookAgain.map { .at($0) } ?? .onChange
        case .reference, nil: break
        }
        let current = try await writeDown(answer.pickupID, on: request)
        if let status = answer.status {
            requests.record(try await StatusPatch.write(status, over: current.status, of: current, client))
            desk.isDone(key)
        }
        let issuer = SignerName(request.spec.signerName).flatMap { signer in
            lookup.find(signer.reference, namespace: signer.namespace ?? "")?.spec
        }
        for notice in answer.notices {
            events.record(
                notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message,
                on: ObjectReference(to: request), component: EventSource.signingRequest(issuer))
        }
        return requeue
    }

    private func awaitSecret(_ secret: ObjectKey, for key: ObjectKey) {
        waiting.withLock { _ = $0[secret, default: []].insert(key) }
    }

    // MARK: Looking

    /// Nil where the issuer is another program's to serve.
    private func observe(_ request: CertificateSigningRequest) -> SigningRequestView? {
        guard let signer = SignerName(request.spec.signerName) else { return nil }
        if signer.namespace == nil, lookup.clusterIssuers == nil { return nil }
        let found = lookup.find(signer.reference, namespace: signer.namespace ?? "")
        return SigningRequestView(
            request: request, signer: signer, issuer: issuer(found),
            resourceNamespace: found?.resourceNamespace ?? "", copiedAnnotations: copiedAnnotations, now: time.now())
    }

    private func issuer(_ found: IssuerLookup.Found?) -> SigningRequestIssuer {
        guard let found else { return .missing }
        let (kind, state): (Kind, SigningRequestIssuer)
        switch found.spec {
        case let spec where spec.acme != nil: (kind, state) = (.acme, .acme)
        case let spec where spec.ca != nil: (kind, state) = (.ca, .ca)
        case let spec where spec.selfSigned != nil: (kind, state) = (.selfSigned, .selfSigned)
        case let spec where spec.vault != nil: (kind, state) = (.vault, .remote)
        case let spec where spec.venafi != nil: (kind, state) = (.venafi, .remote)
        default: return .empty
        }
        guard kinds.contains(kind) else { return .elsewhere }
        // An ACME issuer may be of use while it is not Ready: the step that makes the Order looks at that.
        guard state != .acme else { return state }
        let ready = found.status?.conditions[type: Condition.Kind.ready]
        return ready?.status == .yes ? state : .notReady(ready?.message ?? "")
    }

    // MARK: Remote issuers

    private func ask(
        _ wanted: CertificateRequest, for request: CertificateSigningRequest, _ signer: SignerName
    ) -> RemoteProgress {
        guard let found = lookup.find(signer.reference, namespace: signer.namespace ?? "") else { return .asking }
        let annotations = request.metadata.annotations
        return desk.step(
            request.key, wanted, customFields: annotations?[Names.SigningRequestAnnotation.venafiCustomFields],
            pickupID: annotations?[Names.SigningRequestAnnotation.venafiPickupID], found)
    }

    /// Before anything else: without it the server would be asked for a second certificate.
    private func writeDown(
        _ pickupID: String?, on request: CertificateSigningRequest
    ) async throws -> CertificateSigningRequest {
        guard let pickupID else { return request }
        let annotation = Names.SigningRequestAnnotation.venafiPickupID
        let patch: JSONValue = ["metadata": ["annotations": [annotation: .string(pickupID)]]]
        let written = try await client.mergePatch(patch, of: CertificateSigningRequest.self, request.key)
        requests.record(written)
        return written
    }

    // MARK: Orders

    private func order(
        _ wanted: CertificateRequest, for request: CertificateSigningRequest
    ) async throws -> ACMERequestPlan {
        let owned = orders.matching(index: ACMECaches.owner, value: request.metadata.uid ?? "")
            .sorted { $0.metadata.name < $1.metadata.name }.first
        let name = ACMERequestDecision.orderName(wanted)
        let namesake = orders[ObjectKey(namespace: wanted.key.namespace, name: name)]
        var view = ACMERequestView(
            request: wanted, issuer: lookup.acme(wanted.spec.issuerRef, namespace: wanted.key.namespace), order: owned,
            isNameTaken: owned == nil && namesake != nil, now: time.now())
        var plan = ACMERequestDecision.decide(view)
        if plan.fetchesOrder, let owned {
            view.order = try await client.find(Order.self, owned.key)
            plan = ACMERequestDecision.decide(view)
        }
        guard var order = plan.create else { return plan }
        order.metadata.ownerReferences = [OwnerReference(controller: request)]
        do throws(KubeError) {
            orders.record(try await client.create(order))
        } catch {
            // The name is this request's alone: the watch has not shown it yet.
            guard error.isAlreadyExists else { throw error }
            plan.notices = []
            plan.lookAgain = time.now() + .seconds(1)
        }
        return plan
    }
}

extension SigningRequestReconciler {
    private static let issuerIndex = "issuer"

    /// - Parameter namespace: the only one whose Issuers are served; empty for all.
    package static func cache() -> Cache<CertificateSigningRequest> {
        Cache(indexes: [
            issuerIndex: { request in
                guard let signer = SignerName(request.spec.signerName) else { return [] }
                return [IssuerLookup.indexValue(signer.reference, namespace: signer.namespace ?? "")]
            }
        ])
    }

    /// For the informer of the cache: requests to other signers are not kept, and of those that are answered only the
    /// metadata is worth keeping, which is nothing.
    package static func keep(_ value: JSONValue, namespaces: Set<String>) throws -> CertificateSigningRequest? {
        let request = try value.decode(CertificateSigningRequest.self)
        guard let signer = SignerName(request.spec.signerName),
            namespaces.isEmpty || signer.namespace.map(namespaces.contains) == true,
            request.status?.certificate?.bytes.isEmpty ?? true,
            !request.isTrue(CertificateSigningRequest.Condition.failed),
            !request.isTrue(CertificateSigningRequest.Condition.denied)
        else { return nil }
        return request
    }

    /// Has `enqueue` called with every request that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void, secrets: SecretStore) {
        desk.connect(enqueue)
        requests.onChange { old, new in
            // Also when it is gone: what is remembered of it goes too.
            if let key = (new ?? old)?.key { enqueue(key) }
        }
        orders.onChange { old, new in
            guard let owner = (new ?? old)?.metadata.controller, owner.isKind(CertificateSigningRequest.resource) else {
                return
            }
            enqueue(ObjectKey(name: owner.name))
        }
        lookup.onChange { [weak self] value in
            for request in self?.requests.matching(index: Self.issuerIndex, value: value) ?? [] { enqueue(request.key) }
        }
        @Sendable func changed(_ key: ObjectKey?) {
            guard let key else { return }
            for request in waiting.withLock({ $0.removeValue(forKey: key) ?? [] }) { enqueue(request) }
        }
        secrets.facts.onChange { old, new in changed((new ?? old)?.key) }
        secrets.others.onChange { old, new in changed((new ?? old)?.key) }
    }
}
