import CertificateAPI
import DNSProviders
import DNSWire
import HTTPTransport
import HTTPTypes
import TestSupport
import Testing
import Wire

@Suite("Cloudflare")
struct CloudflareTests {
    static let legacy: ContractSubject = {
        var subject = ContractSubject.cloudflare
        subject.config = [
            "email": "owner@example.com", "apiKeySecretRef": ["name": "token", "key": "api-token"],
        ]
        return subject
    }()

    @Test("the old key works along with its owner's address")
    func key() async throws {
        let world = ContractWorld(Self.legacy)
        try await world.present("v", at: Contract.name)
        try await world.expectValues(["v"], at: Contract.name)
        try await world.cleanUp("v", at: Contract.name)
        try await world.expectValues([], at: Contract.name)
    }

    /// The bodies are those of developers.cloudflare.com/api/resources/dns/subresources/records/methods/create.
    @Test("a record is created by exactly this request")
    func exchange() async throws {
        let transport = ScriptedTransport([
            .response(
                status: 200,
                body:
                    #"{"success":true,"errors":[],"messages":[],"result":[{"id":"023e105f4ecef8ad9ca31a8372d0c353","name":"example.com"}],"result_info":{"page":1,"per_page":50,"total_pages":1}}"#
            ),
            .response(
                status: 200,
                body: #"{"success":true,"errors":[],"messages":[],"result":{"id":"372e67954025e0ba6aaa6d586b9e0b59"}}"#),
        ])
        var context = ContractWorld(.cloudflare).context()
        context.http = transport
        let provider = try await DNSProviderRegistry.standard.provider(
            for: ContractSubject.cloudflare.stanza, at: FieldPath("dns01"), in: context)
        try await provider.present(TXTRecord(name: try .init("_acme-challenge.example.com"), value: "abc"))
        #expect(
            transport.requests.map { "\($0.method) \($0.url)" } == [
                "GET https://api.cloudflare.com/client/v4/zones?per_page=50&page=1",
                "POST https://api.cloudflare.com/client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records",
            ])
        #expect(transport.requests.allSatisfy { $0.headers[.authorization] == "Bearer \(FakeDNS.goodCredential)" })
        #expect(
            transport.requests.last?.body.map { String(decoding: $0, as: UTF8.self) }
                == #"{"type":"TXT","name":"_acme-challenge.example.com","content":"\"abc\"","ttl":60}"#)
    }

    /// Error 6003 with 6111 inside is what a token with a stray character gets (400, not 401).
    @Test("a token that is no token at all counts as wrong credentials")
    func noToken() async throws {
        let world = ContractWorld(.cloudflare)
        world.network.follow { _ in
            .answer(
                .text(
                    #"{"success":false,"errors":[{"code":6003,"message":"Invalid request headers","error_chain":[{"code":6111,"message":"Invalid format for Authorization header"}]}]}"#,
                    status: 400))
        }
        let error = await world.failure { try await world.present("v", at: Contract.name) }
        #expect(error == .wrongCredentials(provider: "Cloudflare", detail: "Invalid request headers"))
    }
}
