import CertificateAPI
import DNSProviders
import DNSWire
import HTTPServer
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import NIOPosix
import PKI
import Solvers
import Synchronization
import TestSupport
import Testing
import Wire

/// A webhook as they are written for cert-manager, behind the real aggregation layer: an APIService leads the API server to
/// it, over TLS, with the client certificate by which webhooks know that it is the API server who asks.
final class AggregatedWebhook: Sendable {
    static let solver = "knot"

    let group: String
    private let cluster: Cluster
    private let knot: Knot
    private let dns = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(5))
    private let seen = Mutex<[Asked]>([])

    struct Asked: Sendable, Hashable {
        var action: String
        var name: String
        var dnsName: String
        var namespace: String
        /// Whom the API server says that it asks for.
        var user: String
    }

    var asked: [Asked] { seen.withLock { $0 } }

    init(_ cluster: Cluster, _ knot: Knot) {
        self.cluster = cluster
        self.knot = knot
        group = "\(cluster.namespace).example.com"
    }

    /// Serves and is registered while `body` runs.
    func run(_ body: () async throws -> Void) async throws {
        let host = "solver.\(cluster.namespace).svc"
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns(host)]
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: host), publicKey: key.publicKey,
            notBefore: .now() - .seconds(3600), notAfter: .now() + .seconds(86_400), extensions: extensions)
        let certificate = Array(try await template.signed(by: nil, key: key).pem.utf8)
        var options = TLSServerOptions()
        let trust = try await cluster.client.send(
            KubeRequest(
                method: .get, path: "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
                isIdempotent: true))
        options.clientAuthorities = (trust["data"]?["requestheader-client-ca-file"]?.stringValue).map { Array($0.utf8) }
        #expect(options.clientAuthorities != nil)
        let identity = try ServerIdentity(chain: certificate, key: try key.pem(.pkcs8), options: options)
        let address = try await cluster.addressForAPIServer()
        let server = Server(address: address, port: 0, tls: TLSServing { identity }) { [self] in await answer($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await register(address, port: try await server.boundPort, certificate)
            do {
                try await body()
            } catch {
                try? await unregister()  // the first error is the one to tell
                throw error
            }
            try await unregister()
            group.cancelAll()
        }
    }

    private var service: ObjectKey { ObjectKey(name: "v1alpha1.\(group)") }
    private static let services = ResourceType(
        group: "apiregistration.k8s.io", version: "v1", kind: "APIService", plural: "apiservices", isNamespaced: false)

    private func register(_ address: String, port: Int, _ certificate: [UInt8]) async throws {
        // With kubectl: the API servers of the time cannot apply an APIService on their side.
        try await cluster.applyWithKubectl(
            """
            \(Cluster.serviceForAPIServer("solver", at: address))
            ---
            apiVersion: apiregistration.k8s.io/v1
            kind: APIService
            metadata: {name: \(service.name)}
            spec:
              group: \(group)
              version: v1alpha1
              groupPriorityMinimum: 1000
              versionPriority: 15
              service: {name: solver, namespace: \(cluster.namespace), port: \(port)}
              caBundle: \(Base64.encode(certificate))
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: \(group)}
            rules: [{apiGroups: [\(group)], resources: [\(Self.solver)], verbs: [create]}]
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: \(group)}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: \(group)}
            subjects: [{kind: ServiceAccount, name: certwright, namespace: cert-manager}]
            """)
        try await cluster.eventually("the APIService is available", within: .seconds(60)) {
            let found = try await cluster.client.send(
                KubeRequest(
                    method: .get, path: "/apis/apiregistration.k8s.io/v1/apiservices/\(service.name)",
                    isIdempotent: true))
            let conditions = found["status"]?["conditions"]?.arrayValue ?? []
            return conditions.contains { $0["type"] == "Available" && $0["status"] == "True" }
        }
    }

    private func unregister() async throws {
        _ = try await cluster.client.send(.delete(Self.services, service))
        for (kind, plural) in [("ClusterRole", "clusterroles"), ("ClusterRoleBinding", "clusterrolebindings")] {
            let type = ResourceType(
                group: "rbac.authorization.k8s.io", version: "v1", kind: kind, plural: plural, isNamespaced: false)
            _ = try await cluster.client.send(.delete(type, ObjectKey(name: group)))
        }
    }

    private func answer(_ request: ServerRequest) async -> ServerResponse {
        let path = request.target.split(separator: "?").first.map(String.init) ?? ""
        switch (request.method, path) {
        case (.get, "/apis/\(group)/v1alpha1"):
            return Self.json([
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string("\(group)/v1alpha1"),
                "resources": [
                    [
                        "name": .string(Self.solver), "singularName": "", "namespaced": false,
                        "kind": "ChallengePayload", "group": "webhook.acme.cert-manager.io", "version": "v1alpha1",
                        "verbs": ["create"],
                    ]
                ],
            ])
        case (.post, "/apis/\(group)/v1alpha1/\(Self.solver)"): return await solve(request)
        default: return ServerResponse(.notFound, text: "404 page not found\n")
        }
    }

    private func solve(_ request: ServerRequest) async -> ServerResponse {
        guard var payload = try? JSONValue(parsing: request.body), let wish = payload["request"],
            let action = wish["action"]?.stringValue, let name = wish["resolvedFQDN"]?.stringValue,
            let zone = wish["resolvedZone"]?.stringValue, let value = wish["key"]?.stringValue
        else { return ServerResponse(.badRequest, text: "no ChallengePayload\n") }
        seen.withLock {
            $0.append(
                Asked(
                    action: action, name: name, dnsName: wish["dnsName"]?.stringValue ?? "",
                    namespace: wish["resourceNamespace"]?.stringValue ?? "",
                    user: request.headers[HTTPField.Name("X-Remote-User")!] ?? ""))  // a legal field name
        }
        var response: JSONValue = ["uid": wish["uid"] ?? "", "success": true]
        do {
            guard wish["config"]?["ttl"]?.intValue == 60 else { throw TestServerError("the configuration got lost") }
            let record = ResourceRecord.txt(try DNSName(name), value, ttlSeconds: 60)
            try await dns.update(
                UpdateMessage(
                    zone: try DNSName(zone), changes: [action == "Present" ? .insert(record) : .remove(record)]),
                at: knot.endpoint, key: nil, now: .now())
        } catch {
            response["success"] = false
            response["status"] = [
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": .string("\(error)"),
            ]
        }
        payload["response"] = response
        return Self.json(payload, status: .created)
    }

    private static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> ServerResponse {
        ServerResponse(status, headers: [.contentType: "application/json"], body: value.serialized())
    }
}

