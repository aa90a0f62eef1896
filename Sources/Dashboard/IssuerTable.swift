import CertificateAPI
import Diagnosis
import Issuers
import KubeModel
import Wire

/// Issuers with what is left of their CAs' budgets.
enum IssuerTable {
    struct Row: Sendable {
        var look: IssuerLook
        var place: IssuerPlace
        var object: any IssuerObject
    }

    /// ClusterIssuers first, then by namespace and name.
    static func sorted(_ snapshot: Snapshot) -> [Row] {
        let cluster = snapshot.clusterIssuers.sorted { $0.key < $1.key }.map { issuer in
            let reference = IssuerReference(name: issuer.metadata.name, kind: ClusterIssuer.resource.kind)
            return Row(look: IssuerLook(issuer, as: reference), place: IssuerPlace(issuer), object: issuer)
        }
        let local = snapshot.issuers.sorted { $0.key < $1.key }.map { issuer in
            Row(
                look: IssuerLook(issuer, as: IssuerReference(name: issuer.metadata.name)), place: IssuerPlace(issuer),
                object: issuer)
        }
        return cluster + local
    }

    static func table(_ rows: [Row], _ view: View) -> HTML {
        let accounts =
            view.snapshot.issuers.map { IssuerAccount($0) } + view.snapshot.clusterIssuers.map { IssuerAccount($0) }
        var users: [IssuerPlace: Int] = [:]
        for row in view.rows where row.certificate.spec.issuerRef.isOurs {
            users[IssuerPlace(row.certificate.spec.issuerRef, namespace: row.entry.namespace), default: 0] += 1
        }
        let head: HTML = """
            <th scope="col">State</th><th scope="col">Issuer</th><th scope="col">Type</th>\
            <th scope="col" class="number">Certificates</th><th scope="col">What the CA allows</th>
            """
        return Parts.table(
            caption: "Issuers, with how much of their CAs’ limits is used", head: head,
            rows: rows.map { row in
                """
                <tr><td>\(state(row.look))</td><th scope="row">\(title(row.look))</th><td>\(type(row.look))</td>\
                <td class="number">\(Words.grouped(users[row.place] ?? 0))</td>\
                <td class="wait">\(budget(row, accounts, view))</td></tr>

                """
            }, class: "issuers")
    }

    private static func title(_ look: IssuerLook) -> HTML {
        let place: HTML? = look.metadata.namespace.map { #"<span class="faint">\#($0)/</span><wbr>"# }
        return "\(place)\(look.metadata.name)<span class=\"date\">\(look.reference.effectiveKind)</span>"
    }

    private static func state(_ look: IssuerLook) -> HTML {
        let (standing, word): (Standing, String) =
            look.isReady ? (.ready, "Ready") : look.ready == nil ? (.underWay, "Not seen") : (.heldUp, "Not ready")
        return #"<span class="standing s-\#(standing.rawValue)">\#(standing.sign)\#(word)</span>"#
    }

    private static func type(_ look: IssuerLook) -> HTML {
        guard let acme = look.spec.acme else {
            let words = ["ca": "CA", "selfSigned": "Self-signed", "vault": "Vault", "venafi": "Venafi"]
            return "\(words[look.typeName] ?? "None")"
        }
        return #"ACME<span class="date">\#(host(acme.server).shortened(to: 80))</span>"#
    }

    private static func host(_ url: String) -> String {
        let rest = url.split(separator: "/").dropFirst().first ?? ""
        return rest.isEmpty ? url : String(rest)
    }

    private static func budget(_ row: Row, _ accounts: [IssuerAccount], _ view: View) -> HTML {
        let message: HTML? =
            row.look.isReady
            ? nil : "<p>\(row.look.ready?.message?.shortened(to: 600) ?? "No controller has seen it.")</p>"
        guard var budget = AccountBudget(row.object, among: accounts, orders: view.snapshot.orders, now: view.now)
        else { return "\(message)" }
        if let counted = view.snapshot.counted[budget.account] {
            // The controller has counted Orders that are deleted by now.
            budget.used = max(budget.used, counted.used)
            budget.waiting = max(budget.waiting, counted.waiting)
        }
        var lines: [HTML] = []
        if let limit = budget.limits.orders {
            lines.append(
                """
                <p>\(meter(budget.used, of: limit.count)) \(Words.grouped(budget.used)) of \(Words.grouped(limit.count)) new \
                orders in \(HumanDuration.text(limit.period))</p>
                """)
        } else {
            lines.append(#"<p class="faint">No limit of new orders is known.</p>"#)
        }
        var words: [String] = []
        if budget.open > 0 {
            let most = budget.limits.openOrders.map { " of \($0)" } ?? ""
            words.append("\(budget.open)\(most) open")
        }
        if budget.waiting > 0 { words.append("\(budget.waiting) not made yet") }
        if !words.isEmpty { lines.append("<p>Orders: \(words.joined(separator: ", ")).</p>") }
        if let hold = budget.hold {
            lines.append(
                """
                <p class="m-bad">The CA’s limit is met, as it told Order \(hold.order.description): next attempt \
                \(Words.time(hold.until, view.now))</p>
                """)
        }
        return "\(message)\(lines)"
    }

    /// What it shows stands beside it in words.
    private static func meter(_ used: Int, of limit: Int) -> HTML {
        let share = min(1, Double(used) / Double(max(1, limit)))
        let standing: Standing = share >= 1 ? .heldUp : share >= 0.8 ? .late : .ready
        return """
            <svg class="meter s-\(standing.rawValue)" viewBox="0 0 120 10" aria-hidden="true">\
            <rect class="track" width="120" height="10" rx="3"/>\
            <rect width="\(max(share * 120, used > 0 ? 2 : 0))" height="10" rx="3" fill="currentColor"/></svg>
            """
    }
}
