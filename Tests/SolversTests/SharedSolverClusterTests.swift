import CertificateAPI
import DNSWire
import KubeClient
import KubeModel
import Logging
import NIOPosix
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Solvers

@Suite("Shared solvers on a real API server", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct SharedSolverClusterTests {
    private final class Known: Sendable {
        let challenges = Mutex<[Challenge]>([])
    }

    private func solver(_ client: KubeClient, _ cluster: Cluster, _ known: Known) -> HTTP01Solver {
        HTTP01Solver(
            options: HTTP01Options(image: "solver:1"), client: client, http: cluster.transport,
            dns: DNSClient(group: MultiThreadedEventLoopGroup.singleton), time: SystemTime(),
            challenges: { _ in known.challenges.withLock { $0 } })
    }

    private func challenges(_ count: Int, _ ingress: String, in cluster: Cluster) throws -> [Challenge] {
        try (1...count).map { number in
            try Samples.shared(number, ingress) { $0.metadata.namespace = cluster.namespace }
        }
    }

    private func each(_ challenges: [Challenge], _ body: @escaping @Sendable (Challenge) async throws -> Void)
        async throws
    {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for challenge in challenges { group.addTask { try await body(challenge) } }
            try await group.waitForAll()
        }
    }

    private func hosts(_ cluster: Cluster, _ name: String) async throws -> Set<String> {
        let ingress = try await cluster.client.find(Ingress.self, cluster.key(name))
        return Set((ingress?.spec?.rules ?? []).compactMap(\.host))
    }

    /// Pods, Services and Ingresses; a pod that is being deleted takes its time where there are nodes, and does not count.
    private func count(_ cluster: Cluster) async throws -> [Int] {
        let here = ListOptions(namespace: cluster.namespace, labelSelector: Names.Label.http01Solver)
        return [
            try await cluster.client.listAll(Pod.self, here).items.filter { !$0.metadata.isBeingDeleted }.count,
            try await cluster.client.listAll(Service.self, here).items.count,
            try await cluster.client.listAll(Ingress.self, here).items.count,
        ]
    }

    @Test("a hundred challenges take one pod, Service and Ingress and a few writes, and the last takes them away")
    func hundred() async throws {
        try await Cluster.withNamespace("shared") { cluster in
            let known = Known()
            let transport = FaultyTransport(cluster.transport)
            let solver = solver(cluster.client(over: transport), cluster, known)
            let all = try challenges(100, #"{"serviceType": "ClusterIP"}"#, in: cluster)
            known.challenges.withLock { $0 = all }
            let name = try #require(SolverSet(all[0])).key.name
            try await each(all) { try await solver.present($0) }
            #expect(try await count(cluster) == [1, 1, 1])
            #expect(try await hosts(cluster, name) == Set(all.map(\.spec.dnsName)))
            // Pod, Service, Ingress, and what came while those were made.
            #expect(transport.writes.count <= 8, "\(transport.writes)")

            let before = transport.writes.count
            try await each(Array(all.dropLast())) { try await solver.cleanUp($0) }
            #expect(transport.writes.count == before)
            #expect(try await count(cluster) == [1, 1, 1])
            // A sweep takes out what is over; what is open stays.
            try await solver.tidy(try #require(SolverSet(all[0])))
            #expect(try await hosts(cluster, name) == ["n100.example"])
            try await solver.cleanUp(all[99])
            #expect(try await count(cluster) == [0, 0, 0])
        }
    }

    @Test("an Ingress of the user's is edited for all, and left as it was")
    func edited() async throws {
        try await Cluster.withNamespace("shared") { cluster in
            let known = Known()
            let solver = solver(cluster.client, cluster, known)
            let all = try challenges(3, #"{"name": "web", "serviceType": "ClusterIP"}"#, in: cluster)
            known.challenges.withLock { $0 = all }
            await #expect(throws: SolverError.self) { try await solver.present(all[0]) }
            try await cluster.apply(
                """
                apiVersion: networking.k8s.io/v1
                kind: Ingress
                metadata: {name: web}
                spec: {rules: [{host: n1.example, http: {paths: [{path: /, pathType: Prefix,
                       backend: {service: {name: web, port: {number: 80}}}}]}}]}
                """)
            let before = try await cluster.client.get(Ingress.self, cluster.key("web")).spec
            try await each(all) { try await solver.present($0) }
            #expect(try await hosts(cluster, "web") == ["n1.example", "n2.example", "n3.example"])
            #expect(try await count(cluster) == [1, 1, 0])
            try await solver.cleanUp(all[1])
            #expect(try await hosts(cluster, "web") == ["n1.example", "n3.example"])
            try await each([all[0], all[2]]) { try await solver.cleanUp($0) }
            #expect(try await cluster.client.get(Ingress.self, cluster.key("web")).spec == before)
            #expect(try await count(cluster) == [0, 0, 0])
        }
    }

    @Test("a pod that has ended, and one that is missing, are made again; leftovers are swept away (Z10)")
    func mended() async throws {
        try await Cluster.withNamespace("shared") { cluster in
            let known = Known()
            let solver = solver(cluster.client, cluster, known)
            let all = try challenges(2, #"{"serviceType": "ClusterIP"}"#, in: cluster)
            known.challenges.withLock { $0 = all }
            let set = try #require(SolverSet(all[0]))
            try await each(all) { try await solver.present($0) }
            try await cluster.client.delete(Pod.self, set.key)
            try await cluster.eventually("the pod has gone", within: .seconds(90)) {
                try await cluster.client.find(Pod.self, set.key) == nil
            }
            try await solver.present(all[0])
            #expect(try await count(cluster) == [1, 1, 1])
            // Both challenges are gone, and nobody was there to see it.
            known.challenges.withLock { $0 = [] }
            let sweep = SolverSweep(
                solver: solver, namespace: cluster.namespace, ingresses: { [] }, time: SystemTime(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await sweep.sweep()
            #expect(try await count(cluster) == [0, 0, 0])
        }
    }
}
