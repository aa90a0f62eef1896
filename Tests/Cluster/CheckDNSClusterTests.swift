import CertificateAPI
import CurlTransport
import DNSWire
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import NIOPosix
import TestSupport
import Testing
import Wire

/// The self-test of DNS credentials as a user runs it: Secrets in a real API server, records in real DNS servers.
@Suite(
    "kubectl cert check dns", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"), .serialized, .timeLimit(.minutes(5))
)
struct CheckDNSClusterTests {
    private static func issuer(_ kind: String, _ name: String, _ dns01: String) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: \(kind)
        metadata: {name: \(name)}
        spec:
          acme:
            server: https://ca.example/directory
            privateKeySecretRef: {name: \(name)-account}
            solvers:
            - selector: {dnsZones: [other.example]}
              http01: {ingress: {}}
            - dns01: \(dns01)
        """
    }

    private static func check(
        _ cluster: Cluster, _ issuer: String, zone: String, at server: Endpoint, _ more: String...
    ) async throws -> KubectlCertClusterTests.Outcome {
        try await KubectlCertClusterTests.cert(
            cluster,
            arguments: [
                "check", "dns", issuer, "--zone", zone, "--dns01-recursive-nameservers", "\(server)",
                "--dns01-recursive-nameservers-only",
            ] + more)
    }

    private static func values(_ zone: String, at server: Endpoint) async throws -> Int {
        // A zone transfer would tell all; that nothing at all stands below the label is told by the name that holds it.
        let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(2))
        let answer = try await client.query(
            try DNSName("_acme-challenge.\(zone)"), .txt, at: .plain(server), recursionDesired: false)
        return answer.answers.count
    }

    @Test(
        "Knot: a key passes and leaves nothing; one that Knot does not know is told, and no secret is printed",
        .enabled(if: Knot.isInstalled, "knotd is not installed"))
    func knot() async throws {
        let good = Knot.Key(
            name: "good", algorithm: "hmac-sha256", secret: Base64.encode(Array("good-k3yT0ken-of-knot".utf8)))
        var options = Knot.Options()
        options.keys = [good]
        try await Knot.run(options) { knot in
            try await Cluster.withNamespace("checkdns") { cluster in
                func stanza(_ secret: String) -> String {
                    "{rfc2136: {nameserver: \"\(knot.endpoint)\", tsigKeyName: good, tsigAlgorithm: HMACSHA256, "
                        + "tsigSecretSecretRef: {name: \(secret), key: key}}}"
                }
                let wrong = Base64.encode(Array("another-k3yT0ken-of-nobody".utf8))
                try await cluster.apply(
                    """
                    \(Self.issuer("Issuer", "knot", stanza("good")))
                    ---
                    \(Self.issuer("Issuer", "stranger", stanza("wrong")))
                    ---
                    \(Self.issuer("Issuer", "forgotten", stanza("missing")))
                    ---
                    {apiVersion: v1, kind: Secret, metadata: {name: good}, stringData: {key: "\(good.secret)"}}
                    ---
                    {apiVersion: v1, kind: Secret, metadata: {name: wrong}, stringData: {key: "\(wrong)"}}
                    """)
                let passed = try await Self.check(cluster, "knot", zone: knot.zone, at: knot.endpoint, "-o", "json")
                #expect(passed.code == 0, "\(passed.output) \(passed.complaint)")
                let report = try passed.json()
                #expect(report["provider"] == "rfc2136")
                #expect(report["solver"] == 1)
                #expect((report["steps"]?.arrayValue ?? []).map { $0["outcome"] } == Array(repeating: "done", count: 5))
                let left = try await Self.values(knot.zone, at: knot.endpoint)
                #expect(left == 0)

                let refused = try await Self.check(cluster, "issuer/stranger", zone: knot.zone, at: knot.endpoint)
                #expect(refused.code == 1)
                #expect(refused.output.contains("not tried"))
                #expect(refused.output.contains("BADSIG"), "\(refused.output)")
                #expect(!(refused.output + refused.complaint).contains(wrong))

                let lost = try await Self.check(cluster, "forgotten", zone: knot.zone, at: knot.endpoint)
                #expect(lost.code == 1)
                #expect(lost.output.contains("\(cluster.namespace)/missing"), "\(lost.output)")
                let nobody = try await Self.check(cluster, "nobody", zone: knot.zone, at: knot.endpoint)
                #expect(nobody.code == 1)
                #expect(nobody.complaint.contains("There is no issuer nobody"))
            }
        }
    }

    @Test(
        "PowerDNS: a ClusterIssuer's key passes, and is told to see more zones than it need; a wrong one is told",
        .enabled(if: PowerDNSProcess.isInstalled, "pdns_server is not installed"))
    func powerDNS() async throws {
        let key = "GoodCredential-k3yT0ken-pdns-4714"
        try await PowerDNSProcess.run(key: key) { server in
            try await Cluster.withNamespace("checkdns") { cluster in
                for zone in ["checked.example", "another.example"] {
                    try await cluster.eventually("the zone \(zone)") {
                        let request = TransportRequest(
                            url: "\(server.host)/api/v1/servers/localhost/zones", method: .post,
                            headers: [HTTPField.Name("X-API-Key")!: key],  // a legal field name
                            body: (["name": .string("\(zone)."), "kind": "Native", "nameservers": ["ns1.example.net."]]
                                as JSONValue)
                                .serialized(), proxy: .none)
                        return try await cluster.transport.send(request).status == .created
                    }
                }
                let name = cluster.namespace
                func stanza(_ secret: String) -> String {
                    "{webhook: {groupName: certwright.dev, solverName: powerdns, config: "
                        + "{host: \"\(server.host)\", apiKeySecretRef: {name: \(secret), key: key}}}}"
                }
                try await cluster.apply(
                    """
                    \(Self.issuer("ClusterIssuer", name, stanza("\(name)-good")))
                    ---
                    \(Self.issuer("Issuer", "wrong", stanza("wrong")))
                    ---
                    apiVersion: v1
                    kind: Secret
                    metadata: {name: \(name)-good, namespace: kube-system}
                    stringData: {key: \(key)}
                    ---
                    {apiVersion: v1, kind: Secret, metadata: {name: wrong}, stringData: {key: Expired-k3yT0ken-pdns-4715}}
                    """)
                defer {
                    // Not awaited: what is left of it in the namespace of the cluster's Secrets harms no other test.
                    Task {
                        _ = try? await cluster.client.delete(
                            Secret.self, ObjectKey(namespace: "kube-system", name: "\(name)-good"))
                        _ = try? await cluster.client.delete(ClusterIssuer.self, ObjectKey(name: name))
                    }
                }
                let passed = try await Self.check(
                    cluster, "clusterissuer/\(name)", zone: "checked.example", at: server.endpoint, "-o", "json")
                #expect(passed.code == 0, "\(passed.output) \(passed.complaint)")
                let report = try passed.json()
                #expect(report["provider"] == "powerdns")
                let excess = report["excess"]?.arrayValue ?? []
                #expect(excess.count == 1)
                #expect(excess.first?.stringValue?.contains("another.example") == true, "\(excess)")
                let refused = try await Self.check(cluster, "wrong", zone: "checked.example", at: server.endpoint)
                #expect(refused.code == 1)
                #expect(refused.output.contains("PowerDNS does not accept the credentials"), "\(refused.output)")
                let elsewhere = try await Self.check(
                    cluster, "clusterissuer/\(name)", zone: "nowhere.example", at: server.endpoint)
                #expect(elsewhere.code == 1)
                #expect(elsewhere.output.contains("PowerDNS has no zone for"), "\(elsewhere.output)")
            }
        }
    }
}
