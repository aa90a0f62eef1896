import CertificateAPI
import DNSWire
import HTTPTransport
import KubeClient
import KubeModel
import NIOPosix
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
            try await OpenZone.run(for: cluster) { try await live(cluster, $0.pebble, $0.knot) }
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
        let old = try await cluster.leaf(in: "site-tls")
        let wish: JSONValue = ["metadata": ["annotations": .object([Names.Annotation.revoke: "superseded"])]]
        _ = try await cluster.client.mergePatch(wish, of: Certificate.self, cluster.key("site"))
        try await cluster.eventually("replaced and revoked", within: limit) {
            let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
            return status?.conditions[type: "Revocation"]?.status == .yes
                && status?.conditions.isTrue(Condition.Kind.ready) == true && status?.revision == 4
        }
        #expect(try await pebble.revocationReason(of: old, over: cluster.transport) == 4)
        let new = try await cluster.leaf(in: "site-tls")
        #expect(try await pebble.revocationReason(of: new, over: cluster.transport) == nil)
    }

    private static func persistManifests(_ pebble: Pebble, _ knot: Knot) -> String {
        func issuer(_ name: String, _ types: String, _ provider: String) -> String {
            """
            apiVersion: cert-manager.io/v1
            kind: Issuer
            metadata: {name: \(name), annotations: {certwright.dev/challenge-types: "\(types)"}}
            spec:
              acme:
                server: \(pebble.directoryURL)
                caBundle: \(Base64.encode(pebble.certificatePEM))
                privateKeySecretRef: {name: \(name)}
                solvers: [{dns01: {\(provider)}}]
            """
        }
        let provider = "rfc2136: {nameserver: \"\(knot.endpoint)\"}"
        return [
            issuer("stays", "dns-persist-01", provider), issuer("label", "dns-account-01", provider),
            issuer("person", "dns-01", "webhook: {groupName: certwright.dev, solverName: manual}"),
            Manifests.certificate("stays", issuer: "stays", names: "stays.example.test"),
            Manifests.certificate("label", issuer: "label", names: "\"*.label.example.test\""),
            Manifests.certificate("person", issuer: "person", names: "person.example.test"),
        ].joined(separator: "\n---\n")
    }

    @Test("records that stay, records under an account's label, and records that a person writes (C1, P2, P7)")
    func records() async throws {
        try await Cluster.withNamespace("records") { cluster in
            var dns = Knot.Options()
            dns.needsKey = false
            try await Knot.run(dns) { knot in
                var options = Pebble.Options()
                options.version = .next
                options.resolver = "\(knot.endpoint)"
                try await Pebble.run(options, over: cluster.transport) { pebble in
                    try await prove(cluster, pebble, knot)
                }
            }
        }
    }

    private func prove(_ cluster: Cluster, _ pebble: Pebble, _ knot: Knot) async throws {
        let flags = [
            "--namespace=\(cluster.namespace)", "--dns01-recursive-nameservers=\(knot.endpoint)",
            "--dns01-recursive-nameservers-only",
        ]
        let kubeconfig = try #require(Cluster.kubeconfig)
        let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(5))
        func texts(_ name: String) async throws -> [String] {
            try await client.query(try DNSName(name), .txt, at: .plain(knot.endpoint)).answers.compactMap(\.data.text)
        }
        try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { _ in
            try await cluster.apply(Self.persistManifests(pebble, knot))
            var wish: Challenge?
            try await cluster.eventually("a person is told", within: .seconds(60)) {
                let all = try await cluster.client.listAll(Challenge.self, ListOptions(namespace: cluster.namespace))
                wish = all.items.first { $0.spec.dnsName == "person.example.test" }
                return wish?.status?.reason?.hasPrefix("Create the TXT record _acme-challenge.person") == true
                    || wish?.status?.reason?.contains("create the TXT record _acme-challenge.person") == true
            }
            let value = try #require(wish?.spec.key)
            let record = ResourceRecord.txt(
                try DNSName("_acme-challenge.person.example.test"), value, ttlSeconds: 60)
            try await client.update(
                UpdateMessage(zone: try DNSName(knot.zone), changes: [.insert(record)]), at: knot.endpoint, key: nil,
                now: .now())
            for name in ["stays", "label", "person"] {
                try await cluster.eventually("\(name) issued", within: .seconds(90)) {
                    try await cluster.certificateStatus(name)?.conditions.isTrue(Condition.Kind.ready) == true
                }
            }
            let stays = try await texts("_validation-persist.stays.example.test")
            #expect(stays.count == 1)
            #expect(stays.first?.contains("; accounturi=\(pebble.directoryURL.dropLast(3))") == true, "\(stays)")
        }
    }
}
