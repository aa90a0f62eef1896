import CertificateAPI
import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

/// The program with the Gateway API switched on. Nothing else in the tests has its definitions, so this suite may bring
/// them and take them away; a cluster of somebody's that has the real ones is left alone.
@Suite(
    "Gateways on a real API server", .serialized,
    .enabled(if: KubectlTool.isAvailable, "needs kubectl and a cluster: scripts/test has both"))
struct GatewayClusterTests {
    private static let definitions = {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
            separator: "/")
        return folder + "/scripts/testbed/gateway-definitions.yaml"
    }()
    private static let limit = Duration.seconds(60)

    private static let objects = """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: self}
        spec: {selfSigned: {}}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: edge, annotations: {cert-manager.io/issuer: self}}
        spec:
          gatewayClassName: none
          listeners:
            - {name: plain, protocol: HTTP, port: 80}
            - {name: one, hostname: one.example.com, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: edge}]}}
            - {name: two, hostname: two.example.com, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: edge}]}}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: ListenerSet
        metadata: {name: shop}
        spec:
          parentRef: {name: edge}
          listeners:
            - {name: tls, hostname: shop.example.com, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: shop}]}}
        ---
        apiVersion: gateway.networking.x-k8s.io/v1alpha1
        kind: XListenerSet
        metadata: {name: trial}
        spec:
          parentRef: {name: edge}
          listeners:
            - {name: tls, hostname: x.example.com, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: trial}]}}
        """

    @Test("definitions that come late are waited for, and then Gateways and ListenerSets have their Certificates")
    func shims() async throws {
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await Cluster.withNamespace("gateway") { cluster in
            guard try await !hasOtherDefinitions() else { return }
            try await removeDefinitions(cluster)
            let flags = [
                "--namespace=\(cluster.namespace)", "--enable-gateway-api", "--enable-gateway-api-listenerset",
                "--cluster-resource-namespace=\(cluster.namespace)",
            ]
            try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { process in
                let sentence = "The cluster does not know this kind; its definition is waited for"
                try await cluster.eventually("it says what it waits for", within: Self.limit) {
                    try process.log().split(separator: "\n").filter { $0.contains(sentence) }.count == 3
                }
                try await KubectlTool.run(["apply", "-f", Self.definitions])
                try await cluster.eventually("the kinds are served", within: Self.limit) {
                    for type in [Gateway.resource, ListenerSet.resource, ExperimentalListenerSet.resource] {
                        guard try await cluster.client.serves(type) else { return false }
                    }
                    return true
                }
                try await cluster.eventually("the objects are taken", within: Self.limit) {
                    try await cluster.apply(Self.objects)
                    return true
                }
                try await follow(cluster)
            }
            try await settle()
            try await removeDefinitions(cluster)
        }
    }

    /// While the definitions are there.
    private func settle() async throws {
        let world = World("a Gateway and two ListenerSets", objects: Self.objects) { cluster in
            for name in ["edge", "shop", "trial"] {
                guard try await cluster.client.find(Certificate.self, cluster.key(name)) != nil else { return false }
            }
            return true
        }
        // What becomes of the Certificates is shown elsewhere.
        let shims = "--controllers=gateway-shim,listenerset"
        let life = ProgramLife(
            flags: ["--enable-gateway-api", "--enable-gateway-api-listenerset", shims], outside: Cluster.engine)
        try await expectSettles(from: world) { client, namespace, pulse in
            try await life.run(client, namespace, pulse)
        }
    }

    private func follow(_ cluster: Cluster) async throws {
        func names(_ name: String) async throws -> [String]? {
            try await cluster.client.find(Certificate.self, cluster.key(name))?.spec.dnsNames
        }
        for (name, hosts, owner, route) in [
            ("edge", ["one.example.com", "two.example.com"], "Gateway", "Gateway"),
            ("shop", ["shop.example.com"], "ListenerSet", "Gateway"),
            ("trial", ["x.example.com"], "XListenerSet", "Gateway"),
        ] {
            try await cluster.eventually("\(name) is ready", within: Self.limit) {
                let status = try await cluster.client.find(Certificate.self, cluster.key(name))?.status
                return status?.conditions.isTrue("Ready") == true
            }
            let certificate = try await cluster.client.get(Certificate.self, cluster.key(name))
            #expect(certificate.spec.dnsNames == hosts)
            #expect(certificate.metadata.controller?.kind == owner)
            #expect(certificate.metadata.annotations?[Names.Annotation.http01ParentRefKind] == route)
        }
        try await change(cluster, listeners: ["new.example.com"])
        try await cluster.eventually("the Certificate follows its Gateway", within: Self.limit) {
            try await names("edge") == ["new.example.com"]
        }
        try await change(cluster, listeners: [])
        try await cluster.eventually("a Certificate that nobody asks for goes", within: Self.limit) {
            try await names("edge") == nil
        }
        try await cluster.client.delete(ListenerSet.self, cluster.key("shop"))
        try await cluster.eventually("a Certificate goes with its ListenerSet", within: Self.limit) {
            try await names("shop") == nil
        }
    }

    private func change(_ cluster: Cluster, listeners: [String]) async throws {
        let listeners: [JSONValue] = listeners.map { host in
            [
                "name": "one", "hostname": .string(host), "protocol": "HTTPS", "port": 443,
                "tls": ["certificateRefs": [["name": "edge"]]],
            ]
        }
        _ = try await cluster.client.mergePatch(
            ["spec": ["listeners": .array(listeners)]], of: Gateway.self, cluster.key("edge"))
    }

    private func hasOtherDefinitions() async throws -> Bool {
        let approvals = try await KubectlTool.run(
            [
                "get", "crd", "gateways.gateway.networking.k8s.io", "--ignore-not-found", "-o",
                "jsonpath={.metadata.name} {.metadata.annotations.api-approved\\.kubernetes\\.io}",
            ])
        return !approvals.isEmpty && !approvals.contains("a test fixture")
    }

    private func removeDefinitions(_ cluster: Cluster) async throws {
        try await KubectlTool.run(["delete", "--ignore-not-found", "--wait=false", "-f", Self.definitions])
        try await cluster.eventually("the definitions are gone", within: Self.limit) {
            for type in [Gateway.resource, ListenerSet.resource, HTTPRoute.resource, ExperimentalListenerSet.resource] {
                guard try await !cluster.client.serves(type) else { return false }
            }
            return true
        }
    }
}
