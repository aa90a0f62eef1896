import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import TestSupport
import Testing
import Wire

@testable import DNSProviders

/// What is special about single providers; the contract asks for the rest.
@Suite("Further DNS providers")
struct FurtherProviderTests {
    private func provider(
        _ subject: ContractSubject, _ answers: [ScriptedTransport.Answer]
    ) async throws -> (any DNSProvider, ScriptedTransport) {
        let transport = ScriptedTransport(answers)
        var context = ContractWorld(subject).context()
        context.http = transport
        let provider = try await DNSProviderRegistry.standard.provider(
            for: subject.stanza, at: FieldPath("dns01"), in: context)
        return (provider, transport)
    }

    private func bodies(_ transport: ScriptedTransport) -> [String] {
        transport.requests.map { String(decoding: $0.body ?? [], as: UTF8.self) }
    }

    @Test("OVH publishes with every errand, also where nothing is left to write")
    func ovhRefreshes() async throws {
        let world = ContractWorld(.ovh)
        let server = try #require(world.server as? FakeServer)
        let fake = try #require(server.service as? FakeOVH)
        try await world.present("v", at: Contract.name)
        #expect(!fake.hasUnpublished)
        // The answer to the DELETE is lost, and so the refresh is never sent.
        world.network.follow { $0.method == .delete ? .loseAnswer(.timeout) : nil }
        _ = await world.failure { try await world.cleanUp("v", at: Contract.name) }
        #expect(fake.hasUnpublished)
        world.network.follow { _ in nil }
        try await world.cleanUp("v", at: Contract.name)
        #expect(!fake.hasUnpublished)
    }

    @Test("OVH: a wrong clock, another endpoint's name and an account without zones are told apart")
    func ovhFailures() async throws {
        let answer = #"{"errorCode":"QUERY_TIME_OUT","message":"Query out of time"}"#
        let (provider, _) = try await provider(.ovh, [.response(status: 400, body: answer)])
        let record = TXTRecord(name: try DNSName("_acme-challenge.example.com"), value: "v")
        let error = await #expect(throws: DNSProviderError.self) { try await provider.present(record) }
        #expect(error?.description.contains("the clock of this machine is wrong") == true)
        var subject = ContractSubject.ovh
        subject.config["endpoint"] = "ovh-mars"
        let problems = DNSProviderRegistry.standard.problems(in: subject.stanza, at: FieldPath("dns01"))
        #expect(problems.map(\.path.text) == ["dns01.webhook.config.endpoint"])
    }

    /// As api.ovh.com writes the example of its signature: secret, consumer key, method, URL, body and time, joined by plus
    /// signs, in SHA-1.
    @Test("OVH's signature covers the body and the whole URL")
    func ovhSignature() {
        let request = TransportRequest(url: "https://eu.api.ovh.com/1.0/domains/", method: .get)
        let one = OVH.signature(
            request, "EXEgWIz07P0HYwtQDs7cNIqCiQaWSuHF", "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1", "1366560945")
        #expect(one == "$1$d3705e8afb27a0d2970a322b96550abfc67bb798")
    }

    @Test("DNSimple: a user's token without an account says what to do; with one it asks nobody whose it is")
    func dnsimpleAccounts() async throws {
        let record = TXTRecord(name: try DNSName("_acme-challenge.example.com"), value: "v")
        let (alone, _) = try await provider(
            .dnsimple, [.response(status: 200, body: #"{"data":{"user":{"id":1},"account":null}}"#)])
        let error = await #expect(throws: DNSProviderError.self) { try await alone.present(record) }
        #expect(error?.description.contains("name one in accountID") == true)
        var subject = ContractSubject.dnsimple
        subject.config["accountID"] = "1010"
        let world = ContractWorld(subject)
        try await world.present("v", at: Contract.name)
        try await world.expectValues(["v"], at: Contract.name)
        subject.config["accountID"] = "a/b"
        #expect(DNSProviderRegistry.standard.problems(in: subject.stanza, at: FieldPath("dns01")).count == 1)
    }

    @Test("Infoblox: fields that cannot work are named; a record of somebody else's between look and write is taken")
    func infoblox() async throws {
        for (field, value) in [
            ("host", "grid:8443"), ("host", "grid/x"), ("port", 70_000), ("version", "two"),
            ("caBundle", "bm9uc2Vuc2U="),
        ] as [(String, JSONValue)] {
            var subject = ContractSubject.infoblox
            subject.config[field] = value
            let problems = DNSProviderRegistry.standard.problems(in: subject.stanza, at: FieldPath("dns01"))
            #expect(problems.map(\.path.text) == ["dns01.webhook.config.\(field)"], "\(field)")
        }
        let (provider, transport) = try await provider(
            .infoblox,
            [
                .response(status: 200, body: #"{"result":[]}"#),
                .response(status: 400, body: #"{"text":"The record 'x' already exists."}"#),
            ])
        try await provider.present(TXTRecord(name: try DNSName("_acme-challenge.example.com"), value: "a b"))
        #expect(
            bodies(transport).last
                == #"{"name":"_acme-challenge.example.com","text":"\"a b\"","view":"internal","ttl":60,"use_ttl":true}"#
        )
    }

    @Test("Infoblox finds the zone itself, the longest; where it has none that is said")
    func infobloxZones() async throws {
        let world = ContractWorld(.infoblox)
        try await world.present("v", at: "_acme-challenge.a.sub.example.com")
        #expect(
            try await world.server.zone(holdingRecordsOf: "_acme-challenge.a.sub.example.com") == ["sub.example.com"])
        let error = await world.failure { try await world.present("v", at: "_acme-challenge.nowhere.test") }
        guard case .zoneNotFound? = error else { return Contract.expectKind("zoneNotFound", error) }
        try await world.cleanUp("v", at: "_acme-challenge.nowhere.test")
    }

    @Test("GSS-TSIG is refused by its field, with what there is instead")
    func gssTSIG() {
        var stanza = Solver.DNS01()
        stanza.providers["rfc2136"] = [
            "nameserver": "192.0.2.1", "tsigKeyName": "k", "tsigSecretSecretRef": ["name": "s", "key": "k"],
            "tsigAlgorithm": "GSS-TSIG",
        ]
        let problems = DNSProviderRegistry.standard.problems(in: stanza, at: FieldPath("dns01")).map(\.description)
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("dns01.rfc2136.tsigAlgorithm: Unsupported value") == true, "\(problems)")
        #expect(problems.first?.contains("HMACSHA256") == true)
    }

    @Test("an unknown field, and a provider that there is none of, are refused by name")
    func unknown() {
        var subject = ContractSubject.linode
        subject.config["zone"] = "example.com"
        let problems = DNSProviderRegistry.standard.problems(in: subject.stanza, at: FieldPath("dns01"))
        #expect(problems.map(\.path.text) == ["dns01.webhook.config.zone"])
        subject.key = "nobody"
        let others = DNSProviderRegistry.standard.problems(in: subject.stanza, at: FieldPath("dns01"))
        #expect(others.map(\.path.text) == ["dns01.webhook.solverName"])
    }
}
