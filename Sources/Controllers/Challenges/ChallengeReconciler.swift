import ACME
package import CertificateAPI
import Issuers
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Solvers
import Synchronization
package import Wire

/// Takes Challenges from presenting to cleaning up: looks, decides (`ChallengeDecision`), does what was decided, and
/// lets solvers and servers work beside it.
package final class ChallengeReconciler: Reconciler {
    static let component = "cert-manager-challenges"

    private let client: KubeClient
    private let challenges: Cache<Challenge>
    private let orders: Cache<Order>
    private let access: ACMEAccess
    private let events: EventRecorder
    private let time: any TimeSource
    private let solving: SolverErrands
    private let errands: Errands<ChallengeNews>
    private let leftBehind: LeftBehind
    private let turns: Mutex<TurnMachine>
    private let progress = Mutex<[ObjectKey: Noted]>([:])
    private let queue = KeySink()

    private struct Noted {
        var uid: String
        var progress: ChallengeProgress
    }

    /// - Parameter limit: how many Challenges are worked on at once.
    package init(
        client: KubeClient, challenges: Cache<Challenge>, orders: Cache<Order>, access: ACMEAccess,
        solver: any ChallengeSolver, limit: Int, events: EventRecorder, time: any TimeSource
    ) {
        self.client = client
        self.challenges = challenges
        self.orders = orders
        self.access = access
        self.events = events
        self.time = time
        turns = Mutex(TurnMachine(limit: limit))
        solving = SolverErrands(solver: solver, limit: limit) { [queue] in queue.enqueue($0) }
        errands = Errands { [queue] in queue.enqueue($0) }
        leftBehind = LeftBehind(solver: solver, time: time) { [access] challenge in
            // An issuer that has other solvers now has other credentials.
            Self.solverStanding(challenge, access) != .foreign
        } onRemoval: { [events] challenge in
            events.record(
                .normal, reason: "LeftoverRemoved",
                message: "The TXT record \(challenge.recordName ?? "") that was left behind has been removed",
                on: ObjectReference(to: challenge), component: Self.component)
        }
    }

    /// Lets solvers work, and asks ACME servers, until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [solving] in try await solving.run() }
            group.addTask { [errands] in try await errands.run() }
            group.addTask { [leftBehind] in try await leftBehind.run() }
            try await group.waitForAll()
        }
    }

    /// Whether a solver works or a server is being asked.
    package var isAsking: Bool { solving.isBusy || errands.isBusy }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let challenge = challenges[key] else {
            forget(key)
            return .onChange
        }
        var (view, account) = observe(challenge)
        var step = ChallengeDecision.decide(view)
        while let errand = step.errand, let result = solving.result(of: errand, for: challenge.presented(step)) {
            view.result = SolverResult(errand: errand, result: result)
            view.progress = step.progress
            step = ChallengeDecision.decide(view)
        }
        note(step.progress, of: challenge)
        if view.hasTurn, !step.keepsTurn { release(key) }
        try await apply(step, view)
        if view.news != nil { errands.consume(key) }
        if let question = step.ask, let account { ask(question, challenge, account) }
        return step.lookAgain.map { .at($0) } ?? .onChange
    }

    private func observe(_ challenge: Challenge) -> (ChallengeView, ACMEClient?) {
        let key = challenge.key
        let uid = challenge.metadata.uid ?? ""
        let (issuer, account) = access.find(challenge.spec.issuerRef, namespace: key.namespace)
        let noted = progress.withLock { $0[key] }
        let isOver = challenge.metadata.isBeingDeleted || challenge.status?.state?.isFinal == true
        var view = ChallengeView(
            challenge: challenge, order: orderStanding(challenge), solver: Self.solverStanding(challenge, access),
            issuer: issuer,
            news: errands.answer(for: key, uid: uid), isAsking: errands.isUnderWay(for: key, uid: uid),
            progress: noted?.uid == uid ? noted!.progress : ChallengeProgress(jitter: .random(in: 0..<1)),
            now: time.now())
        // One that waits for long works without a turn: it looks every few seconds, which costs nobody anything.
        let waitsLong = view.progress.presentedAt.map { view.now - $0 > ChallengeDecision.longestTurn } ?? false
        view.hasTurn = isOver || waitsLong || turns.withLock { $0.asked(key) }
        return (view, account)
    }

    private func orderStanding(_ challenge: Challenge) -> OrderStanding {
        guard let owner = challenge.metadata.controller, owner.kind == Order.resource.kind,
            let order = orders[ObjectKey(namespace: challenge.key.namespace, name: owner.name)],
            order.metadata.uid == owner.uid,
            order.spec.issuerRef.normalized == challenge.spec.issuerRef.normalized
        else { return .none }
        return order.status?.state?.isFinal == true ? .over : .underWay
    }

    private static func solverStanding(_ challenge: Challenge, _ access: ACMEAccess) -> SolverStanding {
        let issuer = access.lookup.find(challenge.spec.issuerRef, namespace: challenge.key.namespace)
        guard let solvers = issuer?.spec.acme?.solvers else { return .unknown }
        return SolverSelection.offers(challenge.spec.solver, in: solvers) ? .offered : .foreign
    }

    private func apply(_ step: ChallengeStep, _ view: ChallengeView) async throws {
        var challenge = view.challenge
        if step.mustWrite, step.status != challenge.status ?? .init() {
            challenge = try await StatusPatch.write(step.status, over: challenge.status, of: challenge, client)
            challenges.record(challenge)
        }
        for notice in step.notices {
            events.record(
                notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message,
                on: ObjectReference(to: challenge), component: Self.component)
        }
        if step.addsFinalizer || step.removesFinalizers {
            try await setFinalizers(of: challenge, adding: step.addsFinalizer)
            if step.leavesRecord { leftBehind.keep(challenge) }
        }
    }

    /// Ours in or out; those of others stay.
    private func setFinalizers(of challenge: Challenge, adding: Bool) async throws {
        let ours = [Names.Finalizer.challenge, Names.Finalizer.challengeLegacy]
        let others = (challenge.metadata.finalizers ?? []).filter { !ours.contains($0) }
        let wanted = adding ? others + [Names.Finalizer.challenge] : others
        var patch: JSONValue = ["metadata": ["finalizers": .array(wanted.map { .string($0) })]]
        if let version = challenge.metadata.resourceVersion {
            patch["metadata"]?["resourceVersion"] = .string(version)
        }
        do throws(KubeError) {
            let written = try await client.mergePatch(patch, of: Challenge.self, challenge.key)
            if challenge.metadata.isBeingDeleted, wanted.isEmpty {
                challenges.recordDeletion(of: written)
            } else {
                challenges.record(written)
            }
        } catch {
            guard error.isNotFound else { throw error }
        }
    }

    private func ask(_ question: ChallengeQuestion, _ challenge: Challenge, _ account: ACMEClient) {
        let spec = challenge.spec
        errands.start(
            for: challenge.key, uid: challenge.metadata.uid ?? "", lane: account.server.settings.directoryURL
        ) {
            var news = ChallengeNews(question: question)
            do throws(ACMEError) {
                switch question {
                case .accept: news.challenge = try await account.respond(to: spec.url)
                case .look:
                    news.authorization = try await account.authorization(spec.authorizationURL, as: .waitAuthorization)
                }
            } catch {
                news.failure = error
            }
            return news
        }
    }

    private func note(_ noted: ChallengeProgress, of challenge: Challenge) {
        progress.withLock { $0[challenge.key] = Noted(uid: challenge.metadata.uid ?? "", progress: noted) }
    }

    private func release(_ key: ObjectKey) {
        for next in turns.withLock({ $0.released(key) }) { queue.enqueue(next) }
    }

    private func forget(_ key: ObjectKey) {
        progress.withLock { _ = $0.removeValue(forKey: key) }
        errands.consume(key)
        solving.forget(key)
        release(key)
    }
}

extension ChallengeReconciler {
    /// Has `enqueue` called with every Challenge that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        queue.connect(enqueue)
        challenges.onChange { old, new in
            if let key = new?.key ?? old?.key { enqueue(key) }
        }
        orders.onChange { [weak self] old, new in
            guard let order = new ?? old, old == nil || new == nil || order.status?.state?.isFinal == true
            else { return }
            let owned = self?.challenges.matching(index: ACMECaches.owner, value: order.metadata.uid ?? "")
            for challenge in owned ?? [] { enqueue(challenge.key) }
        }
        access.onIssuerChange { [weak self] value in
            for challenge in self?.challenges.matching(index: ACMECaches.issuer, value: value) ?? [] {
                enqueue(challenge.key)
            }
        }
    }
}

extension Challenge {
    /// As the solver is to see it: with what is known and not yet written.
    fileprivate func presented(_ step: ChallengeStep) -> Challenge {
        var challenge = self
        var status = challenge.status ?? .init()
        status.presented = step.status.presented
        status.presentedAt = step.presentedAt
        challenge.status = status
        return challenge
    }
}
