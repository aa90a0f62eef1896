package import ACME
package import CertificateAPI
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Logging
package import Solvers
import Synchronization
package import Wire

/// Proves control of names: presents what the CA wants to see, tells the CA to look, and takes it away again.
package final class ChallengeReconciler: Reconciler {
    static let component = "cert-manager-challenges"

    /// The client of the account of an ACME issuer.
    package typealias Clients = @Sendable (_ issuer: IssuerReference, _ namespace: String) async throws -> ACMEClient

    private let client: KubeClient
    private let challenges: Cache<Challenge>
    private let orders: Cache<Order>
    private let lookup: IssuerLookup
    private let errands: SolverErrands
    private let slots: ChallengeSlots
    private let clients: Clients
    private let events: EventRecorder
    private let time: any TimeSource
    private let logger: Logger
    private let memories = Mutex<[String: ChallengeMemory]>([:])
    private let wake: @Sendable (ObjectKey) -> Void

    /// `wake` enqueues a Challenge that may take a slot now.
    package init(
        client: KubeClient, challenges: Cache<Challenge>, orders: Cache<Order>, lookup: IssuerLookup,
        errands: SolverErrands, slots: ChallengeSlots, clients: @escaping Clients, events: EventRecorder,
        time: any TimeSource, logger: Logger, wake: @escaping @Sendable (ObjectKey) -> Void
    ) {
        self.client = client
        self.challenges = challenges
        self.orders = orders
        self.lookup = lookup
        self.errands = errands
        self.slots = slots
        self.clients = clients
        self.events = events
        self.time = time
        self.logger = logger
        self.wake = wake
    }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let view = observe(key) else {
            forget(key)
            return .onChange
        }
        switch ChallengeDecision.next(view) {
        case .rest:
            giveBackSlot(key)
            return .onChange
        case .lookAgain(let moment): return .at(moment)
        case .awaitSlot:
            let created = view.challenge.metadata.creationTimestamp ?? view.now
            guard slots.take(key, createdAt: created) else { return .onChange }
            if view.challenge.status?.processing != true {
                tell(.normal("Started", "Challenge scheduled for processing"), view)
            }
            return .at(view.now)
        case .present: return try await after(.present, view, ChallengeDecision.presented)
        case .check: return try await after(.check, view, ChallengeDecision.checked)
        case .cleanUp: return try await after(.cleanUp, view, ChallengeDecision.cleanedUp)
        case .release: return try await apply(ChallengeDecision.released(view), view)
        case .reject(let why): return try await apply(ChallengeDecision.rejected(why, view), view)
        case .poll: return try await poll(view)
        }
    }

    // MARK: Looking

    private func observe(_ key: ObjectKey) -> ChallengeView? {
        guard let challenge = challenges[key] else { return nil }
        let order = challenge.metadata.controller.flatMap {
            orders[ObjectKey(namespace: key.namespace, name: $0.name)]
        }
        let issuer = lookup.find(challenge.spec.issuerRef, namespace: key.namespace)
        let memory = memories.withLock { $0[challenge.metadata.uid ?? ""] }
        return ChallengeView(
            challenge: challenge, standing: .of(challenge, order: order, issuer: issuer), hasSlot: slots.has(key),
            memory: memory ?? ChallengeMemory(), now: time.now())
    }

    private func forget(_ key: ObjectKey) {
        errands.forget(key)
        giveBackSlot(key)
        // Few are left over, and only after a Challenge vanished behind our back.
        let living = Set(challenges.all().compactMap(\.metadata.uid))
        memories.withLock { memories in
            if memories.count > living.count + 100 { memories = memories.filter { living.contains($0.key) } }
        }
    }

    private func giveBackSlot(_ key: ObjectKey) {
        for next in slots.give(back: key) { wake(next) }
    }

    // MARK: Doing

    /// The errand's answer decides; while it is under way there is nothing to do, and its end brings the key back.
    private func after(
        _ errand: SolverErrands.Errand, _ view: ChallengeView,
        _ decide: (SolverErrands.Result, ChallengeView) -> [ChallengeAction]
    ) async throws -> Requeue {
        guard let result = errands.result(of: errand, for: view.challenge) else { return .onChange }
        return try await apply(decide(result, view), view)
    }

    private func poll(_ view: ChallengeView) async throws -> Requeue {
        let spec = view.challenge.spec
        let acme = try await clients(spec.issuerRef, view.challenge.metadata.namespace ?? "")
        let actions: [ChallengeAction]
        do throws(ACMEError) {
            let answer = try await acme.authorization(spec.authorizationURL, as: .waitAuthorization)
            actions = ChallengeDecision.polled(answer, view.at(time.now()))
        } catch {
            actions = ChallengeDecision.refused(error, view.at(time.now()))
        }
        return try await apply(actions, view)
    }

    private func accept(_ view: ChallengeView) async throws -> Requeue {
        let acme = try await clients(view.challenge.spec.issuerRef, view.challenge.metadata.namespace ?? "")
        do throws(ACMEError) {
            _ = try await acme.respond(to: view.challenge.spec.url)
        } catch {
            // The CA may be looking already: an answer got lost, or another replica asked. The authorization tells.
            guard error.refusal?.problem.type == .malformed else {
                return try await apply(ChallengeDecision.refused(error, view.at(time.now())), view)
            }
        }
        return try await apply(ChallengeDecision.accepted(view.at(time.now())), view)
    }

    private func apply(_ actions: [ChallengeAction], _ view: ChallengeView) async throws -> Requeue {
        var requeue = Requeue.onChange
        for action in actions {
            switch action {
            case .status(let status): try await write(status, view)
            case .removeFinalizers: try await removeFinalizers(view)
            case .remember(let memory): memories.withLock { $0[view.challenge.metadata.uid ?? ""] = memory }
            case .tell(let notice): tell(notice, view)
            case .accept: requeue = requeue.sooner(try await accept(view))
            case .lookAgain(let moment): requeue = requeue.sooner(moment)
            case .backOff(let reason): throw ReconcileError.retry(ChallengeTrouble(description: reason))
            }
        }
        return requeue
    }

    private func write(_ status: Challenge.Status, _ view: ChallengeView) async throws {
        guard status != view.challenge.status else { return }
        let written = try await StatusPatch.write(status, over: view.challenge.status, of: view.challenge, client)
        challenges.record(written)
        if status.state?.isFinal == true {
            logger.info(
                "Challenge ended",
                metadata: [
                    "namespace": "\(written.metadata.namespace ?? "")", "name": "\(written.metadata.name)",
                    "state": "\(status.state?.rawValue ?? "")", "domain": "\(written.spec.dnsName)",
                ])
        }
    }

    private func removeFinalizers(_ view: ChallengeView) async throws {
        let challenge = view.challenge
        let ours = [Names.Finalizer.challenge, Names.Finalizer.challengeLegacy]
        let rest = (challenge.metadata.finalizers ?? []).filter { !ours.contains($0) }
        var metadata: JSONValue = ["finalizers": rest.isEmpty ? .null : .array(rest.map { .string($0) })]
        if let version = challenge.metadata.resourceVersion { metadata["resourceVersion"] = .string(version) }
        let written = try await client.mergePatch(["metadata": metadata], of: Challenge.self, challenge.key)
        if challenge.metadata.isBeingDeleted, rest.isEmpty {
            challenges.recordDeletion(of: written)
        } else {
            challenges.record(written)
        }
        memories.withLock { $0[challenge.metadata.uid ?? ""] = nil }
        giveBackSlot(challenge.key)
    }

    private func tell(_ notice: Notice, _ view: ChallengeView) {
        events.record(
            notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message,
            on: ObjectReference(to: view.challenge), component: Self.component)
    }
}

struct ChallengeTrouble: Error, CustomStringConvertible {
    var description: String
}

extension ChallengeView {
    fileprivate func at(_ moment: Timestamp) -> ChallengeView {
        var view = self
        view.now = moment
        return view
    }
}

extension ChallengeReconciler {
    /// Has `enqueue` called with every Challenge that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        challenges.onChange { old, new in
            if let key = (new ?? old)?.key { enqueue(key) }
        }
        orders.onChange { [challenges] old, new in
            // A Challenge may be seen before its Order is.
            guard old == nil, let order = new else { return }
            for challenge in challenges.inNamespace(order.metadata.namespace ?? "")
            where challenge.metadata.controller?.uid == order.metadata.uid { enqueue(challenge.key) }
        }
    }
}
