import CertificateAPI
import Diagnosis
import HTTPServer
import HTTPTypes
import KubeModel
import TestSupport
import Synchronization
import Testing
import Wire

@testable import Dashboard

@Suite("the pages")
struct PageTests {
    /// Every page there is, of that cluster.
    static func pages(_ snapshot: Snapshot, query: String = "") async -> [(path: String, text: String)] {
        let site = Site { () async throws(Site.Unreadable) in snapshot }
        var paths = ["/", "/certificates", "/flight", "/issuers", "/nothing"]
        paths += snapshot.certificates.prefix(5).map {
            "/certificates/\(($0.metadata.namespace ?? "").escapedForPath)/\($0.metadata.name.escapedForPath)"
        }
        var pages: [(String, String)] = []
        for path in paths {
            let answer = await site.answer(PageTests.get(path + query))
            pages.append((path, String(decoding: answer.body, as: UTF8.self)))
        }
        return pages
    }

    static func get(
        _ target: String, host: String = "localhost:9404", method: HTTPRequest.Method = .get
    ) -> ServerRequest {
        var headers = HTTPFields()
        if let name = HTTPField.Name("host") { headers[name] = host }
        return ServerRequest(method: method, target: target, headers: headers)
    }

    @Test("are well-formed, with one heading of the first order, captions, labels and a language")
    func wellFormed() async throws {
        for (path, text) in await Self.pages(try World.snapshot()) {
            let markup = Markup(text)
            #expect(markup.problem == nil, "\(path): \(markup.problem ?? "")")
            #expect(markup.elements["h1"] == 1, "\(path)")
            #expect(markup.elements["main"] == 1)
            #expect(markup.elements["caption", default: 0] == markup.elements["table", default: 0])
            #expect(markup.elements["label"] == markup.elements["input"])
            #expect(text.contains("<html lang=\"en\">"))
            #expect(markup.elements["script"] == nil && markup.elements["style"] == nil)
            #expect(!markup.attributes.contains("style"))
        }
    }

    @Test(
        "take nothing from a cluster for markup",
        arguments: [
            "<script>alert(1)</script>", "\" onmouseover=\"alert(1)", "'><img src=x onerror=alert(1)>", "&lt;b&gt;",
            "</title><svg onload=alert(1)>", "javascript:alert(1)", "a\u{202E}b\u{0}c\u{1B}[31m", "../../etc",
            "a b&c=d#e?f%2F",
        ])
    func hostile(text: String) async throws {
        let plain = Set(await Self.pages(try World.snapshot()).map { Markup($0.text) }.flatMap(\.attributes))
        for (path, page) in await Self.pages(try World.hostile(text), query: "?q=\(text.escapedForPath)") {
            let markup = Markup(page)
            #expect(markup.problem == nil, "\(path): \(markup.problem ?? "")")
            #expect(markup.elements["script"] == nil && markup.elements["img"] == nil)
            #expect(markup.attributes.subtracting(plain).isSubset(of: ["cite"]), "\(path)")
            #expect(!page.contains("href=\"javascript"))
            #expect(!page.unicodeScalars.contains { $0 == "\u{202E}" || $0 == "\u{0}" || $0 == "\u{1B}" })
        }
    }

    @Test("say so where there is nothing yet")
    func empty() async {
        for (path, text) in await Self.pages(Snapshot(now: World.now, source: "An empty cluster")) {
            #expect(Markup(text).problem == nil, "\(path)")
        }
        let text = await Self.pages(Snapshot(now: World.now, source: "An empty cluster"))[0].text
        #expect(text.contains("There are no certificates yet"))
        #expect(text.contains("None is there, so that nothing can be issued."))
    }

