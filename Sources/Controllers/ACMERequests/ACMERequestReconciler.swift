package import CertificateAPI
import Issuers
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Wire

/// Answers approved CertificateRequests of ACME issuers through an Order each.
package final class ACMERequestReconciler: Reconciler {
    static let component = "cert-manager-certificaterequests-issuer-acme"

    private let client: KubeClient
    private let requests: Cache<RequestFacts>
    private let orders: Cache<Order>
    private let certificates: Cache<Certificate>
    private let secrets: SecretStore
    private let lookup: IssuerLookup
    private let events: EventRecorder
    private let time: any TimeSource

    package init(
        client: KubeClient, requests: Cache<RequestFacts>, orders: Cache<Order>,
        certificates: Cache<Certificate>, secrets: SecretStore, lookup: IssuerLookup, events: EventRecorder,
        time: any TimeSource
    ) {
        self.client = client
        self.requests = requests
        self.orders = orders
        self.certificates = certificates
        self.secrets = secrets
        self.lookup = lookup
        self.events = events
        self.time = time
    }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let request = requests[key]?.open?.value, request.spec.issuerRef.isOurs else { return .onChange }
        var view = observe(request)
        var plan = ACMERequestDecision.decide(view)
        if plan.fetchesOrder, let order = view.order {
            view.order = try await client.find(Order.self, order.key)
            plan = ACMERequestDecision.decide(view)
        }
        if let order = plan.create {
            do throws(KubeError) {
                orders.record(try await client.create(order))
            } catch {
                // The name is this request's alone: the watch has not shown it yet.
                guard error.isAlreadyExists else { throw error }
                plan.notices = []
                plan.lookAgain = time.now() + .seconds(1)
            }
        }
        if let status = plan.status {
            let written = try await StatusPatch.write(status, over: request.status, of: request, client)
            requests.record(RequestFacts(written))
        }
        for notice in plan.notices {
            events.record(
                notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message,
                on: ObjectReference(to: request), component: Self.component)
        }
        return plan.lookAgain.map { .at($0) } ?? .onChange
    }

    private func observe(_ request: CertificateRequest) -> ACMERequestView {
        let key = request.key
        let uid = request.metadata.uid ?? ""
        let order = orders.matching(index: ACMECaches.owner, value: uid)
            .sorted { $0.metadata.name < $1.metadata.name }.first
        let namesake = orders[ObjectKey(namespace: key.namespace, name: ACMERequestDecision.orderName(request))]
        return ACMERequestView(
            request: request, issuer: lookup.acme(request.spec.issuerRef, namespace: key.namespace), order: order,
            isNameTaken: order == nil && namesake != nil,
            predecessor: order == nil ? predecessor(of: request) : nil, limits: secrets.limits, now: time.now())
    }

    /// What is in the Secret of the Certificate that asks, if it came from the issuer that is asked.
    private func predecessor(of request: CertificateRequest) -> Predecessor? {
        let namespace = request.key.namespace
        guard let owner = request.metadata.controller, owner.kind == Certificate.resource.kind,
            let certificate = certificates[ObjectKey(namespace: namespace, name: owner.name)],
            certificate.metadata.uid == owner.uid,
            let secret = secrets.knownFacts(ObjectKey(namespace: namespace, name: certificate.spec.secretName)),
            secret.annotations.has(Names.Annotation.issuerName, request.spec.issuerRef.name),
            let leaf = secret.leaf.value, !leaf.isTemporary, let name = leaf.renewalName
        else { return nil }
        return Predecessor(renewalName: name, notAfter: leaf.notAfter)
    }
}

extension IssuerLookup {
    func acme(_ reference: IssuerReference, namespace: String) -> ACMERequestIssuer {
        guard let found = find(reference, namespace: namespace), let acme = found.spec.acme else { return .notACME }
        if ACMEReadiness(found.status).isUsable { return .ready(acme) }
        let why = found.status?.conditions[type: Condition.Kind.ready]?.message.nonEmpty.map { ": \($0)" } ?? ""
        return .notReady("Referenced \(reference.effectiveKind) \"\(reference.name)\" is not ready yet\(why)")
    }
}

extension ACMERequestReconciler {
    /// Has `enqueue` called with every request that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        requests.onChange { _, new in
            if let new, new.open != nil { enqueue(new.key) }
        }
        orders.onChange { old, new in
            guard let order = new ?? old, let owner = order.metadata.controller,
                owner.kind == CertificateRequest.resource.kind
            else { return }
            enqueue(ObjectKey(namespace: order.key.namespace, name: owner.name))
        }
        lookup.onChange { [weak self] value in
            guard let self else { return }
            for request in requests.matching(index: CertificateReconciler.Index.issuer, value: value) {
                enqueue(request.key)
            }
        }
    }
}
