import ACME
import CertificateAPI
import KubeModel
import KubeRuntime
import Synchronization
import Wire

extension OrderReconciler {
    /// Why this order has to wait for the CA's budget; nil when it may be made, which is counted.
    func turn(of order: Order, _ account: ACMEClient) -> OrderTurn? {
        guard case .ready(let facts) = access.find(order.spec.issuerRef, namespace: order.key.namespace).0 else {
            return nil
        }
        let now = time.now()
        if !budget.withLock({ $0.knows(account.accountURL) }) { remember(account, of: order) }
        let wish = OrderWish(order, now: now)
        return budget.withLock {
            $0.ask(wish, account: account.accountURL, limits: facts.options.limits, now: now)
        }
    }

    /// What earlier processes ordered, as the Orders tell it.
    private func remember(_ account: ACMEClient, of order: Order) {
        let issuer = IssuerLookup.indexValue(order.spec.issuerRef, namespace: order.key.namespace)
        let others = orders.all().filter { other in
            other.status?.url.nonEmpty != nil
                && IssuerLookup.indexValue(other.spec.issuerRef, namespace: other.key.namespace) == issuer
        }
        let made = others.compactMap { other -> OrderBudget.Made? in
            guard let at = other.metadata.creationTimestamp else { return nil }
            let wish = OrderWish(other, now: at)
            return OrderBudget.Made(at: at, names: wish.names, isExempt: wish.isExempt)
        }
        let open = others.filter { $0.status?.state?.isFinal != true }.map { OrderWish($0, now: time.now()) }
        budget.withLock { $0.began(account.accountURL, made: made, open: open, now: time.now()) }
    }

    /// It takes no room any more: whoever waited for that goes on.
    func leave(_ key: ObjectKey) {
        for waiting in budget.withLock({ $0.forget(key) }) { queue.enqueue(waiting) }
    }
}

extension OrderWish {
    init(_ order: Order, now: Timestamp) {
        // Names that no order can have end it by themselves.
        let identifiers = Set((try? OrderDecision.identifiers(of: order.spec)) ?? []).sorted()
        let words = identifiers.map { "\($0.type):\($0.value)" } + ["profile:\(order.spec.profile ?? "")"]
        self.init(
            key: order.key,
            // What is new has nothing to serve yet: it counts like one that runs out within three days.
            needed: order.metadata.annotations?[Names.Annotation.neededBefore].flatMap { Timestamp(rfc3339: $0) }
                ?? (order.metadata.creationTimestamp ?? now) + .seconds(3 * 86400),
            names: words.joined(separator: " "), nameCount: identifiers.count,
            isExempt: order.spec.replaces.nonEmpty != nil)
    }
}

extension OrderPlan {
    /// Whether the order is over, or could not be made: it takes no room in the CA's budget.
    func isOutOfBudget(_ view: OrderView) -> Bool {
        if status.state?.isFinal == true { return true }
        guard view.news?.question.makesOrder == true else { return false }
        return view.news?.order == nil
    }
}
