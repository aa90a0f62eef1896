import CertificateAPI
import DNSWire
import HTTPServer
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import PKI
import Subprocess
import Synchronization
import SystemPackage
import TestSupport
import Wire

/// A namespace with a CA, a credential and a controller, a DNS server, and ports of loopback for the challenges.
struct ACMELaboratory: Sendable {
    /// The key of the credential `web`, as clients are given it.
    static let hmac = Base64.encodeURL(Array("an hmac key of thirty-two octets".utf8))

    struct Server: Sendable {
        var port: Int
        var directory: String
    }

    let cluster: Cluster
    let knot: Knot
    let folder: TemporaryFolder
    let port: Int
    let httpPort: Int
    let tlsPort: Int

    var http: String { "127.0.0.1:\(httpPort)" }
    var tls: String { "127.0.0.1:\(tlsPort)" }

    private static let key = Knot.Key(
        name: "update", algorithm: "hmac-sha256", secret: "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==")

    /// What lego needs to change the zone.
    var updates: [String: String] {
        [
            "RFC2136_NAMESERVER": knot.endpoint.description, "RFC2136_TSIG_KEY": Self.key.name,
            "RFC2136_TSIG_ALGORITHM": "\(Self.key.algorithm).", "RFC2136_TSIG_SECRET": Self.key.secret,
        ]
    }

    /// - Parameter companion: whether the controller runs the ACME server in its own process.
    static func run(companion: Bool = false, _ body: (ACMELaboratory) async throws -> Void) async throws {
        guard let kubeconfig = Cluster.kubeconfig else { throw TestServerError("there is no cluster") }
        let folder = try TemporaryFolder(named: "acme-server")
        defer { folder.remove() }
        let ports = try FreePorts.take(3)
        var options = Knot.Options()
        options.keys = [key]
        options.records = ["www A 127.0.0.1", "api A 127.0.0.1", "tls A 127.0.0.1"]
        try await Cluster.withNamespace("acme") { cluster in
            try await Knot.run(options) { knot in
                let laboratory = ACMELaboratory(
                    cluster: cluster, knot: knot, folder: folder, port: ports[0], httpPort: ports[1], tlsPort: ports[2])
                try await cluster.apply(manifests(cluster.namespace))
                let flags =
                    ["--namespace=\(cluster.namespace)", "--cluster-resource-namespace=\(cluster.namespace)"]
                    + (companion ? ["--with=acme-server"] + laboratory.flags(port: laboratory.port) : [])
                try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { _ in
                    try await cluster.eventually("the CA is ready", within: .seconds(60)) {
                        try await cluster.client.find(Issuer.self, cluster.key("ca"))?.status?.conditions
                            .isTrue(Condition.Kind.ready) ?? false
                    }
                    try await body(laboratory)
                }
            }
        }
    }

