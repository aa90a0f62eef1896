package import CertificateAPI
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Wire

/// Keeps a Certificate for each TLS entry of the Ingresses that ask for one.
package final class IngressShimReconciler: Reconciler {
    private static let component = "cert-manager-ingress-shim"

    /// Names of the indexes that the caches given to this controller must have; `certificateIndexes` and
    /// `ingressIndexes` are those indexes.
    package enum Index {
        /// Certificates by the UID of the Ingress that controls them.
        package static let ingress = "ingress"
        /// Ingresses by `namespace/secretName` of their TLS entries.
        package static let secretName = "secretName"
    }

    private let client: KubeClient
    private let ingresses: Cache<Ingress>
    private let certificates: Cache<Certificate>
    private let events: EventRecorder
    private let settings: IngressShimSettings
    private let time: any TimeSource

    package init(
        client: KubeClient, ingresses: Cache<Ingress>, certificates: Cache<Certificate>, events: EventRecorder,
        settings: IngressShimSettings, time: any TimeSource
    ) {
        self.client = client
        self.ingresses = ingresses
        self.certificates = certificates
        self.events = events
        self.settings = settings
        self.time = time
    }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let view = observe(key) else { return .onChange }
        var requeue = Requeue.onChange
        for action in IngressShim.decide(view) {
            if let again = try await apply(action, for: view.ingress) { requeue = requeue.sooner(again) }
        }
        return requeue
    }

    private func observe(_ key: ObjectKey) -> IngressShimView? {
        guard let ingress = ingresses[key] else { return nil }
        var found: [ObjectKey: Certificate] = [:]
        if let uid = ingress.metadata.uid {
            for certificate in certificates.matching(index: Index.ingress, value: uid) {
                found[certificate.key] = certificate
            }
        }
        for name in (ingress.spec?.tls ?? []).compactMap(\.secretName) {
            let key = ObjectKey(namespace: key.namespace, name: name)
            if let certificate = certificates[key] { found[key] = certificate }
        }
        return IngressShimView(
            ingress: ingress, certificates: found.values.sorted { $0.key < $1.key }, settings: settings)
    }

    /// When to look again, where the action found something that the cache did not know.
    private func apply(_ action: IngressShimAction, for ingress: Ingress) async throws -> Timestamp? {
        switch action {
        case .create(let certificate):
            do throws(KubeError) {
                certificates.record(try await client.create(certificate))
            } catch {
                guard error.isAlreadyExists else { throw error }
                if let present = try await client.find(Certificate.self, certificate.key) {
                    certificates.record(present)
                }
                return time.now()
            }
            tell(.normal, "CreateCertificate", "Created the Certificate \"\(certificate.metadata.name)\".", ingress)
        case .change(let patch, let certificate):
            certificates.record(try await client.mergePatch(patch, of: Certificate.self, certificate.key))
            tell(.normal, "UpdateCertificate", "Updated the Certificate \"\(certificate.metadata.name)\".", ingress)
        case .delete(let certificate):
            let preconditions = Preconditions(uid: certificate.metadata.uid)
            try await client.delete(Certificate.self, certificate.key, preconditions: preconditions)
            let name = certificate.metadata.name
            tell(
                .normal, "DeleteCertificate", "Deleted the Certificate \"\(name)\", which is not asked for any more.",
                ingress)
        case .complain(let problem):
            tell(.warning, "BadConfig", "\(problem)", ingress)
        }
        return nil
    }

    private func tell(_ kind: Event.Kind, _ reason: String, _ message: String, _ ingress: Ingress) {
        events.record(
            kind, reason: reason, message: message, on: ObjectReference(to: ingress), component: Self.component)
    }
}

extension IngressShimReconciler {
    package static let certificateIndexes: [String: @Sendable (Certificate) -> [String]] = [
        Index.ingress: { certificate in
            guard let owner = certificate.metadata.controller, owner.kind == Ingress.resource.kind else { return [] }
            return [owner.uid]
        }
    ]

    package static let ingressIndexes: [String: @Sendable (Ingress) -> [String]] = [
        Index.secretName: { ingress in
            (ingress.spec?.tls ?? []).compactMap(\.secretName).map { "\(ingress.metadata.namespace ?? "")/\($0)" }
        }
    ]

    /// Has `enqueue` called with every Ingress that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        ingresses.onChange { _, new in
            if let new { enqueue(new.key) }
        }
        let ingresses = ingresses
        certificates.onChange { old, new in
            // What happens to a Certificate's status is no business of an Ingress.
            if let old, let new, old.spec == new.spec, old.metadata.labels == new.metadata.labels,
                old.metadata.annotations == new.metadata.annotations,
                old.metadata.ownerReferences == new.metadata.ownerReferences
            {
                return
            }
            guard let certificate = new ?? old else { return }
            let name = "\(certificate.metadata.namespace ?? "")/\(certificate.metadata.name)"
            for ingress in ingresses.matching(index: Index.secretName, value: name) { enqueue(ingress.key) }
            if let owner = certificate.metadata.controller, owner.kind == Ingress.resource.kind {
                enqueue(ObjectKey(namespace: certificate.metadata.namespace ?? "", name: owner.name))
            }
        }
    }
}
