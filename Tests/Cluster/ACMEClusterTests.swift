import CertificateAPI
import HTTPTransport
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@Suite(
    "ACME on a real API server",
    .enabled(if: Cluster.isAvailable && Knot.isInstalled && Pebble.isInstalled(.next), "\(Cluster.hint)"))
struct ACMEClusterTests {
    private static func manifests(_ pebble: Pebble, _ knot: Knot, names: String) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: acme}
        spec:
          acme:
            server: \(pebble.directoryURL)
            caBundle: \(Base64.encode(pebble.certificatePEM))
            email: you@example.test
            privateKeySecretRef: {name: account}
            solvers: [{dns01: {rfc2136: {nameserver: "\(knot.endpoint)"}}}]
        ---
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: site}
        spec:
          secretName: site-tls
          dnsNames: [\(names)]
          privateKey: {algorithm: ECDSA}
          issuerRef: {name: acme}
        """
    }

    private func rename(_ cluster: Cluster, _ names: String...) async throws {
        let patch: JSONValue = ["spec": ["dnsNames": .array(names.map { .string($0) })]]
        _ = try await cluster.client.mergePatch(patch, of: Certificate.self, cluster.key("site"))
    }

    /// Issued that many times, and with a time to renew that lies in the CA's window for it.
    private func isSettled(_ cluster: Cluster, revision: Int) async throws -> Bool {
        let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
        guard status?.conditions.isTrue(Condition.Kind.ready) == true, status?.revision == revision,
            let window = status?.acme?.ari?.suggestedWindow, let renewal = status?.renewalTime
        else { return false }
        return window.start <= renewal && renewal < window.end
    }

    private func orders(_ cluster: Cluster) async throws -> [Order] {
        let list = try await cluster.client.listAll(Order.self, ListOptions(namespace: cluster.namespace))
        return list.items.sorted { $0.metadata.name < $1.metadata.name }
    }

    @Test("windows are followed, successors name their predecessors, and an account changes its key (ARI3, ARI7, K3)")
    func life() async throws {
        try await Cluster.withNamespace("acme") { cluster in
            var dns = Knot.Options()
            dns.needsKey = false
            try await Knot.run(dns) { knot in
                var options = Pebble.Options()
                options.version = .next
                options.resolver = "\(knot.endpoint)"
                try await Pebble.run(options, over: cluster.transport) { pebble in
                    try await live(cluster, pebble, knot)
                }
            }
        }
    }

    private func live(_ cluster: Cluster, _ pebble: Pebble, _ knot: Knot) async throws {
        let flags = [
            "--namespace=\(cluster.namespace)", "--dns01-recursive-nameservers=\(knot.endpoint)",
            "--dns01-recursive-nameservers-only",
        ]
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { process in
            let limit = Duration.seconds(90)
            try await cluster.apply(Self.manifests(pebble, knot, names: "a.example.test"))
            try await cluster.eventually("issued", within: limit) { try await isSettled(cluster, revision: 1) }
            let first = try await cluster.client.get(Secret.self, cluster.key("account"))
            let issuer = try await cluster.client.get(Issuer.self, cluster.key("acme"))
            #expect(issuer.status?.conditions[type: "ServerInformation"]?.status == .yes)

            try await rename(cluster, "a.example.test", "b.example.test")
            try await cluster.eventually("renamed", within: limit) { try await isSettled(cluster, revision: 2) }
            let replacing = try await orders(cluster).filter { $0.spec.dnsNames?.count == 2 }
            #expect(replacing.count == 1)
            #expect(replacing.first?.spec.replaces?.contains(".") == true)

            let wish: JSONValue = ["metadata": ["annotations": .object([Names.Annotation.rotateAccountKey: "once"])]]
            _ = try await cluster.client.mergePatch(wish, of: Issuer.self, cluster.key("acme"))
            try await cluster.eventually("another key", within: limit) {
                let secret = try await cluster.client.get(Secret.self, cluster.key("account"))
                return secret["tls.key"] != first["tls.key"] && secret["tls.key.next"] == nil
                    && secret.metadata.annotations?[Names.Annotation.accountKeyRotation] == "once"
            }
            try await rename(cluster, "c.example.test")
            try await cluster.eventually("signed for with the new key", within: limit) {
                try await isSettled(cluster, revision: 3)
            }
            try await revoke(cluster, pebble, limit)
            let metrics = try await process.metrics()
            let made = metrics.split(separator: "\n").filter {
                $0.hasPrefix("certmanager_http_acme_client_request_count{") && $0.contains("authorize_order")
                    && $0.contains("\"201\"")
            }
            #expect(made.count == 1)
            #expect(made.first?.hasSuffix(" 4") == true, "\(made)")
            #expect(metrics.contains("certwright_certificate_revocation{name=\"site\""))
        }
    }

    /// Another certificate first, then the one before it is revoked, and nothing else.
    private func revoke(_ cluster: Cluster, _ pebble: Pebble, _ limit: Duration) async throws {
        func leaf() async throws -> X509Certificate {
            let secret = try await cluster.client.get(Secret.self, cluster.key("site-tls"))
            let pem = try #require(secret["tls.crt"])
            let chain = try Chain.parse(pem: pem)
            return try #require(chain.first)
        }
        let old = try await leaf()
        let wish: JSONValue = ["metadata": ["annotations": .object([Names.Annotation.revoke: "superseded"])]]
        _ = try await cluster.client.mergePatch(wish, of: Certificate.self, cluster.key("site"))
        try await cluster.eventually("replaced and revoked", within: limit) {
            let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
            return status?.conditions[type: "Revocation"]?.status == .yes
                && status?.conditions.isTrue(Condition.Kind.ready) == true && status?.revision == 4
        }
        #expect(try await pebble.revocationReason(of: old, over: cluster.transport) == 4)
        #expect(try await pebble.revocationReason(of: try await leaf(), over: cluster.transport) == nil)
    }
}
