import TestSupport
import Testing
import Wire
import YAML

@Suite(
    "objects of the chart",
    .enabled(if: Helm.isAvailable && Kubectl.isAvailable, "needs helm and a cluster: scripts/test has both"))
struct AcceptanceTests {
    /// What a cluster may be too old for: Kubernetes 1.30 and 1.27 brought these.
    static let recent = ["hostUsers: ", "unhealthyPodEvictionPolicy: "]

    @Test("the API server takes every object that the chart can make", arguments: ValueTests.files)
    func taken(file: String) async throws {
        let settings = [
            "serviceIPFamilyPolicy=SingleStack",
            "serviceIPFamilies={IPv4}", "prometheus.servicemonitor.enabled=false",
            "prometheus.podmonitor.enabled=false", "prometheus.prometheusrule.enabled=false",
            "webhook.serviceIPFamilyPolicy=SingleStack",
            "webhook.serviceIPFamilies={IPv4}",
        ]
        // --dry-run=server lets the chart know the cluster's own version
        let text = try await Helm.text(
            [
                "-f", "\(Helm.chart)/\(file)", "--set", settings.joined(separator: ","), "--dry-run=server",
                "--disable-openapi-validation",
            ] + Kubectl.connection)
        let known = text.split(separator: "\n").filter { line in !Self.recent.contains { line.contains($0) } }
        let objects = try YAMLDocuments.parse(Array(known.joined(separator: "\n").utf8)).filter { $0 != .null }
        #expect(objects.count > 10)
        try await Kubectl.run(["create", "--dry-run=server", "-f", "-"], objects.map(Self.placed))
    }

    /// Kinds of the Prometheus operator, which the test cluster does not have.
    static let foreign = ["ServiceMonitor", "PodMonitor", "PrometheusRule"]

    @Test("the API server takes every object of the goldens")
    func goldens() async throws {
        let folder = "\(Helm.project)/Tests/InstallTests/Goldens"
        let files = try await Tool.output("find", [folder, "-name", "rendered.yaml"]).split(separator: "\n")
        #expect(files.count >= 12)
        let versions = try await Kubectl.run(["api-versions"]).split(separator: "\n")
        // Before Kubernetes 1.21; the chart looks, but goldens are rendered without a cluster.
        let budgets: JSONValue = versions.contains("policy/v1") ? "policy/v1" : "policy/v1beta1"
        var objects: Set<JSONValue> = []
        for file in files {
            let path = String(file.dropFirst(Helm.project.count + 1))
            for object in try YAMLDocuments.parse(try Helm.file(path)) where object != .null {
                guard let kind = object["kind"]?.stringValue, !Self.foreign.contains(kind) else { continue }
                let isBudget = kind == "PodDisruptionBudget"
                objects.insert(Self.placed(isBudget ? object.with("apiVersion", budgets) : object))
            }
        }
        try await Kubectl.run(["create", "--dry-run=server", "-f", "-"], Array(objects))
    }

    /// The same in a namespace that every cluster has.
    private static func placed(_ object: JSONValue) -> JSONValue {
        guard let metadata = object["metadata"], metadata["namespace"] != nil else { return object }
        return object.with("metadata", metadata.with("namespace", "default"))
    }
}

extension JSONValue {
    fileprivate func with(_ key: String, _ value: JSONValue) -> JSONValue {
        guard case .object(var members) = self else { return self }
        members[key] = value
        return .object(members)
    }
}
