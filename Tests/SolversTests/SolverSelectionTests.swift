import CertificateAPI
import Solvers
import Testing
import Wire

@Suite("Choosing a solver")
struct SolverSelectionTests {
    typealias Failure = SolverSelection.Failure

    static func authorization(
        _ name: String, wildcard: Bool = false, offers: [String] = ["http-01", "dns-01", "tls-alpn-01"]
    ) -> Order.Authorization {
        var authorization = Order.Authorization(url: "https://ca/authz/1")
        authorization.identifier = name
        authorization.wildcard = wildcard
        authorization.challenges = offers.map { .init(url: "https://ca/\($0)", token: "t", type: $0) }
        return authorization
    }

    static func dns(_ selector: Solver.Selector? = nil) -> Solver {
        var solver = Solver()
        solver.selector = selector
        solver.dns01 = Solver.DNS01()
        solver.dns01?.providers["rfc2136"] = ["nameserver": "192.0.2.1"]
        return solver
    }

    static func http(_ selector: Solver.Selector? = nil) -> Solver {
        var solver = Solver()
        solver.selector = selector
        var http01 = Solver.HTTP01()
        http01.ingress = Solver.IngressSolver()
        http01.ingress?.class = "nginx"
        solver.http01 = http01
        return solver
    }

    static func index(
        _ solvers: [Solver], _ name: String, wildcard: Bool = false, offers: [String] = ["http-01", "dns-01"],
        labels: [String: String] = [:]
    ) throws -> Int {
        try SolverSelection.choose(
            from: solvers, for: authorization(name, wildcard: wildcard, offers: offers), labels: labels,
            annotations: [:]
        ).index
    }

    @Test("of solvers without selectors the first stands")
    func first() throws {
        #expect(try Self.index([Self.http(), Self.dns()], "a.example.com") == 0)
        #expect(try Self.index([Self.dns(), Self.http()], "a.example.com") == 0)
    }

    @Test("a name beats a zone, a longer zone a shorter one, labels only what has neither")
    func precedence() throws {
        let plain = Self.http()
        let labels = Self.http(.init(matchLabels: ["a": "1"]))
        let moreLabels = Self.http(.init(matchLabels: ["a": "1", "b": "2"]))
        let zone = Self.dns(.init(dnsZones: ["example.com"]))
        let longZone = Self.dns(.init(dnsZones: ["com", "www.example.com"]))
        let name = Self.dns(.init(dnsNames: ["x.www.example.com"]))
        let order = [plain, labels, moreLabels, zone, longZone, name]
        for last in 1...order.count {
            let solvers = Array(order[..<last])
            #expect(try Self.index(solvers, "x.www.example.com", labels: ["a": "1", "b": "2", "c": "3"]) == last - 1)
            let reversed = Array(solvers.reversed())
            #expect(try Self.index(reversed, "x.www.example.com", labels: ["a": "1", "b": "2", "c": "3"]) == 0)
        }
    }

    @Test("everything a selector asks for has to be there")
    func conjunction() throws {
        let picky = Self.dns(.init(matchLabels: ["a": "1"], dnsNames: ["a.example.com"], dnsZones: ["example.com"]))
        let solvers = [Self.http(), picky]
        #expect(try Self.index(solvers, "a.example.com", labels: ["a": "1"]) == 1)
        #expect(try Self.index(solvers, "a.example.com", labels: ["a": "2"]) == 0)
        #expect(try Self.index(solvers, "b.example.com", labels: ["a": "1"]) == 0)
    }

    @Test(
        "a zone matches whole labels, in any case, with a closing dot or without",
        arguments: [
            ("example.com", true), ("a.example.com", true), ("notexample.com", false), ("com", false),
        ])
    func zones(name: String, matches: Bool) throws {
        let solvers = [Self.http(), Self.dns(.init(dnsZones: ["EXAMPLE.com."]))]
        #expect(try Self.index(solvers, name) == (matches ? 1 : 0))
    }

