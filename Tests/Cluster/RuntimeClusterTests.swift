import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Synchronization
import TestSupport
import Testing
import Wire

private let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

@Suite("caches and Events on a real API server", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct InformerClusterTests {
    private func whileRunning<Object: KubeObject>(
        _ informer: Informer<Object>, _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await informer.run() }
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test("a cache comes true again after watches that are cut and lists that are refused")
    func cuts() async throws {
        try await Cluster.withNamespace { cluster in
            func make(_ name: String) async throws -> Secret {
                try await cluster.client.create(Secret(metadata: ObjectMeta(name: name, namespace: cluster.namespace)))
            }
            let first = try await make("first")
            let second = try await make("second")
            try await remembered(Secret.resource, ["first", "second"], in: cluster)
            let (lists, watches) = (Counter(), Counter())
            let transport = FaultyTransport(
                cluster.transport,
                plan: { request in
                    if request.url.contains("watch=true") { return watches.next() < 4 ? .cut(afterBytes: 400) : nil }
                    return lists.next() == 1 ? .fail(.truncated("cut by the test")) : nil
                })
            let cache = Cache<Secret>()
            let informer = Informer(
                client: cluster.client(over: transport, retries: RetryPolicy(tries: 1)), cache: cache,
                options: ListOptions(namespace: cluster.namespace), pageLimit: 1, counters: Counters(), logger: silent)
            try await whileRunning(informer) {
                try await cache.waitUntilSynced()
                #expect(cache[first.key] != nil)
                try await cluster.client.delete(Secret.self, first.key)
                _ = try await cluster.client.mergePatch(
                    ["metadata": ["labels": ["a": "b"]]], of: Secret.self, second.key)
                for number in 0..<5 { _ = try await make("later\(number)") }
                try await cluster.eventually("the cache is true", within: .seconds(60)) {
                    let names = cache.all().map(\.metadata.name).filter { !$0.contains("token") }.sorted()
                    return names == (0..<5).map { "later\($0)" } + ["second"]
                        && cache[second.key]?.metadata.labels == ["a": "b"]
                }
            }
        }
    }

    /// A first list comes from the server's memory, which may be behind: here it has what was created a moment ago.
    private func remembered(_ resource: ResourceType, _ names: Set<String>, in cluster: Cluster) async throws {
        let options = ListOptions(namespace: cluster.namespace)
        try await cluster.eventually("the server remembers \(names)", within: .seconds(60)) {
            let found = Mutex<Set<String>>([])
            _ = try await cluster.client.streamPage(resource, options, resourceVersion: "0") { items, tooDeep in
                found.withLock { $0.formUnion((items + tooDeep).compactMap { $0.objectKey?.name }) }
            }
            return found.withLock { $0.isSuperset(of: names) }
        }
    }

    @Test("an Issuer nested a hundred and fifty levels deep hides no other, when listed and when watched")
    func tooDeep() async throws {
        try await Cluster.withNamespace { cluster in
            func issuer(_ name: String, levels: Int) -> String {
                """
                apiVersion: cert-manager.io/v1
                kind: Issuer
                metadata: {name: \(name)}
                spec:
                  acme:
                    server: https://acme.example/directory
                    privateKeySecretRef: {name: account}
                    solvers:
                    - dns01:
                        webhook:
                          groupName: example.com
                          solverName: deep
                          config: \(String(repeating: "{a: ", count: levels))1\(String(repeating: "}", count: levels))
                """
            }
            try await cluster.applyWithKubectl(issuer("deep", levels: 150))
            try await cluster.apply(issuer("shallow", levels: 3))
            try await remembered(Issuer.resource, ["deep", "shallow"], in: cluster)
            let malformed = Mutex<Set<String>>([])
            let cache = Cache<Issuer>()
            let informer = Informer(
                client: cluster.client, cache: cache, options: ListOptions(namespace: cluster.namespace),
                onMalformed: { object in malformed.withLock { _ = $0.insert(object.key?.name ?? "") } },
                counters: Counters(), logger: silent)
            try await whileRunning(informer) {
                try await cache.waitUntilSynced()
                #expect(cache.all().map(\.metadata.name) == ["shallow"])
                #expect(malformed.withLock { $0 } == ["deep"])
                try await cluster.applyWithKubectl(issuer("deeper", levels: 160))
                try await cluster.apply(issuer("last", levels: 1))
                try await cluster.eventually("the last one is there", within: .seconds(60)) {
                    cache.all().map(\.metadata.name).sorted() == ["last", "shallow"]
                }
            }
        }
    }

    @Test("what is said twice is one Event that counts two, on the object that it is about")
    func events() async throws {
        try await Cluster.withNamespace { cluster in
            let secret = try await cluster.client.create(
                Secret(metadata: ObjectMeta(name: "about", namespace: cluster.namespace)))
            let counters = Counters()
            let recorder = EventRecorder(client: cluster.client, counters: counters, logger: silent)
            func say() {
                recorder.record(
                    .warning, reason: "Spoilt", message: "It smells; throw it away.", on: ObjectReference(to: secret),
                    component: "cert-manager-test")
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await recorder.run() }
                for count in 1...2 {
                    say()
                    try await cluster.eventually("Event \(count) is written", within: .seconds(60)) {
                        counters.counter(.eventSentCount, of: "events").value == count
                    }
                }
                group.cancelAll()
                try await group.waitForAll()
            }
            let options = ListOptions(
                namespace: cluster.namespace, fieldSelector: "involvedObject.uid=\(secret.metadata.uid ?? "")")
            let events = try await cluster.client.listAll(Event.self, options).items
            #expect(events.map(\.message) == ["It smells; throw it away."])
            #expect(events.map(\.count) == [2])
            #expect(events.map(\.source?.component) == ["cert-manager-test"])
        }
    }
}