    @Test("of five thousand certificates have a bound, and all of them can be reached")
    func large() async throws {
        var snapshot = Snapshot(now: World.now, source: "A large cluster")
        let models = [
            try World.ready("x", left: 60, renewal: 30),
            try World.certificate("x", issuer: "nowhere", status: "{conditions: [\(World.notReady)]}"),
        ]
        for index in 0..<5000 {
            var certificate = models[index % 10 == 0 ? 1 : 0]
            certificate.metadata.name = "shop-\(index)"
            certificate.metadata.uid = "u-\(index)"
            certificate.spec.secretName = "shop-\(index)-tls"
            if let end = certificate.status?.notAfter { certificate.status?.notAfter = end + .seconds(index * 300) }
            snapshot.certificates.append(certificate)
        }
        snapshot.issuers = try (0..<300).map { index in
            var issuer = try World.issuer()
            issuer.metadata.name = "acme-\(index)"
            return issuer
        }
        for (path, text) in await Self.pages(snapshot) {
            #expect(text.utf8.count < 120_000, "\(path): \(text.utf8.count) bytes")
            #expect(Markup(text).elements["tr", default: 0] <= 120, "\(path)")
        }
        let site = Site { [snapshot] () async throws(Site.Unreadable) in snapshot }
        let last = await site.answer(Self.get("/certificates?page=100"))
        #expect(String(decoding: last.body, as: UTF8.self).contains("Page 100 of 100"))
        let beyond = await site.answer(Self.get("/certificates?page=101"))
        #expect(String(decoding: beyond.body, as: UTF8.self).contains("Page 100 of 100"))
        let found = await site.answer(Self.get("/certificates?q=shop-4711&state=ready"))
        #expect(String(decoding: found.body, as: UTF8.self).contains("1 of 5\u{202F}000 certificates"))
    }

    @Test("show no key, no token and no request")
    func secrets() async throws {
        for (path, text) in await Self.pages(try World.snapshot()) {
            #expect(!text.contains("t0ken"), "\(path)")
        }
    }

    @Test("say in what order things stand, why, and what mends it")
    func overview() async throws {
        let pages = await Self.pages(try World.snapshot())
        #expect(pages[0].text.contains("<h1>3 of 5 certificates need attention</h1>"))
        let flight = pages[2].text
        #expect(flight.contains("<h1>1 certificate is under way, 3 held up</h1>"))
        #expect(flight.contains("The Issuer shop/nowhere, which spec.issuerRef names, does not exist."))
        #expect(flight.contains("Challenges 1/2"))
        #expect(pages[3].text.contains("1 of 300 new orders in 3h"))
    }
}

@Suite("who may read the pages")
struct SiteTests {
    static let site = Site { () async throws(Site.Unreadable) in Snapshot(now: World.now, source: "test") }

    @Test(
        "whoever asks by a loopback name, by whatever port",
        arguments: ["localhost", "localhost:1", "LOCALHOST:9404", "127.0.0.1:80", "[::1]", "[::1]:9404"])
    func loopback(host: String) async {
        #expect(await Self.site.answer(PageTests.get("/", host: host)).status == .ok)
    }

    @Test(
        "nobody by another name, which a page elsewhere could have made to lead here",
        arguments: [
            "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:9404", "", "127.0.0.2", "localhost:x",
            "localhost:99999", "localhost:", "user@localhost", "localhost, evil.example", "[::1",
        ])
    func others(host: String) async {
        let answer = await Self.site.answer(PageTests.get("/", host: host))
        #expect(answer.status.code == 421)
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("certificates"))
    }

    @Test("and nobody without a name")
    func nameless() async {
        #expect(await Self.site.answer(ServerRequest(target: "/")).status.code == 421)
    }

    @Test("what is no reading is refused", arguments: [HTTPRequest.Method.post, .put, .delete, .patch, .options])
    func writing(method: HTTPRequest.Method) async {
        #expect(await Self.site.answer(PageTests.get("/", method: method)).status == .methodNotAllowed)
    }

    @Test("every answer forbids scripts, frames and whatever is elsewhere, and is not kept")
    func headers() async throws {
        for target in ["/", "/style.css", "/icon.svg", "/nothing", "/certificates/a/b"] {
            let headers = await Self.site.answer(PageTests.get(target)).headers
            let policy = try #require(headers[.contentSecurityPolicy])
            #expect(policy.hasPrefix("default-src 'none'; style-src 'self'"))
            #expect(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"))
            #expect(!policy.contains("script") && !policy.contains("unsafe"))
            #expect(headers[.xContentTypeOptions] == "nosniff")
            #expect(headers[.cacheControl] == "no-store")
            #expect(headers[try #require(HTTPField.Name("referrer-policy"))] == "no-referrer")
            #expect(headers[try #require(HTTPField.Name("cross-origin-resource-policy"))] == "same-origin")
        }
    }

    @Test("names are taken apart by their slashes before they are decoded")
    func paths() async throws {
        var snapshot = Snapshot(now: World.now, source: "test")
        snapshot.certificates = [try World.ready("good", left: 60, renewal: 30)]
        let site = Site { [snapshot] () async throws(Site.Unreadable) in snapshot }
        #expect(await site.answer(PageTests.get("/certificates/shop/good")).status == .ok)
        #expect(await site.answer(PageTests.get("/certificates/sho%70/good?q=x")).status == .ok)
        for path in [
            "/certificates/shop/other", "/certificates/shop%2Fgood", "/certificates/shop/good/",
            "/certificates/%zz/good",
            "//", "/certificates/%FF/good", "/../certificates",
        ] {
            #expect(await site.answer(PageTests.get(path)).status == .notFound, "\(path)")
        }
    }

    @Test("a cluster that cannot be read is told, and the next look may succeed")
    func unreadable() async {
        let site = Site { () async throws(Site.Unreadable) in throw Site.Unreadable("no <way> there") }
        let answer = await site.answer(PageTests.get("/"))
        #expect(answer.status == .serviceUnavailable)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("no &lt;way&gt; there"))
    }

    @Test("many who ask at once make one reading, and one that is fresh enough serves the next")
    func keeper() async throws {
        let clock = ManualClock()
        let count = Counter()
        let keeper = SnapshotKeeper(age: .seconds(10), time: clock) { () async throws(Site.Unreadable) in
            count.add()
            return Snapshot(now: World.now, source: "test")
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { _ = try await keeper.current() } }
            try await group.waitForAll()
        }
        #expect(count.value == 1)
        clock.advance(by: .seconds(11))
        _ = try await keeper.current()
        #expect(count.value == 2)
    }
}

