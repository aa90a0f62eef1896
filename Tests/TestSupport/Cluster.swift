package import CurlTransport
package import HTTPTransport
package import KubeClient
package import KubeModel
import Subprocess
import SystemPackage
import Wire
import YAML

/// The real control plane of this test run, as its admin: one for all suites, a namespace for each test.
///
/// `scripts/test` starts it, installs `crds/` and names its kubeconfig in `CERTWRIGHT_TEST_KUBECONFIG`. A suite that
/// needs it says `.enabled(if: Cluster.isAvailable, "\(Cluster.hint)")`.
package struct Cluster: Sendable {
    package static let isAvailable = kubeconfig != nil
    package static let hint = "no cluster: scripts/test starts one, or takes yours with --kubeconfig FILE"

    /// The admin's kubeconfig, for programs that a test starts.
    package static let kubeconfig = variable("CERTWRIGHT_TEST_KUBECONFIG")

    private let kubeconfigPath: String
    package let configuration: ClusterConfiguration
    package let transport: CurlTransport
    /// Acts as the admin. Its own writes are told from a subject's by the field manager `test`.
    package let client: KubeClient
    /// This test's own.
    package let namespace: String

    /// Lends the cluster with a namespace that nobody else uses, and has it deleted afterwards.
    ///
    /// - Parameter kubeconfig: another cluster's, where it is not to be the shared one.
    package static func withNamespace<R: Sendable>(
        _ purpose: String = "test", kubeconfig: String? = Cluster.kubeconfig, _ body: (Cluster) async throws -> R
    ) async throws -> R {
        guard let kubeconfig else { throw TestServerError("CERTWRIGHT_TEST_KUBECONFIG is not set") }
        let cluster = try Cluster(kubeconfig, namespace: "\(purpose)-\(suffix())")
        let manifest: JSONValue = ["metadata": ["name": .string(cluster.namespace)]]
        _ = try await cluster.client.send(.create(Self.namespaces, namespace: nil, manifest))
        do {
            let result = try await body(cluster)
            try await cluster.removeNamespace()
            return result
        } catch {
            try? await cluster.removeNamespace()  // the first error is the one to tell
            throw error
        }
    }

    /// A client for what belongs to no namespace.
    package static func admin() throws -> KubeClient {
        guard let kubeconfig else { throw TestServerError("CERTWRIGHT_TEST_KUBECONFIG is not set") }
        return try Cluster(kubeconfig, namespace: "").client
    }

    private init(_ path: String, namespace: String) throws {
        kubeconfigPath = path
        configuration = try ClusterConfiguration.load(kubeconfig: path, environment: { Self.variable($0) })
        transport = Self.engine
        client = KubeClient(
            configuration: configuration, transport: Self.engine, fieldManager: "test", userAgent: "test/1")
        self.namespace = namespace
    }

    /// A client over another transport, a `FaultyTransport` say, with a controller's field manager.
    package func client(
        over transport: any HTTPTransport, fieldManager: String = "certwright", retries: RetryPolicy = RetryPolicy()
    ) -> KubeClient {
        KubeClient(
            configuration: configuration, transport: transport, fieldManager: fieldManager,
            userAgent: "\(fieldManager)/test", retries: retries)
    }

    /// Applies YAML as `kubectl apply --server-side` does. What has no namespace of its own goes to this test's.
    package func apply(_ yaml: String) async throws {
        for document in try YAMLDocuments.parse(Array(yaml.utf8)) where document != .null {
            let type = try Self.resource(of: document)
            guard let key = document.objectKey else { throw TestServerError("an object without a name") }
            let place = ObjectKey(namespace: key.namespace.isEmpty ? namespace : key.namespace, name: key.name)
            var manifest = document
            if type.isNamespaced { manifest["metadata"]?["namespace"] = .string(place.namespace) }
            _ = try await client.send(.apply(type, place, manifest, fieldManager: "test", force: true))
        }
    }

    /// Applies YAML that is too unusual for our own parser with the real kubectl, to this test's namespace.
    package func applyWithKubectl(_ yaml: String) async throws {
        guard let path = TestPrograms.find("kubectl") else { throw TestServerError("kubectl is not installed") }
        let result = try await Subprocess.run(
            .path(FilePath(path)),
            arguments: ["--kubeconfig", kubeconfigPath, "-n", namespace, "apply", "--validate=false", "-f", "-"],
            input: try .file(of: yaml), output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        guard result.terminationStatus.isSuccess else {
            throw TestServerError("kubectl apply: \(result.standardError)")
        }
    }

    /// Asks every 50 ms until `condition` holds; the last error or `what` is thrown when it never does.
    package func eventually(
        _ what: String, within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
    ) async throws {
        let end = ContinuousClock.now + limit
        while true {
            do {
                if try await condition() { return }
                guard .now < end else { throw TestServerError("not in \(limit): \(what)") }
            } catch {
                guard .now < end else { throw error }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Returns when every kind of `crds/` is served: for a moment after they are applied, and after the API server has
    /// started, their paths are unknown.
    package func waitForDefinitions() async throws {
        try await eventually("all definitions are served", within: .seconds(60)) {
            for type in Self.customResources {
                _ = try await client.page(type, ListOptions(namespace: type.isNamespaced ? namespace : nil), limit: 1)
            }
            return true
        }
    }

    package func key(_ name: String) -> ObjectKey { ObjectKey(namespace: namespace, name: name) }

    private func removeNamespace() async throws {
        _ = try await client.send(.delete(Self.namespaces, ObjectKey(name: namespace)))
    }
}

extension Cluster {
    private static let namespaces = ResourceType(
        group: "", version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)

    /// For everybody in this process. Served by a task that lives as long as the process, like the cluster itself: nobody
    /// awaits it.
    package static let engine: CurlTransport = {
        var options = CurlTransport.Options(userAgent: "test/1")
        options.concurrencyPerHost = 128
        let transport = CurlTransport(options)
        Task.detached { await transport.run() }
        return transport
    }()

    private static func variable(_ name: String) -> String? { ProcessEnvironment.values[name] }

    private static func suffix() -> String {
        var random = SystemRandomNumberGenerator()
        return String(UInt32.random(in: .min ... .max, using: &random), radix: 36)
    }

    private static let customResources: [ResourceType] = [
        ("", "certificates", "Certificate"), ("", "certificaterequests", "CertificateRequest"),
        ("", "issuers", "Issuer"), ("", "clusterissuers", "ClusterIssuer"), ("acme.", "orders", "Order"),
        ("acme.", "challenges", "Challenge"),
    ].map { prefix, plural, kind in
        ResourceType(
            group: prefix + "cert-manager.io", version: "v1", kind: kind, plural: plural,
            isNamespaced: !clusterScoped.contains(kind))
    }

    private static let clusterScoped: Set = [
        "Namespace", "ClusterIssuer", "ClusterRole", "ClusterRoleBinding", "IngressClass", "CustomResourceDefinition",
        "PriorityClass", "RuntimeClass", "GatewayClass", "CertificateSigningRequest", "CertificatePolicy",
        "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
        "APIService",
    ]

    private static func resource(of document: JSONValue) throws -> ResourceType {
        guard let apiVersion = document["apiVersion"]?.stringValue, let kind = document["kind"]?.stringValue else {
            throw TestServerError("an object without apiVersion or kind")
        }
        let parts = apiVersion.split(separator: "/").map(String.init)
        let name = kind.lowercased()
        let plural =
            name.hasSuffix("s")
            ? name + "es"
            : name.hasSuffix("y") && !name.hasSuffix("ay") ? name.dropLast() + "ies" : name + "s"
        return ResourceType(
            group: parts.count == 2 ? parts[0] : "", version: parts.last ?? "v1", kind: kind, plural: plural,
            isNamespaced: !clusterScoped.contains(kind))
    }
}
