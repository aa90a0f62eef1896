import CertificateAPI
import Diagnosis
import KubeModel
import Wire

/// The pages, each a pure function of what was read and what was asked for.
enum Pages {
    /// How much of each list the overview has.
    private static let few = 8

    // MARK: Overview

    static func overview(_ view: View, _ query: Query) -> HTML {
        let rows = view.rows
        let open = Flight.rows(view)
        let timeline = Timeline(rows, now: view.now)
        let frame = Frame(title: "Overview", place: .overview, path: "/", query: query, snapshot: view.snapshot)
        guard !rows.isEmpty else {
            return frame.page("<h1>There are no certificates yet</h1>\(Self.beginning)\(issuers(view, few))")
        }
        return frame.page(
            """
            <h1>\(headline(rows))</h1>
            \(tiles(rows))
            <section aria-labelledby="when"><h2 id="when">When they run out</h2>
            <p class="lead">\(timeline.sentence)</p>
            <div class="picture">\(timeline.picture)</div>
            \(legend)
            \(timeline.table)</section>
            <section aria-labelledby="flight"><h2 id="flight">In flight and held up</h2>
            \(flight(open, view))</section>
            <section aria-labelledby="next"><h2 id="next">Next to run out</h2>
            \(next(rows, view))</section>
            \(issuers(view, few))
            """)
    }

    static func headline(_ rows: [View.Row]) -> String {
        let wanting = rows.count { $0.standing.needsSomebody }
        if wanting > 0 {
            return
                "\(Words.grouped(wanting)) of \(Words.count(rows.count, "certificate")) \(wanting == 1 ? "needs" : "need")"
                + " attention"
        }
        return rows.count == 1
            ? "The one certificate is in order" : "All \(Words.grouped(rows.count)) certificates are in order"
    }

    private static let beginning: HTML = """
        <p class="lead">A Certificate asks for one: <code>kubectl get certificates --all-namespaces</code> lists what there \
        is, and the README has a first one to apply.</p>
        """

    private static func tiles(_ rows: [View.Row]) -> HTML {
        let tiles = Standing.allCases.reversed().map { standing -> HTML in
            let count = rows.count { $0.standing == standing }
            var query = Query()
            query.standing = standing
            return """
                <li class="tile\(count == 0 ? " none" : "")"><a href="\(query.address("/certificates"))">\
                <span class="number s-\(standing.rawValue)">\(standing.sign)\(Words.grouped(count))</span>\
                <span class="word">\(standing.word)</span></a></li>
                """
        }
        return #"<ul class="tiles" aria-label="Certificates by state">\#(tiles)</ul>"#
    }

    private static var legend: HTML {
        let items = Standing.allCases.reversed().map { standing -> HTML in
            "<li>\(standing.label) <span class=\"faint\">\(standing.explanation)</span></li>"
        }
        return #"<details class="legend"><summary>What the states mean</summary><ul>\#(items)</ul></details>"#
    }

