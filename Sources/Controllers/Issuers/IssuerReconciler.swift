import ACME
package import CertificateAPI
package import Issuers
package import KubeClient
package import KubeModel
package import KubeRuntime
import PKI
import Synchronization
package import Wire

/// Keeps the Ready condition of Issuers or ClusterIssuers true to what they can do, and ACME accounts registered.
package final class IssuerReconciler<Object: IssuerObject>: Reconciler {
    let client: KubeClient
    let issuers: Cache<Object>
    let secrets: SecretStore
    let access: ACMEAccess
    private let events: EventRecorder
    let time: any TimeSource
    private let keyPairs: CAKeyPairs
    let errands: Errands<AccountAnswer>
    let notes = Mutex<[ObjectKey: Note]>([:])
    let remotes: RemoteIssuers
    let checks: Errands<IssuerReadiness>
    let remoteNotes = Mutex<[ObjectKey: RemoteNote]>([:])
    private let queue = KeySink()

    /// What need not survive the process.
    struct Note {
        var uid: String
        /// How often in a row the ACME server could not be asked.
        var failures = 0
        var notBefore: Timestamp?
        /// The generation and the Secrets that the last refusal was about: a change of either is asked about at once.
        var subject: String?
        /// What the last refusal was, to say it again.
        var answer: AccountAnswer?
    }

    package init(
        client: KubeClient, issuers: Cache<Object>, secrets: SecretStore, access: ACMEAccess, remotes: RemoteIssuers,
        events: EventRecorder, time: any TimeSource
    ) {
        self.client = client
        self.issuers = issuers
        self.secrets = secrets
        keyPairs = CAKeyPairs(limits: secrets.limits)
        self.access = access
        self.remotes = remotes
        self.events = events
        self.time = time
        errands = Errands { [queue] in queue.enqueue($0) }
        checks = Errands { [queue] in queue.enqueue($0) }
    }

    /// Asks servers until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.errands.run() }
            group.addTask { try await self.checks.run() }
            try await group.waitForAll()
        }
    }

    /// Whether a server is being asked.
    package var isAsking: Bool { errands.isBusy }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let issuer = issuers[key], !issuer.metadata.isBeingDeleted else {
            forget(key)
            return .onChange
        }
        let finding = try await look(into: issuer)
        let view = IssuerView(
            spec: issuer.spec, status: issuer.status, generation: issuer.metadata.generation, finding: finding,
            server: issuer.spec.acme.flatMap { serverInformation($0, issuer) }, now: time.now())
        let plan = IssuerDecision.decide(view)
        if let status = plan.status {
            issuers.record(try await StatusPatch.write(status, over: issuer.status, of: issuer, client))
        }
        // Only now: whoever waits for the account finds the issuer ready as well.
        if case .account = finding { access.accountIsReady(ObjectReference(to: issuer)) }
        for notice in plan.notices { tell(notice, on: issuer) }
        return plan.lookAgain.map { .at($0) } ?? .onChange
    }

    func tell(_ notice: Notice, on issuer: Object) {
        events.record(
            notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message,
            on: ObjectReference(to: issuer), component: component)
    }

    private var component: String { "cert-manager-\(Object.resource.plural)" }

    private func look(into issuer: Object) async throws -> IssuerFinding {
        let fatal = IssuerRules(issuer.spec).fatal
        if !fatal.isEmpty {
            access.clients.drop(issuer: issuer.metadata.uid ?? "")
            return .refused(fatal)
        }
        if let ca = issuer.spec.ca { return .readiness(try await readiness(of: ca, issuer)) }
        if let acme = issuer.spec.acme { return try await account(of: acme, issuer) }
        if issuer.spec.isRemote { return readiness(ofRemote: issuer) }
        return .readiness(SelfSignedSigner.readiness)
    }

    private func readiness(of ca: CAIssuer, _ issuer: Object) async throws -> IssuerReadiness {
        let name = secretKey(ca.secretName, issuer)
        let secret = try await secrets.read(name)
        do {
            return CASigner.readiness(.success(try keyPairs.keyPair(name, in: secret, at: time.now())))
        } catch {
            return CASigner.readiness(.failure(error))
        }
    }

    func secretKey(_ name: String, _ issuer: Object) -> ObjectKey {
        let namespace = Object.resource.isNamespaced ? issuer.key.namespace : access.lookup.clusterResourceNamespace
        return ObjectKey(namespace: namespace, name: name)
    }

    private func forget(_ key: ObjectKey) {
        forgetRemote(key)
        guard let note = notes.withLock({ $0.removeValue(forKey: key) }) else { return }
        access.clients.drop(issuer: note.uid)
        errands.consume(key)
    }
}

extension IssuerReconciler {
    /// Has `enqueue` called with every issuer that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        queue.connect(enqueue)
        issuers.onChange { old, new in
            if let key = new?.key ?? old?.key { enqueue(key) }
        }
        let issuers = issuers
        @Sendable func readers(_ secret: ObjectKey) {
            for issuer in issuers.matching(index: ACMECaches.secret, value: "\(secret)") { enqueue(issuer.key) }
        }
        secrets.facts.onChange { old, new in if let key = (new ?? old)?.key { readers(key) } }
        secrets.others.onChange { old, new in if let key = (new ?? old)?.key { readers(key) } }
    }
}
