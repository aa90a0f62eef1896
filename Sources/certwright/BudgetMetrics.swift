import Controllers
import Operations

/// How much of what a CA allows an account is used: the scheduler's own count, which begins anew with each process from
/// the Orders that are there.
enum BudgetMetrics {
    static func families(_ budgets: [OrderBudget.Reading]) -> [MetricFamily] {
        func family(_ name: String, _ help: String, _ value: (OrderBudget.Reading) -> Int) -> MetricFamily {
            MetricFamily(
                name, .gauge, help: help,
                samples: budgets.map { .init(Double(value($0)), labels: [(name: "account", value: $0.account)]) })
        }
        return [
            family(
                "certwright_acme_order_budget", "The number of new orders that the CA allows the account in a period.",
                { $0.limit }),
            family(
                "certwright_acme_order_budget_used",
                "The number of orders made for the account within the last period.",
                { $0.used }),
            family("certwright_acme_orders_waiting", "The number of orders that wait for their turn.", { $0.waiting }),
        ]
    }
}
