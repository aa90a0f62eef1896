import CertificateAPI
import Diagnosis
import Issuers
import KubeModel
import Testing
import Wire

@Suite("what is left of a CA's budget")
struct BudgetTests {
    private func issuer(
        _ name: String, account: String, annotations: String = "{}",
        server: String = "https://acme-v02.api.letsencrypt.org/directory"
    ) throws -> Issuer {
        try Views.decode(
            """
            metadata: {name: \(name), namespace: web, annotations: \(annotations)}
            spec: {acme: {server: "\(server)", privateKeySecretRef: {name: account}}}
            status: {acme: {uri: "\(account)"}}
            """)
    }

    private func order(
        _ issuer: String, agoSeconds: Int, url: String = "https://ca/order", state: String = "valid",
        names: String = "[a.example]", more: String = "", annotations: String = "{}"
    ) throws -> Order {
        try Views.decode(
            """
            metadata:
              name: order-\(agoSeconds)
              namespace: web
              creationTimestamp: "\((Views.now - .seconds(agoSeconds)).rfc3339)"
              annotations: \(annotations)
            spec: {request: "", issuerRef: {name: \(issuer)}, dnsNames: \(names)\(more)}
            status: {url: "\(url)", state: \(state)}
            """)
    }

    @Test("orders of the period count, of every issuer with the account; renewals that name their predecessor do not")
    func counts() throws {
        let one = try issuer("one", account: "https://ca/acct/1")
        let others = [
            one, try issuer("two", account: "https://ca/acct/1"), try issuer("three", account: "https://ca/acct/3"),
        ]
        let orders = [
            try order("one", agoSeconds: 10), try order("two", agoSeconds: 20, state: "pending"),
            try order("three", agoSeconds: 30), try order("one", agoSeconds: 10_900),
            try order("one", agoSeconds: 40, more: ", replaces: x"),
            try order("one", agoSeconds: 50, url: "", state: "pending"),
        ]
        let budget = try #require(
            AccountBudget(one, among: others.map { IssuerAccount($0) }, orders: orders, now: Views.now))
        #expect((budget.used, budget.open, budget.waiting) == (2, 1, 1))
        #expect(budget.left == 298)
        #expect(budget.limits.orders?.words == "300 in 3h")
    }

    @Test("annotations of the issuer change the limits; without any known, nothing is left to count")
    func limits() throws {
        let own = try issuer("one", account: "a", annotations: #"{certwright.dev/order-limit: "2/1h"}"#)
        let orders = try [10, 20, 30].map { try order("one", agoSeconds: $0) }
        #expect(AccountBudget(own, among: [], orders: orders, now: Views.now)?.left == 0)
        let unknown = try issuer("one", account: "a", server: "https://ca.example/directory")
        #expect(AccountBudget(unknown, among: [], orders: orders, now: Views.now)?.left == nil)
        let ca: Issuer = try Views.decode("{metadata: {name: ca, namespace: web}, spec: {ca: {secretName: ca}}}")
        #expect(AccountBudget(ca, among: [], orders: orders, now: Views.now) == nil)
    }

    @Test("an issuer without an account shares it with nobody")
    func unregistered() throws {
        let one = try issuer("one", account: "")
        let two = try issuer("two", account: "")
        let orders = [try order("two", agoSeconds: 10)]
        let budget = AccountBudget(
            one, among: [one, two].map { IssuerAccount($0) }, orders: orders, now: Views.now)
        #expect(budget?.used == 0)
    }

    @Test("what the CA has told an Order holds until it says, and the latest counts")
    func hold() throws {
        let one = try issuer("one", account: "a")
        func held(_ agoSeconds: Int, until seconds: Int, state: String = "pending") throws -> Order {
            try order(
                "one", agoSeconds: agoSeconds, url: "", state: state,
                annotations: #"{certwright.dev/held-until: "\#((Views.now + .seconds(seconds)).rfc3339)"}"#)
        }
        let orders = [
            try held(1, until: 60), try held(2, until: 600), try held(3, until: -5),
            try held(4, until: 900, state: "valid"),
        ]
        let budget = AccountBudget(one, among: [], orders: orders, now: Views.now)
        #expect(budget?.hold?.until == Views.now + .seconds(600))
        #expect(budget?.hold?.order == ObjectKey(namespace: "web", name: "order-2"))
    }

    @Test("orders of the account for exactly the same names are counted apart, however they are written")
    func sameNames() throws {
        let one = try issuer("one", account: "a")
        let budget = try #require(AccountBudget(one, among: [], orders: [], now: Views.now))
        let orders = [
            try order("one", agoSeconds: 10, names: "[A.example, b.example]"), try order("one", agoSeconds: 20),
            try order("one", agoSeconds: 700_000, names: "[a.example, b.example]"),
            // Another CA's, or another account's: this limit is not theirs.
            try order("two", agoSeconds: 30, names: "[a.example, b.example]"),
        ]
        let same = budget.sameNames(["b.example", "a.example"], in: orders, now: Views.now)
        #expect(same?.used == 1 && same?.limit.count == 5)
    }
}