@Suite(
    "Webhooks of cert-manager behind the aggregation layer",
    .enabled(if: Cluster.isAvailable && Knot.isInstalled && Pebble.isInstalled(.next), "\(Cluster.hint)"),
    .timeLimit(.minutes(5)))
struct AggregatedWebhookTests {
    private static func manifests(_ pebble: Pebble, group: String) -> String {
        """
        \(Manifests.acmeIssuer(
            pebble, solver: "{dns01: {webhook: {groupName: \(group), solverName: \(AggregatedWebhook.solver), config: {ttl: 60}}}}"))
        ---
        \(Manifests.certificate("site", issuer: "acme", names: "hooked.example.test, \"*.hooked.example.test\""))
        """
    }

    @Test("a certificate is issued through an APIService of the real API server, and the webhook hears what it should")
    func issued() async throws {
        try await Cluster.withNamespace("aggregated") { cluster in
            try await OpenZone.run(for: cluster) { zone in
                let webhook = AggregatedWebhook(cluster, zone.knot)
                try await webhook.run { try await prove(cluster, zone.pebble, zone.knot, webhook) }
            }
        }
    }

    private func prove(_ cluster: Cluster, _ pebble: Pebble, _ knot: Knot, _ webhook: AggregatedWebhook) async throws {
        let flags = [
            "--namespace=\(cluster.namespace)", "--dns01-recursive-nameservers=\(knot.endpoint)",
            "--dns01-recursive-nameservers-only",
        ]
        try await ControllerProcess.run(
            kubeconfig: try #require(Cluster.kubeconfig), flags: flags, over: cluster.transport
        ) { _ in
            try await cluster.apply(Self.manifests(pebble, group: webhook.group))
            try await cluster.eventually("issued", within: .seconds(90)) {
                try await cluster.certificateStatus("site")?.conditions.isTrue(Condition.Kind.ready) == true
            }
            try await cluster.eventually("cleaned up", within: .seconds(30)) {
                try await cluster.client.listAll(Challenge.self, ListOptions(namespace: cluster.namespace)).items
                    .isEmpty
            }
        }
        let asked = webhook.asked
        let name = "_acme-challenge.hooked.example.test."
        #expect(Set(asked.map(\.action)) == ["Present", "CleanUp"])
        #expect(Set(asked.map(\.name)) == [name])
        #expect(Set(asked.map(\.dnsName)) == ["hooked.example.test"])
        #expect(Set(asked.map(\.namespace)) == [cluster.namespace])
        #expect(asked.allSatisfy { !$0.user.isEmpty })
        let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(5))
        let left = try await client.query(try DNSName(String(name.dropLast())), .txt, at: .plain(knot.endpoint))
        #expect(left.answers.isEmpty)
        try await refusals(cluster, knot, webhook)
    }

    /// What the API server says of a user without the right, and of a webhook that nobody has installed.
    private func refusals(_ cluster: Cluster, _ knot: Knot, _ webhook: AggregatedWebhook) async throws {
        func failure(_ group: String, _ user: String?) async throws -> String {
            var overrides = KubeconfigOverrides()
            overrides.impersonation = user.map { Impersonation(user: $0, uid: nil, groups: []) }
            let configuration = try ClusterConfiguration.load(
                kubeconfig: Cluster.kubeconfig, overrides: overrides, environment: { _ in nil })
            let client = KubeClient(
                configuration: configuration, transport: cluster.transport, fieldManager: "test", userAgent: "test/1")
            var stanza = Solver.DNS01()
            stanza.providers["webhook"] = [
                "groupName": .string(group), "solverName": .string(AggregatedWebhook.solver), "config": ["ttl": 60],
            ]
            let dns = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(5))
            let context = ProviderContext(
                secrets: NoSecrets(), namespace: cluster.namespace,
                resolver: Resolver(servers: [.plain(knot.endpoint)], client: dns), http: cluster.transport,
                time: SystemTime(), allowsAmbientCredentials: false, cluster: ClusterDoor(client))
            let provider = try await DNSProviderRegistry.standard.provider(
                for: stanza, at: FieldPath("dns01"), in: context)
            do {
                try await provider.present(TXTRecord(name: try DNSName("_acme-challenge.x.example.test"), value: "v"))
                return "nothing failed"
            } catch {
                return "\(error)"
            }
        }
        let stranger = try await failure(webhook.group, "stranger@example.com")
        #expect(
            stranger.contains("the verb create on the resource knot of the API group \(webhook.group)"), "\(stranger)")
        let unknown = try await failure("nobody.example.com", nil)
        #expect(unknown.contains("install the webhook, and look at its APIService"), "\(unknown)")
    }

    private struct NoSecrets: SecretSource {
        func secret(_ key: ObjectKey) async throws -> Secret? { nil }
    }
}
