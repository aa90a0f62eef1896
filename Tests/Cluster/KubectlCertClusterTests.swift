import CertificateAPI
import KubeClient
import KubeModel
import Subprocess
import SystemPackage
import TestSupport
import Testing
import Wire

/// The program as a user runs it, against the real API server and the real controller.
@Suite("kubectl cert", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"), .timeLimit(.minutes(5)))
struct KubectlCertClusterTests {
    struct Outcome: Sendable {
        var code: Int32
        var output: String
        var complaint: String

        func json() throws -> JSONValue { try JSONValue(parsing: Array(output.utf8)) }
    }

    static func cert(_ cluster: Cluster, _ arguments: String..., input: String = "") async throws -> Outcome {
        try await cert(cluster, arguments: arguments, input: input)
    }

    static func cert(_ cluster: Cluster, arguments: [String], input: String = "") async throws -> Outcome {
        let program = try ControllerProcess.program("kubectl-cert")
        let result = try await Subprocess.run(
            .path(FilePath(program)), arguments: Arguments(arguments + ["-n", cluster.namespace]),
            environment: .inherit.updating(["KUBECONFIG": Cluster.kubeconfig ?? ""]), input: try .file(of: input),
            output: .string(limit: 4 << 20), error: .string(limit: 1 << 20))
        TestOutput.keep(result.standardOutput + result.standardError, of: "kubectl-cert")
        var code: Int32 = -1
        if case .exited(let status) = result.terminationStatus { code = status }
        return Outcome(code: code, output: result.standardOutput, complaint: result.standardError)
    }

    private static let manifests = """
        \(Manifests.selfSigned)
        ---
        \(Manifests.certificate("root", issuer: "self", names: "root.example", "isCA: true\n  commonName: root"))
        ---
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: ca}
        spec: {ca: {secretName: root-tls}}
        ---
        \(Manifests.certificate("shop", issuer: "ca", names: "shop.example"))
        ---
        \(Manifests.certificate("lost", issuer: "nowhere", names: "lost.example"))
        """

    @Test("looks, says why, renews, inspects, plans; with the exit codes that are documented")
    func life() async throws {
        try await Cluster.withNamespace("cli") { cluster in
            let kubeconfig = try #require(Cluster.kubeconfig)
            try await cluster.apply(Self.manifests)
            try await ControllerProcess.run(
                kubeconfig: kubeconfig, flags: ["--namespace=\(cluster.namespace)"], over: cluster.transport
            ) { _ in
                try await cluster.eventually("issued", within: .seconds(60)) {
                    try await cluster.certificateStatus("shop")?.conditions.isTrue("Ready") == true
                }
                try await look(cluster)
                try await why(cluster)
                try await renew(cluster)
                try await plan(cluster)
            }
        }
    }

    private func look(_ cluster: Cluster) async throws {
        let status = try await Self.cert(cluster, "status", "certificate", "shop", "-o", "json")
        #expect(status.code == 0, "\(status.complaint)")
        let tree = try status.json()
        #expect(tree["state"] == "Ready")
        let kinds = (tree["children"]?.arrayValue ?? []).compactMap { $0["kind"]?.stringValue }
        #expect(kinds == ["Secret", "Issuer", "CertificateRequest"])
        let text = try await Self.cert(cluster, "status", "certificate", "lost")
        #expect(text.code == 1)
        #expect(text.output.contains("Issuer \(cluster.namespace)/nowhere  missing"))
        #expect(!text.output.contains("\u{1B}["))
        let list = try await Self.cert(cluster, "list", "--expiring", "30d", "-o", "json")
        #expect(list.code == 0)
        let items = try list.json()["items"]?.arrayValue ?? []
        #expect(items.compactMap { $0["name"]?.stringValue } == ["lost"])
        let secret = try await Self.cert(cluster, "inspect", "secret", "shop-tls", "-o", "json")
        #expect(secret.code == 0, "\(secret.output)")
        let trust = try secret.json()["trust"]?[0]?["problem"]
        #expect(trust == .null)
        #expect(!secret.output.contains("PRIVATE KEY"))
        let absent = try await Self.cert(cluster, "inspect", "secret", "none")
        #expect(absent.code == 1 && absent.complaint.contains("Secret \(cluster.namespace)/none does not exist"))
    }

    private func why(_ cluster: Cluster) async throws {
        let well = try await Self.cert(cluster, "why", "shop", "--no-probes", "-o", "json")
        #expect(well.code == 0, "\(well.output) \(well.complaint)")
        let held = try await Self.cert(cluster, "why", "lost", "--no-probes")
        #expect(held.code == 1)
        // Other suites of this run may have the controller's lease, or none may.
        #expect(held.output.contains("nowhere") || held.output.contains("No controller works"), "\(held.output)")
    }

    private func renew(_ cluster: Cluster) async throws {
        let before = try await cluster.client.get(Secret.self, cluster.key("shop-tls"))
        let renewed = try await Self.cert(cluster, "renew", "shop", "--wait", "--timeout", "60s")
        #expect(renewed.code == 0, "\(renewed.output) \(renewed.complaint)")
        #expect(renewed.output.contains("shop: revision 2"))
        let after = try await cluster.client.get(Secret.self, cluster.key("shop-tls"))
        #expect(before["tls.crt"] != after["tls.crt"])
        let senseless = try await Self.cert(cluster, "renew")
        #expect(senseless.code == 64)
    }

    private func plan(_ cluster: Cluster) async throws {
        let changed = Manifests.certificate("shop", issuer: "ca", names: "shop.example, api.example")
        let plan = try await Self.cert(cluster, "plan", "-f", "-", "-o", "json", input: changed)
        #expect(plan.code == 0, "\(plan.output) \(plan.complaint)")
        let lines = try plan.json()["items"]?[0]?["lines"]?.arrayValue ?? []
        #expect(lines.contains { $0["text"] == "yes: spec.dnsNames changed" })
        let bad = try await Self.cert(
            cluster, "plan", "-f", "-", input: Manifests.certificate("other", issuer: "nowhere", names: "x.example"))
        #expect(bad.code == 1)
        #expect(bad.output.contains("neither in the cluster nor in the manifests"))
    }
}
