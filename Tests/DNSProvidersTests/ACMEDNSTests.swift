import CertificateAPI
import DNSProviders
import DNSWire
import NIOPosix
import TestSupport
import Testing
import Wire

@Suite("acme-dns")
struct ACMEDNSTests {
    private static func context(_ server: FakeACMEDNS, _ secrets: SecretBox, domain: String) -> ProviderContext {
        var context = ProviderContext(
            secrets: secrets, namespace: "ns",
            resolver: Resolver(
                servers: [], client: DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(1))),
            http: server.transport, time: LeapingTime(), allowsAmbientCredentials: false,
            cluster: ScriptedCluster(secrets: secrets))
        context.challenge = ChallengeFacts(dnsName: domain)
        return context
    }

    private static func present(_ value: String, _ domain: String, _ server: FakeACMEDNS, _ secrets: SecretBox)
        async throws
    {
        let provider = try await DNSProviderRegistry.standard.provider(
            for: ContractSubject.acmeDNS.stanza, at: FieldPath("dns01"), in: context(server, secrets, domain: domain))
        try await provider.present(TXTRecord(name: try DNSName("_acme-challenge.\(domain)"), value: value))
    }

    @Test("a domain without an account is registered once, and its account joins the others in the Secret")
    func registration() async throws {
        let server = FakeACMEDNS()
        let secrets = SecretBox(ContractSubject.acmeDNS.secrets)
        try await Self.present(Contract.value(1), "new.example.org", server, secrets)
        try await Self.present(Contract.value(2), "new.example.org", server, secrets)
        #expect(server.registrations == 1)
        #expect(server.values(of: "sub-1") == [Contract.value(1), Contract.value(2)])
        let stored = try JSONValue(parsing: secrets.text("acme-dns", "accounts.json") ?? "")
        #expect(stored.objectValue?.keys.sorted() == ["new.example.org", "www.example.com"])
        #expect(stored["new.example.org"]?["fulldomain"] == "sub-1.auth.example.org")
        try await Self.present(Contract.value(3), "www.example.com", server, secrets)
        #expect(try await server.values(at: "") == [Contract.value(3)])
    }

    @Test("an empty Secret is filled, a missing one is an error, and so is one that holds no accounts")
    func secrets() async throws {
        let server = FakeACMEDNS()
        let empty = SecretBox(["acme-dns": [:]])
        try await Self.present(Contract.value(1), "a.example.org", server, empty)
        #expect(empty.text("acme-dns", "accounts.json")?.contains("a.example.org") == true)
        await #expect(throws: DNSProviderError.self) {
            try await Self.present(Contract.value(1), "a.example.org", server, SecretBox([:]))
        }
        do {
            try await Self.present(
                Contract.value(1), "a.example.org", server, SecretBox(["acme-dns": ["accounts.json": "[]"]]))
            Issue.record("a list was taken for accounts")
        } catch let error as DNSProviderError {
            #expect(error.isAboutSecret)
        }
        #expect(server.registrations == 1)
    }

    @Test(
        "without the alias the error says which record to create",
        .enabled(if: Knot.isInstalled, "knotd is not installed"))
    func alias() async throws {
        var options = Knot.Options()
        options.needsKey = false
        options.records = [
            "_acme-challenge.good CNAME elsewhere.example.test.", "elsewhere TXT x", "empty A 127.0.0.1",
        ]
        try await Knot.run(options) { knot in
            let server = FakeACMEDNS()
            let secrets = SecretBox(["acme-dns": [:]])
            let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(2))
            for (domain, isThere) in [("good.example.test", true), ("bad.example.test", false)] {
                var context = Self.context(server, secrets, domain: domain)
                context.resolver = Resolver(servers: [.plain(knot.endpoint)], client: client)
                let provider = try await DNSProviderRegistry.standard.provider(
                    for: ContractSubject.acmeDNS.stanza, at: FieldPath("dns01"), in: context)
                let record = TXTRecord(name: try DNSName("_acme-challenge.\(domain)"), value: Contract.value(1))
                do throws(DNSProviderError) {
                    try await provider.present(record)
                    #expect(isThere)
                } catch {
                    #expect(!isThere)
                    #expect(
                        error.description.hasSuffix(
                            "create the DNS record _acme-challenge.bad.example.test. CNAME sub-2.auth.example.org."))
                }
            }
        }
    }
}