    @Test("a wildcard takes DNS-01 only, and its selector names it with the star (H5)")
    func wildcard() throws {
        #expect(try Self.index([Self.http(), Self.dns()], "example.com", wildcard: true) == 1)
        let solvers = [
            Self.dns(), Self.dns(.init(dnsNames: ["example.com"])), Self.dns(.init(dnsNames: ["*.example.com"])),
        ]
        #expect(try Self.index(solvers, "example.com", wildcard: true) == 2)
        #expect(try Self.index(solvers, "example.com", wildcard: false) == 1)
    }

    @Test("an address takes HTTP-01 only (IP2)", arguments: ["192.0.2.1", "2001:db8::1"])
    func address(name: String) throws {
        #expect(try Self.index([Self.dns(), Self.http()], name) == 1)
    }

    @Test("what the CA does not offer is not chosen")
    func offers() throws {
        #expect(try Self.index([Self.http(), Self.dns()], "a.example", offers: ["dns-01"]) == 1)
        #expect(throws: Failure.noSolver(name: "a.example", offered: ["tls-alpn-01"])) {
            try Self.index([Self.http(), Self.dns()], "a.example", offers: ["tls-alpn-01"])
        }
        #expect(throws: Failure.noSolver(name: "*.a.example", offered: ["dns-01"])) {
            try Self.index([Self.http()], "a.example", wildcard: true, offers: ["dns-01"])
        }
    }

    @Test("which challenge a solver answers is the issuer's choice, as far as the name and the CA allow it (L5)")
    func methods() throws {
        func choose(
            _ methods: [ChallengeMethod], _ name: String = "a.example", wildcard: Bool = false,
            offers: [String] = ["http-01", "dns-01", "tls-alpn-01"]
        ) throws -> ChallengeMethod {
            try SolverSelection.choose(
                from: [Self.http(), Self.dns()], for: Self.authorization(name, wildcard: wildcard, offers: offers),
                labels: [:], annotations: [:], methods: methods
            ).method
        }
        #expect(try choose([.tlsALPN01, .http01, .dns01]) == .tlsALPN01)
        #expect(try choose([.tlsALPN01, .http01, .dns01], offers: ["http-01"]) == .http01)
        #expect(try choose([.tlsALPN01, .dns01], wildcard: true) == .dns01)
        #expect(try choose([.tlsALPN01], "192.0.2.1") == .tlsALPN01)
        #expect(throws: Failure.self) { try choose([.tlsALPN01], wildcard: true) }
    }

    @Test(
        "an override of the Ingress replaces what the stanza says",
        arguments: [
            Names.Annotation.http01OverrideIngressName, Names.Annotation.http01OverrideIngressClass,
            Names.Annotation.http01OverrideIngressClassName,
        ])
    func overrides(key: String) throws {
        let selection = try SolverSelection.choose(
            from: [Self.http()], for: Self.authorization("a.example"), labels: [:], annotations: [key: "mine"])
        let ingress = try #require(selection.solver.http01?.ingress)
        #expect(ingress.name == (key == Names.Annotation.http01OverrideIngressName ? "mine" : nil))
        #expect(ingress.class == (key == Names.Annotation.http01OverrideIngressClass ? "mine" : nil))
        #expect(ingress.ingressClassName == (key == Names.Annotation.http01OverrideIngressClassName ? "mine" : nil))
        #expect(selection.method == .http01)
        #expect(selection.offered.url == "https://ca/http-01")
    }

    @Test("two overrides at once are refused, and DNS-01 is not concerned by one")
    func conflictingOverrides() throws {
        let keys = [Names.Annotation.http01OverrideIngressName, Names.Annotation.http01OverrideIngressClass]
        #expect(throws: Failure.overrides(keys)) {
            try SolverSelection.choose(
                from: [Self.http()], for: Self.authorization("a.example"), labels: [:],
                annotations: [keys[0]: "a", keys[1]: "b"])
        }
        let selection = try SolverSelection.choose(
            from: [Self.dns()], for: Self.authorization("a.example"), labels: [:], annotations: [keys[0]: "a"])
        #expect(selection.solver == Self.dns())
    }
}
