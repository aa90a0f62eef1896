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
        for order in plan.giveUp { try await giveUp(order) }
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

    /// Another issuer was asked: this Order ends, and what it holds at its CA is let go.
    private func giveUp(_ order: Order) async throws {
        let why = "another issuer was asked, since \(OrderTrouble(order)?.words ?? "it failed")"
        let patch: JSONValue = ["metadata": ["annotations": [Names.Annotation.givenUp: .string(why)]]]
        orders.record(try await client.mergePatch(patch, of: Order.self, order.key))
    }

    private func observe(_ request: CertificateRequest) -> ACMERequestView {
        let key = request.key
        let uid = request.metadata.uid ?? ""
        let owned = orders.matching(index: ACMECaches.owner, value: uid)
            .sorted { (OrderStage($0), $0.metadata.name) < (OrderStage($1), $1.metadata.name) }
        let order = owned.last
        let namesake = orders[ObjectKey(namespace: key.namespace, name: ACMERequestDecision.orderName(request))]
        let predecessor = predecessor(of: request)
        let others = OtherIssuers(
            lookup.find(request.spec.issuerRef, namespace: key.namespace)?.annotations,
            kind: request.spec.issuerRef.effectiveKind)
        let asked = order?.spec.issuerRef ?? request.spec.issuerRef
        let underWay = orders.count(
            index: ACMECaches.issuer, value: IssuerLookup.indexValue(asked, namespace: key.namespace))
        return ACMERequestView(
            request: request, issuer: lookup.acme(request.spec.issuerRef, namespace: key.namespace), order: order,
            earlier: owned.dropLast(), fallbacks: others.fallbacks.map { candidate($0, key.namespace) },
            rehearsal: rehearsal(others, request, predecessor),
            isNameTaken: order == nil && namesake != nil, predecessor: predecessor, limits: secrets.limits,
            ordersUnderWay: underWay, now: time.now())
    }

    private func candidate(_ reference: IssuerReference, _ namespace: String) -> ACMECandidate {
        ACMECandidate(reference: reference, issuer: lookup.acme(reference, namespace: namespace))
    }

    /// What was certified for the same names needs no rehearsal.
    private func rehearsal(
        _ others: OtherIssuers, _ request: CertificateRequest, _ predecessor: Predecessor?
    ) -> Rehearsal {
        let asks = request.metadata.annotations?[Names.Annotation.rehearse]
        guard asks == "true" || (others.rehearses && asks != "false"), predecessor?.hasSameNames != true else {
            return .none
        }
        guard let reference = others.rehearsal else {
            return .impossible(
                "the issuer has no annotation \(Names.Annotation.rehearsalIssuer) that names an issuer of a staging CA")
        }
        return .at(candidate(reference, request.key.namespace))
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
        let wanted = (try? DesiredCertificate(certificate.spec)).map {
            NamePrints(subject: $0.subject, names: $0.names)
        }
        let isSame =
            leaf.names.looseDNSNames == wanted?.looseDNSNames && leaf.names.ipAddresses == wanted?.ipAddresses
        return Predecessor(renewalName: name, notAfter: leaf.notAfter, hasSameNames: isSame)
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
            // Requests of issuers that have theirs rehearsed there, or fall back on it, may wait for it too.
            for value in [value] + lookup.leading(to: value) {
                for request in requests.matching(index: CertificateReconciler.Index.issuer, value: value) {
                    enqueue(request.key)
                }
            }
        }
    }
}