@Suite("what the pages are made of")
struct PartTests {
    @Test("text is escaped, markup is not, and nothing is lost")
    func escaping() {
        let text = "<a href='x' title=\"y\">&amp;</a>\n\u{7}é😀"
        let inner: HTML = "<b>\(text)</b>"
        #expect(
            ("<p>\(inner)</p>" as HTML).text
                == "<p><b>&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;amp;&lt;/a&gt;\n\u{FFFD}é😀</b></p>")
        #expect(("\(1.25)|\(-0.04)|\(3.0)|\(Double.nan)|\(-2.5)" as HTML).text == "1.3|0|3|0|-2.5")
    }

    @Test("a query is read within bounds, and written as it was read")
    func query() {
        var query = Query("/certificates?q=a+b%26c&state=late&page=3&from=100&before=200&refresh=30&other=1")
        #expect(query.words == "a b&c" && query.standing == .late && query.page == 3 && query.refreshSeconds == 30)
        #expect(query.from?.secondsSince1970 == 100 && query.before?.secondsSince1970 == 200)
        #expect(Query(query.address("/certificates")) == query)
        for text in [
            "/?page=-1", "/?page=99999999999999999999", "/?q=%", "/?q=%f", "/?q=%+1", "/?from=x", "/?refresh=1",
            "/?=&&=",
            "/?q=%ff",
        ] {
            query = Query(text)
            #expect(query == Query(), "\(text)")
        }
        #expect(Query("/?q=" + String(repeating: "a", count: 10_000)).words.count == 200)
    }

    @Test("how a certificate stands")
    func standing() throws {
        let snapshot = try World.snapshot()
        #expect(View(snapshot).rows.map(\.standing) == [.ready, .late, .expired, .heldUp, .underWay])
        let new = try World.certificate("new")
        #expect(Standing(new, now: World.now) == .underWay)
        var failing = try World.ready("failing", left: 20, renewal: -3)
        failing.status?.lastFailureTime = World.now
        #expect(Standing(failing, now: World.now) == .heldUp)
        var waiting = try World.snapshot()
        waiting.challenges[1].status?.reason = "Error presenting challenge: the Secret shop/token does not exist"
        waiting.challenges[1].spec.type = .dns01
        #expect(View(waiting).rows.last?.standing == .heldUp, "what only a person can mend is no progress")
        waiting.orders[0].status?.reason = "the CA's limit for the account is used up"
        waiting.challenges = []
        #expect(View(waiting).rows.last?.standing == .underWay, "a limit passes by itself")
    }

    @Test("how far an issuance is")
    func stage() throws {
        let view = View(try World.snapshot())
        let row = try #require(view.row(ObjectKey(namespace: "shop", name: "fresh")))
        let stage = Stage(view.tree(of: row.certificate))
        #expect(stage.steps.map(\.word) == ["Request", "Order", "Challenges 1/2", "Certificate"])
        #expect(stage.steps.map(\.progress) == [.done, .done, .current, .ahead])
        var waiting = try World.snapshot()
        waiting.orders[0].status?.url = nil
        waiting.challenges = []
        let held = Stage(View(waiting).tree(of: row.certificate))
        #expect(held.steps.map(\.progress) == [.done, .current, .ahead, .ahead])
        waiting.requests = []
        #expect(Stage(View(waiting).tree(of: row.certificate)).steps.map(\.progress).first == .current)
    }

    @Test("the timeline has room for nine of ten, and loses none of the others")
    func timeline() throws {
        var snapshot = try World.snapshot()
        let quarter = Timeline(View(snapshot).rows, now: World.now)
        #expect(quarter.reach == .quarter)
        #expect((quarter.ended, quarter.later, quarter.none) == (1, 0, 2))
        #expect(quarter.columns.reduce(0) { $0 + $1.endings } == 2)
        #expect(quarter.columns.reduce(0) { $0 + $1.renewals } == 1)
        #expect(quarter.sentence.contains("1 has run out already. 2 have no certificate yet."))
        snapshot.certificates = try (1...20).map { try World.ready("c\($0)", left: $0 == 20 ? 3000 : 5, renewal: 1) }
        let weeks = Timeline(View(snapshot).rows, now: World.now)
        #expect(weeks.reach == .weeks && weeks.later == 1)
        snapshot.certificates = [try World.ready("root", left: 3000, renewal: 2000)]
        #expect(Timeline(View(snapshot).rows, now: World.now).reach == .decade)
        #expect(Markup(Timeline(View(snapshot).rows, now: World.now).picture.text).problem == nil)
    }

    @Test("every colour of text is 4.5:1 against what it stands on, in light and in dark (WCAG 2.2, 1.4.3)")
    func contrast() throws {
        let named = Dictionary(uniqueKeysWithValues: Style.colours.map { ($0.name, $0) })
        let texts = ["text", "faint", "link"] + Standing.allCases.map(\.rawValue)
        for name in texts {
            for ground in ["paper", "surface"] {
                let (text, below) = (try #require(named[name]), try #require(named[ground]))
                #expect(Contrast.ratio(text.light, below.light) >= 4.5, "\(name) on \(ground) in light")
                #expect(Contrast.ratio(text.dark, below.dark) >= 4.5, "\(name) on \(ground) in dark")
            }
        }
        let (renewals, surface) = (try #require(named["renewals"]), try #require(named["surface"]))
        // What is no text needs 3:1 (1.4.11).
        #expect(Contrast.ratio(renewals.light, surface.light) >= 3 && Contrast.ratio(renewals.dark, surface.dark) >= 3)
    }

    @Test("every class of the pages is in the style sheet, and every colour that it uses is named")
    func style() async throws {
        for part in Style.sheet.split(separator: "var(--").dropFirst() {
            let name = part.prefix { $0.isLetter }
            #expect(Style.colours.contains { $0.name == name }, "\(name)")
        }
        for (_, text) in await PageTests.pages(try World.snapshot()) {
            for part in text.split(separator: "class=\"").dropFirst() {
                for name in part.prefix(while: { $0 != "\"" }).split(separator: " ") {
                    let isPlain = ["ahead", "m-plain", "facts", "certificates", "flight", "issuers"].contains(name)
                    #expect(isPlain || Style.sheet.contains(".\(name)"), "\(name)")
                }
            }
        }
    }
}

private enum Contrast {
    static func ratio(_ one: String, _ other: String) -> Double {
        let (a, b) = (luminance(one), luminance(other))
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)
    }

    /// Relative luminance (WCAG 2.2).
    private static func luminance(_ colour: String) -> Double {
        let digits = Array(colour.dropFirst())
        let parts = [0, 2, 4].map { index in
            linear(Double(Int(String(digits[index...index + 1]), radix: 16) ?? 0) / 255)
        }
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }

    private static func linear(_ value: Double) -> Double {
        value <= 0.04045 ? value / 12.92 : power((value + 0.055) / 1.055)
    }

    /// x^2.4 = x² · x^0.4, the fifth root of x² by Newton.
    private static func power(_ x: Double) -> Double {
        let square = x * x
        var root = max(x, 0.1)
        for _ in 0..<60 { root -= (root * root * root * root * root - square) / (5 * root * root * root * root) }
        return square * root
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
}
