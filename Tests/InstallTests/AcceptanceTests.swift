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
            "namespace=default", "global.leaderElection.namespace=default", "serviceIPFamilyPolicy=SingleStack",
            "serviceIPFamilies={IPv4}", "prometheus.servicemonitor.enabled=false",
            "prometheus.podmonitor.enabled=false",
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
        try await Kubectl.run(["create", "--dry-run=server", "-f", "-"], objects)
    }
}
