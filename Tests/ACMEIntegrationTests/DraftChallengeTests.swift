import ACME
import PKI
import TestSupport
import Testing
import Wire

@Suite(
    "DNS-ACCOUNT-01 and DNS-PERSIST-01 against Pebble",
    .enabled(if: Pebble.isInstalled(.next), "pebble-next is not installed; scripts/test fetches it"))
struct DraftChallengeTests {
    private func run(_ body: @escaping @Sendable (Laboratory, ACMEClient) async throws -> Void) async throws {
        var options = Pebble.Options()
        options.version = .next
        options.reusedAuthorizationsPercent = 0
        try await Laboratory.run(options) { try await body($0, try await $0.account()) }
    }

    private func prove(
        _ identifier: ACMEIdentifier, by type: String, _ client: ACMEClient,
        _ answer: (ACMEChallenge, _ domain: String) async throws -> Void
    ) async throws {
        let order = try await client.newOrder(NewACMEOrder(identifiers: [identifier]))
        for url in order.authorizations {
            var authorization = try await client.authorization(url)
            let challenge = try #require(
                authorization.challenges.first { $0.type == type }, "\(authorization.challenges.map(\.type))")
            try await answer(challenge, authorization.identifier.value)
            _ = try await client.respond(to: challenge.url)
            while authorization.status == .pending {
                try await Task.sleep(for: .milliseconds(50))
                authorization = try await client.authorization(url, as: .waitAuthorization)
            }
            #expect(authorization.status == .valid, "\(authorization.failure as Any)")
        }
    }

    @Test("Pebble finds the record under the account's label, of a name and of its wildcard (C1, C2)")
    func account() async throws {
        try await run { laboratory, client in
            for name in ["a.example", "*.b.example"] {
                try await prove(try ACMEIdentifier(dns: name), by: "dns-account-01", client) { challenge, domain in
                    let token = try ChallengeToken(try #require(challenge.token))
                    let label = AccountLabel(accountURL: client.accountURL)
                    try await laboratory.pebble.challengeServer.setTXT(
                        "\(label)._acme-challenge.\(domain)",
                        token.keyAuthorization(for: client.accountKey).dnsValue)
                }
            }
        }
    }

    @Test("Pebble takes a record that stays, for a name, its wildcard and every later order (P2, P4, P6, P7)")
    func persist() async throws {
        try await run { laboratory, client in
            func record(_ challenge: ACMEChallenge, _ domain: String, _ isWildcard: Bool) async throws {
                let directory = try await client.server.directory()
                let offer = try PersistOffer(
                    try #require(challenge.persistOffer), accountURL: client.accountURL, directory: directory)
                let record = try PersistentRecord(
                    for: offer, domain: domain, isWildcard: isWildcard, allowsWildcard: true,
                    accountURL: client.accountURL, accountKey: client.accountKey)
                try await laboratory.pebble.challengeServer.setTXT("_validation-persist.\(domain)", record.text)
            }
            let name = try ACMEIdentifier(dns: "stays.example")
            try await prove(name, by: "dns-persist-01", client) { try await record($0, $1, false) }
            try await prove(name, by: "dns-persist-01", client) { _, _ in }
            let wildcard = try ACMEIdentifier(dns: "*.wild.example")
            try await prove(wildcard, by: "dns-persist-01", client) { try await record($0, $1, true) }
        }
    }
}
