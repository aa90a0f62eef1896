import CertificateAPI
import DNSProviders
import DNSWire
import KubeModel
import NIOPosix
import TestSupport
import Testing
import Wire

@testable import Solvers

@Suite("Records of every DNS challenge, against Knot", .enabled(if: Knot.isInstalled, "knotd is not installed"))
struct PersistentRecordTests {
    private struct NoSecrets: SecretSource {
        func secret(_ key: ObjectKey) async throws -> Secret? { nil }
    }

    private static let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(2))
    private static let plain = "ca.example; accounturi=https://ca.example/acct/1"

    private func run(_ records: [String] = [], _ body: (Knot, DNS01Solver) async throws -> Void) async throws {
        var options = Knot.Options()
        options.needsKey = false
        options.records = records
        try await Knot.run(options) { knot in
            let solver = DNS01Solver(
                options: DNS01Options(recursiveServers: [.plain(knot.endpoint)], recursiveOnly: true),
                client: Self.client, secrets: NoSecrets(), http: ScriptedTransport([]), time: SystemTime())
            try await body(knot, solver)
        }
    }

    private func challenge(
        _ method: ChallengeMethod, _ knot: Knot, key: String = PersistentRecordTests.plain, isManual: Bool = false
    ) throws -> Challenge {
        let provider =
            isManual
            ? #"{"webhook": {"groupName": "certwright.dev", "solverName": "manual"}}"#
            : #"{"rfc2136": {"nameserver": "\#(knot.endpoint)"}}"#
        var challenge = Samples.challenge(
            .dns01, dnsName: "a.\(knot.zone)", solver: try Samples.solver(#"{"dns01": \#(provider)}"#))
        challenge.metadata.annotations = [
            Names.Annotation.challengeType: method.rawValue, Names.Annotation.accountLabel: "_ujmmovf2vn55tgye",
        ]
        challenge.spec.token = #"{"issuer-domain-names":["ca.example","b.example"]}"#
        challenge.spec.key = key
        return challenge
    }

    private func texts(_ name: String, _ knot: Knot) async throws -> [String] {
        try await Self.client.query(try DNSName(name), .txt, at: .plain(knot.endpoint))
            .answers.compactMap(\.data.text).sorted()
    }

    @Test("a record that persists is written once, and stays when the challenge is cleaned up (P7)")
    func stays() async throws {
        try await run { knot, solver in
            let challenge = try challenge(.dnsPersist01, knot)
            let name = "_validation-persist.a.\(knot.zone)"
            #expect(await !solver.check(challenge).isVisible)
            for _ in 1...2 { try await solver.present(challenge) }
            #expect(await solver.check(challenge).isVisible)
            try await solver.cleanUp(challenge)
            #expect(try await texts(name, knot) == [Self.plain])
            // For a wildcard another is needed, beside the first.
            let wild = try self.challenge(.dnsPersist01, knot, key: Self.plain + "; policy=wildcard")
            try await solver.present(wild)
            #expect(try await texts(name, knot) == [Self.plain, Self.plain + "; policy=wildcard"])
        }
    }

    @Test("one that is there and does the same is used, and nothing is written (P7)")
    func reused() async throws {
        let theirs = "b.example; policy=wildcard; AccountURI=https://ca.example/acct/1"
        let record = "_validation-persist.a TXT \"\(theirs)\""
        try await run([record, "_validation-persist.a TXT \"v=other\""]) { knot, solver in
            try await solver.present(try challenge(.dnsPersist01, knot))
            #expect(try await texts("_validation-persist.a.\(knot.zone)", knot) == [theirs, "v=other"].sorted())
        }
    }

    @Test("a record longer than 255 octets is written in parts and read whole (P3)")
    func long() async throws {
        try await run { knot, solver in
            let long = "ca.example; accounturi=https://ca.example/\(String(repeating: "h", count: 300))"
            let challenge = try challenge(.dnsPersist01, knot, key: long)
            try await solver.present(challenge)
            #expect(await solver.check(challenge).isVisible)
            #expect(try await texts("_validation-persist.a.\(knot.zone)", knot) == [long])
        }
    }

    @Test("DNS-ACCOUNT-01 writes under the account's label, and takes its record away (C1)")
    func account() async throws {
        try await run { knot, solver in
            let challenge = try challenge(.dnsAccount01, knot, key: "digest")
            let name = "_ujmmovf2vn55tgye._acme-challenge.a.\(knot.zone)"
            try await solver.present(challenge)
            #expect(try await texts(name, knot) == ["digest"])
            try await solver.cleanUp(challenge)
            #expect(try await texts(name, knot).isEmpty)
            var damaged = challenge
            damaged.metadata.annotations?[Names.Annotation.accountLabel] = "_dmarc"
            await #expect(throws: SolverError.self) { try await solver.present(damaged) }
        }
    }

    @Test(
        "where a person writes the records, the check says which until it is there, and nothing is written or deleted")
    func manual() async throws {
        try await run(["_acme-challenge.b TXT digest"]) { knot, solver in
            var challenge = try challenge(.dns01, knot, key: "digest", isManual: true)
            try await solver.present(challenge)
            let sight = await solver.check(challenge)
            #expect(!sight.isVisible)
            let wish = "create the TXT record _acme-challenge.a.\(knot.zone) with the value \"digest\""
            #expect(sight.sentence.hasPrefix(wish), "\(sight.sentence)")
            challenge.spec.dnsName = "b.\(knot.zone)"
            #expect(await solver.check(challenge).isVisible)
            try await solver.cleanUp(challenge)
            #expect(try await texts("_acme-challenge.b.\(knot.zone)", knot) == ["digest"])
        }
    }
}
