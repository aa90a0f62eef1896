import CertificateAPI
import HTTPTransport
import Issuers
import PKI
import Synchronization
import TestSupport
import Testing
import Wire

@Suite("Venafi issuers")
struct VenafiSignerTests {
    private let world = RemoteWorld()
    private let clock = ManualClock(SignerSamples.now)

    private func platform(
        zone: String = "devops\\shop", _ body: (FakePlatform, FakeTransport, any RemoteIssuer) async throws -> Void
    ) async throws {
        let fake = FakePlatform(try await SignerSamples.authority("Venafi CA"))
        let transport = FakeTransport { try await fake.answer($0) }
        var spec = IssuerSpec()
        spec.venafi = VenafiIssuer(zone: zone)
        spec.venafi?.tpp = .init(url: "https://tpp.example/vedsdk/", credentialsRef: .init(name: "tpp"))
        let issuers = RemoteIssuers(world.context(over: transport, time: clock))
        try await body(fake, transport, try #require(issuers.issuer(spec, RemoteWorld.identity)))
    }

    private let records = Kept()

    /// Swift Testing copies suites that are structs; this is what they share.
    private final class Kept: Sendable {
        private let records = Mutex<[VenafiRecord]>([])
        func withLock<R>(_ body: (inout sending [VenafiRecord]) -> sending R) -> R { records.withLock(body) }
    }

    private func cloud(
        hasTokens: Bool, zone: String, _ body: (FakeCloud, FakeTransport, any RemoteIssuer) async throws -> Void
    ) async throws {
        let fake = FakeCloud(try await SignerSamples.authority("Venafi CA"), hasTokens: hasTokens)
        let transport = FakeTransport { try await fake.answer($0) }
        var spec = IssuerSpec()
        spec.venafi = VenafiIssuer(zone: zone)
        if hasTokens {
            spec.venafi?.ngts = .init(tsgID: "1234", credentialsRef: .init(name: "ngts"))
        } else {
            spec.venafi?.cloud = .init(apiTokenSecretRef: .init(name: "cloud"))
        }
        var context = world.context(over: transport, time: clock)
        context.venafi = { [records] record in records.withLock { $0.append(record) } }
        let issuers = RemoteIssuers(context)
        try await body(fake, transport, try #require(issuers.issuer(spec, RemoteWorld.identity)))
    }

    /// What was heard of the clouds, without the times.
    private var heard: [String] {
        records.withLock { records in
            defer { records = [] }
            return records.map { record in
                switch record {
                case .call(let call, _): call.rawValue
                case .token(let isGood, _): isGood ? "token" : "no token"
                }
            }
        }
    }

    /// Asks until it is done, as the controller does, and answers how often that was.
    private func issue(
        _ issuer: any RemoteIssuer, customFields: [String] = []
    ) async throws -> (IssuedCertificate, turns: Int) {
        let first = try await RemoteSamples.request(customFields: customFields)
        var request = first
        for turn in 1...6 {
            switch try await issuer.sign(request) {
            case .issued(let issued): return (issued, turn)
            case .pending(let id, _, _):
                request = RemoteRequest(
                    wanted: first.wanted, name: first.name, customFields: customFields, pickupID: id)
            }
        }
        throw TestServerError("not issued after six turns")
    }

    @Test("TPP with an access token: verified, requested once, picked up, with the fields of issuer and request")
    func platformToken() async throws {
        world.set("tpp", ["access-token": "k3yT0ken-1\n"])
        try await platform { fake, transport, issuer in
            let ready = await issuer.check()
            #expect(ready.isReady, "\(ready.message)")
            #expect(ready.reason == "Certificate Manager issuer started")
            let fields = [
                #"[{"name":"Environment","value":"Dev"},{"name":"Team","value":"none"}]"#,
                #"[{"name":"Team","value":"amber"},{"name":"Team","value":"blue"}]"#,
            ]
            let (issued, turns) = try await issue(issuer, customFields: fields)
            #expect(turns == 3)
            #expect(issued.ca?.subject.commonName == "Venafi CA")
            #expect(issued.notes.isEmpty)
            let entry = try #require(fake.now.entries[FakePlatform.folder + "\\site.example.com"])
            #expect(
                entry.fields == [
                    ["Name": "Environment", "Values": ["Dev"]], ["Name": "Team", "Values": ["amber", "blue"]],
                ])
            #expect(transport.calls.filter { $0.hasSuffix("certificates/request") }.count == 1)
        }
    }

    @Test(
        "TPP with a password: one OAuth login for all, another after the token was revoked, the API key where there is no OAuth"
    )
    func platformPassword() async throws {
        world.set("tpp", ["username": "user", "password": "pass-k3yT0ken-word"])
        try await platform(zone: "\\VED\\Policy\\devops\\shop") { fake, transport, issuer in
            #expect(await issuer.check().isReady)
            _ = try await issue(issuer)
            #expect(fake.now.logins == 1)
            fake.change { $0.token = "k3yT0ken-2" }
            _ = try await issue(issuer)
            #expect(fake.now.logins == 2)
            clock.advance(by: .seconds(601))
            _ = try await issue(issuer)
            #expect(fake.now.logins == 3)
            fake.change {
                $0.hasOAuth = false
                $0.token = "k3yT0ken-3"
            }
            _ = try await issue(issuer)
            #expect(transport.calls.contains("POST https://tpp.example/vedsdk/authorize/"))
        }
    }

    @Test("TPP: a CA that has failed is asked again; what the server rejects is for ever; what it cannot say is not")
    func platformFailures() async throws {
        world.set("tpp", ["access-token": "k3yT0ken-1"])
        try await platform { fake, transport, issuer in
            fake.change { $0.failure = "CA timed out. Click Retry to continue." }
            _ = try await issue(issuer)
            #expect(transport.calls.contains("POST https://tpp.example/vedsdk/certificates/retry"))
            fake.change { $0.failure = "Rejected by an approver" }
            await #expect(
                throws: RemoteError.failed(
                    reason: "RetrieveError", message: "The certificate was not issued: Rejected by an approver")
            ) { try await issue(issuer) }
            let gone = await issuer.outcome(try await RemoteSamples.request(pickupID: "\\VED\\Policy\\nothing"))
            guard case .failure(.failed("RetrieveError", _)) = gone else {
                Issue.record("\(gone)")
                return
            }
            fake.change { $0.token = "k3yT0ken-9" }
            let denied = await issuer.outcome(try await RemoteSamples.request())
            guard case .failure(.later("VenafiInitError", let message, _)) = denied else {
                Issue.record("\(denied)")
                return
            }
            #expect(!message.contains("k3yT0ken-1"))
            let readiness = await issuer.check()
            #expect(readiness.reason == "AuthFailed")
            #expect(readiness.message.contains("The access token has expired"), "\(readiness.message)")
        }
        try await platform(zone: "nowhere") { _, _, issuer in
            let readiness = await issuer.check()
            #expect(readiness.reason == "ErrorSetup")
            #expect(readiness.message.contains("\\VED\\Policy\\nowhere"), "\(readiness.message)")
            let answer = await issuer.outcome(try await RemoteSamples.request())
            guard case .failure(.failed("RequestError", _)) = answer else {
                Issue.record("\(answer)")
                return
            }
        }
    }

