import ACME
package import CertificateAPI
import Issuers
package import KubeClient
package import KubeModel
package import KubeRuntime
import Synchronization
package import Wire

/// Asks CAs when they would like certificates to be renewed (RFC 9773), beside everything else: it writes `status.acme`
/// of Certificates, with the renewal time that follows from it, and nothing more.
package final class RenewalReconciler: Reconciler {
    static let component = "cert-manager-certificates-renewal"

    private let client: KubeClient
    private let certificates: Cache<Certificate>
    private let requests: Cache<RequestFacts>
    private let orders: Cache<Order>
    private let secrets: SecretStore
    private let access: ACMEAccess
    private let events: EventRecorder
    private let errands: Errands<RenewalNews>
    private let time: any TimeSource
    private let progress = Mutex<[ObjectKey: RenewalProgress]>([:])
    private let queue = KeySink()

    package init(
        client: KubeClient, certificates: Cache<Certificate>, requests: Cache<RequestFacts>, orders: Cache<Order>,
        secrets: SecretStore, access: ACMEAccess, events: EventRecorder, time: any TimeSource
    ) {
        self.client = client
        self.certificates = certificates
        self.requests = requests
        self.orders = orders
        self.secrets = secrets
        self.access = access
        self.events = events
        self.time = time
        errands = Errands(limitPerLane: 8) { [queue] in queue.enqueue($0) }
    }

    /// Asks servers until cancelled.
    package func run() async throws { try await errands.run() }

    /// Whether a server is being asked.
    package var isAsking: Bool { errands.isBusy }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let certificate = certificates[key] else {
            progress.withLock { _ = $0.removeValue(forKey: key) }
            errands.consume(key)
            return .onChange
        }
        let (view, server) = observe(certificate)
        let plan = RenewalDecision.decide(view)
        note(plan.progress, of: key)
        try await apply(plan, view)
        if view.news != nil { errands.consume(key) }
        if let name = plan.ask, let server { ask(name, server, certificate) }
        return plan.lookAgain.map { .at($0) } ?? .onChange
    }

    /// Keeps what is worth it: most certificates have nothing.
    private func note(_ noted: RenewalProgress, of key: ObjectKey) {
        let isWorthIt = noted.failures > 0 || noted.pause != nil
        progress.withLock { $0[key] = isWorthIt ? noted : nil }
    }

    private func observe(_ certificate: Certificate) -> (RenewalView, ACMEServer?) {
        let key = certificate.key
        let uid = certificate.metadata.uid ?? ""
        let secret = ObjectKey(namespace: key.namespace, name: certificate.spec.secretName)
        let (source, server) = source(of: certificate)
        let issuer = IssuerLookup.indexValue(certificate.spec.issuerRef, namespace: key.namespace)
        let underWay = orders.count(index: ACMECaches.issuer, value: issuer)
        return (
            RenewalView(
                certificate: certificate, leaf: secrets.knownFacts(secret)?.leaf.value, source: source,
                news: errands.answer(for: key, uid: uid), isAsking: errands.isUnderWay(for: key, uid: uid),
                ordersUnderWay: underWay,
                progress: progress.withLock { $0[key] } ?? RenewalProgress(jitter: .random(in: 0..<1)), now: time.now()),
            server
        )
    }

    private func source(of certificate: Certificate) -> (RenewalSource, ACMEServer?) {
        guard certificate.spec.issuerRef.isOurs else { return (.none, nil) }
        guard let found = access.lookup.find(certificate.spec.issuerRef, namespace: certificate.key.namespace) else {
            return (.unknown, nil)
        }
        guard let issuer = found.spec.acme, issuer.renewalInformationSource != "None" else { return (.none, nil) }
        return (.server, access.clients.server(for: issuer))
    }

    private func apply(_ plan: RenewalInquiry, _ view: RenewalView) async throws {
        let certificate = view.certificate
        var status = certificate.status ?? .init()
        if status.acme != plan.acme {
            status.acme = plan.acme
            // Else the controller of Certificates would write it right after this.
            status.renewalTime = renewalTime(certificate, status) ?? status.renewalTime
            let written = try await StatusPatch.write(status, over: certificate.status, of: certificate, client)
            certificates.record(written)
        }
        for notice in plan.notices {
            events.record(
                notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message,
                on: ObjectReference(to: certificate), component: Self.component)
        }
    }

    private func renewalTime(_ certificate: Certificate, _ status: Certificate.Status) -> Timestamp? {
        var certificate = certificate
        certificate.status = status
        let secret = ObjectKey(namespace: certificate.key.namespace, name: certificate.spec.secretName)
        let view = CertificateView(
            certificate: certificate, secret: secrets.knownFacts(secret),
            requests: requests.matching(
                index: CertificateReconciler.Index.certificate, value: certificate.metadata.uid ?? ""),
            now: time.now())
        return Trigger.renewal(view)?.time
    }

    private func ask(_ name: String, _ server: ACMEServer, _ certificate: Certificate) {
        errands.start(
            for: certificate.key, uid: certificate.metadata.uid ?? "", lane: server.settings.directoryURL
        ) {
            do throws(ACMEError) {
                let found = try await server.renewalInformation(for: RenewalIdentifier(text: name))
                return RenewalNews(name: name, answer: .success(found))
            } catch {
                return RenewalNews(name: name, answer: .failure(error))
            }
        }
    }
}

extension RenewalReconciler {
    /// Has `enqueue` called with every Certificate that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        queue.connect(enqueue)
        let lookup = access.lookup
        certificates.onChange { old, new in
            guard let certificate = new else {
                if let old { enqueue(old.key) }
                return
            }
            // What changes while it is being issued is of no interest, nor are the many that other issuers sign.
            let status = certificate.status
            guard !(status?.conditions.isTrue(Condition.Kind.issuing) ?? false) else { return }
            let issuer = lookup.find(certificate.spec.issuerRef, namespace: certificate.key.namespace)
            if issuer?.spec.acme != nil || status?.acme != nil { enqueue(certificate.key) }
        }
        let certificates = certificates
        lookup.onChange { value in
            for certificate in certificates.all()
            where IssuerLookup.indexValue(certificate.spec.issuerRef, namespace: certificate.key.namespace) == value {
                enqueue(certificate.key)
            }
        }
    }
}
