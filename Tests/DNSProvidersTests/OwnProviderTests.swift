import CertificateAPI
import DNSProviders
import DNSWire
import Synchronization
import Testing
import Wire

@Suite("Providers of our own, in dns01.webhook")
struct OwnProviderTests {
    static func problems(_ name: String?, _ config: JSONValue) -> [String] {
        var stanza = Solver.DNS01()
        var webhook: JSONValue = ["groupName": "certwright.dev", "config": config]
        webhook["solverName"] = name.map { .string($0) }
        stanza.providers["webhook"] = webhook
        return DNSProviderRegistry.standard.problems(in: stanza, at: FieldPath("dns01")).map(\.description)
    }

    @Test("a field that nobody reads is refused, though the schema lets it through")
    func unknownField() {
        #expect(
            Self.problems("hetzner", ["tokenSecretRef": ["name": "s", "key": "k"], "tokn": "x"]) == [
                "dns01.webhook.config.tokn: Forbidden: hetzner has no such field; it has tokenSecretRef"
            ])
    }

    @Test("an unknown provider is named, with those there are")
    func unknownName() {
        let names = DNSProviderRegistry.standard.ownKeys.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
        #expect(
            Self.problems("nonsense", [:]) == [
                "dns01.webhook.solverName: Unsupported value: \"nonsense\": supported values: \(names)"
            ])
        #expect(Self.problems(nil, [:]) == ["dns01.webhook.solverName: Required value"])
    }

    @Test("what is missing is required by its path", arguments: DNSProviderRegistry.standard.ownKeys.sorted())
    func missing(name: String) {
        let problems = Self.problems(name, [:])
        #expect(!problems.isEmpty)
        #expect(problems.allSatisfy { $0.hasPrefix("dns01.webhook.config.") })
        #expect(Self.problems(name, .null) == problems)
    }

    @Test("another group is a webhook, whatever its solver is called")
    func otherGroup() {
        var stanza = Solver.DNS01()
        stanza.providers["webhook"] = ["groupName": "acme.example.com", "solverName": "hetzner", "config": ["any": 1]]
        #expect(DNSProviderRegistry.standard.problems(in: stanza, at: FieldPath("dns01")) == [])
    }

    @Test("Namecheap: every record of others is written again as it was")
    func namecheap() async throws {
        let time = LeapingTime()
        let dns = FakeDNS(ContractWorld.zones, time: time)
        let fake = FakeNamecheap(dns: dns)
        let before = fake.others.withLock { $0["example.com"] }
        let world = ContractWorld(.namecheap, time: time, server: FakeServer(dns: dns, service: fake))
        try await world.present("a=b&c", at: Contract.name)
        try await world.cleanUp("a=b&c", at: Contract.name)
        #expect(fake.others.withLock { $0["example.com"] } == before)
    }

    @Test("Namecheap: a domain that shows no records is left alone")
    func emptyNamecheap() async throws {
        let time = LeapingTime()
        let dns = FakeDNS(ContractWorld.zones, time: time)
        let fake = FakeNamecheap(dns: dns)
        fake.others.withLock { $0 = [:] }
        let world = ContractWorld(.namecheap, time: time, server: FakeServer(dns: dns, service: fake))
        let error = await world.failure { try await world.present("v", at: Contract.name) }
        guard case .refused? = error else { return Contract.expectKind("refused", error) }
        #expect(try await world.server.values(at: Contract.name).isEmpty)
    }
}
