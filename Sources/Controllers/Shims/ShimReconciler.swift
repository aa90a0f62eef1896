package import CertificateAPI
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Wire

/// Keeps a Certificate for each Secret that the objects of one kind ask to have filled.
package final class ShimReconciler<Object: KubeObject>: Reconciler {
    private let component: String
    private let client: KubeClient
    let objects: Cache<Object>
    private let certificates: Cache<Certificate>
    private let events: EventRecorder
    private let settings: ShimSettings
    private let time: any TimeSource
    /// Nil for an object that asks for nothing now.
    private let read: @Sendable (Object) -> ShimSource?

    init(
        component: String, client: KubeClient, objects: Cache<Object>, certificates: Cache<Certificate>,
        events: EventRecorder, settings: ShimSettings, time: any TimeSource,
        read: @escaping @Sendable (Object) -> ShimSource?
    ) {
        self.component = component
        self.client = client
        self.objects = objects
        self.certificates = certificates
        self.events = events
        self.settings = settings
        self.time = time
        self.read = read
    }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let view = observe(key) else { return .onChange }
        var requeue = Requeue.onChange
        for action in Shim.decide(view) {
            if let again = try await apply(action, for: view.source) { requeue = requeue.sooner(again) }
        }
        return requeue
    }

    private func observe(_ key: ObjectKey) -> ShimView? {
        guard let object = objects[key], let source = read(object) else { return nil }
        var found: [ObjectKey: Certificate] = [:]
        if let uid = source.metadata.uid {
            for certificate in certificates.matching(index: ShimIndex.owner, value: uid) {
                found[certificate.key] = certificate
            }
        }
        for entry in source.entries {
            let key = ObjectKey(namespace: key.namespace, name: entry.secretName)
            if let certificate = certificates[key] { found[key] = certificate }
        }
        return ShimView(
            source: source, certificates: found.values.sorted { $0.key < $1.key }, settings: settings)
    }

    /// When to look again, where the action found something that the cache did not know.
    private func apply(_ action: ShimAction, for source: ShimSource) async throws -> Timestamp? {
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
            tell(.normal, "CreateCertificate", "Created the Certificate \"\(certificate.metadata.name)\".", source)
        case .change(let patch, let certificate):
            certificates.record(try await client.mergePatch(patch, of: Certificate.self, certificate.key))
            tell(.normal, "UpdateCertificate", "Updated the Certificate \"\(certificate.metadata.name)\".", source)
        case .delete(let certificate):
            // What the first list showed may be behind (docs/decisions/0008), and this cannot be taken back.
            let present = try await client.find(
                Object.self, ObjectKey(namespace: source.metadata.namespace ?? "", name: source.metadata.name))
            guard let present, present.metadata.resourceVersion == source.metadata.resourceVersion else {
                present.map(objects.record)
                return time.now() + .seconds(1)
            }
            let preconditions = Preconditions(uid: certificate.metadata.uid)
            try await client.delete(Certificate.self, certificate.key, preconditions: preconditions)
            let name = certificate.metadata.name
            tell(
                .normal, "DeleteCertificate", "Deleted the Certificate \"\(name)\", which is not asked for any more.",
                source)
        case .complain(let problem):
            tell(.warning, "BadConfig", "\(problem)", source)
        }
        return nil
    }

    private func tell(_ kind: Event.Kind, _ reason: String, _ message: String, _ source: ShimSource) {
        events.record(kind, reason: reason, message: message, on: source.reference, component: component)
    }
}

/// The indexes that the caches given to shims must have.
package enum ShimIndex {
    /// Certificates by the UID of the Ingress, Gateway or ListenerSet that controls them.
    static let owner = "shim"
    /// Objects by `namespace/secretName` of the Secrets they name.
    static let secretName = "secretName"

    private static let kinds: [ResourceType] = [
        Ingress.resource, Gateway.resource, ListenerSet.resource, ExperimentalListenerSet.resource,
    ]

    package static let certificates: [String: @Sendable (Certificate) -> [String]] = [
        owner: { certificate in
            guard let owner = certificate.metadata.controller, kinds.contains(where: owner.isKind) else { return [] }
            return [owner.uid]
        }
    ]

    package static let ingresses = byName { (ingress: Ingress) in (ingress.spec?.tls ?? []).compactMap(\.secretName) }

    static func byName<Object: KubeObject>(
        _ names: @escaping @Sendable (Object) -> [String]
    ) -> [String: @Sendable (Object) -> [String]] {
        [
            secretName: { object in
                var seen: Set<String> = []
                return names(object).filter { seen.insert($0).inserted }.map {
                    "\(object.metadata.namespace ?? "")/\($0)"
                }
            }
        ]
    }
}

extension OwnerReference {
    /// Whether the owner is of that kind, in whatever version.
    func isKind(_ type: ResourceType) -> Bool {
        guard kind == type.kind else { return false }
        let parts = apiVersion.split(separator: "/", maxSplits: 1)
        return (parts.count == 2 ? String(parts[0]) : "") == type.group
    }
}

extension ShimReconciler where Object == Ingress {
    package convenience init(
        client: KubeClient, ingresses: Cache<Ingress>, certificates: Cache<Certificate>, events: EventRecorder,
        settings: ShimSettings, time: any TimeSource
    ) {
        self.init(
            component: "cert-manager-ingress-shim", client: client, objects: ingresses, certificates: certificates,
            events: events, settings: settings, time: time, read: { ShimSource($0) })
    }
}

extension ShimReconciler {
    /// Has `enqueue` called with every object that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        objects.onChange { _, new in
            if let new { enqueue(new.key) }
        }
        let objects = objects
        certificates.onChange { old, new in
            // What happens to a Certificate's status is no business of a shim.
            if let old, let new, old.spec == new.spec, old.metadata.labels == new.metadata.labels,
                old.metadata.annotations == new.metadata.annotations,
                old.metadata.ownerReferences == new.metadata.ownerReferences
            {
                return
            }
            guard let certificate = new ?? old else { return }
            let name = "\(certificate.metadata.namespace ?? "")/\(certificate.metadata.name)"
            for object in objects.matching(index: ShimIndex.secretName, value: name) { enqueue(object.key) }
            if let owner = certificate.metadata.controller, owner.isKind(Object.resource) {
                enqueue(ObjectKey(namespace: certificate.metadata.namespace ?? "", name: owner.name))
            }
        }
    }
}
