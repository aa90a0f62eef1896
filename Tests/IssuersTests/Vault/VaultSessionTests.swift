import CertificateAPI
import DNSProviders
import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@testable import Issuers

@Suite("Vault: sessions and answers")
struct VaultSessionTests {
    private let now = Timestamp(secondsSince1970: 1_790_000_000)
    private func key(_ token: String = "a") -> VaultSessionKey {
        .init(
            connection: VaultConnection(server: "https://v", namespace: nil, tls: .system),
            login: .appRole(path: "p", roleID: "r", secretID: Redacted(token)))
    }
    private func token(_ text: String, seconds: Int64?, uses: Int64? = nil) -> SessionToken {
        SessionToken(text: Redacted(text), lifetime: seconds.map { .seconds($0) }, uses: uses)
    }

    @Test("a token is kept to its end, and renewed by one of those that ask once two thirds are over")
    func renewal() {
        var machine = SessionMachine<VaultSessionKey>()
        #expect(machine.wanted("i", key(), now: now) == .logIn)
        machine.loggedIn(token("t", seconds: 90), "i", key(), now: now)
        #expect(machine.wanted("i", key(), now: now + .seconds(59)) == .use(Redacted("t")))
        #expect(machine.wanted("i", key(), now: now + .seconds(60)) == .logIn)
        #expect(machine.wanted("i", key(), now: now + .seconds(61)) == .use(Redacted("t")))
        machine.loginFailed("i")
        #expect(machine.wanted("i", key(), now: now + .seconds(62)) == .logIn)
        #expect(machine.wanted("i", key(), now: now + .seconds(90)) == .logIn)
    }

    @Test("other credentials, another issuer or a refused token mean another login")
    func changes() {
        var machine = SessionMachine<VaultSessionKey>()
        machine.loggedIn(token("t", seconds: nil), "i", key(), now: now)
        #expect(machine.wanted("i", key("b"), now: now) == .logIn)
        #expect(machine.wanted("j", key(), now: now) == .logIn)
        machine.refused(Redacted("other"), "i")
        #expect(machine.wanted("i", key(), now: now + .seconds(1 << 30)) == .use(Redacted("t")))
        machine.refused(Redacted("t"), "i")
        #expect(machine.wanted("i", key(), now: now) == .logIn)
        machine.loggedIn(token("once", seconds: 90, uses: 1), "i", key(), now: now)
        #expect(machine.wanted("i", key(), now: now) == .logIn)
    }

    private func issuer(_ answers: [ScriptedTransport.Answer], _ world: RemoteWorld = RemoteWorld()) -> (
        any RemoteIssuer, ScriptedTransport
    ) {
        let transport = ScriptedTransport(answers)
        world.set("token", ["token": "secret-k3yT0ken"])
        var spec = IssuerSpec()
        spec.vault = VaultIssuer(auth: .init(), server: "https://vault.example/base/", path: "pki/sign/a b")
        spec.vault?.auth.tokenSecretRef = .init(name: "token")
        let context = world.context(over: transport, time: ManualClock(now))
        return (RemoteIssuers(context).issuer(spec, RemoteWorld.identity)!, transport)  // it has a vault
    }

