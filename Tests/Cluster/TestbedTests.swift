import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

@Suite("a cluster to break", .enabled(if: Testbed.isAvailable, "\(Cluster.hint)"))
struct TestbedTests {
    @Test("the API server goes, comes back, and knows what it knew")
    func restart() async throws {
        try await Testbed.run { testbed, cluster in
            let secret = Secret(metadata: ObjectMeta(name: "kept", namespace: cluster.namespace))
            _ = try await cluster.client.create(secret)
            try await testbed.command(["restart", "apiserver"])
            try await cluster.eventually("the Secret is read again", within: .seconds(60)) {
                try await cluster.client.find(Secret.self, cluster.key("kept")) != nil
            }
        }
    }
}
