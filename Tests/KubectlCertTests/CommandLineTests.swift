import ArgumentParser
import CertificateAPI
import DNSWire
import Diagnosis
import HTTPTransport
import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

@testable import kubectl_cert

@Suite("the command line of kubectl cert")
struct CommandLineTests {
    private static let orders: [([String], [String])] = [
        (["-n", "web", "why", "shop"], ["why", "shop", "-n", "web"]),
        (["--context=a", "-A", "list", "--expiring", "30d"], ["list", "--expiring", "30d", "--context=a", "-A"]),
        (["why", "shop", "-n", "web"], ["why", "shop", "-n", "web"]), (["--help"], ["--help"]), ([], []),
        (["-n"], ["-n"]), (["-n", "web"], ["-n", "web"]),
        (["-n", "web", "renew", "--", "-odd"], ["renew", "-n", "web", "--", "-odd"]),
    ]

    @Test("flags may stand before the command", arguments: orders)
    func order(given: [String], normalised: [String]) {
        #expect(ArgumentOrder.normalised(given) == normalised)
    }

    private static let typed: [[String]] = [
        ["status", "certificate", "shop", "-n", "web"], ["renew", "shop", "api"], ["renew", "--all", "-A"],
        ["renew", "-l", "app=shop", "--context", "prod"], ["approve", "shop-1", "--reason", "Ok", "--message", "fine"],
        ["deny", "shop-1", "-n", "web"], ["inspect", "secret", "shop-tls"], ["check", "api", "--wait=2m"],
        [
            "create", "certificaterequest", "x", "--from-certificate-file", "c.yaml", "--fetch-certificate",
            "--timeout", "20m",
        ],
        ["version", "--client", "-o", "json"], ["completion", "bash"], ["version", "--short"], ["check", "--wait=2m"],
    ]

    @Test("what cmctl users type is understood", arguments: typed)
    func cmctl(arguments: [String]) throws {
        _ = try KubectlCert.parseAsRoot(arguments)
    }

    private static let senseless: [([String], String)] = [
        (["renew"], "Name Certificates"), (["renew", "a", "--all"], "cannot be given together"),
        (["list", "--expiring", "soon"], "no length of time"), (["approve", "x", "--reason", "two words"], "one word"),
        (["status", "certificate", "x", "--as-group", "g"], "need --as"),
        (["why", "x", "--request-timeout", "fast"], "--request-timeout"),
        (["check", "dns", "acme", "--zone", "no..name"], "no DNS name"), (["check", "dns", "acme"], "--zone"),
        (
            ["check", "dns", "acme", "--zone", "example.com", "--dns01-recursive-nameservers", "ns:99999"],
            "no DNS server"
        ), (["list", "-o", "xml"], "output"),
    ]

    @Test("what makes no sense is refused with a sentence", arguments: senseless)
    func refused(arguments: [String], part: String) {
        do {
            _ = try KubectlCert.parseAsRoot(arguments)
            Issue.record("accepted")
        } catch {
            #expect(KubectlCert.fullMessage(for: error).contains(part))
        }
    }

    @Test("a zone gets the solver that its certificates get; where none is for it, the only one that there is")
    func solverChoice() throws {
        func solver(_ zones: [String], dns: Bool = true) -> Solver {
            var solver = Solver()
            if dns {
                var stanza = Solver.DNS01()
                stanza.providers["cloudflare"] = ["apiTokenSecretRef": ["name": "s", "key": "k"]]
                solver.dns01 = stanza
            } else {
                solver.http01 = .init()
            }
            if !zones.isEmpty {
                solver.selector = .init()
                solver.selector?.dnsZones = zones
            }
            return solver
        }
        func choice(_ solvers: [Solver], _ zone: String) throws -> Int {
            try CheckDNSCommand.choice(from: solvers, for: try DNSName(zone), "Issuer web/acme")
        }
        let solvers = [solver([], dns: false), solver(["example.com"]), solver(["sub.example.com"])]
        #expect(try choice(solvers, "example.com") == 1)
        #expect(try choice(solvers, "a.sub.example.com") == 2)
        #expect(try choice([solvers[0], solvers[1]], "example.net") == 1)
        #expect(throws: CommandFailure.self) { try choice(solvers, "example.net") }
        #expect(throws: CommandFailure.self) { try choice([solvers[0]], "example.com") }
    }

    @Test("colours are for terminals that have not said no")
    func colours() {
        func colours(_ choice: ColourChoice, _ isTerminal: Bool, _ variables: [String: String] = [:]) -> Bool {
            Console.colours(choice, isTerminal: isTerminal) { variables[$0] }
        }
        #expect(colours(.auto, true))
        #expect(!colours(.auto, false))
        #expect(!colours(.auto, true, ["NO_COLOR": "1"]))
        #expect(colours(.auto, true, ["NO_COLOR": ""]))
        #expect(!colours(.auto, true, ["TERM": "dumb"]))
        #expect(colours(.always, false, ["NO_COLOR": "1"]))
        #expect(!colours(.never, true))
    }

    private static let lines: [([String], String, Completion.Objects?)] = [
        ([""], "status", nil), (["st"], "status", nil), (["inspect", ""], "url", nil),
        (["why", ""], "", .certificates), (["status", "certificate", ""], "", .certificates),
        (["approve", "-n", "web", "sh"], "", .requests), (["list", "--exp"], "--expiring", nil),
        (["why", "--no"], "--no-probes", nil),
    ]

    @Test("completion knows commands, flags and names", arguments: lines)
    func completion(words: [String], word: String, objects: Completion.Objects?) {
        let found = Completion.candidates(for: words, below: KubectlCert.self)
        if !word.isEmpty { #expect(found.words.contains(word), "\(found.words)") }
        #expect(found.objects == objects)
        #expect(!found.words.contains("__complete"))
    }

    @Test("columns are as wide as what stands in them")
    func table() throws {
        var table = Table(headings: ["NAME", "READY"])
        table.rows = [[.init("a-long-name"), .init("True", .good)]]
        let plain = Console(try OutputFlags.parse(["--color=never"]))
        #expect(table.lines(plain) == ["NAME          READY", "a-long-name   True"])
        let coloured = Console(try OutputFlags.parse(["--color=always"]))
        #expect(table.lines(coloured)[1] == "a-long-name   \u{1B}[32mTrue\u{1B}[0m")
    }

    @Test("a tree is drawn with its branches")
    func tree() throws {
        var node = StatusNode(kind: "Certificate", name: "web/shop", state: "NotReady", mood: .bad)
        var order = StatusNode(kind: "Order", name: "web/o", state: "pending", mood: .waiting)
        order.lines = [.init("Reason", "slow", .waiting)]
        node.children = [StatusNode(kind: "Secret", name: "web/s", state: "missing", mood: .bad), order]
        let console = Console(try OutputFlags.parse(["--color=never"]))
        let lines = TreeText.lines(node, console, now: Timestamp(secondsSince1970: 0), isWide: false)
        #expect(
            lines == [
                "Certificate web/shop  NotReady", "├─ Secret web/s  missing", "└─ Order web/o  pending",
                "      Reason  slow",
            ])
    }

    @Test("a cause is told for programs field by field")
    func findingJSON() {
        let cause = Cause(
            .issuerMissing, at: "Certificate web/shop", "gone.", evidence: ["e", nil, ""], remedy: "make it")
        let value = FindingText.json(.cause(cause), of: ObjectKey(namespace: "web", name: "shop"))
        #expect(value["finding"] == "cause")
        #expect(value["cause"]?["kind"] == "issuerMissing")
        #expect(value["cause"]?["evidence"] == ["e"])
    }
}
