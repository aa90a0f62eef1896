import DNSWire
import HTTPTypes
import Synchronization
import Testing
import Wire

@testable import DNSProviders

@Suite("What providers share")
struct BaseTests {
    @Test(
        "TXT text is quoted and read back",
        arguments: ["", "plain", "a \"quoted\" one", "back\\slash", "tab\tand ü", String(repeating: "x", count: 700)])
    func quoting(value: String) {
        let quoted = TXTText.quoted(value)
        #expect(TXTText.unquoted(quoted) == value)
        #expect(quoted.split(separator: "\" \"").allSatisfy { $0.utf8.count <= 257 })
        #expect(quoted.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        #expect(TXTText.pieces(value).joined() == value)
        #expect(TXTText.pieces(value).allSatisfy { $0.utf8.count <= 255 })
    }

    @Test(
        "text without quotes means itself, and broken quotes break nothing",
        arguments: [
            ("abc", "abc"), ("\"abc", "abc"), ("\"a\\", "a"), ("\"a\\300b\"", "a,b"), ("\"a\" \"b\"", "ab"),
            ("\"\"", ""),
        ])
    func unquoting(text: String, value: String) { #expect(TXTText.unquoted(text) == value) }

    @Test("XML is read with attributes, entities and CDATA")
    func xml() throws {
        let text = """
            <?xml version="1.0"?><!-- hello --><a:Root xmlns="u" Status='OK &amp; fine'><Item N="1"/>
            <Item N="2">x &lt; &#65;&#x42;<![CDATA[<raw>]]></Item></a:Root>
            """
        let root = try #require(XMLElement(parsing: Array(text.utf8)))
        #expect(root.name == "Root")
        #expect(root.attributes["Status"] == "OK & fine")
        #expect(root.all("Item").map { $0.attributes["N"] } == ["1", "2"])
        #expect(root.all("Item").last?.text == "x < AB<raw>")
    }

    @Test(
        "what is no XML is nil",
        arguments: [
            "", "<", "<a", "<a>", "<a></b>", "<a/><b/>", "<a x=1/>", "<a x='1/>", "<a>&b;</a>", "<a>&#xD800;</a>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "text", "<a><!-- </a>", "<a>&</a>", "{}", "<a b></a>",
        ])
    func noXML(text: String) { #expect(XMLElement(parsing: Array(text.utf8)) == nil) }

    @Test("XML nested without end is nil")
    func deepXML() {
        #expect(XMLElement(parsing: Array(String(repeating: "<a>", count: 100_000).utf8)) == nil)
    }

    @Test("a pace lets a burst go, spaces what follows, and refuses what would wait for long")
    func pace() {
        var machine = PaceMachine()
        let pace = Pace(60, per: .seconds(60))
        for _ in 0..<15 { #expect(machine.asked(at: .zero, [pace]) == .go) }
        guard case .wait(let first) = machine.asked(at: .zero, [pace]) else {
            Issue.record("the sixteenth did not wait")
            return
        }
        #expect(first == pace.interval)
        for _ in 0..<100 { _ = machine.asked(at: .zero, [pace]) }
        guard case .refused(let again) = machine.asked(at: .zero, [pace]) else {
            Issue.record("the last was not refused")
            return
        }
        #expect(again > PaceMachine.patience)
        #expect(machine.asked(at: .seconds(120), [pace]) == .go)
        machine.closed(at: .seconds(120), for: .seconds(9))
        #expect(machine.asked(at: .seconds(121), [pace]) == .refused(again: .seconds(8)))
        #expect(machine.asked(at: .seconds(129), [pace]) == .go)
    }

    @Test(
        "in no window of the period more requests go than the limit",
        arguments: [
            [(5, 1)], [(60, 60)], [(250, 60), (5000, 3600)], [(1200, 300)], [(20, 60), (700, 3600), (8000, 86_400)],
            [(2, 1), (15, 60), (100, 3600), (300, 86_400)],
        ])
    func window(limits: [(Int, Int)]) {
        var machine = PaceMachine()
        let paces = limits.map { Pace($0.0, per: .seconds($0.1)) }
        var now = Duration.zero
        var sent: [Duration] = []
        while sent.count < (limits.map(\.0).max() ?? 0) * 2 {
            switch machine.asked(at: now, paces) {
            case .go: sent.append(now)
            case .wait(let duration):
                now += duration
                sent.append(now)
            case .refused(let again): now += again
            }
        }
        for (limit, seconds) in limits {
            for (first, next) in zip(sent, sent.dropFirst(limit)) { #expect(next - first >= .seconds(seconds)) }
        }
    }

    @Test("reads, changes and the changes of each zone have paces of their own, and a place can be given back")
    func paceKinds() {
        let reads = Pace(4, per: .seconds(4), of: .reads)
        let one = Pace(4, per: .seconds(4000), of: .changes, scope: "one")
        let two = Pace(4, per: .seconds(4000), of: .changes, scope: "two")
        #expect(reads.covers(.get) && !reads.covers(.patch) && one.covers(.delete) && !one.covers(.get))
        #expect(Pace(1, per: .seconds(1)).covers(.get) && Pace(1, per: .seconds(1)).covers(.put))
        var machine = PaceMachine()
        for _ in 0..<9 {
            #expect(machine.asked(at: .zero, [one]) == .go)
            machine.givenBack([one])
        }
        #expect(machine.asked(at: .zero, [one]) == .go)
        #expect(machine.asked(at: .zero, [reads, one]) == .refused(again: one.interval))
        #expect(machine.asked(at: .zero, [reads]) == .go, "a request that was refused took a place")
        #expect(machine.asked(at: .zero, [two]) == .go)
        #expect(!machine.isIdle(at: .seconds(1)) && machine.isIdle(at: one.interval))
    }

    /// Counts who is inside at once.
    final class Crowd: Sendable {
        private let counts = Mutex((inside: 0, most: 0))
        var most: Int { counts.withLock { $0.most } }

        func visit() async {
            counts.withLock { counts in
                counts.inside += 1
                counts.most = max(counts.most, counts.inside)
            }
            await Task.yield()
            counts.withLock { $0.inside -= 1 }
        }
    }

    @Test("turns are one at a time for each key, and a cancelled waiter holds up nobody")
    func turns() async throws {
        let turns = KeyedTurns()
        let (crowd, other) = (Crowd(), Crowd())
        let visit = { @Sendable (number: Int) async -> Void in
            // Those who are cancelled while they wait do not get in.
            try? await turns.run("k\(number % 2)") { () async throws(DNSProviderError) in
                await (number % 2 == 0 ? crowd : other).visit()
            }
        }
        for isCancelled in [false, true] {
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask { await visit(number) }
                    if isCancelled, number == 30 { group.cancelAll() }
                }
            }
            #expect(crowd.most == 1)
            #expect(other.most == 1)
            #expect(turns.busyCount == 0)
        }
        await visit(0)
        #expect(turns.busyCount == 0)
    }

    @Test("zones of an account are kept for minutes, and accounts are bounded")
    func zones() throws {
        let memory = ZoneMemory()
        let name = try DNSName("_acme-challenge.a.sub.example.com")
        let zones = ["com.", "example.com", "sub.example.com", "b.sub.example.com"].compactMap { ProviderZone($0) }
        let account = AccountKey("p", ["1"])
        #expect(memory.find(name, of: account, now: .zero) == .unknown)
        memory.keep(zones, of: account, now: .zero)
        #expect(memory.find(name, of: account, now: .seconds(299)) == .zone(zones[2]))
        #expect(memory.find(name, of: account, now: .seconds(300)) == .unknown)
        let other = try DNSName("nowhere.test")
        #expect(memory.find(other, of: account, now: .seconds(10)) == .none)
        #expect(memory.find(other, of: account, now: .seconds(20)) == .unknown)
        for number in 0..<ZoneMemory.maximumAccounts {
            memory.keep(zones, of: AccountKey("p", ["x\(number)"]), now: .seconds(1))
        }
        #expect(memory.find(name, of: account, now: .seconds(2)) == .unknown)
    }

    @Test("zones of other alphabets are found")
    func alphabets() throws {
        #expect(ProviderZone("bücher.example")?.name == (try DNSName("xn--bcher-kva.example")))
        #expect(ProviderZone("")?.name == nil)
        #expect(ProviderZone(".")?.name == nil)
        let zone = try #require(ProviderZone("example.com"))
        #expect(zone.relative(try DNSName("a.b.example.com")) == "a.b")
        #expect(zone.relative(try DNSName("example.com")) == "")
        #expect(zone.relative(try DNSName("b.notexample.com")) == "")
    }

    @Test("what a service says is made one line without credentials and request ids")
    func serviceText() {
        let secrets = [Redacted("s3cr3t/key")]
        #expect(
            ServiceText.clean(
                "bad key s3cr3t/key\n (s3cr3t%2Fkey), request b25f48e8-84fd-11e6-80d9-574e0c4664cb.", hiding: secrets)
                == "bad key redacted (redacted), request …")
        #expect(ServiceText.clean(String(repeating: "word ", count: 200), hiding: []).count <= 301)
        #expect(
            ServiceText.message(in: Array(#"{"errors":[{"code":1,"message":"no"},{"message":"never"}]}"#.utf8))
                == "no; never")
        #expect(ServiceText.message(in: Array("<html>".utf8)) == nil)
    }
}
