import ACME
package import CertificateAPI
import Issuers
package import KubeClient
package import KubeModel
package import KubeRuntime
import PKI
import Synchronization
package import Wire

/// Keeps the Ready condition of Issuers or ClusterIssuers true to what they can do, and ACME accounts registered.
package final class IssuerReconciler<Object: IssuerObject>: Reconciler {
    private let client: KubeClient
    private let issuers: Cache<Object>
    private let secrets: SecretStore
    private let access: ACMEAccess
    private let events: EventRecorder
    private let time: any TimeSource
    private let keyPairs: CAKeyPairs
    private let errands: Errands<AccountAnswer>
    private let notes = Mutex<[ObjectKey: Note]>([:])
    private let queue = KeySink()

    /// What need not survive the process.
    private struct Note {
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
        client: KubeClient, issuers: Cache<Object>, secrets: SecretStore, access: ACMEAccess, events: EventRecorder,
        time: any TimeSource
    ) {
        self.client = client
        self.issuers = issuers
        self.secrets = secrets
        keyPairs = CAKeyPairs(limits: secrets.limits)
        self.access = access
        self.events = events
        self.time = time
        errands = Errands { [queue] in queue.enqueue($0) }
    }

    /// Asks ACME servers until cancelled.
    package func run() async throws { try await errands.run() }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let issuer = issuers[key], !issuer.metadata.isBeingDeleted else {
            forget(key)
            return .onChange
        }
        let finding = try await look(into: issuer)
        let view = IssuerView(
            spec: issuer.spec, status: issuer.status, generation: issuer.metadata.generation, finding: finding,
            now: time.now())
        let plan = IssuerDecision.decide(view)
        if let status = plan.status {
            issuers.record(try await StatusPatch.write(status, over: issuer.status, of: issuer, client))
        }
        // Only now: whoever waits for the account finds the issuer ready as well.
        if case .account = finding { access.accountIsReady(ObjectReference(to: issuer)) }
        for notice in plan.notices {
            events.record(
                notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message,
                on: ObjectReference(to: issuer), component: component)
        }
        return plan.lookAgain.map { .at($0) } ?? .onChange
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

    private func secretKey(_ name: String, _ issuer: Object) -> ObjectKey {
        let namespace = Object.resource.isNamespaced ? issuer.key.namespace : access.lookup.clusterResourceNamespace
        return ObjectKey(namespace: namespace, name: name)
    }

    private func forget(_ key: ObjectKey) {
        guard let note = notes.withLock({ $0.removeValue(forKey: key) }) else { return }
        access.clients.drop(issuer: note.uid)
        errands.consume(key)
    }
}

// MARK: ACME

extension IssuerReconciler {
    private func account(of acme: ACMEIssuer, _ issuer: Object) async throws -> IssuerFinding {
        let key = issuer.key
        let uid = issuer.metadata.uid ?? ""
        if errands.isUnderWay(for: key, uid: uid) { return .asking }
        let keyName = secretKey(acme.privateKeySecretRef.name, issuer)
        var keySecret = try await secrets.read(keyName)
        let (binding, bindingVersion) = try await binding(of: acme, issuer)
        var note = notes.withLock { $0[key] }.flatMap { $0.uid == uid ? $0 : nil } ?? Note(uid: uid)
        var view = AccountView(
            issuer: acme, status: issuer.status, key: AccountKeyState(acme.privateKeySecretRef, keyName, in: keySecret),
            binding: BindingState(binding), isDoubted: access.clients.isDoubted(issuer: uid), now: time.now())
        var step = AccountDecision.decide(view)
        if step == .makeKey {
            keySecret = try await storeKey(acme.privateKeySecretRef, keyName)
            view.key = AccountKeyState(acme.privateKeySecretRef, keyName, in: keySecret)
            step = AccountDecision.decide(view)
        }
        if step == .ask {
            let subject =
                "\(issuer.metadata.generation ?? 0)/\(keySecret?.metadata.resourceVersion ?? "")/\(bindingVersion)"
            view.failures = note.failures
            view.answer = answer(&note, subject, key, uid)
            guard view.answer != nil else {
                notes.withLock { $0[key] = note }
                start(acme, issuer, view, try binding.get())
                return .asking
            }
            step = AccountDecision.decide(view)
        }
        notes.withLock { $0[key] = note }
        return try await finding(step, acme, issuer, view.key)
    }

