import ACME
package import CertificateAPI
import Issuers
package import KubeClient
package import KubeModel
package import KubeRuntime
import PKI
import Synchronization
package import Wire

/// Revokes certificates that annotations ask to be revoked: looks, decides (`RevocationDecision`), writes down what it is
/// about before anything is asked, and lets the CA be asked beside it.
package final class RevocationReconciler: Reconciler {
    static let component = "cert-manager-certificates-revocation"

    private let client: KubeClient
    private let certificates: Cache<Certificate>
    private let secrets: SecretStore
    private let access: ACMEAccess
    private let events: EventRecorder
    private let errands: Errands<RevocationNews>
    private let time: any TimeSource
    private let progress = Mutex<[ObjectKey: RevocationProgress]>([:])
    private let queue = KeySink()

    package init(
        client: KubeClient, certificates: Cache<Certificate>, secrets: SecretStore, access: ACMEAccess,
        events: EventRecorder, time: any TimeSource
    ) {
        self.client = client
        self.certificates = certificates
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
        guard let certificate = certificates[key], Self.concerns(certificate) else {
            progress.withLock { _ = $0.removeValue(forKey: key) }
            errands.consume(key)
            return .onChange
        }
        try await secrets.look(at: ObjectKey(namespace: key.namespace, name: certificate.spec.secretName))
        let (view, account) = observe(certificate)
        var plan = RevocationDecision.decide(view)
        if let wish = plan.take { plan.record = try await begin(wish, certificate) }
        try await apply(plan, view)
        if view.news != nil { errands.consume(key) }
        progress.withLock { $0[key] = plan.record?.state.isOver == true ? nil : plan.progress }
        if let record = plan.ask, let account { ask(record, certificate, account) }
        return plan.lookAgain.map { .at($0) } ?? .onChange
    }

    /// Whether anything was ever to be revoked.
    private static func concerns(_ certificate: Certificate) -> Bool {
        let keys = [Names.Annotation.revoke, Names.Annotation.revokeOnDeletion, Names.Annotation.revocation]
        let annotations = certificate.metadata.annotations ?? [:]
        return keys.contains { annotations[$0] != nil }
            || certificate.metadata.finalizers?.contains(Names.Finalizer.revocation) == true
    }

    private func observe(_ certificate: Certificate) -> (RevocationView, ACMEClient?) {
        let key = certificate.key
        let uid = certificate.metadata.uid ?? ""
        let secret = ObjectKey(namespace: key.namespace, name: certificate.spec.secretName)
        let reference = certificate.spec.issuerRef
        // An issuer that is gone for now may come back; one of another kind cannot revoke anything.
        let found = access.lookup.find(reference, namespace: key.namespace)
        let isOther = !reference.isOurs || (found.map { $0.spec.acme == nil } ?? false)
        let (issuer, account) = access.find(reference, namespace: key.namespace)
        return (
            RevocationView(
                certificate: certificate, present: secrets.knownFacts(secret)?.leaf.value?.renewalName,
                issuer: isOther ? nil : issuer, news: errands.answer(for: key, uid: uid),
                isAsking: errands.isUnderWay(for: key, uid: uid),
                progress: progress.withLock { $0[key] } ?? RevocationProgress(), now: time.now()), account
        )
    }

    /// What is in the Secret now is what will be revoked, whatever comes into it later.
    private func begin(_ wish: RevocationWish, _ certificate: Certificate) async throws -> RevocationRecord {
        let key = ObjectKey(namespace: certificate.key.namespace, name: certificate.spec.secretName)
        guard let secret = try await secrets.readNow(key), let pem = secret[Names.SecretKey.certificate] else {
            return RevocationRecord(
                wish, failed: "There is nothing to revoke: the Secret \(key) holds no certificate")
        }
        do throws(PKIError) {
            let leaf = try Chain.leaf(pem: pem, secrets.limits)
            let facts = LeafFacts(leaf)
            guard let name = facts.renewalName, !facts.isTemporary else {
                return RevocationRecord(
                    wish, failed: "There is nothing to revoke: the certificate in the Secret is from no CA")
            }
            return RevocationRecord(wish, certificate: name, der: leaf.der)
        } catch {
            return RevocationRecord(
                wish, failed: "The certificate in the Secret cannot be read: \(error)")
        }
    }

    private func apply(_ plan: RevocationPlan, _ view: RevocationView) async throws {
        var certificate = view.certificate
        var metadata: JSONObject = [:]
        if let record = plan.record, record != view.record {
            metadata["annotations"] = .object([Names.Annotation.revocation: .string(try record.text)])
        } else if plan.dropsRecord {
            metadata["annotations"] = .object([Names.Annotation.revocation: .null])
        }
        if let finalizer = plan.finalizer {
            let others = (certificate.metadata.finalizers ?? []).filter { $0 != Names.Finalizer.revocation }
            let all = finalizer == .add ? others + [Names.Finalizer.revocation] : others
            metadata["finalizers"] = .array(all.map { .string($0) })
        }
        // The Certificate may be gone with its last finalizer: what is to be told is told before.
        for notice in plan.notices { tell(notice, certificate) }
        if metadata != [:] {
            metadata["resourceVersion"] = .string(certificate.metadata.resourceVersion ?? "")
            certificate = try await client.mergePatch(
                ["metadata": .object(metadata)], of: Certificate.self, certificate.key)
            guard plan.finalizer != .remove || !certificate.metadata.isBeingDeleted else { return }
            certificates.record(certificate)
        }
        if let condition = plan.condition {
            var status = certificate.status ?? .init()
            status.conditions = status.conditions.setting(condition, now: view.now)
            certificates.record(
                try await StatusPatch.write(status, over: certificate.status, of: certificate, client))
        }
    }

    private func tell(_ notice: Notice, _ certificate: Certificate) {
        events.record(
            notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message,
            on: ObjectReference(to: certificate), component: Self.component)
    }

    private func ask(_ record: RevocationRecord, _ certificate: Certificate, _ account: ACMEClient) {
        let work = RevocationWork(
            record: record, account: account, secrets: secrets,
            secret: ObjectKey(namespace: certificate.key.namespace, name: certificate.spec.secretName))
        errands.start(
            for: certificate.key, uid: certificate.metadata.uid ?? "", lane: account.server.settings.directoryURL
        ) { await work.run() }
    }
}

extension RevocationReconciler {
    /// Has `enqueue` called with every Certificate that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        queue.connect(enqueue)
        certificates.onChange { old, new in
            guard let certificate = new ?? old, Self.concerns(certificate) || old.map(Self.concerns) == true else {
                return
            }
            enqueue(certificate.key)
        }
        secrets.facts.onChange { [certificates] old, new in
            guard let secret = new ?? old else { return }
            let value = "\(secret.metadata.namespace ?? "")/\(secret.metadata.name)"
            for certificate in certificates.matching(index: CertificateReconciler.Index.secretName, value: value)
            where Self.concerns(certificate) {
                enqueue(certificate.key)
            }
        }
        access.onIssuerChange { [certificates] value in
            for certificate in certificates.all()
            where Self.concerns(certificate)
                && IssuerLookup.indexValue(certificate.spec.issuerRef, namespace: certificate.key.namespace) == value
            {
                enqueue(certificate.key)
            }
        }
    }
}
