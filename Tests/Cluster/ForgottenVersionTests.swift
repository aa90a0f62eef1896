import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

@Suite("versions that a real API server has forgotten", .enabled(if: Testbed.isAvailable, "\(Cluster.hint)"))
struct ForgottenVersionTests {
    @Test("a list whose token has expired begins again, and a watch from a forgotten version says that it is gone")
    func forgotten() async throws {
        try await Testbed.run { testbed, cluster in
            for index in 0..<5 { try await cluster.createSecret("s\(index)") }
            try await expectRestart(testbed, cluster)
            try await testbed.command(["restart", "apiserver"])
            try await cluster.eventually("the API server is back", within: .seconds(60)) {
                try await cluster.client.find(Secret.self, cluster.key("s0")) != nil
            }
            let error = await cluster.refusal {
                try await cluster.client.watch(
                    Secret.resource, ListOptions(namespace: cluster.namespace), from: "1", timeoutSeconds: 5,
                    onMalformed: { Issue.record($0) },
                    take: { event in
                        guard case .error(let status) = event else { return }
                        throw KubeError.status(status, retryAfter: nil)
                    })
            }
            #expect(error?.isGone == true)
        }
    }

    /// Has the list's version forgotten after its first page.
    private func expectRestart(_ testbed: Testbed, _ cluster: Cluster) async throws {
        let options = ListOptions(namespace: cluster.namespace)
        let first = try await cluster.client.page(Secret.resource, options, limit: 2)
        let later = try await cluster.createSecret("s5")
        try await testbed.forget(before: try #require(later.metadata.resourceVersion))
        let error = await cluster.refusal {
            _ = try await cluster.client.page(Secret.resource, options, limit: 2, continueToken: first.continueToken)
        }
        #expect(error?.isGone == true)
    }
}
