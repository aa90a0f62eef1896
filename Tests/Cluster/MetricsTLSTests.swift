import KubeClient
import KubeModel
import Subprocess
import SystemPackage
import TestSupport
import Testing
import Wire

/// `/metrics` over TLS as a Prometheus would ask it, by programs that run: asked with curl and with openssl.
@Suite("/metrics over TLS", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"), .timeLimit(.minutes(5)))
struct MetricsTLSTests {
    @Test("with a certificate of its own making, that the CA in the Secret vouches for; not in the clear")
    func dynamic() async throws {
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await Cluster.withNamespace("metrics") { cluster in
            let flags = [
                "--namespace=\(cluster.namespace)",
                "--metrics-dynamic-serving-ca-secret-namespace=\(cluster.namespace)",
                "--metrics-dynamic-serving-ca-secret-name=metrics-ca",
                "--metrics-dynamic-serving-dns-names=metrics.test", "--metrics-tls-min-version=VersionTLS13",
            ]
            try await ControllerProcess.run(
                "cainjector", kubeconfig: kubeconfig, flags: flags, over: cluster.transport
            ) { process in
                let folder = try TemporaryFolder(named: "metrics")
                defer { folder.remove() }
                try await cluster.eventually("the CA is in its Secret") {
                    guard let ca = try await cluster.client.find(Secret.self, cluster.key("metrics-ca"))?["ca.crt"]
                    else { return false }
                    try folder.write("ca.pem", ca)
                    return true
                }
                let port = try #require(process.metricsURL.split(separator: ":").last?.prefix { $0 != "/" })
                let trusted = ["--cacert", folder.path("ca.pem"), "--resolve", "metrics.test:\(port):127.0.0.1"]
                try await cluster.eventually("/metrics is served over TLS") {
                    try await curl(trusted + ["https://metrics.test:\(port)/metrics"])
                        .contains("process_cpu_seconds_total")
                }
                await #expect(throws: TestServerError.self, "under another name") {
                    try await curl(trusted + ["https://localhost:\(port)/metrics"])
                }
                await #expect(throws: TestServerError.self, "in the clear") {
                    try await curl(["http://127.0.0.1:\(port)/metrics"])
                }
                await #expect(throws: TestServerError.self, "by an older TLS") {
                    try await curl(trusted + ["--tls-max", "1.2", "https://metrics.test:\(port)/metrics"])
                }
            }
        }
    }

    @Test("from files that a configuration file names")
    func files() async throws {
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await Cluster.withNamespace("metrics") { cluster in
            let folder = try TemporaryFolder(named: "metrics")
            defer { folder.remove() }
            let made = try await OpenSSLTool.run([
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                "/CN=metrics.test", "-addext", "subjectAltName=DNS:metrics.test", "-keyout", folder.path("key.pem"),
                "-out", folder.path("cert.pem"),
            ])
            try #require(made.succeeded, "\(made.output)")
            let configuration = """
                apiVersion: controller.config.cert-manager.io/v1alpha1
                kind: ControllerConfiguration
                namespace: \(cluster.namespace)
                metricsTLSConfig:
                  filesystem: {certFile: \(folder.path("cert.pem")), keyFile: \(folder.path("key.pem"))}
                """
            try folder.write("config.yaml", Array(configuration.utf8))
            try await ControllerProcess.run(
                kubeconfig: kubeconfig, flags: ["--config=\(folder.path("config.yaml"))"], over: cluster.transport
            ) { process in
                let port = try #require(process.metricsURL.split(separator: ":").last?.prefix { $0 != "/" })
                let shown = try await OpenSSLTool.run([
                    "s_client", "-connect", "127.0.0.1:\(port)", "-servername", "metrics.test", "-verify_hostname",
                    "metrics.test", "-verify_return_error", "-CAfile", folder.path("cert.pem"), "-brief",
                ])
                #expect(shown.succeeded, "\(shown.output)")
                #expect(shown.output.contains("Verification: OK"), "\(shown.output)")
                let text = try await curl([
                    "--cacert", folder.path("cert.pem"), "--resolve", "metrics.test:\(port):127.0.0.1",
                    "https://metrics.test:\(port)/metrics",
                ])
                #expect(text.contains("certmanager_controller_sync_call_count"))
            }
        }
    }

    @discardableResult
    private func curl(_ arguments: [String]) async throws -> String {
        let result = try await Subprocess.run(
            .name("curl"), arguments: Arguments(["-sS", "--fail", "--noproxy", "*"] + arguments),
            output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
        guard result.terminationStatus.isSuccess else { throw TestServerError("curl: \(result.standardError)") }
        return result.standardOutput
    }
}