    @Test(
        "custom fields that are none fail the request before anything is sent",
        arguments: [
            "{}", "[{\"name\":\"\"}]", "[{\"name\":\"a\",\"value\":1}]", "nonsense",
            "[{\"name\":\"a\",\"value\":\"b\",\"type\":\"x\"}]",
        ])
    func customFields(text: String) async throws {
        world.set("tpp", ["access-token": "k3yT0ken-1"])
        try await platform { _, transport, issuer in
            let answer = await issuer.outcome(try await RemoteSamples.request(customFields: [text]))
            guard case .failure(.failed("CustomFieldsError", _)) = answer else {
                Issue.record("\(answer)")
                return
            }
            #expect(transport.calls.isEmpty)
        }
    }

    @Test("the cloud: application and template by name, pickup through every state, custom fields refused")
    func cloudIssues() async throws {
        world.set("cloud", ["api-key": "api-k3yT0ken"])
        try await cloud(hasTokens: false, zone: "My App\\My CIT") { fake, _, issuer in
            let ready = await issuer.check()
            #expect(ready.isReady, "\(ready.message)")
            fake.change {
                $0.statuses = ["PENDING_APPROVAL", "ISSUED"]
                $0.isContentsPending = true
            }
            let (issued, turns) = try await issue(issuer)
            #expect(turns == 4)
            #expect(issued.certificate.extensions.names == [.dns("site.example.com")])
            let fields = await issuer.outcome(
                try await RemoteSamples.request(customFields: [#"[{"name":"a","value":"b"}]"#]))
            guard case .failure(.failed("CustomFieldsError", _)) = fields else {
                Issue.record("\(fields)")
                return
            }
            fake.change {
                $0.statuses = ["FAILED"]
                $0.message = "The CA said no"
            }
            await #expect(
                throws: RemoteError.failed(
                    reason: "RetrieveError",
                    message: "The certificate was not issued: The server says FAILED: The CA said no")
            ) { try await issue(issuer) }
            fake.change { $0.limit = 0 }
            let busy = await issuer.outcome(try await RemoteSamples.request())
            guard case .failure(.later("VenafiInitError", _, let notBefore)) = busy else {
                Issue.record("\(busy)")
                return
            }
            #expect(notBefore == SignerSamples.now + .seconds(33))
        }
        for (zone, part) in [("My App", "such as \"My Application\\My CIT\""), ("My App\\None", "no issuing template")]
        {
            try await cloud(hasTokens: false, zone: zone) { _, _, issuer in
                let readiness = await issuer.check()
                #expect(readiness.reason == "ErrorSetup")
                #expect(readiness.message.contains(part), "\(readiness.message)")
            }
        }
        world.set("cloud", ["api-key": "wrong-k3yT0ken"])
        try await cloud(hasTokens: false, zone: "My App\\My CIT") { _, _, issuer in
            let readiness = await issuer.check()
            #expect(readiness.reason == "AuthFailed")
            #expect(!readiness.message.contains("wrong-k3yT0ken"))
        }
    }

    @Test("Trust Security: a token for the tenant, kept while it is good, and a template as zone")
    func trustSecurity() async throws {
        world.set("ngts", ["client-id": "client", "client-secret": "client-k3yT0ken"])
        try await cloud(hasTokens: true, zone: "My CIT") { fake, _, issuer in
            let ready = await issuer.check()
            #expect(ready.isReady, "\(ready.message)")
            #expect(heard == ["token", "read_zone_configuration"])
            _ = try await issue(issuer)
            #expect(fake.now.logins == 1)
            fake.change { $0.token = "k3yT0ken-2" }
            let before = heard
            #expect(before.first == "request_certificate" && before.last == "retrieve_certificate")
            _ = try await issue(issuer)
            #expect(fake.now.logins == 2)
            #expect(heard.contains("token"))
        }
        world.set("ngts", ["client-id": "client", "client-secret": "wrong-k3yT0ken"])
        try await cloud(hasTokens: true, zone: "My CIT") { _, _, issuer in
            #expect(await issuer.check().reason == "AuthFailed")
            #expect(heard.contains("no token"))
        }
        world.set("ngts", ["client-id": "client"])
        try await cloud(hasTokens: true, zone: "My CIT") { _, _, issuer in
            #expect(await issuer.check().message == "Secret ns/ngts has no data under \"client-secret\"")
        }
    }
}
