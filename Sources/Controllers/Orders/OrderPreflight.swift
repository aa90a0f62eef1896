import ACME
import CertificateAPI
import DNSWire
import Issuers
import KubeModel
import Solvers
import Wire

/// What is done about the findings of the look before an order.
package enum PreflightMode: String, Sendable, Hashable, CaseIterable {
    case off
    /// They are told, and the order is made meanwhile.
    case warn
    /// The order is made once nothing is in its way that would make it fail.
    case enforce
}

/// What the look before an order has found.
struct PreflightReport: Sendable, Hashable {
    var findings: [PreflightFinding]
    var at: Timestamp
    /// The number of the look, from 1.
    var round = 1

    var faults: [PreflightFinding] { findings.filter { $0.severity == .fault } }

    /// One sentence after the other, what is certain first; nil when nothing is certain, for doubts alone would be told of
    /// every order where the CA sees another DNS than this cluster.
    var text: String? {
        guard !faults.isEmpty else { return nil }
        let all = faults + findings.filter { $0.severity == .doubt }
        return Problem.presentable(all.map(\.sentence).joined(separator: "; "))
    }
}

/// Decides when an order is looked into, and what its findings mean.
enum OrderPreflight {
    /// How long findings are believed: what was in order a while ago need not be any more.
    static let freshness = Duration.seconds(600)

    /// A minute at first, for who is mending DNS right now; a quarter of an hour in the end.
    static func pause(afterRound round: Int) -> Duration {
        min(.seconds(60) * (1 << min(max(round - 1, 0), 4)), .seconds(900))
    }

    /// Takes in a report, and tells it where it says something else than the Order does.
    static func absorb(_ view: OrderView, _ plan: inout OrderPlan) {
        guard let findings = view.inspection else { return }
        let report = PreflightReport(
            findings: findings, at: view.now, round: (plan.progress.preflight?.round ?? 0) + 1)
        plan.progress.preflight = report
        // Whoever was certified has shown the findings wrong.
        let text = plan.status.state == .valid ? nil : report.text
        guard text != view.order.metadata.annotations?[Names.Annotation.preflight] else { return }
        plan.preflight = text.map { .says($0) } ?? .isClear
        if let text {
            plan.notices.append(.warning("Preflight", "In the way of the ACME order: \(text)"))
        } else if plan.status.state?.isFinal != true {
            plan.notices.append(.normal("Preflight", "Nothing is in the way of the order any more"))
        }
    }

    /// Whether the order may be made; it plans what has to be done first.
    static func permits(_ view: OrderView, _ plan: inout OrderPlan) -> Bool {
        guard view.preflightMode != .off else { return true }
        let report = plan.progress.preflight
        let isFresh = report.map { view.now < $0.at + freshness } ?? false
        if !isFresh, !view.isInspecting { plan.inspects = true }
        guard view.preflightMode == .enforce else { return true }
        guard let report, isFresh else { return false }
        guard !report.faults.isEmpty else { return true }
        let again = report.at + pause(afterRound: report.round)
        if again <= view.now {
            if !view.isInspecting { plan.inspects = true }
            return false
        }
        if report.faults.contains(where: { $0.kind == .caa }) { plan.note(.caa, of: view.order) }
        plan.wait(
            "Waiting to create the ACME order, which would fail: \(report.text ?? ""); looked at again at "
                + again.wholeSeconds.rfc3339)
        plan.lookAgain = again
        return false
    }
}

extension PreflightInquiry {
    /// Every name of the order with the solver that would prove it, as if the CA offered every kind of challenge.
    init(
        _ order: Order, _ identifiers: [ACMEIdentifier], _ facts: ACMEIssuerFacts, accountURL: String,
        caaIdentities: [String], clockSkew: Duration?
    ) {
        let solvers = facts.issuer.solvers ?? []
        let names = identifiers.map { identifier -> Name in
            var authorization = Order.Authorization(url: "")
            authorization.identifier = identifier.isWildcard ? String(identifier.value.dropFirst(2)) : identifier.value
            authorization.wildcard = identifier.isWildcard
            authorization.challenges = Self.types.map { Order.OfferedChallenge(url: "", token: "", type: $0) }
            // That no solver fits is said when the CA has named its challenges.
            let selection = try? SolverSelection.choose(
                from: solvers, for: authorization, labels: order.metadata.labels ?? [:],
                annotations: order.metadata.annotations ?? [:], namespace: order.key.namespace)
            return Name(identifier.value, method: selection?.offered.type, solver: selection?.index)
        }
        self.init(
            names: names, solvers: solvers, policy: CAAPolicy(identities: caaIdentities, accountURL: accountURL),
            clockSkew: clockSkew, namespace: order.key.namespace, isClusterIssuer: order.spec.issuerRef.isClusterIssuer)
    }

    private static let types = ["http-01", "dns-01", "tls-alpn-01", "dns-account-01", "dns-persist-01"]
}
