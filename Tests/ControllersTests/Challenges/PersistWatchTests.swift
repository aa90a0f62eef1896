import CertificateAPI
import KubeModel
import PKI
import Testing
import Wire

@testable import Controllers

@Suite("The watch over records that stay")
struct PersistWatchTests {
    private typealias Examples = ACMEExamples

    private func order(_ name: String, madeAt: Timestamp = ACMEExamples.now, state: ACMEState = .valid) -> Order {
        Examples.madeOrder { order in
            order.metadata.name = name
            order.metadata.creationTimestamp = madeAt
            order.metadata.annotations = [Names.Annotation.certificateName: "site"]
            order.status?.state = state
            var authorization = Examples.authorization("a.example", "1")
            authorization.initialState = .valid
            authorization.challenges = [
                .init(
                    url: "https://ca.example/chall/1/persist", token: #"{"issuer-domain-names":["ca.example"]}"#,
                    type: "dns-persist-01"),
                .init(url: "https://ca.example/chall/1/dns", token: Examples.token, type: "dns-01"),
            ]
            order.status?.authorizations = [authorization]
        }
    }

    @Test("the last order of each certificate counts, and only one that was certified")
    func newest() {
        let orders = [
            order("old", madeAt: Examples.now - .seconds(60)), order("new"), order("failed", state: .invalid),
        ]
        #expect(PersistWatch.newest(of: orders).values.map(\.metadata.name) == ["new"])
        let foreign = Examples.madeOrder { $0.status?.state = .valid }
        #expect(PersistWatch.newest(of: [foreign]).isEmpty)
    }

    @Test("the records are those that the issuer's challenge types would have today")
    func records() async throws {
        var facts = ACMEIssuerFacts(
            issuer: Examples.issuer(), accountKey: try await Parts.shared.key.publicKey,
            accountURL: "https://ca.example/acct/1",
            annotations: [Names.Annotation.challengeTypes: "dns-persist-01, dns-01"])
        let records = PersistWatch.records(of: order("site"), facts)
        #expect(records.map(\.recordName) == ["_validation-persist.a.example"])
        #expect(records.map(\.spec.key) == ["ca.example; accounturi=https://ca.example/acct/1"])
        facts.options.solving.methods = ChallengeMethod.standard
        #expect(PersistWatch.records(of: order("site"), facts).isEmpty)
    }
}
