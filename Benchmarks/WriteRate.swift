import KubeClient
import KubeModel

/// How fast the API server is on this machine at this hour, so that runs can be compared that were not taken side by side.
enum WriteRate {
    /// What is created to find it out: nothing watches these but the controller manager, and nobody reads them.
    private struct Small: KubeObject {
        static let resource = ResourceType(
            group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true)

        var metadata: ObjectMeta
        var data: [String: String]
    }

    private static var namespace: String { "bench-rate" }

    /// ConfigMaps created a second, by `concurrency` at once, while no controller of ours runs.
    static func measure(_ client: KubeClient, count: Int = 1000, concurrency: Int) async throws -> Double {
        do throws(KubeError) {
            _ = try await client.create(Namespace(name: namespace))
        } catch {
            guard error.isAlreadyExists else { throw error }
        }
        let run = "\(UInt32.random(in: .min ... .max))"
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                if number >= concurrency { try await group.next() }
                group.addTask {
                    let small = Small(
                        metadata: ObjectMeta(name: "rate-\(run)-\(number)", namespace: Self.namespace),
                        data: ["number": "\(number)"])
                    try await client.sendUnread(.create(small))
                }
            }
            try await group.waitForAll()
        }
        return Double(count) / (ContinuousClock.now - start).seconds
    }
}
