import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Synchronization
import TestSupport
import Testing
import Wire

@Suite("the client against a real API server", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct KubeClientClusterTests {
    @Test("a list comes in pages of one version, and begins again when its token has expired")
    func pages() async throws {
        try await Cluster.withNamespace { cluster in
            for index in 0..<7 { try await cluster.createSecret("s\(index)") }
            var sizes: [Int] = []
            let options = ListOptions(namespace: cluster.namespace)
            let version = try await cluster.client.pages(
                Secret.resource, options, limit: 3, restart: { sizes = [] }, take: { sizes.append($0.items.count) })
            // A controller may have put a token of the default account there too.
            #expect(sizes.first == 3)
            #expect(sizes.reduce(0, +) >= 7)
            #expect(UInt64(version) != nil)

            let expired = Response(
                head: ResponseHead(status: .gone),
                body: Array(#"{"kind":"Status","status":"Failure","reason":"Expired","code":410}"#.utf8))
            let isFirst = Mutex(true)
            let transport = FaultyTransport(cluster.transport)
            transport.follow { request in
                guard request.url.contains("continue=") else { return nil }
                return isFirst.withLock { isFirst -> FaultyTransport.Fault? in
                    defer { isFirst = false }
                    return isFirst ? .answer(expired) : nil
                }
            }
            var names: [String] = []
            var restarts = 0
            _ = try await cluster.client(over: transport).pages(
                Secret.resource, options, limit: 3,
                restart: {
                    names = []
                    restarts += 1
                }, take: { names += $0.items.compactMap { $0.objectKey?.name } })
            #expect(restarts == 1)
            #expect(names.filter { $0.hasPrefix("s") } == (0..<7).map { "s\($0)" })
        }
    }

    @Test("an update of an old version conflicts, and a name is created once")
    func conflicts() async throws {
        try await Cluster.withNamespace { cluster in
            let old = try await cluster.createSecret("a")
            var new = old
            new.data = ["k": Base64Data(utf8: "new")]
            #expect(try await cluster.client.replace(new).data?["k"]?.bytes == Array("new".utf8))
            await #expect(throws: (any Error).self) { try await cluster.client.replace(old) }
            #expect(await cluster.refusal { _ = try await cluster.client.replace(old) }?.isConflict == true)
            #expect(await cluster.refusal { try await cluster.createSecret("a") }?.isAlreadyExists == true)
            let missing = cluster.key("missing")
            #expect(
                await cluster.refusal { _ = try await cluster.client.get(Secret.self, missing) }?.isNotFound == true)
            #expect(try await cluster.client.find(Secret.self, missing) == nil)
        }
    }

    @Test("server-side apply owns what it names, leaves the rest, and takes over only by force")
    func apply() async throws {
        try await Cluster.withNamespace { cluster in
            let client = cluster.client
            let key = cluster.key("a")
            func apply(_ data: JSONValue, as manager: String, force: Bool = false) async throws -> Secret {
                try await client.apply(["data": data], of: Secret.self, key, manager: manager, force: force)
            }
            _ = try await apply(["x": "eA==", "y": "eQ=="], as: "one")
            let both = try await apply(["z": "eg=="], as: "two")
            #expect(Set(both.data?.keys.map(\.self) ?? []) == ["x", "y", "z"])
            #expect(await cluster.refusal { _ = try await apply(["x": "bw=="], as: "two") }?.isConflict == true)
            let taken = try await apply(["x": "bw==", "z": "eg=="], as: "two", force: true)
            #expect(taken["x"] == Array("o".utf8))
            let dropped = try await apply(["x": "bw=="], as: "two")
            #expect(Set(dropped.data?.keys.map(\.self) ?? []) == ["x", "y"])
            let again = try await apply(["x": "bw=="], as: "two")
            #expect(
                again.metadata.resourceVersion == dropped.metadata.resourceVersion,
                "an apply of the same writes nothing")
        }
    }

    @Test("patches change what they name, and nothing of another version")
    func patches() async throws {
        try await Cluster.withNamespace { cluster in
            let client = cluster.client
            let key = cluster.key("a")
            let made = try await cluster.createSecret("a")
            let labelled = try await client.mergePatch(
                ["metadata": ["labels": ["a": "1", "b": "2"]]], of: Secret.self, key)
            let stripped = try await client.mergePatch(
                [
                    "metadata": [
                        "labels": ["a": nil],
                        "resourceVersion": .string(try #require(labelled.metadata.resourceVersion)),
                    ]
                ], of: Secret.self, key)
            #expect(stripped.metadata.labels == ["b": "2"])
            let stale: JSONValue = [
                "metadata": ["resourceVersion": .string(try #require(made.metadata.resourceVersion))]
            ]
            let late = stale.merging(patch: ["metadata": ["labels": ["late": "1"]]])
            #expect(
                await cluster.refusal { _ = try await client.mergePatch(late, of: Secret.self, key) }?.isConflict
                    == true)
            let stepped = try await client.jsonPatch(
                [
                    ["op": "test", "path": "/metadata/labels/b", "value": "2"],
                    ["op": "replace", "path": "/metadata/labels/b", "value": "3"],
                ], of: Secret.self, key)
            #expect(stepped.metadata.labels == ["b": "3"])
            let failing: [JSONValue] = [["op": "test", "path": "/metadata/labels/b", "value": "2"]]
            let refused = await cluster.refusal { _ = try await client.jsonPatch(failing, of: Secret.self, key) }
            #expect(refused?.isInvalid == true)
        }
    }

    @Test("a delete goes through only for the object that was meant")
    func preconditions() async throws {
        try await Cluster.withNamespace { cluster in
            let client = cluster.client
            let old = try await cluster.createSecret("a")
            let uid = try #require(old.metadata.uid)
            try await client.delete(Secret.self, old.key, preconditions: Preconditions(uid: uid))
            try await client.delete(Secret.self, old.key, preconditions: Preconditions(uid: uid))
            let new = try await cluster.createSecret("a")
            for stale in [
                Preconditions(uid: uid),
                Preconditions(uid: new.metadata.uid, resourceVersion: old.metadata.resourceVersion),
            ] {
                let refused = await cluster.refusal {
                    try await client.delete(Secret.self, old.key, preconditions: stale)
                }
                #expect(refused?.isConflict == true)
            }
            #expect(try await client.get(Secret.self, old.key).metadata.uid == new.metadata.uid)
        }
    }

    @Test("a name that is no name deletes nothing")
    func hostileName() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.createSecret("a")
            for name in ["", ".", "..", "x/../a", "a?x=1", "a%2f"] {
                await #expect(throws: (any Error).self) {
                    _ = try await cluster.client.get(Secret.self, cluster.key(name))
                }
                _ = await cluster.refusal { try await cluster.client.delete(Secret.self, cluster.key(name)) }
            }
            #expect(try await cluster.client.find(Secret.self, cluster.key("a")) != nil)
        }
    }

    @Test("a watch tells of every change in order, ends when asked to, and resumes behind any event")
    func watch() async throws {
        try await Cluster.withNamespace { cluster in
            let client = cluster.client
            let start = try await client.page(Secret.resource, ListOptions(namespace: cluster.namespace))
                .resourceVersion
            let made = try await cluster.createSecret("a")
            _ = try await client.mergePatch(["metadata": ["labels": ["a": "1"]]], of: Secret.self, made.key)
            try await client.delete(Secret.self, made.key)

            let all = try await cluster.events(of: "a", from: start, seconds: 2)
            #expect(all.map(\.kind) == ["added", "modified", "deleted"])
            let resumed = try await cluster.events(of: "a", from: try #require(all.first?.version), seconds: 2)
            #expect(resumed.map(\.kind) == ["modified", "deleted"])
            #expect(resumed.map(\.version) == all.dropFirst().map(\.version))
        }
    }

    @Test("the metadata alone comes without data, listed, got and watched")
    func metadataOnly() async throws {
        try await Cluster.withNamespace { cluster in
            let client = cluster.client
            let options = ListOptions(namespace: cluster.namespace, metadataOnly: true)
            try await cluster.createSecret("a", ["k": Base64Data(utf8: "v")])
            let page = try await client.page(Secret.resource, options)
            let item = try #require(page.items.first { $0.objectKey?.name == "a" })
            #expect(item["kind"] == "PartialObjectMetadata")
            #expect(item["data"] == nil)
            let single = try await client.send(.get(Secret.resource, cluster.key("a"), metadataOnly: true))
            #expect(single["data"] == nil)
            #expect(single["metadata"]?["managedFields"] == nil)
            try await cluster.createSecret("b", ["k": Base64Data(utf8: "v")])
            var seen: [JSONValue] = []
            try await client.watch(
                Secret.resource, options, from: page.resourceVersion, timeoutSeconds: 2,
                onMalformed: { Issue.record($0) },
                take: { event in if case .added(let value) = event { seen.append(value) } })
            let watched = try #require(seen.first { $0.objectKey?.name == "b" })
            #expect(watched["data"] == nil)
        }
    }

    @Test("a label selector narrows lists and watches, also by what is not there")
    func selectors() async throws {
        try await Cluster.withNamespace { cluster in
            var secret = Secret(metadata: ObjectMeta(name: "marked", namespace: cluster.namespace))
            secret.metadata.labels = ["example.com/mark": "yes"]
            _ = try await cluster.client.create(secret)
            try await cluster.createSecret("plain")
            func names(_ selector: String) async throws -> Set<String> {
                let list = try await cluster.client.listAll(
                    Secret.self, ListOptions(namespace: cluster.namespace, labelSelector: selector))
                return Set(list.items.map(\.metadata.name))
            }
            #expect(try await names("example.com/mark=yes") == ["marked"])
            let others = try await names("!example.com/mark")
            #expect(others.contains("plain") && !others.contains("marked"))
        }
    }
}

extension Cluster {
    @discardableResult
    func createSecret(_ name: String, _ data: [String: Base64Data]? = nil) async throws(KubeError) -> Secret {
        try await client.create(Secret(metadata: ObjectMeta(name: name, namespace: namespace), data: data))
    }

    /// What the client threw; nil when it threw nothing, or something else.
    func refusal(_ body: () async throws -> Void) async -> KubeError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? KubeError
        }
    }

    /// The changes of one Secret, as a watch of so many seconds tells them.
    func events(of name: String, from version: String, seconds: Int) async throws -> [(kind: String, version: String)] {
        var events: [(kind: String, version: String)] = []
        try await client.watch(
            Secret.resource, ListOptions(namespace: namespace, fieldSelector: "metadata.name=\(name)"), from: version,
            timeoutSeconds: seconds, onMalformed: { Issue.record($0) },
            take: { event in
                let (kind, value): (String, JSONValue)
                switch event {
                case .added(let object): (kind, value) = ("added", object)
                case .modified(let object): (kind, value) = ("modified", object)
                case .deleted(let object): (kind, value) = ("deleted", object)
                case .bookmark: return
                case .error(let status): throw KubeError.status(status, retryAfter: nil)
                }
                events.append((kind, value["metadata"]?["resourceVersion"]?.stringValue ?? ""))
            })
        return events
    }
}
