import CertificateAPI
import Issuers
import KubeModel
import PKI
import Solvers
import Wire

/// What is left of the CA's budget for each new order, those before it in the manifests taken off.
enum BudgetPlan {
    /// - Parameter ordered: by account, how many orders the entries before this one make.
    static func judge(
        _ manifest: JSONValue, _ world: Plan.World, _ ordered: inout [String: Int], _ entry: inout Plan.Entry
    ) {
        guard entry.inquiry != nil, let certificate = try? manifest.decode(Certificate.self),
            let budget = budget(certificate, entry.key.namespace, world)
        else { return }
        let account = budget.account.isEmpty ? "\(certificate.spec.issuerRef.name) at \(budget.server)" : budget.account
        let before = ordered[account, default: 0]
        ordered[account] = before + 1
        if let hold = budget.hold {
            entry.add(
                .warning, "CA budget",
                "the CA wants no order before \(hold.until.wholeSeconds.rfc3339), as it has told the Order \(hold.order)"
            )
        }
        orders(budget, before, &entry)
        let names = (certificate.spec.dnsNames ?? []) + (certificate.spec.ipAddresses ?? [])
        let common = [certificate.spec.commonName.nonEmpty].compactMap(\.self)
        guard let same = budget.sameNames(names + common, in: world.orders, now: world.now), same.used > 0 else {
            return
        }
        let left = max(0, same.limit.count - same.used)
        entry.add(
            left == 0 ? .warning : .fact, "CA budget",
            left == 0
                ? "none is left for exactly these names, of \(same.limit.words): it waits"
                : "\(left) left for exactly these names, of \(same.limit.words)")
    }

    private static func orders(_ budget: AccountBudget, _ before: Int, _ entry: inout Plan.Entry) {
        guard let limit = budget.limits.orders, let left = budget.left else {
            return entry.add(.fact, "CA budget", "no limit of new orders is known for \(budget.server)")
        }
        let now = left - before
        entry.add(
            now > 0 ? .fact : .warning, "CA budget",
            now > 0
                ? "\(now) new orders left, of \(limit.words)"
                : "no new order is left, of \(limit.words): it waits its turn")
    }

    private static func budget(_ certificate: Certificate, _ namespace: String, _ world: Plan.World) -> AccountBudget? {
        let accounts = world.issuers.map { IssuerAccount($0) } + world.clusterIssuers.map { IssuerAccount($0) }
        let place = IssuerPlace(certificate.spec.issuerRef, namespace: namespace)
        func budget(_ all: [some IssuerObject]) -> AccountBudget? {
            let same = all.filter { IssuerPlace($0) == place }
            // The spec is the manifest's, where there is one; the account is the stored one's.
            guard var issuer = same.last else { return nil }
            issuer.status = same.first { $0.metadata.uid != nil }?.status ?? issuer.status
            return AccountBudget(issuer, among: accounts, orders: world.orders, now: world.now)
        }
        return place.isClusterIssuer ? budget(world.clusterIssuers) : budget(world.issuers)
    }
}
