import Testing

/// One provider and one promise.
struct ContractCase: Sendable, CustomTestStringConvertible {
    var subject: ContractSubject
    var promise: Promise
    var testDescription: String { "\(subject.testDescription): \(promise.testDescription)" }

    static let all: [ContractCase] = ContractSubject.all.flatMap { subject in
        Contract.promises.filter { Contract.applies($0, to: subject) }.map {
            ContractCase(subject: subject, promise: $0)
        }
    }
}

extension ContractSubject {
    /// Every provider that speaks to a fake. Those with a real server have a suite of their own, which asks for the same.
    static let all: [ContractSubject] = [
        .acmeDNS, .akamai, .azureDNS, .azurePrivateDNS, .cloudDNS, .cloudflare, .digitalOcean, .route53, .deSEC,
        .dnsimple, .gandi,
        .goDaddy, .hetzner, .http, .infoblox, .linode, .namecheap, .ovh, .porkbun, .scaleway,
    ]
    /// Every provider whose requests are counted, real servers included.
    static let counted: [ContractSubject] = all + [.powerDNS("https://pdns.example")]
}

@Suite("The contract of DNS providers")
struct ContractTests {
    @Test("each provider keeps each promise, and no error holds a credential", arguments: ContractCase.all)
    func keeps(_ one: ContractCase) async throws {
        let world = ContractWorld(one.subject)
        try await one.promise.check(world)
        world.expectNoCredentialWasHeard()
    }
}