@Suite("leader election on a real API server", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct LeaderElectionClusterTests {
    private func candidate(
        _ identity: String, _ cluster: Cluster, over transport: (any HTTPTransport)? = nil,
        _ settings: LeaderElection.Settings
    ) -> LeaderElection {
        LeaderElection(
            client: cluster.client(over: transport ?? cluster.transport, retries: RetryPolicy(tries: 1)),
            lease: cluster.key("controller"), identity: identity, settings: settings, releaseLimit: .seconds(60),
            logger: silent)
    }

    /// Until when somebody passed his gate, and since when another did.
    private final class Diary: Sendable {
        private let times = Mutex<[String: (first: ContinuousClock.Instant, last: ContinuousClock.Instant)]>([:])

        /// Writes down that `name` may write now, again and again until it may not.
        func work(as name: String, _ election: LeaderElection) async throws {
            while !Task.isCancelled {
                if (try? election.check()) != nil {  // a closed gate is what the test waits for
                    let now = ContinuousClock.now
                    times.withLock { $0[name] = (first: $0[name]?.first ?? now, last: now) }
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }

        func first(_ name: String) -> ContinuousClock.Instant? { times.withLock { $0[name]?.first } }
        func last(_ name: String) -> ContinuousClock.Instant? { times.withLock { $0[name]?.last } }
    }

    @Test("a leader that is told to end gives the lease away, and its successor need not wait for it to run out")
    func release() async throws {
        try await Cluster.withNamespace { cluster in
            let settings = LeaderElection.Settings(
                leaseDuration: .seconds(300), renewDeadline: .seconds(200), retryPeriod: .seconds(2))
            let diary = Diary()
            let (one, two) = (candidate("one", cluster, settings), candidate("two", cluster, settings))
            let first = Task { try await one.run { try await diary.work(as: "one", one) } }
            try await cluster.eventually("the first leads", within: .seconds(60)) { diary.first("one") != nil }
            let second = Task { try await two.run { try await diary.work(as: "two", two) } }
            try await Task.sleep(for: .seconds(1))
            #expect(diary.first("two") == nil)
            first.cancel()
            // Long before the lease would have run out.
            try await cluster.eventually("the second leads", within: .seconds(60)) { diary.first("two") != nil }
            second.cancel()
            _ = await (first.result, second.result)
            #expect(try #require(diary.last("one")) < (try #require(diary.first("two"))))
        }
    }

    @Test("a leader that cannot renew writes no more before another may begin, and ends")
    func loss() async throws {
        try await Cluster.withNamespace { cluster in
            let settings = LeaderElection.Settings(
                leaseDuration: .seconds(8), renewDeadline: .seconds(5), retryPeriod: .seconds(1))
            let diary = Diary()
            let isCut = Mutex(false)
            let transport = FaultyTransport(
                cluster.transport, plan: { _ in isCut.withLock { $0 } ? .fail(.connect("cut by the test")) : nil })
            let one = candidate("one", cluster, over: transport, settings)
            let two = candidate("two", cluster, settings)
            let first = Task { try await one.run { try await diary.work(as: "one", one) } }
            try await cluster.eventually("the first leads", within: .seconds(60)) { diary.first("one") != nil }
            let second = Task { try await two.run { try await diary.work(as: "two", two) } }
            isCut.withLock { $0 = true }
            try await cluster.eventually("the second leads", within: .seconds(60)) { diary.first("two") != nil }
            second.cancel()
            _ = await second.result
            await #expect(throws: LeaseLost.self) { try await first.value }
            #expect(try #require(diary.last("one")) < (try #require(diary.first("two"))))
        }
    }
}
