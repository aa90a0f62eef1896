import ACME
package import CertificateAPI
import Issuers
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Solvers
import Synchronization
package import Wire

/// Takes Orders to their certificates: looks, decides (`OrderDecision`), does what was decided, and lets the server be
/// asked beside it.
package final class OrderReconciler: Reconciler {
    static let component = "cert-manager-orders"

    let orders: Cache<Order>
    let challenges: Cache<Challenge>
    let access: ACMEAccess
    private let client: KubeClient
    private let events: EventRecorder
    private let errands: Errands<OrderNews>
    private let inspections: Errands<[PreflightFinding]>
    private let preflight: Preflight?
    private let preflightMode: PreflightMode
    let time: any TimeSource
    private let progress = Mutex<[ObjectKey: Noted]>([:])
    /// UIDs; nil before the first look.
    private let inherited = Mutex<Set<String>?>(nil)
    let budget = Mutex(OrderBudget())
    let queue = KeySink()
    private let issuerQueue: @Sendable (ObjectReference) -> Void

    private struct Noted {
        var uid: String
        var progress: OrderProgress
    }

    /// - Parameters:
    ///   - preflight: looks at what is in the way of an order; without it nothing is looked at.
    ///   - lookAtIssuer: has the controller of issuers look at one whose account the server denies.
    package init(
        client: KubeClient, orders: Cache<Order>, challenges: Cache<Challenge>, access: ACMEAccess,
        events: EventRecorder, time: any TimeSource, preflight: Preflight? = nil, mode: PreflightMode = .warn,
        lookAtIssuer: @escaping @Sendable (ObjectReference) -> Void
    ) {
        self.client = client
        self.orders = orders
        self.challenges = challenges
        self.access = access
        self.events = events
        self.time = time
        issuerQueue = lookAtIssuer
        self.preflight = preflight
        preflightMode = preflight == nil ? .off : mode
        errands = Errands { [queue] in queue.enqueue($0) }
        inspections = Errands { [queue] in queue.enqueue($0) }
    }

    /// How much of what CAs allow is used.
    package var budgets: [OrderBudget.Reading] { budget.withLock { $0.readings(at: time.now()) } }

    /// Asks ACME servers, and DNS servers before them, until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.errands.run() }
            group.addTask { try await self.inspections.run() }
            try await group.waitForAll()
        }
    }

    /// Whether a server is being asked.
    package var isAsking: Bool { errands.isBusy || inspections.isBusy }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard let order = orders[key] else {
            progress.withLock { _ = $0.removeValue(forKey: key) }
            errands.consume(key)
            inspections.consume(key)
            leave(key)
            return .onChange
        }
        var (view, account) = observe(order)
        var plan = OrderDecision.decide(view)
        // Whether it is this one's turn is asked only where it matters.
        if plan.ask?.makesOrder == true, let account, let turn = turn(of: order, account) {
            view.turn = turn
            plan = OrderDecision.decide(view)
        }
        // An order that was made is not made again by an older look at it (docs/decisions/0008).
        if plan.ask?.makesOrder == true, view.isInherited, account != nil, try await isOutdated(order) {
            return .at(time.now())
        }
        try await apply(plan, view)
        if view.news != nil { errands.consume(key) }
        if view.inspection != nil { inspections.consume(key) }
        if plan.isOutOfBudget(view) { leave(key) }
        note(plan.progress, of: order)
        if plan.inspects, let account { inspect(order, account) }
        if let question = plan.ask, let account { ask(question, order, plan.status, account) }
        return plan.lookAgain.map { .at($0) } ?? .onChange
    }

    private func observe(_ order: Order) -> (OrderView, ACMEClient?) {
        let key = order.key
        let uid = order.metadata.uid ?? ""
        let (issuer, account) = access.find(order.spec.issuerRef, namespace: key.namespace)
        let owned = challenges.matching(index: ACMECaches.owner, value: uid)
        let noted = progress.withLock { $0[key] }
        return (
            OrderView(
                order: order, challenges: owned.sorted { $0.metadata.name < $1.metadata.name }, issuer: issuer,
                news: errands.answer(for: key, uid: uid), isAsking: errands.isUnderWay(for: key, uid: uid),
                hold: order.status?.url.nonEmpty == nil ? hold(over: order) : nil,
                inspection: inspections.answer(for: key, uid: uid),
                isInspecting: inspections.isUnderWay(for: key, uid: uid), preflightMode: preflightMode,
                isInherited: isInherited(uid),
                progress: noted?.uid == uid ? noted!.progress : OrderProgress(jitter: .random(in: 0..<1)),
                now: time.now()), account
        )
    }

    /// Whether the Order was there when this process began to work, without the URL of an order at its CA.
    private func isInherited(_ uid: String) -> Bool {
        inherited.withLock { known in
            let uids = known ?? Set(orders.all().filter { $0.status?.url.nonEmpty == nil }.compactMap(\.metadata.uid))
            known = uids
            return uids.contains(uid)
        }
    }

    /// Whether the API server has another version, or none; the cache has it then.
    private func isOutdated(_ order: Order) async throws -> Bool {
        guard let present = try await client.find(Order.self, order.key) else {
            orders.recordDeletion(of: order)
            return true
        }
        orders.record(present)
        return present.metadata.resourceVersion != order.metadata.resourceVersion
    }

    private func taken(by order: Order) -> Set<String> {
        Set(orders.all().filter { $0.metadata.uid != order.metadata.uid }.compactMap { $0.status?.url.nonEmpty })
    }

    private func hold(over order: Order) -> OrderHold? {
        let issuer = IssuerLookup.indexValue(order.spec.issuerRef, namespace: order.key.namespace)
        let held = orders.matching(index: ACMECaches.held, value: issuer)
        return held.isEmpty ? nil : .longest(of: held, over: order, at: time.now())
    }

    private func apply(_ plan: OrderPlan, _ view: OrderView) async throws {
        var order = view.order
        // Before the state: whoever waits for the Order and sees that it failed has to see, too, whether another CA may do
        // better.
        if let trouble = plan.trouble { order = try await annotate(order, trouble.annotations) }
        if plan.isWorthWriting(over: order.status) {
            order = try await StatusPatch.write(plan.status, over: order.status, of: order, client)
            orders.record(order)
        }
        if let hold = plan.hold, hold != OrderHold(order) {
            let patch: JSONValue = ["metadata": ["annotations": try JSONValue(encoding: hold.annotations)]]
            order = try await client.mergePatch(patch, of: Order.self, order.key)
            orders.record(order)
        }
        if let preflight = plan.preflight { order = try await annotate(order, preflight.annotations) }
        if let refusal = plan.actionRequired,
            let issuer = access.requireAction(refusal, of: order.spec.issuerRef, namespace: order.key.namespace)
        {
            issuerQueue(issuer)
        }
        for challenge in plan.create { try await create(challenge) }
        for challenge in plan.delete where !challenge.metadata.isBeingDeleted { try await delete(challenge) }
        for notice in plan.notices {
            events.record(
                notice.kind == .normal ? .normal : .warning, reason: notice.reason, message: notice.message,
                on: ObjectReference(to: order), component: Self.component)
        }
        if plan.doubtsAccount,
            let issuer = access.doubtAccount(of: order.spec.issuerRef, namespace: order.key.namespace)
        {
            issuerQueue(issuer)
        }
    }

    private func annotate(_ order: Order, _ annotations: JSONValue) async throws -> Order {
        let written = try await client.mergePatch(
            ["metadata": ["annotations": annotations]], of: Order.self, order.key)
        orders.record(written)
        return written
    }

    /// The name is the same for one authorization of one Order: one that exists is this one, which the watch will show,
    /// or one that is on its way out.
    private func create(_ challenge: Challenge) async throws {
        do throws(KubeError) {
            challenges.record(try await client.create(challenge))
        } catch {
            guard error.isAlreadyExists else { throw error }
        }
    }

    private func delete(_ challenge: Challenge) async throws {
        let marked = try await client.delete(
            Challenge.self, challenge.key, preconditions: Preconditions(uid: challenge.metadata.uid))
        // Else the next look, which may come before the watch, would delete it once more.
        if let marked { challenges.record(marked) } else { challenges.recordDeletion(of: challenge) }
    }

    private func note(_ noted: OrderProgress, of order: Order) {
        let isFinal = order.status?.state?.isFinal == true
        progress.withLock { $0[order.key] = isFinal ? nil : Noted(uid: order.metadata.uid ?? "", progress: noted) }
    }

    private func ask(_ question: OrderQuestion, _ order: Order, _ status: Order.Status, _ account: ACMEClient) {
        let (issuer, _) = access.find(order.spec.issuerRef, namespace: order.key.namespace)
        guard case .ready(let facts) = issuer else { return }
        let work = OrderWork(
            client: account, question: question, spec: order.spec, url: status.url ?? "",
            finalizeURL: status.finalizeURL ?? "", options: facts.options, preference: facts.chainPreference,
            accountKeys: access.clients.accountKeys, taken: question.isSearch ? taken(by: order) : [],
            time: time)
        errands.start(for: order.key, uid: order.metadata.uid ?? "", lane: facts.issuer.server) { await work.run() }
    }
}