    private static func manifests(_ namespace: String) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: selfsigned}
        spec: {selfSigned: {}}
        ---
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: root}
        spec: {isCA: true, commonName: Laboratory Root, secretName: root, duration: 8760h, issuerRef: {name: selfsigned}}
        ---
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: ca}
        spec: {ca: {secretName: root}}
        ---
        apiVersion: v1
        kind: Secret
        metadata:
          name: web
          labels: {certwright.dev/acme-credential: "true"}
          annotations:
            certwright.dev/acme-namespace: \(namespace)
            certwright.dev/acme-issuers: Issuer/ca
            certwright.dev/acme-names: "*.example.test"
            certwright.dev/acme-wildcards: "true"
        data: {key: \(Base64.encode(Array(hmac.utf8)))}
        """
    }

    /// Runs a replica of the ACME server, until `body` is left.
    func serving<R: Sendable>(port: Int? = nil, _ body: (Server) async throws -> R) async throws -> R {
        guard let kubeconfig = Cluster.kubeconfig else { throw TestServerError("there is no cluster") }
        let port = port ?? self.port
        return try await ControllerProcess.run(
            "acme-server", kubeconfig: kubeconfig, flags: ["--namespace=\(cluster.namespace)"] + flags(port: port),
            electing: false, over: cluster.transport
        ) { _ in try await body(try await server(port: port)) }
    }

    /// Where a server at that port is, whose CA is then in the file `ca.pem`.
    func server(port: Int) async throws -> Server {
        let secret = try await cluster.client.get(Secret.self, cluster.key("certwright-acme-server-ca"))
        try folder.write("ca.pem", secret["ca.crt"] ?? [])
        return Server(
            port: port, directory: "https://localhost:\(port)/acme/issuer/\(cluster.namespace)/ca/directory")
    }

    private func flags(port: Int) -> [String] {
        [
            "--acme-server-namespace=\(cluster.namespace)", "--acme-server-listen-address=127.0.0.1:\(port)",
            "--acme-server-allowed-networks=127.0.0.0/8", "--acme-server-nameservers=\(knot.endpoint)",
            "--acme-server-http01-port=\(httpPort)", "--acme-server-tls-alpn01-port=\(tlsPort)",
        ]
    }

    /// Runs a client to its end; throws what it said where it fails.
    @discardableResult
    func client(_ program: String, _ arguments: [String], _ environment: [String: String]) async throws -> String {
        guard let path = TestPrograms.find(program) else { throw TestServerError("\(program) is not installed") }
        var variables: [Environment.Key: String?] = ["HTTPS_PROXY": nil, "HTTP_PROXY": nil]
        for (name, value) in environment { variables[Environment.Key(stringLiteral: name)] = value }
        let result = try await Subprocess.run(
            .path(FilePath(path)), arguments: Arguments(arguments), environment: .inherit.updating(variables),
            output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        let said = result.standardOutput + result.standardError
        guard result.terminationStatus.isSuccess else { throw TestServerError("\(program): \(said)") }
        return said
    }

    /// The CA's own certificate.
    func root() async throws -> X509Certificate {
        try X509Certificate(pem: try await cluster.client.get(Secret.self, cluster.key("root"))["tls.crt"] ?? [])
    }

    /// What was asked for by the ACME server.
    func requests() async throws -> [CertificateRequest] {
        try await cluster.client.listAll(
            CertificateRequest.self,
            ListOptions(namespace: cluster.namespace, labelSelector: "certwright.dev/acme-order")
        ).items
    }

    /// The records of a kind, `account` or `order`, as they are kept.
    func records(_ kind: String) async throws -> [String] {
        let configMaps = ResourceType(
            group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true)
        let page = try await cluster.client.page(
            configMaps, ListOptions(namespace: cluster.namespace, labelSelector: "certwright.dev/acme=\(kind)"))
        return page.items.compactMap { $0["data"]?["record.json"]?.stringValue }
    }

    /// Answers http-01 with that key authorization.
    func answering(_ keyAuthorization: String, _ body: () async throws -> Void) async throws {
        let server = HTTPServer.Server(address: "127.0.0.1", port: httpPort) { _ in
            ServerResponse(.ok, text: keyAuthorization)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            _ = try await server.boundPort
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}

/// Sends three requests to one port and three to another, as a balancer does with connections.
final class AlternatingTransport: HTTPTransport {
    private let inner: any HTTPTransport
    private let ports: [Int]
    private let sent = Mutex([0, 0])

    init(inner: any HTTPTransport, from first: Int, to second: Int) {
        self.inner = inner
        ports = [first, second]
    }

    var counts: [Int] { sent.withLock { $0 } }

    /// The URL and the `Host` stay, since they are signed: only where to connect changes.
    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        let turn = sent.withLock { sent in
            let turn = (sent[0] + sent[1]) / 3 % 2
            sent[turn] += 1
            return turn
        }
        var request = request
        request.proxy = .none
        let origin = "https://localhost:\(ports[0])"
        if turn == 1, request.url.hasPrefix(origin) {
            request.url = "https://localhost:\(ports[1])" + request.url.dropFirst(origin.count)
            request.headers[.init("Host")!] = "localhost:\(ports[0])"  // a legal field name
        }
        return try await inner.withResponse(to: request, use)
    }
}
