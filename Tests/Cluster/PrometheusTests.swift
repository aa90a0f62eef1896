import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Subprocess
import SystemPackage
import TestSupport
import Testing
import Wire

/// A real Prometheus beside the program: it reads the metrics, and the alerts and the dashboard ask it.
@Suite(
    "Prometheus", .enabled(if: Cluster.isAvailable && TestPrograms.find("prometheus") != nil, "\(Cluster.hint)"),
    .timeLimit(.minutes(5)))
struct PrometheusTests {
    @Test("it scrapes the program, evaluates every alert and answers every question of the dashboard")
    func scrape() async throws {
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await Cluster.withNamespace("prometheus") { cluster in
            try await cluster.apply(Self.objects)
            let flags = ["--namespace=\(cluster.namespace)", "--logging-format=json", "--v=4"]
            try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { process in
                try await cluster.eventually("the certificate is ready") {
                    let certificate = try await cluster.client.get(Certificate.self, cluster.key("site"))
                    return certificate.status?.conditions?.contains { $0.type == "Ready" && $0.status == .yes } == true
                }
                try await PrometheusServer.run(scraping: process.metricsURL, over: cluster.transport) { prometheus in
                    let ready = "certmanager_certificate_ready_status{condition=\"True\",name=\"site\"} == 1"
                    try await cluster.eventually("the certificate is seen", within: .seconds(60)) {
                        try await !prometheus.ask(ready).isEmpty
                    }
                    #expect(try await prometheus.ask("scrape_samples_scraped > 50").count == 1)
                    #expect(try await prometheus.ask("certwright_api_requests_total{code=\"403\"}") == [])
                    let rules = try await prometheus.rules()
                    #expect(rules.count > 10)
                    try await checkDashboard(prometheus)
                }
                try checkLog(try process.log(), "\(cluster.namespace)/site")
            }
        }
    }

    private static let objects = """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: self}
        spec: {selfSigned: {}}
        ---
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: site}
        spec: {dnsNames: [site.example.com], secretName: site, issuerRef: {name: self}}
        """

    private func checkDashboard(_ prometheus: PrometheusServer) async throws {
        let dashboard = try JSONValue(parsing: Array(try PrometheusServer.file("dashboard.json").utf8))
        let panels = try #require(dashboard["panels"]?.arrayValue)
        #expect(panels.count > 10)
        for panel in panels {
            for target in panel["targets"]?.arrayValue ?? [] {
                let question = try #require(target["expr"]?.stringValue)
                    .replacing("$__rate_interval", with: "1m").replacing("$namespace", with: ".*")
                _ = try await prometheus.ask(question)  // throws what Prometheus says against it
            }
        }
    }

    /// Every line is an object, and those about the certificate carry its name from each controller that it went through.
    private func checkLog(_ log: String, _ certificate: String) throws {
        var controllers: Set<String> = []
        for line in log.split(separator: "\n") {
            let object = try JSONValue(parsing: Array(line.utf8))
            guard object["certificate"]?.stringValue == certificate else { continue }
            if let controller = object["controller"]?.stringValue { controllers.insert(controller) }
        }
        #expect(controllers.isSuperset(of: ["certificates", "certificaterequests"]), "\(controllers)")
    }
}

/// Debian's Prometheus with one target, scraped twice a second, and our alerts.
struct PrometheusServer: Sendable {
    let url: String
    let transport: any HTTPTransport

    static func run(
        scraping target: String, over transport: any HTTPTransport, _ body: (PrometheusServer) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder(named: "prometheus")
        let port = try FreePorts.take(1)[0]
        let address = target.replacing("http://", with: "").replacing("/metrics", with: "")
        let configuration: JSONValue = [
            "global": ["scrape_interval": "500ms", "evaluation_interval": "500ms"],
            "rule_files": [.string("\(charts)/alerts.yaml")],
            "scrape_configs": [["job_name": "certwright", "static_configs": [["targets": [.string(address)]]]]],
        ]
        try folder.write("prometheus.yml", configuration.serialized())
        let flags = [
            "--config.file=\(folder.path("prometheus.yml"))", "--storage.tsdb.path=\(folder.path("data"))",
            "--web.listen-address=127.0.0.1:\(port)", "--log.level=warn",
        ]
        do {
            try await withProcess("prometheus", flags, log: folder.path("log")) {
                try await body(PrometheusServer(url: "http://127.0.0.1:\(port)", transport: transport))
            }
        } catch {
            let log = (try? folder.text("log")) ?? ""
            _ = try? await remove(folder)  // the first error is the one to tell
            throw TestServerError("\(error)\nThe log of Prometheus:\n\(log.suffix(1000))")
        }
        try await remove(folder)
    }

    private static func remove(_ folder: TemporaryFolder) async throws {
        _ = try await Subprocess.run(.name("rm"), arguments: ["-rf", folder.root], output: .discarded)
    }

    private static let charts =
        "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/charts/certwright/files"

    static func file(_ name: String) throws -> String {
        let file = try FileDescriptor.open(FilePath("\(charts)/\(name)"), .readOnly)
        return try file.closeAfter {
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// The samples of the answer; none while it starts.
    func ask(_ question: String) async throws -> [JSONValue] {
        let answer = try await get("/api/v1/query?query=\(question.percentEncoded)")
        guard answer["status"] == "success" else {
            throw TestServerError("Prometheus refuses \(question): \(answer["error"]?.stringValue ?? "\(answer)")")
        }
        return answer["data"]?["result"]?.arrayValue ?? []
    }

    /// The names of the rules that were evaluated; throws for one that failed.
    func rules() async throws -> [String] {
        let groups = try await get("/api/v1/rules")["data"]?["groups"]?.arrayValue ?? []
        return try groups.flatMap { $0["rules"]?.arrayValue ?? [] }.map { rule in
            let name = rule["name"]?.stringValue ?? ""
            guard rule["health"] == "ok" else { throw TestServerError("\(name): \(rule["lastError"] ?? .null)") }
            return name
        }
    }

    private func get(_ path: String) async throws -> JSONValue {
        do {
            let response = try await transport.send(TransportRequest(url: url + path, proxy: .none))
            return try JSONValue(parsing: response.body)
        } catch is TransportError {
            return ["status": "success"]  // it starts; whoever asks asks again
        }
    }
}

extension String {
    fileprivate var percentEncoded: String {
        utf8.map { byte in
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            if isPlain { return String(UnicodeScalar(byte)) }
            let hex = String(byte, radix: 16, uppercase: true)
            return "%" + (hex.count == 1 ? "0" : "") + hex
        }
        .joined()
    }
}