    private static func flight(_ open: [View.Row], _ view: View) -> HTML {
        guard !open.isEmpty else { return #"<p class="lead">Nothing is being issued, and nothing waits.</p>"# }
        let shown = Array(open.prefix(few))
        return """
            \(Flight.table(shown, view, caption: "What is under way or held up, the worst first"))
            \(Parts.more(open.count, shown: shown.count, "in flight and held up", "/flight"))
            """
    }

    private static func next(_ rows: [View.Row], _ view: View) -> HTML {
        let coming = sorted(rows.filter { $0.entry.notAfter.map { $0 > view.now } ?? false })
        guard !coming.isEmpty else { return #"<p class="lead">None is valid now.</p>"# }
        let shown = Array(coming.prefix(few))
        return """
            \(Parts.certificates(shown, caption: "The certificates that run out first", now: view.now))
            \(Parts.more(rows.count, shown: shown.count, "certificates", "/certificates"))
            """
    }

    /// What has none first, then what runs out first.
    static func sorted(_ rows: [View.Row]) -> [View.Row] {
        rows.sorted { one, other in
            let (a, b) = (one.entry.notAfter?.secondsSince1970 ?? 0, other.entry.notAfter?.secondsSince1970 ?? 0)
            return a == b ? one.certificate.key < other.certificate.key : a < b
        }
    }

    // MARK: Certificates

    static func certificates(_ view: View, _ query: Query) -> HTML {
        let found = sorted(
            view.rows.filter { row in
                if let standing = query.standing, row.standing != standing { return false }
                if query.from != nil || query.before != nil {
                    guard let end = row.entry.notAfter else { return false }
                    if let from = query.from, end < from { return false }
                    if let before = query.before, end >= before { return false }
                }
                let entry = row.entry
                return query.matches([
                    "\(entry.namespace)/\(entry.name)", entry.issuer, entry.secretName, entry.reason,
                    entry.names.joined(separator: " "),
                ])
            })
        let slice = Slice(found, page: query.page)
        let list: HTML =
            found.isEmpty
            ? #"<p class="lead">None is like that.</p>"#
            : Parts.certificates(
                slice.items, caption: "Certificates, those that run out first at the top", now: view.now)
        let frame = Frame(
            title: "Certificates", place: .certificates, path: "/certificates", query: query, snapshot: view.snapshot)
        return frame.page(
            """
            <h1>\(title(found.count, of: view.rows.count, query))</h1>
            \(filters(query, view))
            \(list)
            \(Parts.pager(slice, query, "/certificates"))
            """)
    }

    private static func title(_ found: Int, of all: Int, _ query: Query) -> String {
        let isWhole = query.words.isEmpty && query.standing == nil && query.from == nil && query.before == nil
        return isWhole
            ? Words.count(all, "certificate") : "\(Words.grouped(found)) of \(Words.count(all, "certificate"))"
    }

    private static func filters(_ query: Query, _ view: View) -> HTML {
        func link(_ standing: Standing?) -> HTML {
            var other = query
            other.standing = standing
            let current: HTML? = standing == query.standing ? #" aria-current="true""# : nil
            let word: HTML = standing.map { "\($0.label)" } ?? "All states"
            return #"<li><a href="\#(other.address("/certificates", page: 1))"\#(current)>\#(word)</a></li>"#
        }
        var texts: [String] = []
        if !query.words.isEmpty { texts.append("with “\(query.words)”") }
        if let from = query.from { texts.append("that run out from \(Words.moment(from))") }
        if let before = query.before { texts.append("until \(Words.moment(before))") }
        let what: HTML? =
            texts.isEmpty
            ? nil
            : #"<p class="lead">Those \#(texts.joined(separator: " ")). <a href="/certificates">Show all</a></p>"#
        return """
            \(what)<ul class="filters" aria-label="Only those in one state">\(link(nil))\
            \(Standing.allCases.reversed().map { link($0) })</ul>
            """
    }

    // MARK: In flight

    static func flight(_ view: View, _ query: Query) -> HTML {
        let open = Flight.rows(view)
        let slice = Slice(open, page: query.page)
        let frame = Frame(title: "In flight", place: .flight, path: "/flight", query: query, snapshot: view.snapshot)
        let underWay = open.count { $0.standing == .underWay }
        let list: HTML =
            open.isEmpty
            ? #"<p class="lead">Every certificate is there, and none is due.</p>"#
            : Flight.table(slice.items, view, caption: "What is under way or held up, the worst first")
        let going =
            underWay == 0
            ? "Nothing is under way" : "\(Words.count(underWay, "certificate is", "certificates are")) under way"
        let held = open.count > underWay ? ", \(Words.grouped(open.count - underWay)) held up" : ""
        return frame.page(
            """
            <h1>\(going)\(held)</h1>
            \(list)
            \(Parts.pager(slice, query, "/flight"))
            """)
    }

    // MARK: Issuers

    private static let noIssuers: HTML = #"<p class="lead">None is there, so that nothing can be issued.</p>"#

    static func issuers(_ view: View, _ query: Query) -> HTML {
        let all = IssuerTable.sorted(view.snapshot)
        let slice = Slice(all, page: query.page)
        let frame = Frame(title: "Issuers", place: .issuers, path: "/issuers", query: query, snapshot: view.snapshot)
        let list = all.isEmpty ? noIssuers : IssuerTable.table(slice.items, view)
        return frame.page(
            """
            <h1>\(Words.count(all.count, "issuer"))</h1>
            <p class="lead">What a CA allows an account is counted by the Orders that are still there. Renewals that name their
            predecessor are not counted: CAs exempt them.</p>
            \(list)
            \(Parts.pager(slice, query, "/issuers"))
            """)
    }

    private static func issuers(_ view: View, _ most: Int) -> HTML {
        let all = IssuerTable.sorted(view.snapshot)
        let shown = Array(all.prefix(most))
        let list = all.isEmpty ? noIssuers : IssuerTable.table(shown, view)
        return """
            <section aria-labelledby="issuers"><h2 id="issuers">Issuers and what their CAs allow</h2>
            \(list)\(Parts.more(all.count, shown: shown.count, "issuers", "/issuers"))</section>
            """
    }

    // MARK: One certificate

    static func certificate(_ row: View.Row, _ view: View, _ query: Query) -> HTML {
        let key = row.certificate.key
        let path = "/certificates/\(key.namespace.escapedForPath)/\(key.name.escapedForPath)"
        let frame = Frame(title: key.name, place: nil, path: path, query: query, snapshot: view.snapshot)
        let tree = view.tree(of: row.certificate)
        return frame.page(
            """
            <p class="crumbs"><a href="/certificates">Certificates</a> / \(key.namespace)</p>
            <h1>\(key.name) \(row.standing.label)</h1>
            \(answer(row, view))
            <section aria-labelledby="facts"><h2 id="facts">What it is</h2>
            <div class="picture">\(Lifetime([row], now: view.now).bar(row))</div>
            \(facts(row, view.now))</section>
            <section aria-labelledby="tree"><h2 id="tree">What hangs on it</h2>
            <ul class="tree">\(TreeMarkup.item(StatusTree.make(tree, withEvents: false), isTop: true))</ul></section>
            <p class="faint">Events, Secrets, pods and live probes: <code>kubectl cert why \(key.name) -n \(key.namespace)</code> and
            <code>kubectl cert status certificate \(key.name) -n \(key.namespace) -o wide</code></p>
            """)
    }

    private static func answer(_ row: View.Row, _ view: View) -> HTML {
        let steps = Flight.progress(row, view)
        switch view.finding(on: row) {
        case nil: return HTML.nothing
        case .well(let sentence, _): return #"<div class="answer"><p>\#(sentence)</p></div>"#
        case .underWay(let sentence):
            return #"<div class="answer s-underWay">\#(steps)<p>\#(sentence.shortened(to: 1000))</p></div>"#
        case .cause(let cause):
            let evidence = cause.evidence.prefix(5).map { HTML("<li>\($0.shortened(to: 1000))</li>") }
            return """
                <div class="answer s-\(row.standing.rawValue)">\(steps)<h2>\(cause.sentence.shortened(to: 1000))</h2>
                <dl><dt>Where</dt><dd>\(cause.object)</dd><dt>Evidence</dt><dd><ul>\(evidence)</ul></dd>
                <dt>Mend</dt><dd><code>\(cause.remedy.shortened(to: 1000))</code></dd></dl></div>
                """
        }
    }

    private static func facts(_ row: View.Row, _ now: Timestamp) -> HTML {
        let entry = row.entry
        var lines: [(String, HTML)] = [
            ("Names", Words.list(entry.names, most: 100)), ("Secret", "\(entry.secretName)"),
            ("Issuer", "\(entry.issuer)"),
        ]
        if let start = row.certificate.status?.notBefore { lines.append(("Valid from", "\(Words.moment(start))")) }
        if let end = entry.notAfter {
            lines.append(("Runs out", "\(Words.moment(end)) (\(Words.distance(end, now)))"))
        }
        if let renewal = entry.renewalTime {
            lines.append(("Renewal", "\(Words.moment(renewal)) (\(Words.distance(renewal, now)))"))
        }
        if let revision = row.certificate.status?.revision { lines.append(("Revision", "\(revision)")) }
        let items = lines.map { HTML("<dt>\($0.0)</dt><dd>\($0.1)</dd>") }
        return #"<dl class="facts">\#(items)</dl>"#
    }

    // MARK: When there is nothing to show

    static func missing(_ what: String, _ snapshot: Snapshot?) -> HTML {
        Frame(title: "Not found", place: nil, path: "/", snapshot: snapshot).page(
            #"<h1>There is nothing here</h1><p class="lead">\#(what) <a href="/">Back to the overview</a></p>"#)
    }

    static func trouble(_ sentence: String) -> HTML {
        Frame(title: "The cluster cannot be read", place: nil, path: "/").page(
            """
            <h1>The cluster cannot be read</h1><p class="lead">\(sentence.shortened(to: 1000))</p>
            <p><a href="/">Try again</a></p>
            """)
    }
}

/// A tree of objects as nested lists.
enum TreeMarkup {
    static func item(_ node: StatusNode, isTop: Bool = false) -> HTML {
        let lines = node.lines.prefix(40).map { line in
            HTML(
                #"<dt>\#(line.label)</dt><dd class="m-\#(line.mood.rawValue)">\#(line.text.shortened(to: 2000))</dd>"#)
        }
        let facts: HTML? = lines.isEmpty ? nil : #"<dl class="facts">\#(lines)</dl>"#
        let children: HTML? =
            node.children.isEmpty ? nil : "<ul>\(node.children.prefix(200).map { item($0) })</ul>"
        let head: HTML = """
            <span class="kind">\(node.kind)</span> <span class="name">\(node.name)</span> \
            <span class="mood m-\(node.mood.rawValue)">\(node.state.shortened(to: 100))</span>
            """
        // What is good need not be read: it can be opened.
        let isOpen = isTop || node.mood != .good
        guard facts != nil || children != nil else { return "<li><div class=\"node\">\(head)</div></li>" }
        let open: HTML? = isOpen ? " open" : nil
        return "<li><details class=\"node\"\(open)><summary>\(head)</summary>\(facts)\(children)</details></li>"
    }
}