    @Test(
        "the state of the server (developer.hashicorp.com/vault/api-docs/system/health)",
        arguments: [
            (200, nil), (429, nil), (472, nil), (473, nil),
            (501, "Vault at https://vault.example/base/ is not initialized; initialize and unseal it"),
            (503, "Vault at https://vault.example/base/ is sealed; unseal it"),
            (
                404,
                "https://vault.example/base//v1/sys/health answered 404, which no Vault or OpenBao does; check spec.vault.server"
            ),
        ] as [(Int, String?)])
    func health(status: Int, sentence: String?) async {
        let lookup = #"{"data":{"ttl":0}}"#
        let (issuer, transport) = issuer([
            .response(status: status, body: "{}"), .response(status: 200, body: lookup),
            .response(status: 400, body: #"{"errors":["\"csr\" is empty"]}"#),
        ])
        let readiness = await issuer.check()
        #expect(readiness.isReady == (sentence == nil))
        #expect(readiness.message == sentence ?? "Vault verified")
        #expect(transport.requests.first?.url == "https://vault.example/base/v1/sys/health")
        if sentence == nil { #expect(transport.requests.last?.url == "https://vault.example/base/v1/pki/sign/a%20b") }
    }

    @Test(
        "a server that is busy, gone or behind a broken proxy is asked again; what it says against a request is for ever"
    )
    func classes() async throws {
        let request = try await RemoteSamples.request()
        let answers: [(ScriptedTransport.Answer, isLater: Bool)] = [
            (.failure(.connect("refused")), true), (.failure(.timeout), true),
            (.response(status: 502, body: "<html>"), true), (.response(status: 503, body: "{}"), true),
            (.response(status: 429, headers: [.retryAfter: "77"], body: "{}"), true),
            (.response(status: 404, body: #"{"errors":["no handler"]}"#), true),
            (.response(status: 400, body: #"{"errors":["unknown role: a"]}"#), true),
            (.response(status: 400, body: #"{"errors":["common name x not allowed by this role"]}"#), false),
        ]
        for (answer, isLater) in answers {
            let (issuer, _) = issuer([answer])
            switch await issuer.outcome(request) {
            case .failure(.later("VaultInitError", let message, let notBefore)):
                #expect(isLater, "\(answer)")
                #expect(!message.contains("secret-k3yT0ken"))
                if message.contains("429") { #expect(notBefore == now + .seconds(77)) }
            case .failure(.failed("SigningError", _)): #expect(!isLater, "\(answer)")
            case let other: Issue.record("\(other)")
            }
        }
    }

    @Test("a certificate for another key, or none, is not handed on")
    func wrongAnswer() async throws {
        let other = try await SignerSamples.authority("other")
        let bodies: [JSONValue] = [
            ["data": ["certificate": .string(other.certificate.pem)]], ["data": [:]], ["data": ["certificate": "x"]],
        ]
        for body in bodies {
            let (issuer, _) = issuer([.response(status: 200, body: "\(body)")])
            let answer = await issuer.outcome(try await RemoteSamples.request())
            guard case .failure(.failed("SigningError", let message)) = answer else {
                Issue.record("\(answer)")
                continue
            }
            #expect(message.hasPrefix("Vault has signed, but not what was asked for:"), "\(message)")
        }
    }

    @Test("a service account's token is asked for with the issuer's own audience, and its absence is explained")
    func serviceAccount() async throws {
        let world = RemoteWorld()
        world.setToken("vault", "jwt")
        let transport = ScriptedTransport([
            .response(status: 200, body: "{}"),
            .response(status: 200, body: #"{"auth":{"client_token":"t","lease_duration":60}}"#),
            .response(status: 400, body: #"{"errors":["\"csr\" is empty"]}"#),
        ])
        var spec = IssuerSpec()
        spec.vault = VaultIssuer(auth: .init(), server: "https://v", path: "pki/sign/x")
        spec.vault?.auth.kubernetes = .init(role: "cm")
        spec.vault?.auth.kubernetes?.serviceAccountRef = .init(name: "vault", audiences: ["more"])
        let issuers = RemoteIssuers(world.context(over: transport, time: ManualClock(now)))
        #expect(await issuers.issuer(spec, RemoteWorld.identity)?.check().isReady == true)
        #expect(world.audiences == [["more", "vault://ns/vault"]])
        #expect(transport.requests[1].url == "https://v/v1/auth/kubernetes/login")
        let body = try JSONValue(parsing: try #require(transport.requests[1].body))
        #expect(body == ["role": "cm", "jwt": "jwt"])
        spec.vault?.auth.kubernetes?.serviceAccountRef = .init(name: "nobody")
        let again = RemoteIssuers(
            world.context(over: ScriptedTransport([.response(status: 200, body: "{}")]), time: ManualClock(now)))
        let readiness = await again.issuer(spec, RemoteWorld.identity)?.check()
        #expect(
            readiness?.message.contains("the right to create serviceaccounts/token for that account") == true,
            "\(readiness?.message ?? "")")
    }

    /// The example of "Create a signed AWS API request" in the IAM User Guide.
    @Test("Signature Version 4 as AWS publishes it")
    func signatureVector() throws {
        let signature = AWSSignature(
            method: "GET", query: "Action=ListUsers&Version=2010-05-08",
            headers: [
                (name: "host", value: "iam.amazonaws.com"),
                (name: "content-type", value: "application/x-www-form-urlencoded; charset=utf-8"),
                (name: "x-amz-date", value: "20150830T123600Z"),
            ], body: [], region: "us-east-1", service: "iam")
        let credentials = AWSCredentials(
            accessKeyID: "AKIDEXAMPLE", secretKey: Redacted("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
        #expect(
            try signature.authorization(credentials)
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
                + "SignedHeaders=content-type;host;x-amz-date, "
                + "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
    }

    /// Exchanges as in Vault's API documentation (auth/aws, login) and AWS's (AssumeRoleWithWebIdentity). OpenBao has no
    /// such method to try it with.
    @Test("AWS: the role is assumed with the account's token, and Vault gets a signed request and no credential")
    func aws() async throws {
        let world = RemoteWorld()
        world.setToken("vault", "jwt")
        let sts = """
            <AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
            <SessionToken>session+token</SessionToken><SecretAccessKey>secret/key</SecretAccessKey>
            <AccessKeyId>ASIAEXAMPLE</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>
            </AssumeRoleWithWebIdentityResponse>
            """
        func issuer(_ sts: ScriptedTransport.Answer) throws -> (any RemoteIssuer, ScriptedTransport) {
            let transport = ScriptedTransport([
                .response(status: 200, body: "{}"), sts,
                .response(status: 200, body: #"{"auth":{"client_token":"t","lease_duration":60}}"#),
                .response(status: 400, body: #"{"errors":["\"csr\" is empty"]}"#),
            ])
            var spec = IssuerSpec()
            spec.vault = VaultIssuer(auth: .init(), server: "https://v", path: "pki/sign/x")
            spec.vault?.auth.aws = .init(role: "cm")
            spec.vault?.auth.aws?.region = "eu-central-1"
            spec.vault?.auth.aws?.vaultHeaderValue = "vault.example.com"
            spec.vault?.auth.aws?.iamRoleArn = "arn:aws:iam::1:role/vault"
            spec.vault?.auth.aws?.serviceAccountRef = .init(name: "vault")
            let issuers = RemoteIssuers(world.context(over: transport, time: ManualClock(now)))
            return (try #require(issuers.issuer(spec, RemoteWorld.identity)), transport)
        }
        let (good, transport) = try issuer(.response(status: 200, body: sts))
        let ready = await good.check()
        #expect(ready.isReady, "\(ready.message)")
        #expect(world.audiences == [["sts.amazonaws.com"]])
        #expect(transport.requests[1].url == "https://sts.eu-central-1.amazonaws.com/")
        let login = try JSONValue(parsing: try #require(transport.requests[2].body))
        #expect(login["role"] == "cm")
        let encoded = try #require(login["iam_request_headers"]?.stringValue)
        let headers = try JSONValue(parsing: try #require(Base64.decode(encoded)))
        #expect(headers["x-vault-aws-iam-server-id"] == ["vault.example.com"])
        #expect(headers["x-amz-security-token"] == ["session+token"])
        let authorization = try #require(headers["authorization"]?[0]?.stringValue)
        #expect(authorization.hasPrefix("AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/"))
        #expect(authorization.contains(";x-vault-aws-iam-server-id, Signature="))
        #expect(!String(decoding: transport.requests[2].body ?? [], as: UTF8.self).contains("secret/key"))
        let (bad, _) = try issuer(
            .response(status: 403, body: "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"))
        let refused = await bad.check()
        #expect(refused.message.contains("answered 403 (AccessDenied)"), "\(refused.message)")
    }

    private struct Pod: MachineSource {
        func variable(_ name: String) -> String? {
            ["AWS_ACCESS_KEY_ID": "AKIAPOD", "AWS_SECRET_ACCESS_KEY": "secret-k3yT0ken-pod"][name]
        }
        func file(_ path: String) -> [UInt8]? { nil }
    }

    @Test(
        "AWS without a service account: what the pod has signs, for ClusterIssuers alone, and the role is taken on with it"
    )
    func machineAWS() async throws {
        let sts = """
            <AssumeRoleResponse><AssumeRoleResult><Credentials><SessionToken>session-k3yT0ken</SessionToken>
            <SecretAccessKey>role-k3yT0ken</SecretAccessKey><Expiration>2099-10-24T23:00:23Z</Expiration>
            <AccessKeyId>ASIAROLE</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>
            """
        func check(
            _ identity: IssuerIdentity, _ machine: any MachineSource, role: String? = nil
        ) async throws -> (IssuerReadiness, ScriptedTransport) {
            let transport = ScriptedTransport(
                [.response(status: 200, body: "{}")] + (role == nil ? [] : [.response(status: 200, body: sts)]) + [
                    .response(status: 200, body: #"{"auth":{"client_token":"t","lease_duration":60}}"#),
                    .response(status: 400, body: #"{"errors":["\"csr\" is empty"]}"#),
                ])
            var spec = IssuerSpec()
            spec.vault = VaultIssuer(auth: .init(), server: "https://v", path: "pki/sign/x")
            spec.vault?.auth.aws = .init(role: "cm")
            spec.vault?.auth.aws?.iamRoleArn = role
            let issuers = RemoteIssuers(
                RemoteWorld().context(over: transport, time: ManualClock(now), machine: machine))
            return (try await #require(issuers.issuer(spec, identity)).check(), transport)
        }
        func authorization(_ request: TransportRequest) throws -> String {
            let login = try JSONValue(parsing: try #require(request.body))
            let encoded = try #require(login["iam_request_headers"]?.stringValue)
            let headers = try JSONValue(parsing: try #require(Base64.decode(encoded)))
            return try #require(headers["authorization"]?[0]?.stringValue)
        }
        let cluster = IssuerIdentity(uid: "uid", name: "vault", namespace: nil, resourceNamespace: "kube-system")
        let (own, transport) = try await check(cluster, Pod())
        #expect(own.isReady, "\(own.message)")
        #expect(try authorization(transport.requests[1]).contains("Credential=AKIAPOD/"))
        let (role, others) = try await check(cluster, Pod(), role: "arn:aws:iam::1:role/vault")
        #expect(role.isReady, "\(role.message)")
        #expect(others.requests[1].url.hasPrefix("https://sts."))
        #expect(try authorization(others.requests[2]).contains("Credential=ASIAROLE/"))
        let (refused, none) = try await check(RemoteWorld.identity, Pod())
        #expect(
            refused.message.contains("for ClusterIssuers only, unless --issuer-ambient-credentials"),
            "\(refused.message)")
        #expect(none.requests.count == 1)
    }
}
