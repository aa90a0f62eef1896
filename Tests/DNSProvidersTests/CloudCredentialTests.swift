import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import NIOPosix
import TestSupport
import Testing
import Wire

@testable import DNSProviders

/// Credentials that come from elsewhere than a Secret. The exchanges are those of the documentation that the sources name.
@Suite("Credentials of clouds")
struct CloudCredentialTests {
    static func context(
        _ transport: ScriptedTransport, _ variables: [String: String] = [:], files: [String: String] = [:],
        isAllowed: Bool = true, cluster: any ClusterSource = NoCluster()
    ) -> ProviderContext {
        ProviderContext(
            secrets: SecretBox(["aws": ["key": "own-secret"]]), namespace: "ns",
            resolver: Resolver(
                servers: [], client: DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(1))),
            http: transport, time: LeapingTime(), allowsAmbientCredentials: isAllowed,
            machine: ScriptedMachine(variables: variables, files: files), cluster: cluster)
    }

    static func aws(_ config: Route53.Config, _ context: ProviderContext) async throws(DNSProviderError)
        -> SigV4.Credentials
    {
        let partition = AWSPartition(region: config.region)
        return try await AWSCredentialSource(config: config, context: context, partition: partition).credentials()
    }

    static let role = "arn:aws:iam::123456789012:role/acme"
    static func token(_ element: String) -> String {
        "<\(element)Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><\(element)Result><Credentials>"
            + "<SessionToken>session-k3yT0ken-1</SessionToken><SecretAccessKey>secret-k3yT0ken-1</SecretAccessKey>"
            + "<Expiration>2099-10-24T23:00:23Z</Expiration><AccessKeyId>ASIA1</AccessKeyId></Credentials></\(element)Result></\(element)Response>"
    }
    static func metadata(_ token: String = "Token") -> String {
        #"{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"ASIA1","SecretAccessKey":"secret-k3yT0ken-1","\#(token)":"session-k3yT0ken-1","Expiration":"2099-05-17T15:09:54Z"}"#
    }
    static let temporary = SigV4.Credentials(
        accessKeyID: "ASIA1", secretAccessKey: Redacted("secret-k3yT0ken-1"),
        sessionToken: Redacted("session-k3yT0ken-1"))

    @Test("AWS: keys of the environment, for those who may use them")
    func environment() async throws {
        let variables = ["AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"]
        let transport = ScriptedTransport([])
        #expect(
            try await Self.aws(.init(), Self.context(transport, variables))
                == .init(accessKeyID: "AKIA1", secretAccessKey: Redacted("s"), sessionToken: Redacted("t")))
        await #expect(throws: DNSProviderError.self) {
            try await Self.aws(.init(), Self.context(transport, variables, isAllowed: false))
        }
        #expect(transport.requests.isEmpty)
    }

    @Test("AWS: web identity (IRSA) is exchanged once, unsigned, and kept")
    func webIdentity() async throws {
        let transport = ScriptedTransport([.response(status: 200, body: Self.token("AssumeRoleWithWebIdentity"))])
        let context = Self.context(
            transport, ["AWS_ROLE_ARN": Self.role, "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/token"],
            files: ["/var/token": "jwt-1\n"])
        for _ in 0..<2 { #expect(try await Self.aws(.init(region: "eu-west-1"), context) == Self.temporary) }
        let request = try #require(transport.requests.first)
        #expect(request.url == "https://sts.eu-west-1.amazonaws.com/")
        #expect(request.headers[.authorization] == nil)
        #expect(
            FakeRequest.form(String(decoding: request.body ?? [], as: UTF8.self)) == [
                "Action": "AssumeRoleWithWebIdentity", "RoleArn": Self.role, "RoleSessionName": "certwright",
                "Version": "2011-06-15", "WebIdentityToken": "jwt-1",
            ])
        await #expect(throws: DNSProviderError.self) {
            try await Self.aws(
                .init(), Self.context(transport, ["AWS_ROLE_ARN": Self.role, "AWS_WEB_IDENTITY_TOKEN_FILE": "/none"]))
        }
    }

    @Test("AWS: Pod Identity is asked with the token of its file")
    func podIdentity() async throws {
        let transport = ScriptedTransport([.response(status: 200, body: Self.metadata())])
        let variables = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/token",
        ]
        let context = Self.context(transport, variables, files: ["/var/token": "pod-token\n"])
        #expect(try await Self.aws(.init(), context) == Self.temporary)
        #expect(transport.requests.map(\.url) == ["http://169.254.170.23/v1/credentials"])
        #expect(transport.requests.first?.headers[.authorization] == "pod-token")
        var bad = variables
        bad["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://evil.example/steal"
        await #expect(throws: DNSProviderError.self) { try await Self.aws(.init(), Self.context(transport, bad)) }
    }

    @Test("AWS: an instance's role, by version 2 of the metadata service")
    func instance() async throws {
        let transport = ScriptedTransport([
            .response(status: 200, body: "imds-token"), .response(status: 200, body: "my-role"),
            .response(status: 200, body: Self.metadata()),
        ])
        #expect(try await Self.aws(.init(), Self.context(transport)) == Self.temporary)
        #expect(
            transport.requests.map { "\($0.method) \($0.url)" } == [
                "PUT http://169.254.169.254/latest/api/token",
                "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/",
                "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/my-role",
            ])
        let silent = ScriptedTransport([.failure(.connectTimeout)])
        do throws(DNSProviderError) {
            _ = try await Self.aws(.init(), Self.context(silent))
            Issue.record("there were credentials")
        } catch {
            guard case .noCredentials = error else { return Contract.expectKind("noCredentials", error) }
        }
    }

    @Test("AWS: a role is assumed with keys, and a refusal names the trust policy")
    func assumed() async throws {
        let transport = ScriptedTransport([
            .response(status: 200, body: Self.token("AssumeRole")),
            .response(
                status: 403,
                body:
                    "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>"
            ),
        ])
        var config = Route53.Config()
        config.accessKeyID = "AKIA1"
        config.secretAccessKeySecretRef = .init(name: "aws", key: "key")
        config.role = Self.role
        #expect(try await Self.aws(config, Self.context(transport, isAllowed: false)) == Self.temporary)
        #expect(transport.requests.first?.headers[.authorization]?.contains("/us-east-1/sts/aws4_request") == true)
        do throws(DNSProviderError) {
            _ = try await Self.aws(config, Self.context(transport))
            Issue.record("the role was assumed")
        } catch {
            #expect(error.description.contains("trust policy"))
        }
    }

    @Test("AWS: a ServiceAccount that the Issuer names gets a token for the role")
    func serviceAccount() async throws {
        let transport = ScriptedTransport([.response(status: 200, body: Self.token("AssumeRoleWithWebIdentity"))])
        let cluster = ScriptedCluster()
        var config = Route53.Config()
        config.role = Self.role
        config.auth = .init(kubernetes: .init(serviceAccountRef: .init(name: "acme-dns")))
        #expect(
            try await Self.aws(config, Self.context(transport, isAllowed: false, cluster: cluster)) == Self.temporary)
        #expect(cluster.requests.map(\.path) == ["token of ns/acme-dns"])
        #expect(cluster.requests.first?.body == ["sts.amazonaws.com"])
        let form = FakeRequest.form(String(decoding: transport.requests.first?.body ?? [], as: UTF8.self))
        #expect(form["WebIdentityToken"] == "k3yT0ken-of-acme-dns")
    }

    @Test(
        "AWS: regions lead to their part of AWS, and no region leads elsewhere",
        arguments: [
            (nil, "https://route53.amazonaws.com", "us-east-1"),
            ("eu-west-1", "https://route53.amazonaws.com", "us-east-1"),
            ("cn-north-1", "https://route53.amazonaws.com.cn", "cn-northwest-1"),
            ("us-gov-west-1", "https://route53.us-gov.amazonaws.com", "us-gov-west-1"),
            ("evil.example/", "https://route53.amazonaws.com", "us-east-1"),
        ] as [(String?, String, String)])
    func partitions(region: String?, host: String, signing: String) {
        let partition = AWSPartition(region: region)
        #expect(partition.route53 == host)
        #expect(partition.signingRegion == signing)
        #expect(!partition.tokenService.contains("evil"))
    }

    static func azure(_ config: AzureDNS.Config, _ context: ProviderContext) async throws(DNSProviderError) -> String {
        try await AzureCredentials(config: config, cloud: .publicCloud, context: context).token().reveal()
    }

    static func azureConfig(_ identity: AzureDNS.ManagedIdentity? = nil) -> AzureDNS.Config {
        .init(managedIdentity: identity, resourceGroupName: "rg", subscriptionID: "sub")
    }

    @Test("Azure: workload identity exchanges the pod's token, the Issuer's client id before the environment's")
    func azureWorkload() async throws {
        let transport = ScriptedTransport([
            .response(status: 200, body: #"{"token_type":"Bearer","expires_in":3599,"access_token":"at-1"}"#)
        ])
        let context = Self.context(
            transport,
            [
                "AZURE_FEDERATED_TOKEN_FILE": "/var/token", "AZURE_CLIENT_ID": "env-client",
                "AZURE_TENANT_ID": "tenant",
                "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
            ], files: ["/var/token": "jwt-1"])
        for _ in 0..<2 {
            #expect(try await Self.azure(Self.azureConfig(.init(clientID: "own-client")), context) == "at-1")
        }
        let request = try #require(transport.requests.first)
        #expect(request.url == "https://login.microsoftonline.com/tenant/oauth2/v2.0/token")
        #expect(
            FakeRequest.form(String(decoding: request.body ?? [], as: UTF8.self)) == [
                "grant_type": "client_credentials", "client_id": "own-client", "client_assertion": "jwt-1",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "scope": "https://management.azure.com/.default",
            ])
    }

    @Test("Azure: the machine's identity comes from its metadata service")
    func azureMachine() async throws {
        let transport = ScriptedTransport([
            .response(status: 200, body: #"{"access_token":"at-1","expires_in":"86399","token_type":"Bearer"}"#)
        ])
        #expect(try await Self.azure(Self.azureConfig(.init(resourceID: "/id/1")), Self.context(transport)) == "at-1")
        let request = try #require(transport.requests.first)
        #expect(
            request.url == "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
                + "&resource=https%3A%2F%2Fmanagement.azure.com%2F&msi_res_id=%2Fid%2F1")
        #expect(request.headers[.init("Metadata")!] == "true")  // a legal field name
        await #expect(throws: DNSProviderError.self) {
            try await Self.azure(Self.azureConfig(), Self.context(transport, isAllowed: false))
        }
    }

    @Test("Google: workload identity comes from the metadata server")
    func google() async throws {
        let transport = ScriptedTransport([
            .response(status: 200, body: #"{"access_token":"ya29.k3yT0ken.1","expires_in":3599,"token_type":"Bearer"}"#)
        ])
        let token = try await GoogleCredentials(context: Self.context(transport)).token(key: nil)
        #expect(token.reveal() == "ya29.k3yT0ken.1")
        let request = try #require(transport.requests.first)
        #expect(
            request.url.hasPrefix(
                "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"))
        #expect(request.headers[.init("Metadata-Flavor")!] == "Google")  // a legal field name
    }

    @Test(
        "Google: what is no key of a service account is told without its content",
        arguments: [
            "no json", "[]", #"{"type":"external_account"}"#,
            #"{"type":"service_account","client_email":"e","private_key":"k-4711"}"#,
            #"{"type":"service_account","client_email":"e"}"#,
        ])
    func googleKey(file: String) async throws {
        var context = Self.context(ScriptedTransport([]))
        context.secrets = SecretBox(["google": ["k": file]])
        do throws(DNSProviderError) {
            _ = try await GoogleCredentials(context: context).token(key: .init(name: "google", key: "k"))
            Issue.record("it was taken")
        } catch {
            #expect(error.isAboutSecret)
            #expect(!"\(error)".contains("k-4711"))
        }
    }

    private static let federated = """
        {"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
        "subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token",
        "service_account_impersonation_url":
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/dns@p.iam.gserviceaccount.com:generateAccessToken",
        "credential_source":{"file":"/var/run/secrets/token"}}
        """

    /// The exchanges of google.aip.dev/auth/4117.
    @Test("Google: a token of the cluster is exchanged, and the service account acted as")
    func googleFederation() async throws {
        let answers: [ScriptedTransport.Answer] = [
            .response(status: 200, body: #"{"access_token":"federated-k3yT0ken","expires_in":3600}"#),
            .response(status: 200, body: #"{"accessToken":"ya29.k3yT0ken.2","expireTime":"2099-01-01T00:00:00Z"}"#),
        ]
        let files = ["/var/run/secrets/token": "k3yT0ken-of-pod\n", "/etc/google.json": Self.federated]
        for isAmbient in [false, true] {
            let transport = ScriptedTransport(answers)
            let variables = isAmbient ? ["GOOGLE_APPLICATION_CREDENTIALS": "/etc/google.json"] : [:]
            var context = Self.context(transport, variables, files: files)
            context.secrets = SecretBox(["google": ["k": Self.federated]])
            let token = try await GoogleCredentials(context: context).token(
                key: isAmbient ? nil : .init(name: "google", key: "k"))
            #expect(token.reveal() == "ya29.k3yT0ken.2")
            let form = FakeRequest.form(String(decoding: transport.requests[0].body ?? [], as: UTF8.self))
            #expect(transport.requests[0].url == "https://sts.googleapis.com/v1/token")
            #expect(form["subject_token"] == "k3yT0ken-of-pod")
            #expect(form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange")
            #expect(form["audience"]?.hasSuffix("/providers/k") == true)
            #expect(transport.requests[1].headers[.authorization] == "Bearer federated-k3yT0ken")
            #expect(transport.requests[1].url.hasSuffix(":generateAccessToken"))
        }
    }

    @Test(
        "Google: the pod's token goes to no other host, of no other issuer, and from no other source",
        arguments: [
            ("sts.googleapis.com/v1", "sts.example.com/v1", "its token_url"),
            ("https://sts.", "http://sts.", "its token_url"),
            ("iamcredentials.googleapis.com", "iamcredentials.googleapis.com.example.com", "its service_account"),
            ("\"file\":\"/var/run/secrets/token\"", "\"url\":\"http://169.254.169.254/\"", "must be a file"),
            ("\"audience\"", "\"odd\"", "audience and subject_token_type"),
        ])
    func googleFederationLimits(part: String, other: String, sentence: String) async throws {
        var context = Self.context(ScriptedTransport([]), files: ["/var/run/secrets/token": "k3yT0ken-of-pod"])
        let changed = try #require(Self.federated.firstRange(of: part)).lowerBound
        let file = Self.federated[..<changed] + other + Self.federated[changed...].dropFirst(part.count)
        context.secrets = SecretBox(["google": ["k": String(file)]])
        do throws(DNSProviderError) {
            _ = try await GoogleCredentials(context: context).token(key: .init(name: "google", key: "k"))
            Issue.record("it was taken")
        } catch {
            #expect("\(error)".contains(sentence), "\(error)")
        }
    }

    @Test("Google: federation is for those who may use the pod's credentials; a file without a token is told")
    func googleFederationRights() async throws {
        for (isAllowed, sentence) in [(false, "for ClusterIssuers only"), (true, "holds no token")] {
            var context = Self.context(ScriptedTransport([]), isAllowed: isAllowed)
            context.secrets = SecretBox(["google": ["k": Self.federated]])
            do throws(DNSProviderError) {
                _ = try await GoogleCredentials(context: context).token(key: .init(name: "google", key: "k"))
                Issue.record("it was taken")
            } catch {
                #expect("\(error)".contains(sentence), "\(error)")
            }
        }
    }
}
