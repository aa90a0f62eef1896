import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

/// The pages as a browser gets them, from the programs as users run them, over the real API server.
@Suite("the dashboard", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"), .timeLimit(.minutes(5)))
struct DashboardClusterTests {
    private static let manifests = """
        \(Manifests.selfSigned)
        ---
        \(Manifests.certificate("shop", issuer: "self", names: "shop.example"))
        ---
        \(Manifests.certificate("lost", issuer: "nowhere", names: "lost.example"))
        """

    private func page(_ cluster: Cluster, _ url: String) async throws -> (status: HTTPResponse.Status, text: String) {
        let answer = try await cluster.transport.send(TransportRequest(url: url, proxy: .none))
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    @Test("the controller serves it from its caches, and kubectl cert from the API server: both tell the same")
    func pages() async throws {
        try await Cluster.withNamespace("pages") { cluster in
            try await cluster.apply(Self.manifests)
            let ports = try FreePorts.take(2)
            let flags = ["--namespace=\(cluster.namespace)", "--dashboard=true", "--dashboard-port=\(ports[0])"]
            let kubeconfig = try #require(Cluster.kubeconfig)
            try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { process in
                try await cluster.eventually("issued", within: .seconds(60)) {
                    try await cluster.certificateStatus("shop")?.conditions.isTrue("Ready") == true
                }
                try await check(cluster, "http://127.0.0.1:\(ports[0])")
                try await plugin(cluster, port: ports[1])
                // What is on the pages is on no other listener.
                #expect(try await process.health("/certificates").status == .notFound)
            }
        }
    }

    private func plugin(_ cluster: Cluster, port: Int) async throws {
        let folder = try TemporaryFolder(named: "dashboard")
        defer { folder.remove() }
        try await withProcess(
            try ControllerProcess.program("kubectl-cert"),
            ["dashboard", "--port", "\(port)", "--age", "1s", "-n", cluster.namespace],
            environment: ["KUBECONFIG": Cluster.kubeconfig ?? ""], log: folder.path("log")
        ) {
            try await cluster.eventually("it listens") {
                try await page(cluster, "http://127.0.0.1:\(port)/style.css").status == .ok
            }
            #expect(try folder.text("log") == "http://127.0.0.1:\(port)/\n")
            try await check(cluster, "http://127.0.0.1:\(port)")
        }
    }

    private func check(_ cluster: Cluster, _ url: String) async throws {
        try await cluster.eventually("both are on it", within: .seconds(30)) {
            try await page(cluster, url + "/").text.contains("1 of 2 certificates needs attention")
        }
        let overview = try await page(cluster, url + "/")
        #expect(overview.status == .ok)
        #expect(
            overview.text.contains(
                "The Issuer \(cluster.namespace)/nowhere, which spec.issuerRef names, does not exist."))
        let found = try await page(cluster, url + "/certificates?q=shop.example").text
        #expect(found.contains("<h1>1 of 2 certificates</h1>"))
        let one = try await page(cluster, url + "/certificates/\(cluster.namespace)/shop").text
        #expect(one.contains("CertificateRequest") && one.contains("These pages read no Secrets"))
        #expect(!one.contains("BEGIN"))
        let issuers = try await page(cluster, url + "/issuers").text
        #expect(issuers.contains("Self-signed"))
        #expect(try await page(cluster, url + "/certificates/\(cluster.namespace)/none").status == .notFound)
    }

    @Test("a controller that works on nothing and only shows stays, and ends when it is told to")
    func onlooker() async throws {
        try await Cluster.withNamespace("pages") { cluster in
            try await cluster.apply(Self.manifests)
            let port = try FreePorts.take(1)[0]
            let flags = [
                "--namespace=\(cluster.namespace)", "--controllers=certificates-metrics", "--dashboard",
                "--dashboard-port=\(port)",
            ]
            let kubeconfig = try #require(Cluster.kubeconfig)
            try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { process in
                try await cluster.eventually("both are on it", within: .seconds(30)) {
                    try await page(cluster, "http://127.0.0.1:\(port)/certificates").text.contains(
                        "2 certificates</h1>")
                }
                #expect(try await process.health("/livez").status == .ok)
            }
            // Nobody has touched what is there.
            #expect(try await cluster.certificateStatus("shop") == nil)
        }
    }

    @Test("whoever may not list certificates is told on the command line, and nothing is served")
    func forbidden() async throws {
        try await Cluster.withNamespace("pages") { cluster in
            let outcome = try await KubectlCertClusterTests.cert(
                cluster, "dashboard", "--port", "0", "--as", "nobody-of-this-test")
            #expect(outcome.code == 2)
            #expect(outcome.complaint.contains("forbidden"))
            #expect(outcome.output.isEmpty)
        }
    }
}
