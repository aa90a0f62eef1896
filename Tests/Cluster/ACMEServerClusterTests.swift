import ACME
import ACMEServer
import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import PKI
import Subprocess
import SystemPackage
import TestSupport
import Testing
import Wire

/// `certwright acme-server` beside the controller on a real API server, asked by the clients that people use.
@Suite(
    "The ACME server on a real API server",
    .enabled(
        if: Cluster.isAvailable && Knot.isInstalled && TestPrograms.find("lego") != nil
            && TestPrograms.find("certbot") != nil && TestPrograms.find("caddy") != nil,
        "needs knot, lego, certbot, caddy and a cluster: scripts/test has them"), .timeLimit(.minutes(5)))
struct ACMEServerClusterTests {
    @Test("lego: http-01, tls-alpn-01, a wildcard by dns-01 through RFC 2136, renewal, revocation")
    func lego() async throws {
        try await ACMELaboratory.run { laboratory in
            try await laboratory.serving { server in
                let lego = Lego(laboratory, server)
                let http = try await lego.run(
                    [
                        "--http", "--http.port", laboratory.http, "-d", "www.example.test", "-d", "api.example.test",
                        "run",
                    ])
                #expect(http.contains("Server responded with a certificate"))
                let chain = try lego.chain("www.example.test")
                #expect(chain.leaf.extensions.dnsNames.sorted() == ["api.example.test", "www.example.test"])
                #expect(chain.leaf.extensions.extendedKeyUsage == [.serverAuth])
                let root = try await laboratory.root()
                #expect(chain.leaf.isSigned(by: root))
                // Approved and signed as everybody's requests, in the namespace of the credential.
                let requests = try await laboratory.requests()
                #expect(requests.count == 1)
                #expect(requests[0].status?.conditions.isTrue(Condition.Kind.approved) == true)
                try await lego.run(["--tls", "--tls.port", laboratory.tls, "-d", "tls.example.test", "run"])
                try await lego.run(
                    [
                        "--dns", "rfc2136", "--dns.resolvers", laboratory.knot.endpoint.description, "--dns.disable-cp",
                        "-d", "*.example.test", "run",
                    ], laboratory.updates)
                #expect(try lego.chain("_.example.test").leaf.extensions.dnsNames == ["*.example.test"])
                try await lego.run([
                    "--http", "--http.port", laboratory.http, "-d", "www.example.test", "-d", "api.example.test",
                    "renew", "--days", "90000", "--no-random-sleep",
                ])
                let renewed = try lego.chain("www.example.test")
                #expect(renewed.leaf != chain.leaf)
                try await lego.run(["--http", "-d", "www.example.test", "revoke"])
                let revoked = try await laboratory.requests().filter {
                    $0.metadata.annotations?["certwright.dev/acme-revoked"] != nil
                }
                #expect(revoked.count == 1)
                let refused = await #expect(throws: TestServerError.self) {
                    try await lego.run(["--http", "--http.port", laboratory.http, "-d", "www.example.org", "run"])
                }
                #expect(refused?.description.contains("rejectedIdentifier") == true)
            }
        }
    }

    @Test("certbot: an account, a certificate by its own web server, a revocation, the end of the account")
    func certbot() async throws {
        try await ACMELaboratory.run { laboratory in
            try await laboratory.serving { server in
                let folder = laboratory.folder
                let port = laboratory.http.split(separator: ":").last.map(String.init) ?? ""
                func certbot(_ arguments: [String]) async throws {
                    try await laboratory.client(
                        "certbot",
                        arguments + [
                            "--server", server.directory, "-n", "--config-dir", folder.path("certbot"), "--work-dir",
                            folder.path("work"), "--logs-dir", folder.path("logs"),
                        ], ["REQUESTS_CA_BUNDLE": folder.path("ca.pem")])
                }
                try await certbot([
                    "certonly", "--agree-tos", "--email", "a@example.com", "--eab-kid", "web", "--eab-hmac-key",
                    ACMELaboratory.hmac, "--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", port, "-d",
                    "www.example.test",
                ])
                let pem = try folder.text("certbot/live/www.example.test/fullchain.pem")
                let chain = try Chain.parse(pem: Array(pem.utf8), limits: .default)
                #expect(chain.first?.extensions.dnsNames == ["www.example.test"])
                try await certbot(["revoke", "--cert-name", "www.example.test", "--reason", "superseded"])
                try await certbot(["unregister"])
                let accounts = try await laboratory.records("account")
                #expect(accounts.count == 1)
                #expect(accounts[0].contains("\"deactivated\""))
            }
        }
    }

    @Test("certbot renews what is not due by its age because the server says so, and only that")
    func renewalInformation() async throws {
        try await ACMELaboratory.run { laboratory in
            try await laboratory.serving { server in
                let folder = laboratory.folder
                let port = laboratory.http.split(separator: ":").last.map(String.init) ?? ""
                func certbot(_ arguments: [String]) async throws -> String {
                    try await laboratory.client(
                        "certbot",
                        arguments + [
                            "--server", server.directory, "-n", "--config-dir", folder.path("certbot"), "--work-dir",
                            folder.path("work"), "--logs-dir", folder.path("logs"),
                        ], ["REQUESTS_CA_BUNDLE": folder.path("ca.pem")])
                }
                func leaf(_ name: String) throws -> X509Certificate {
                    let pem = try folder.text("certbot/live/\(name)/cert.pem")
                    return try #require(try Chain.parse(pem: Array(pem.utf8), limits: .default).first)
                }
                for name in ["www.example.test", "api.example.test"] {
                    _ = try await certbot([
                        "certonly", "--agree-tos", "--email", "a@example.com", "--eab-kid", "web", "--eab-hmac-key",
                        ACMELaboratory.hmac, "--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", port,
                        "-d", name,
                    ])
                }
                let (revoked, other) = (try leaf("www.example.test"), try leaf("api.example.test"))
                _ = try await certbot(["revoke", "--cert-name", "www.example.test", "--no-delete-after-revoke"])
                // certbot keeps to Retry-After, so that it must not ask before the server can know.
                let id = try #require(RenewalIdentifier(revoked))
                let acme = ACMEServer(
                    settings: .init(
                        directoryURL: server.directory,
                        tls: TLSOptions(trust: .only(pem: try Array(folder.text("ca.pem").utf8))),
                        userAgent: "certwright-tests libcurl"), transport: laboratory.cluster.transport,
                    time: SystemTime())
                try await laboratory.cluster.eventually("the revocation is known") {
                    try await acme.renewalInformation(for: id).map { $0.end <= .now() } ?? false
                }
                let said = try await certbot(["renew", "--no-random-sleep-on-renew"])
                #expect(try leaf("www.example.test") != revoked, "\(said)")
                #expect(try leaf("api.example.test") == other, "\(said)")
                #expect(try await laboratory.requests().count == 3)
            }
        }
    }

    @Test("lego gets a certificate of a Vault issuer, by OpenBao", .enabled(if: OpenBao.isInstalled, "needs bao"))
    func vault() async throws {
        try await ACMELaboratory.run { laboratory in
            let cluster = laboratory.cluster
            try await OpenBao.run(over: cluster.transport) { bao in
                try await bao.write(
                    "pki/roles/web",
                    ["allow_any_name": true, "key_type": "any", "require_cn": false, "max_ttl": "2400h"])
                try await cluster.apply(Self.vault(bao, cluster.namespace))
                try await cluster.eventually("the Vault issuer is ready", within: .seconds(60)) {
                    try await cluster.client.find(Issuer.self, cluster.key("vault"))?.status?.conditions
                        .isTrue(Condition.Kind.ready) ?? false
                }
                try await laboratory.serving { server in
                    var server = server
                    server.directory = server.directory.replacing("/ca/directory", with: "/vault/directory")
                    let lego = Lego(laboratory, server)
                    try await lego.run(["--http", "--http.port", laboratory.http, "-d", "www.example.test", "run"])
                    let chain = try lego.chain("www.example.test")
                    #expect(chain.leaf.extensions.dnsNames == ["www.example.test"])
                    let pem = try await bao.read("pki/cert/ca")["data"]?["certificate"]?.stringValue
                    let root = try X509Certificate(pem: Array(try #require(pem).utf8))
                    #expect(chain.leaf.isSigned(by: root))
                    let requests = try await laboratory.requests()
                    #expect(requests.map(\.spec.issuerRef.name) == ["vault"])
                }
            }
        }
    }

    private static func vault(_ bao: OpenBao, _ namespace: String) -> String {
        """
        apiVersion: v1
        kind: Secret
        metadata: {name: bao}
        stringData: {token: "\(OpenBao.rootToken)"}
        ---
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: vault}
        spec: {vault: {server: "\(bao.url)", path: pki/sign/web, auth: {tokenSecretRef: {name: bao, key: token}}}}
        ---
        apiVersion: v1
        kind: Secret
        metadata:
          name: web
          labels: {certwright.dev/acme-credential: "true"}
          annotations:
            certwright.dev/acme-namespace: \(namespace)
            certwright.dev/acme-issuers: Issuer/vault
            certwright.dev/acme-names: "*.example.test"
        data: {key: \(Base64.encode(Array(ACMELaboratory.hmac.utf8)))}
        """
    }

    @Test("Caddy gets itself a certificate from a server in the controller's process, and serves it")
    func caddy() async throws {
        try await ACMELaboratory.run(companion: true) { laboratory in
            let server = try await laboratory.server(port: laboratory.port)
            let ports = try FreePorts.take(1)
            let folder = laboratory.folder
            try folder.write("caddy.json", Self.caddy(laboratory, server, ports[0]).serialized())
            let root = try await laboratory.root()
            try folder.write("root.pem", Array(root.pem.utf8))
            try await withProcess(
                "caddy", ["run", "--config", folder.path("caddy.json")], environment: ["HOME": folder.root],
                log: folder.path("caddy.log")
            ) {
                try await laboratory.cluster.eventually("Caddy serves", within: .seconds(60)) {
                    let answer = try await laboratory.cluster.transport.send(
                        TransportRequest(
                            url: "https://www.example.test:\(ports[0])/",
                            tls: TLSOptions(trust: .only(pem: Array(root.pem.utf8))),
                            proxy: .none, addressOverrides: ["www.example.test:\(ports[0])": "127.0.0.1"]))
                    return answer.body == Array("hello".utf8)
                }
            }
        }
    }

    private static func caddy(_ laboratory: ACMELaboratory, _ server: ACMELaboratory.Server, _ port: Int) -> JSONValue {
        let issuer: JSONValue = [
            "module": "acme", "ca": .string(server.directory), "email": "a@example.com",
            "external_account": ["key_id": "web", "mac_key": .string(ACMELaboratory.hmac)],
            "trusted_roots_pem_files": [.string(laboratory.folder.path("ca.pem"))],
            "challenges": [
                "bind_host": "127.0.0.1", "tls-alpn": ["disabled": true],
                "http": ["alternate_port": .integer(Int64(laboratory.httpPort))],
            ],
        ]
        let site: JSONValue = [
            "listen": [.string("127.0.0.1:\(port)")], "automatic_https": ["disable_redirects": true],
            "routes": [
                [
                    "match": [["host": ["www.example.test"]]],
                    "handle": [["handler": "static_response", "body": "hello"]],
                ]
            ],
        ]
        return [
            "admin": ["disabled": true, "config": ["persist": false]],
            "storage": ["module": "file_system", "root": .string(laboratory.folder.path("caddy"))],
            "apps": [
                "http": [
                    "http_port": .integer(Int64(laboratory.httpPort)), "https_port": .integer(Int64(port)),
                    "servers": ["site": site],
                ],
                "tls": ["automation": ["policies": [["subjects": ["www.example.test"], "issuers": [issuer]]]]],
            ],
        ]
    }

    @Test(
        "accounts outlive the process; policies are asked; a credential taken back counts"
    )
    func lives() async throws {
        try await ACMELaboratory.run { laboratory in
            let lego = try await laboratory.serving { server in
                let lego = Lego(laboratory, server)
                try await lego.run(["--http", "--http.port", laboratory.http, "-d", "www.example.test", "run"])
                return lego
            }
            let renewal = [
                "--http", "--http.port", laboratory.http, "-d", "www.example.test", "renew", "--days", "90000",
                "--no-random-sleep",
            ]
            // Another process, on the port of the one that is gone: lego finds its account.
            try await laboratory.serving { _ in
                try await lego.run(renewal)
                try await laboratory.cluster.apply(
                    """
                    apiVersion: policy.certwright.dev/v1alpha1
                    kind: CertificatePolicy
                    metadata: {name: \(laboratory.cluster.namespace)}
                    spec:
                      selector: {namespaces: [\(laboratory.cluster.namespace)]}
                      allowed: {dnsNames: [api.example.test]}
                    """)
                try await laboratory.cluster.eventually("the policy is obeyed", within: .seconds(60)) {
                    do {
                        try await lego.run(renewal)
                        return false
                    } catch let error as TestServerError {
                        guard error.description.contains("denied") else { throw error }
                        return true
                    }
                }
                _ = try await laboratory.cluster.client.delete(
                    CertificatePolicy.self, ObjectKey(name: laboratory.cluster.namespace))
                try await laboratory.cluster.client.delete(Secret.self, laboratory.cluster.key("web"))
                let error = await #expect(throws: TestServerError.self) { try await lego.run(renewal) }
                #expect(error?.description.contains("urn:ietf:params:acme:error:unauthorized") == true)
            }
        }
    }

    @Test("what has expired is deleted, and nothing before; a self-signed issuer says why it has no directory")
    func sweep() async throws {
        try await ACMELaboratory.run { laboratory in
            try await laboratory.serving { server in
                try await Lego(laboratory, server).run(
                    ["--http", "--http.port", laboratory.http, "-d", "www.example.test", "run"])
                let authority = TLSOptions(trust: .only(pem: try Array(laboratory.folder.text("ca.pem").utf8)))
                let answer = try await laboratory.cluster.transport.send(
                    TransportRequest(
                        url: server.directory.replacing("/ca/", with: "/selfsigned/"), tls: authority, proxy: .none))
                #expect(answer.status == .notFound)
                #expect(String(decoding: answer.body, as: UTF8.self).contains("which an ACME client keeps to itself"))
            }
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let store = ClusterStore(
                client: laboratory.cluster.client, namespace: laboratory.cluster.namespace, logger: logger)
            let desk = ClusterDesk(client: laboratory.cluster.client, store: store)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for informer in store.informers(counters: Counters()) { group.addTask { try await informer.run() } }
                try await laboratory.cluster.eventually("all is read") { store.missing == nil }
                for (hours, orders, requests) in [(0, 1, 1), (23, 1, 1), (25, 0, 1), (24 * 89, 0, 1), (24 * 91, 0, 0)] {
                    let time = Timestamp.now() + .seconds(hours * 3600)
                    try await store.sweep(at: time)
                    try await desk.sweep(at: time)
                    #expect(try await laboratory.records("order").count == orders, "after \(hours) h")
                    #expect(try await laboratory.requests().count == requests, "after \(hours) h")
                }
                #expect(try await laboratory.records("account").count == 1)
                group.cancelAll()
            }
        }
    }

    @Test("two replicas at once, connections going to one and the other: nonces cost a try, nothing else does")
    func replicas() async throws {
        try await ACMELaboratory.run { laboratory in
            try await laboratory.serving { first in
                try await laboratory.serving(port: try FreePorts.take(1)[0]) { second in
                    let transport = AlternatingTransport(
                        inner: laboratory.cluster.transport, from: first.port, to: second.port)
                    let server = ACMEServer(
                        settings: .init(
                            directoryURL: first.directory,
                            tls: TLSOptions(trust: .only(pem: try Array(laboratory.folder.text("ca.pem").utf8))),
                            userAgent: "certwright-tests libcurl"),
                        transport: transport, time: SystemTime())
                    let key = try await PrivateKey.generate(.ecdsa(.p256))
                    let account = try await server.newAccount(
                        NewACMEAccount(
                            binding: try ExternalAccountBinding(
                                keyID: "web", encodedKey: Array(ACMELaboratory.hmac.utf8))), key: key)
                    let client = ACMEClient(server: server, accountURL: account.url, key: key)
                    let first = try await issue(client, key, laboratory)
                    let id = try #require(RenewalIdentifier(first.leaf))
                    for _ in 0..<2 {
                        try await laboratory.cluster.eventually("each tells when to renew") {
                            try await server.renewalInformation(for: id) != nil
                        }
                    }
                    _ = try await issue(client, key, laboratory, replacing: id)
                    let replacing = try await laboratory.requests().compactMap {
                        $0.metadata.annotations?["certwright.dev/acme-replaces"]
                    }
                    #expect(replacing == [id.text])
                    try await laboratory.cluster.eventually("it is replaced once") {
                        do {
                            _ = try await client.newOrder(
                                NewACMEOrder(identifiers: [.dns("www.example.test")], replaces: id.text))
                            return false
                        } catch ACMEError.problem(let refusal) {
                            return refusal.problem.type == .alreadyReplaced
                        }
                    }
                    #expect(transport.counts.allSatisfy { $0 > 3 }, "both were asked: \(transport.counts)")
                }
            }
        }
    }

    private func issue(
        _ client: ACMEClient, _ key: PrivateKey, _ laboratory: ACMELaboratory, replacing: RenewalIdentifier? = nil
    ) async throws -> ACMECertificateChain {
        let name = ACMEIdentifier.dns("www.example.test")
        let order = try await client.newOrder(NewACMEOrder(identifiers: [name], replaces: replacing?.text))
        let authorization = try await client.authorization(order.authorizations[0])
        let challenge = try #require(authorization.challenges.first { $0.type == "http-01" })
        let token = try ChallengeToken(try #require(challenge.token))
        try await laboratory.answering(token.keyAuthorization(for: key.publicKey).reveal()) {
            _ = try await client.respond(to: challenge.url)
            try await laboratory.cluster.eventually("the order is ready") {
                try await client.order(order.url).status == .ready
            }
        }
        var extensions = CertificateExtensions()
        extensions.names = [.dns("www.example.test")]
        let request = try await SigningRequest.make(
            subject: .empty, extensions: extensions, key: try await PrivateKey.generate(.ecdsa(.p256)))
        _ = try await client.finalize(order.finalize, orderURL: order.url, request: request)
        var url: String?
        try await laboratory.cluster.eventually("the certificate is there") {
            url = try await client.order(order.url).certificate
            return url != nil
        }
        let chain = try await client.certificate(try #require(url))
        try chain.check(against: request, identifiers: [name], now: .now())
        return chain
    }
}

/// lego with an account of its own, in a folder of its own.
private struct Lego {
    let laboratory: ACMELaboratory
    let directory: String

    init(_ laboratory: ACMELaboratory, _ server: ACMELaboratory.Server) {
        self.laboratory = laboratory
        directory = server.directory
    }

    @discardableResult
    func run(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> String {
        let common = [
            "--server", directory, "--accept-tos", "--email", "a@example.com", "--eab", "--kid", "web", "--hmac",
            ACMELaboratory.hmac, "--path", laboratory.folder.path("lego"),
        ]
        return try await laboratory.client(
            "lego", common + arguments,
            ["LEGO_CA_CERTIFICATES": laboratory.folder.path("ca.pem")].merging(environment) { $1 })
    }

    func chain(_ name: String) throws -> Chain {
        let pem = try laboratory.folder.text("lego/certificates/\(name).crt")
        return try Chain.order(try Chain.parse(pem: Array(pem.utf8), limits: .default))
    }
}
