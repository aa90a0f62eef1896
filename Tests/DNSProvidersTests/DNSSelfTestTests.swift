import CertificateAPI
import DNSProviders
import DNSWire
import HTTPTransport
import TestSupport
import Testing
import Wire

@Suite("The self-test of DNS credentials")
struct DNSSelfTestTests {
    private let zone = "example.com"

    private func run(
        _ world: ContractWorld, isSeen: Bool = true
    ) async throws -> DNSSelfTest.Report {
        let test = DNSSelfTest(
            world.subject.stanza, at: FieldPath("spec.acme.solvers[0].dns01"), in: world.context()
        ) { record in
            guard isSeen else { return false }
            return try await world.server.values(at: record.name.text) == [record.value]
        }
        return await test.run(zone: try DNSName(zone), label: "abc123")
    }

    @Test(
        "each provider passes, leaves nothing, and is told of the zones it need not see",
        arguments: ContractSubject.all.filter { $0.key != "acmeDNS" })
    func passes(subject: ContractSubject) async throws {
        let world = ContractWorld(subject)
        let report = try await run(world)
        #expect(report.isGood, "\(report)")
        try await world.expectValues([], at: "_acme-challenge.abc123.example.com")
        // Infoblox and a service of the user's own are never asked for a list of zones.
        let isListed = !["infoblox", "http"].contains(subject.key)
        #expect(report.excess.count == (isListed ? 1 : 0))
        if isListed { #expect(report.excess.first?.contains("231 more zone(s)") == true, "\(report.excess)") }
    }

    @Test("acme-dns is tried with the account of the name itself; that its value stays is said")
    func accounts() async throws {
        let world = ContractWorld(.acmeDNS)
        let test = DNSSelfTest(
            world.subject.stanza, at: FieldPath("spec.acme.solvers[0].dns01"), in: world.context()
        ) { record in
            #expect(record.name.text == "_acme-challenge.www.example.com")
            return try await world.server.values(at: record.name.text).contains(record.value)
        }
        let report = await test.run(zone: try DNSName("www.example.com"), label: "abc123")
        #expect(report.isGood, "\(report)")
        #expect(report.excess.isEmpty)
        #expect(report.remarks.count == 1)
        // Presented twice: the server keeps the last two.
        let values = try await world.server.values(at: "")
        #expect(values.count == 2)
        #expect(Set(values).count == 1)

        // A name without an account gets one, as a challenge would have it; where it cannot be kept that is said.
        let other = await test.run(zone: try DNSName("new.example.org"), label: "abc123")
        guard case .failed(let sentence)? = other.outcomes[.create] else {
            Issue.record("\(other)")
            return
        }
        #expect(sentence.contains("the account of new.example.org could not be written"), "\(sentence)")
    }

    @Test("a missing right is named, and nothing further is tried")
    func missingRight() async throws {
        let world = ContractWorld(.linode)
        world.secrets.replace(world.subject.restrictedSecrets)
        let report = try await run(world)
        #expect(!report.isGood)
        guard case .failed(let sentence)? = report.outcomes[.create] else {
            Issue.record("\(report)")
            return
        }
        #expect(sentence.contains("they need the scope domains:read_write"), "\(sentence)")
        #expect(report.outcomes[.readBack] == .skipped)
        #expect(report.outcomes[.deleteAgain] == .skipped)
    }

    @Test("a record that the world does not see is said so, and removed all the same")
    func unseen() async throws {
        let world = ContractWorld(.scaleway)
        let report = try await run(world, isSeen: false)
        guard case .failed(let sentence)? = report.outcomes[.readBack] else {
            Issue.record("\(report)")
            return
        }
        #expect(sentence.contains("is not seen by DNS after 120 s"), "\(sentence)")
        #expect(report.outcomes[.delete] == .done)
        try await world.expectValues([], at: "_acme-challenge.abc123.example.com")
    }

    @Test("an answer that gets lost leaves no record behind")
    func lostAnswer() async throws {
        let world = ContractWorld(.porkbun)
        world.network.follow { $0.url.contains("/dns/create/") ? .loseAnswer(.timeout) : nil }
        let report = try await run(world)
        #expect(!report.isGood)
        try await world.expectValues([], at: "_acme-challenge.abc123.example.com")
    }
}