extension OrderReconciler {
    /// Looks, beside the workers, at what is in the way of an order.
    private func inspect(_ order: Order, _ account: ACMEClient) {
        guard let preflight, let identifiers = try? OrderDecision.identifiers(of: order.spec),
            case .ready(let facts) = access.find(order.spec.issuerRef, namespace: order.key.namespace).0
        else { return }
        inspections.start(for: order.key, uid: order.metadata.uid ?? "", lane: "dns") {
            // A server that cannot be asked is no finding: the order will say so.
            let identities = (try? await account.server.directory())?.caaIdentities ?? []
            let known = KnownCA(server: account.server.settings.directoryURL)
            let inquiry = PreflightInquiry(
                order, identifiers, facts, accountURL: account.accountURL,
                caaIdentities: identities.isEmpty ? known?.caaIdentities ?? [] : identities,
                clockSkew: account.server.clockSkew)
            return await preflight.inspect(inquiry)
        }
    }

    /// Has `enqueue` called with every Order that a change may concern. Call it before the informers run.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        queue.connect(enqueue)
        orders.onChange { old, new in
            if let key = new?.key ?? old?.key { enqueue(key) }
        }
        challenges.onChange { old, new in
            guard let challenge = new ?? old, let owner = challenge.metadata.controller,
                owner.kind == Order.resource.kind
            else { return }
            enqueue(ObjectKey(namespace: challenge.metadata.namespace ?? "", name: owner.name))
        }
        access.onIssuerChange { [weak self] value in
            for order in self?.orders.matching(index: ACMECaches.issuer, value: value) ?? [] { enqueue(order.key) }
        }
    }
}

extension OrderPlan {
    /// Steps that a moment later are overtaken by the next are not written: `ready`, and the first look at `processing`.
    func isWorthWriting(over old: Order.Status?) -> Bool {
        guard let old else { return status != Order.Status() }
        var new = status
        let isUnderWay: (ACMEState?) -> Bool = { [.pending, .ready, .processing].contains($0) }
        if isUnderWay(new.state), isUnderWay(old.state), progress.polls <= 1 { new.state = old.state }
        return new != old
    }
}
