import Diagnosis
import KubeModel
import Wire

/// What stands around every page.
struct Frame: Sendable {
    enum Place: String, CaseIterable {
        case overview, certificates, flight, issuers

        var path: String { self == .overview ? "/" : "/\(rawValue)" }
        var word: String {
            switch self {
            case .overview: "Overview"
            case .certificates: "Certificates"
            case .flight: "In flight"
            case .issuers: "Issuers"
            }
        }
    }

    var title: String
    /// Nil for a page that is in no list.
    var place: Place?
    /// Where "read again" leads.
    var path: String
    var query = Query()
    /// Nil where nothing could be read.
    var snapshot: Snapshot?

    func page(_ content: HTML) -> HTML {
        let refresh: HTML? = query.refreshSeconds.map { #"<meta http-equiv="refresh" content="\#($0)">"# }
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <title>\(title) – Certwright</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <link rel="stylesheet" href="/style.css">
            <link rel="icon" href="/icon.svg" type="image/svg+xml">
            \(refresh)</head>
            <body>
            \(Standing.signs)
            <a class="skip" href="#main">Skip to the content</a>
            <header class="top"><div class="wide">
            <a class="brand" href="/"><svg viewBox="0 0 24 24" aria-hidden="true">\(Self.mark)</svg>Certwright</a>
            <nav aria-label="Pages"><ul>\(links)</ul></nav>
            <form role="search" action="/certificates" method="get">
            <label for="search">Search certificates</label>
            <input id="search" name="q" type="search" value="\(query.words)" maxlength="200" placeholder="name, issuer, Secret" \
            autocomplete="off" spellcheck="false">
            <button>Search</button>
            </form>
            </div></header>
            <main id="main" class="wide">
            \(notes)
            \(content)
            </main>
            <footer class="wide">\(foot)</footer>
            </body>
            </html>

            """
    }

    private var links: [HTML] {
        Place.allCases.map { place in
            let current: HTML? = place == self.place ? #" aria-current="page""# : nil
            return #"<li><a href="\#(place.path)"\#(current)>\#(place.word)</a></li>"#
        }
    }

    private var notes: [HTML] {
        (snapshot?.notes ?? []).map { #"<p class="note">\#($0.shortened(to: 400))</p>"# }
    }

    private var foot: HTML {
        guard let snapshot else { return "<p>Nothing could be read.</p>" }
        var again = query
        again.refreshSeconds = query.refreshSeconds == nil ? 30 : nil
        let other: HTML =
            query.refreshSeconds == nil
            ? #"<a href="\#(again.address(path))">Read again every 30 s</a>"#
            : #"<a href="\#(again.address(path))">Stop reading again by itself</a>"#
        return """
            <p>\(snapshot.source), read at <time datetime="\(snapshot.now.wholeSeconds.rfc3339)">\
            \(Words.moment(snapshot.now))</time>. <a href="\(query.address(path))">Read again</a>. \(other). \
            Nothing can be changed from here.</p>
            """
    }

    /// A seal with its ribbon.
    static let mark: HTML = """
        <path class="ribbon" d="M7.5 13.5L5.5 22l6.5-3.2 6.5 3.2-2-8.5z"/><circle class="seal" cx="12" cy="8.6" r="7.2"/>\
        <path class="tick" d="M8.6 8.8l2.4 2.4 4.4-4.8" fill="none" stroke-width="1.9"/>
        """

    static let icon: HTML = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#8fb3d9" \
        d="M7.5 13.5L5.5 22l6.5-3.2 6.5 3.2-2-8.5z"/><circle fill="#2a5d8f" cx="12" cy="8.6" r="7.2"/><path fill="none" \
        stroke="#fff" stroke-width="1.9" d="M8.6 8.8l2.4 2.4 4.4-4.8"/></svg>
        """
}

/// Parts that several pages have.
enum Parts {
    static func link(_ entry: CertificateList.Entry) -> HTML {
        """
        <a href="/certificates/\(entry.namespace.escapedForPath)/\(entry.name.escapedForPath)">\
        <span class="faint">\(entry.namespace)/</span><wbr>\(entry.name)</a>
        """
    }

    /// A table that may be wider than the page.
    static func table(caption: String, head: HTML, rows: [HTML], class name: String = "") -> HTML {
        """
        <div class="scroll" role="region" tabindex="0" aria-label="\(caption)"><table class="\(name)">\
        <caption>\(caption)</caption><thead><tr>\(head)</tr></thead><tbody>
        \(rows)</tbody></table></div>
        """
    }

    static func certificates(_ rows: [View.Row], caption: String, now: Timestamp) -> HTML {
        let scale = Lifetime(rows, now: now)
        let head: HTML = """
            <th scope="col">State</th><th scope="col">Certificate</th><th scope="col">Names</th>\
            <th scope="col">Issuer</th><th scope="col">Time left</th><th scope="col">Runs out</th>\
            <th scope="col">Renewal</th>
            """
        return table(
            caption: caption, head: head,
            rows: rows.map { row in
                """
                <tr><td>\(row.standing.label)</td><th scope="row">\(link(row.entry))</th>\
                <td class="names">\(Words.list(row.entry.names))</td><td>\(row.entry.issuer.shortened(to: 80))</td>\
                <td>\(scale.bar(row))</td><td>\(ending(row, now))</td><td>\(renewal(row, now))</td></tr>

                """
            }, class: "certificates")
    }

    private static func ending(_ row: View.Row, _ now: Timestamp) -> HTML {
        row.entry.notAfter == nil ? #"<span class="faint">no certificate</span>"# : Words.time(row.entry.notAfter, now)
    }

    private static func renewal(_ row: View.Row, _ now: Timestamp) -> HTML { Words.time(row.entry.renewalTime, now) }

    /// Links to the other pages of a long list.
    static func pager<Item>(_ slice: Slice<Item>, _ query: Query, _ path: String) -> HTML {
        guard slice.pages > 1 else { return HTML.nothing }
        let back: HTML? =
            slice.page > 1
            ? #"<a rel="prev" href="\#(query.address(path, page: slice.page - 1))">Previous</a> "# : nil
        let on: HTML? =
            slice.page < slice.pages
            ? #" <a rel="next" href="\#(query.address(path, page: slice.page + 1))">Next</a>"# : nil
        return """
            <nav class="pager" aria-label="Pages of the list">\(back)<span>Page \(slice.page) of \(slice.pages): \
            \(Words.grouped(slice.first)) to \(Words.grouped(slice.first + slice.items.count - 1)) of \
            \(Words.grouped(slice.total))</span>\(on)</nav>
            """
    }

    static func more(_ count: Int, shown: Int, _ what: String, _ path: String) -> HTML {
        guard count > shown else { return HTML.nothing }
        return #"<p class="more"><a href="\#(path)">All \#(Words.grouped(count)) \#(what)</a></p>"#
    }
}
