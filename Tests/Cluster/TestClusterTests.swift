import HTTPTransport
import KubeClient
import KubeModel
import Synchronization
import TestSupport
import Testing
import Wire

@Suite("the test cluster itself", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct TestClusterTests {
    static let secret = """
        apiVersion: v1
        kind: Secret
        metadata: {name: one}
        stringData: {a: b}
        """

    @Test("an object applied from YAML is in the test's own namespace")
    func apply() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(Self.secret)
            let secret = try await cluster.client.get(Secret.self, cluster.key("one"))
            #expect(secret.data?["a"]?.bytes == [UInt8(ascii: "b")])
        }
    }

    @Test("a transport dies after the n-th write: that one is carried out, nothing after it")
    func death() async throws {
        try await Cluster.withNamespace { cluster in
            let transport = FaultyTransport(cluster.transport)
            transport.die(afterWrites: 2)
            let client = cluster.client(over: transport, retries: RetryPolicy(tries: 1))
            func create(_ name: String) async throws {
                let metadata = ObjectMeta(name: name, namespace: cluster.namespace)
                _ = try await client.create(Secret(metadata: metadata))
            }
            try await create("a")
            await #expect(throws: KubeError.self) { try await create("b") }
            await transport.death()
            await #expect(throws: KubeError.self) { try await create("c") }
            #expect(try await cluster.client.find(Secret.self, cluster.key("b")) != nil)
            #expect(try await cluster.client.find(Secret.self, cluster.key("c")) == nil)
        }
    }

    private final class Work: Sendable {
        let isDone = Atomic(false)
    }

    /// Makes Secrets `x` and `y` where they are missing; `isForgetful` makes a new one at each start instead.
    static func life(isForgetful: Bool) -> ControllerLife {
        { client, namespace, pulse in
            let work = Work()
            pulse.begins { work.isDone.load(ordering: .acquiring) }
            var names = ["x", "y"]
            if isForgetful { names.append("z\(UInt16.random(in: 0...60000))") }
            for name in names {
                let key = ObjectKey(namespace: namespace, name: name)
                guard try await client.find(Secret.self, key) == nil else { continue }
                _ = try await client.create(Secret(metadata: ObjectMeta(name: name, namespace: namespace)))
            }
            work.isDone.store(true, ordering: .releasing)
            try await Task.sleep(for: .seconds(600))
        }
    }

    static let world = World("an empty namespace", objects: "") { cluster in
        try await cluster.client.find(Secret.self, cluster.key("y")) != nil
    }

    @Test("a controller that looks before it writes settles wherever it dies")
    func settles() async throws {
        let writes = try await expectSettles(from: Self.world, Self.life(isForgetful: false))
        #expect(writes.count == 2)
    }

    @Test("a controller that leaves something behind at each start does not settle")
    func doesNotSettle() async throws {
        await #expect(throws: NotSettled.self) {
            try await expectSettles(from: Self.world, Self.life(isForgetful: true))
        }
    }
}
