import CertificateAPI
import Diagnosis
import KubeModel
import Wire

/// How far an issuance has come.
struct Stage: Sendable, Equatable {
    struct Step: Sendable, Equatable {
        var word: String
        var progress: Progress
    }
    enum Progress: String, Sendable { case done, current, ahead }

    let steps: [Step]

    init(_ tree: CertificateTree) {
        let next = (tree.certificate.status?.revision ?? 0) + 1
        let request = tree.requests.first { $0.revision == next }
        let orders = request.map { tree.orders(of: $0) } ?? []
        var words = ["Request"]
        var done = request == nil ? 0 : 1
        if Self.isACME(tree) || !orders.isEmpty {
            let challenges = orders.first.map { tree.challenges(of: $0) } ?? []
            let proved = challenges.count { $0.status?.state == .valid }
            let isMade = orders.first?.status?.url.nonEmpty != nil
            words += ["Order", challenges.isEmpty ? "Challenges" : "Challenges \(proved)/\(challenges.count)"]
            if isMade { done = 2 }
            let state = orders.first?.status?.state
            let isProved = !challenges.isEmpty && proved == challenges.count
            if isMade, isProved || [.ready, .processing, .valid].contains(state) { done = 3 }
        }
        words.append("Certificate")
        steps = words.enumerated().map { index, word in
            Step(word: word, progress: index < done ? .done : index == done ? .current : .ahead)
        }
    }

    private static func isACME(_ tree: CertificateTree) -> Bool {
        if case .found(let issuer) = tree.issuer { issuer.spec.acme != nil } else { false }
    }

    var list: HTML {
        let items = steps.map { step -> HTML in
            let current: HTML? = step.progress == .current ? #" aria-current="step""# : nil
            let word: HTML? = step.progress == .done ? #"<span class="unseen"> done</span>"# : nil
            return #"<li class="\#(step.progress.rawValue)"\#(current)>\#(step.word)\#(word)</li>"#
        }
        return #"<ol class="steps">\#(items)</ol>"#
    }
}

/// What is being issued, and what should be.
enum Flight {
    /// Those that need somebody first, then those that have waited longest.
    static func rows(_ view: View) -> [View.Row] {
        let order = Dictionary(uniqueKeysWithValues: Standing.allCases.enumerated().map { ($1, $0) })
        return view.rows.filter(\.standing.isOpen).sorted { one, other in
            let (a, b) = (order[one.standing] ?? 0, order[other.standing] ?? 0)
            if a != b { return a < b }
            let (x, y) = (since(one)?.secondsSince1970 ?? .max, since(other)?.secondsSince1970 ?? .max)
            return x == y ? one.certificate.key < other.certificate.key : x < y
        }
    }

    private static func since(_ row: View.Row) -> Timestamp? {
        let status = row.certificate.status
        let conditions = status?.conditions
        switch row.standing {
        case .expired: return row.entry.notAfter
        case .late: return row.entry.renewalTime
        case .heldUp: if let failed = status?.lastFailureTime { return failed }
        case .underWay, .ready: break
        }
        if let issuing = conditions[type: Condition.Kind.issuing], issuing.status == .yes {
            return issuing.lastTransitionTime
        }
        return conditions[type: Condition.Kind.ready]?.lastTransitionTime ?? row.entry.createdAt
    }

    static func table(_ rows: [View.Row], _ view: View, caption: String) -> HTML {
        let head: HTML = """
            <th scope="col">State</th><th scope="col">Certificate</th><th scope="col">Since</th>\
            <th scope="col">How far, and where it waits</th>
            """
        return Parts.table(
            caption: caption, head: head,
            rows: rows.map { row in
                """
                <tr><td>\(row.standing.label)</td><th scope="row">\(Parts.link(row.entry))</th>\
                <td>\(Words.time(since(row), view.now))</td>\
                <td class="wait">\(progress(row, view))\(finding(view.finding(on: row)))</td></tr>

                """
            }, class: "flight")
    }

    /// Only what is issued now has steps.
    static func progress(_ row: View.Row, _ view: View) -> HTML? {
        let conditions = row.certificate.status?.conditions
        guard conditions == nil || conditions.isTrue(Condition.Kind.issuing) else { return nil }
        return Stage(view.tree(of: row.certificate)).list
    }

    static func finding(_ finding: Finding?) -> HTML {
        switch finding {
        case nil: return HTML.nothing
        case .well(let sentence, _), .underWay(let sentence): return "<p>\(sentence.shortened(to: 600))</p>"
        case .cause(let cause):
            return """
                <p>\(cause.sentence.shortened(to: 600))</p><p class="mend"><span class="label">Mend</span> \
                <code>\(cause.remedy.shortened(to: 400))</code></p>
                """
        }
    }
}