    /// The server's answer, when it is new, or when it was a refusal that holds until later or until a change.
    private func answer(_ note: inout Note, _ subject: String, _ key: ObjectKey, _ uid: String) -> AccountAnswer? {
        if let answer = errands.answer(for: key, uid: uid) {
            errands.consume(key)
            note.answer = answer
            note.subject = subject
            if case .refused(let error, _) = answer {
                note.failures += 1
                note.notBefore = notBefore(error, note.failures)
            } else {
                note.failures = 0
                note.notBefore = nil
                note.answer = nil
            }
            return answer
        }
        guard note.subject == subject, let refusal = note.answer else { return nil }
        guard let notBefore = note.notBefore else { return refusal }
        return time.now() < notBefore ? refusal : nil
    }

    private func notBefore(_ error: ACMEError, _ failures: Int) -> Timestamp? {
        switch error.advice {
        case .permanent: nil
        case .retry: time.now() + RetryPace.delay(afterFailures: failures)
        case .retryAt(let at): max(at, time.now() + .seconds(5))
        case .userActionRequired: time.now() + .seconds(3600)
        }
    }

    private func start(
        _ acme: ACMEIssuer, _ issuer: Object, _ view: AccountView, _ binding: ACME.ExternalAccountBinding?
    ) {
        guard case .key(let accountKey) = view.key else { return }
        let registration = AccountRegistration(
            acme, status: issuer.status, server: access.clients.server(for: acme), key: accountKey.key, binding: binding
        )
        errands.start(for: issuer.key, uid: issuer.metadata.uid ?? "", lane: acme.server) {
            await registration.ask()
        }
    }

    private func finding(
        _ step: AccountStep, _ acme: ACMEIssuer, _ issuer: Object, _ key: AccountKeyState
    ) async throws -> IssuerFinding {
        let uid = issuer.metadata.uid ?? ""
        guard case .ready(let account, let readiness) = step, case .key(let accountKey) = key else {
            access.clients.drop(issuer: uid)
            guard case .notReady(let readiness) = step else { return .asking }
            return .readiness(readiness)
        }
        _ = access.clients.keep(
            ACMEClient(
                server: access.clients.server(for: acme), accountURL: account.uri ?? "", key: accountKey.key),
            forIssuer: uid)
        return .account(account, readiness, solverProblems: try await solverProblems(acme, issuer))
    }

    /// Stored before it is registered, so that no account is ever made whose key is lost.
    private func storeKey(_ selector: SecretKeySelector, _ name: ObjectKey) async throws -> Secret? {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var metadata = ObjectMeta(name: name.name, namespace: name.namespace)
        metadata.labels = [Names.Label.managedBy: Names.Label.managedByValue]
        let data = [selector.key.nonEmpty ?? Names.SecretKey.privateKey: Base64Data(try key.pem(.pkcs8))]
        do throws(KubeError) {
            return try await client.create(Secret(metadata: metadata, type: Names.opaqueSecretType, data: data))
        } catch {
            // Made by ourselves a moment ago, or by a user: what is there counts.
            guard error.isAlreadyExists else { throw error }
            return try await secrets.readNow(name)
        }
    }

    private func binding(
        of acme: ACMEIssuer, _ issuer: Object
    ) async throws -> (Result<ACME.ExternalAccountBinding?, BindingProblem>, version: String) {
        guard let binding = acme.externalAccountBinding else { return (.success(nil), "") }
        let name = secretKey(binding.keySecretRef.name, issuer)
        let secret = try await secrets.read(name)
        return (acme.binding(in: secret, name), secret?.metadata.resourceVersion ?? "")
    }

    private func solverProblems(_ acme: ACMEIssuer, _ issuer: Object) async throws -> [String] {
        var problems: [String] = []
        for (index, solver) in (acme.solvers ?? []).enumerated() {
            let path = FieldPath.spec["acme"]["solvers"][index]
            problems += SolverReview.problems(of: solver, at: path).map(\.description)
            for (path, selector) in SolverReview.secretReferences(of: solver, at: path) {
                let name = secretKey(selector.name, issuer)
                guard let secret = try await secrets.read(name) else {
                    problems.append("\(path): Secret \(name) does not exist")
                    continue
                }
                let dataKey = selector.key.nonEmpty ?? ""
                if secret[dataKey]?.isEmpty ?? true {
                    problems.append("\(path): Secret \(name) has no data under \"\(dataKey)\"")
                }
            }
        }
        return problems
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
