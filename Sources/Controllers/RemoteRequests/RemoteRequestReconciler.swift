import CertificateAPI
import Issuers
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Wire

/// Answers approved CertificateRequests of issuers that are asked over the network.
package final class RemoteRequestReconciler: Reconciler {
    static let component = "cert-manager-certificaterequests"

    /// Kinds of issuers whose requests are answered.
    package enum Kind: Sendable, Hashable, CaseIterable { case vault, venafi }

    private let client: KubeClient
    private let requests: Cache<RequestFacts>
    private let lookup: IssuerLookup
    private let kinds: Set<Kind>
    private let desk: RemoteDesk
    private let events: EventRecorder
    private let time: any TimeSource

    package init(
        client: KubeClient, requests: Cache<RequestFacts>, lookup: IssuerLookup, kinds: Set<Kind>, desk: RemoteDesk,
        events: EventRecorder, time: any TimeSource
    ) {
        self.client = client
        self.requests = requests
        self.lookup = lookup
        self.kinds = kinds
        self.desk = desk
        self.events = events
        self.time = time
    }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let request = requests[key]?.open?.value, request.spec.issuerRef.isOurs else {
            desk.isDone(key)
            return .onChange
        }
        let found = lookup.find(request.spec.issuerRef, namespace: key.namespace)
        var view = RemoteRequestView(request: request, issuer: issuer(found, request), now: time.now())
        var plan = RemoteRequestDecision.decide(view)
        if plan.asks, let found {
            let annotations = request.metadata.annotations
            view.progress = desk.step(
                key, request, customFields: annotations?[Names.Annotation.venafiCustomFields],
                pickupID: annotations?[Names.Annotation.venafiPickupID], found)
            view.now = time.now()
            plan = RemoteRequestDecision.decide(view)
        }
        try await apply(plan, to: request)
        if plan.isOver { desk.isDone(key) }
        return plan.lookAgain.map { .at($0) } ?? .onChange
    }

    private func apply(_ plan: RemoteRequestPlan, to request: CertificateRequest) async throws {
        var request = request
        if let pickupID = plan.pickupID {
            // Before anything else: without it the server would be asked for a second certificate.
            let patch: JSONValue = [
                "metadata": ["annotations": [Names.Annotation.venafiPickupID: .string(pickupID)]]
            ]
            request = try await client.mergePatch(patch, of: CertificateRequest.self, request.key)
            requests.record(RequestFacts(request))
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
    }

    private func issuer(_ found: IssuerLookup.Found?, _ request: CertificateRequest) -> RemoteRequestIssuer {
        guard let found, let kind = Kind(found.spec), kinds.contains(kind) else { return .other }
        let ready = found.status?.conditions[type: Condition.Kind.ready]
        if ready?.status == .yes { return .ready }
        let reference = request.spec.issuerRef
        let why = ready?.message.nonEmpty.map { ": \($0)" } ?? ""
        return .notReady("Referenced \(reference.effectiveKind) \"\(reference.name)\" is not ready yet\(why)")
    }
}

extension RemoteRequestReconciler.Kind {
    init?(_ spec: IssuerSpec) {
        if spec.vault != nil {
            self = .vault
        } else if spec.venafi != nil {
            self = .venafi
        } else {
            return nil
        }
    }
}

extension RemoteRequestReconciler {
    /// Has `enqueue` called with every request that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        desk.connect(enqueue)
        requests.onChange { old, new in
            guard let key = (new ?? old)?.key else { return }
            // Also when it is gone: what is remembered of it goes too.
            if new?.open != nil || old?.open != nil { enqueue(key) }
        }
        lookup.onChange { [weak self] value in
            guard let self else { return }
            for request in requests.matching(index: CertificateReconciler.Index.issuer, value: value) {
                enqueue(request.key)
            }
        }
    }
}
