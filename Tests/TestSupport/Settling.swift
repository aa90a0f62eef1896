import HTTPTransport
package import KubeClient
package import KubeModel
import Synchronization
import Wire

/// A cluster as a controller may find it, and how one knows that its work is done.
package struct World: Sendable, CustomStringConvertible {
    package let description: String
    /// What is there before the controller starts, as YAML.
    package var objects: String
    /// Whether the end is reached; asked again and again.
    package var isSettled: @Sendable (Cluster) async throws -> Bool
    /// What others do once the objects are there.
    package var prepare: @Sendable (Cluster) async throws -> Void = { _ in }
    /// Kinds without a namespace that belong to this world, where they have its label.
    package var clusterScoped: [ResourceType] = []

    package init(
        _ description: String, objects: String, isSettled: @escaping @Sendable (Cluster) async throws -> Bool
    ) {
        self.description = description
        self.objects = objects
        self.isSettled = isSettled
    }

    /// The label `settles: ${namespace}` of objects that have no namespace, as a selector.
    package static func label(_ namespace: String) -> String { "settles=\(namespace)" }
}

/// One life of a controller: works in that namespace through that client until it is cancelled, and tells of its rest.
package typealias ControllerLife =
    @Sendable (_ client: KubeClient, _ namespace: String, _ pulse: Pulse) async throws
    -> Void

/// What `expectSettles` found wrong.
package struct NotSettled: Error, CustomStringConvertible {
    package let description: String
}

/// Shows that a controller reaches the same end from `world` wherever it dies.
///
/// First it lives undisturbed, which tells how many writes the way takes and what the end looks like. Then, for each
/// n, in a namespace of its own: it dies right after its n-th write, is started again, and must reach the same end,
/// with nothing left over. Started once more, it must write nothing at all.
///
/// - Parameters:
///   - beginning: the first write to die at, by a part of it, where another test has died at those before.
/// - Returns: the writes of the undisturbed life, so that a test may also hold their number.
@discardableResult
package func expectSettles(
    from world: World, crashingAfterEachWrite: Bool = true, beginning: String = "", _ life: @escaping ControllerLife
) async throws -> [String] {
    let settling = Settling(world: world, life: life)
    let undisturbed = try await Settling.places.occupied { try await settling.run(dyingAfter: nil) }
    guard crashingAfterEachWrite, !undisturbed.writes.isEmpty else { return undisturbed.writes }
    try await withThrowingTaskGroup(of: Void.self) { group in
        let first = undisturbed.writes.firstIndex { beginning.isEmpty || $0.contains(beginning) } ?? 0
        for count in (first + 1)...undisturbed.writes.count {
            group.addTask {
                let end = try await Settling.places.occupied { try await settling.run(dyingAfter: count) }
                try undisturbed.compare(with: end, world: world, dyingAfter: count)
            }
        }
        try await group.waitForAll()
    }
    return undisturbed.writes
}

/// Room for so many at once; the others wait in the order they came.
private final class Places: Sendable {
    private struct State {
        var free: Int
        var line: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    func occupied<R: Sendable>(_ body: () async throws -> R) async throws -> R {
        await withCheckedContinuation { continuation in
            let hasRoom = state.withLock { state in
                guard state.free > 0 else {
                    state.line.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if hasRoom { continuation.resume() }
        }
        defer { leave() }
        // Another one that failed has called this one off.
        try Task.checkCancellation()
        return try await body()
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.line.isEmpty else { return state.line.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}

/// One way from a world to its end.
private struct Settling: Sendable {
    /// Of all suites together: each life waits more than it works, and more of them only make each slower.
    static let places = Places(6)

    var world: World
    var life: ControllerLife

    struct End: Sendable {
        /// Of the life that died on the way, if one did.
        var before: [String] = []
        var writes: [String]
        var objects: [String]

        func compare(with other: End, world: World, dyingAfter count: Int) throws {
            guard objects != other.objects else { return }
            let (expected, found) = (Set(objects), Set(other.objects))
            let lines =
                expected.subtracting(found).sorted().map { "- " + $0 }
                + found.subtracting(expected).sorted().map { "+ " + $0 }
            throw NotSettled(
                description: "\(world): after dying at write \(count) (\(writes[count - 1])) the end differs:\n"
                    + lines.joined(separator: "\n")
                    + "\nwritten before it died: \(other.before)\nand after that: \(other.writes)")
        }
    }

    func run(dyingAfter count: Int?) async throws -> End {
        try await Cluster.withNamespace("settles") { cluster in
            do {
                let end = try await run(dyingAfter: count, in: cluster)
                try await removeClusterScoped(cluster)
                return end
            } catch {
                try? await removeClusterScoped(cluster)  // the first error is the one to tell
                throw error
            }
        }
    }

    private func removeClusterScoped(_ cluster: Cluster) async throws {
        for resource in world.clusterScoped {
            let options = ListOptions(labelSelector: World.label(cluster.namespace))
            for item in try await cluster.client.page(resource, options).items {
                guard let key = item.objectKey else { continue }
                _ = try await cluster.client.send(.delete(resource, key))
            }
        }
    }

    private func run(dyingAfter count: Int?, in cluster: Cluster) async throws -> End {
        let name = "\(world)" + (count.map { ", dying at write \($0)" } ?? "")
        try await cluster.apply(world.objects.replacing("${namespace}", with: cluster.namespace))
        try await world.prepare(cluster)
        let before = if let count { try await liveUntilDeath(after: count, in: cluster) } else { [String]() }
        let writes = try await live(in: cluster) { transport, pulse in
            try await waitForTheEnd(cluster, name, transport, pulse)
        }
        let end = End(
            before: before, writes: writes, objects: try await Snapshot.take(cluster, world.clusterScoped))
        let more = try await live(in: cluster) { transport, pulse in
            try await waitForTheEnd(cluster, "\(name), again", transport, pulse)
        }
        guard more.isEmpty else {
            throw NotSettled(description: "\(name): started again at the end, it still writes: \(more)")
        }
        return end
    }

    /// Returns when the world is as it should be and the life at rest: nothing is asked, done or due, its caches hold all that
    /// the server has, and it has asked for nothing while that was found out.
    ///
    /// The world is looked at only when the life has come to rest, since it changes nothing then.
    private func waitForTheEnd(
        _ cluster: Cluster, _ name: String, _ transport: FaultyTransport, _ pulse: Pulse
    ) async throws {
        let limit = ContinuousClock.now + .seconds(60)
        var found = "the controller never came to rest"
        while true {
            if !transport.isDead, pulse.isAtRest, transport.pendingCount == 0 {
                let count = transport.requestCount
                do {
                    found = "the world is not as it should be"
                    if try await world.isSettled(cluster) {
                        found = "the caches never held what the server has"
                        let hasHeardAll = try await pulse.hasHeardAll(cluster.client)
                        // What a cache has taken in is told to the queues right after that.
                        try await Task.sleep(for: .milliseconds(20))
                        let isAtRest = pulse.isAtRest && transport.pendingCount == 0 && transport.requestCount == count
                        if hasHeardAll, isAtRest { return }
                    }
                } catch is CancellationError {
                    throw CancellationError()
                } catch {
                    found = "\(error)"
                }
                // Others have their part in it too, the garbage collector say; nothing tells of them.
                if transport.requestCount == count { try await Task.sleep(for: .milliseconds(100)) }
            }
            guard .now < limit else {
                let objects = try await Snapshot.take(cluster, world.clusterScoped).joined(separator: "\n")
                throw NotSettled(description: "\(name), not in 60 seconds: \(found); what is there:\n\(objects)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Lives while `body` runs; answers the writes of that life.
    private func live(
        in cluster: Cluster, _ body: (FaultyTransport, Pulse) async throws -> Void
    ) async throws -> [String] {
        let (transport, pulse) = (FaultyTransport(cluster.transport), Pulse())
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (life, client, namespace) = (life, cluster.client(over: transport), cluster.namespace)
            group.addTask { try await Self.live(life, client, namespace, transport, pulse) }
            try await body(transport, pulse)
            group.cancelAll()
            try await group.waitForAll()
        }
        return transport.writes
    }

    /// Answers the writes of that life.
    private func liveUntilDeath(after count: Int, in cluster: Cluster) async throws -> [String] {
        let (transport, pulse) = (FaultyTransport(cluster.transport), Pulse())
        transport.die(afterWrites: count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (life, client, namespace) = (life, cluster.client(over: transport), cluster.namespace)
            group.addTask { try await Self.live(life, client, namespace, transport, pulse) }
            group.addTask {
                // A life may end without its n-th write: what it does side by side need not take the same way twice.
                do {
                    try await waitForTheEnd(cluster, "the end or its death at write \(count)", transport, pulse)
                } catch {
                    guard transport.isDead else { throw error }
                }
                transport.giveUp()
            }
            await transport.death()
            group.cancelAll()
            try await group.waitForAll()
        }
        return transport.writes
    }

    /// Being cancelled or cut off is how a life ends; any other error is the test's to see.
    private static func live(
        _ life: ControllerLife, _ client: KubeClient, _ namespace: String, _ transport: FaultyTransport, _ pulse: Pulse
    ) async throws {
        do {
            try await life(client, namespace, pulse)
        } catch {
            guard Task.isCancelled || transport.isDead else { throw error }
        }
    }
}

/// Every object of a namespace that a controller may have made, one line each, without what differs from run to run.
private enum Snapshot {
    private static let resources: [ResourceType] = [
        type("", "v1", "Secret", "secrets"), type("", "v1", "Pod", "pods"), type("", "v1", "Service", "services"),
        type("networking.k8s.io", "v1", "Ingress", "ingresses"),
        type("cert-manager.io", "v1", "Certificate", "certificates"),
        type("cert-manager.io", "v1", "CertificateRequest", "certificaterequests"),
        type("cert-manager.io", "v1", "Issuer", "issuers"),
        type("acme.cert-manager.io", "v1", "Order", "orders"),
        type("acme.cert-manager.io", "v1", "Challenge", "challenges"),
    ]

    private static func type(_ group: String, _ version: String, _ kind: String, _ plural: String) -> ResourceType {
        ResourceType(group: group, version: version, kind: kind, plural: plural, isNamespaced: true)
    }

    static func take(_ cluster: Cluster, _ clusterScoped: [ResourceType]) async throws -> [String] {
        var lines: [String] = []
        for resource in resources + clusterScoped {
            let options =
                resource.isNamespaced
                ? ListOptions(namespace: cluster.namespace)
                : ListOptions(labelSelector: World.label(cluster.namespace))
            let list = try await cluster.client.page(resource, options)
            for item in list.items where item["type"]?.stringValue != "kubernetes.io/service-account-token" {
                // Where there are nodes, a pod takes its time to end. Where there are none it is gone at once.
                if resource.kind == "Pod", item["metadata"]?["deletionTimestamp"] != nil { continue }
                let text = String(decoding: normalised(item, in: cluster.namespace).serialized(), as: UTF8.self)
                lines.append("\(resource.kind) \(text)")
            }
        }
        return lines.sorted()
    }

    private static func normalised(_ object: JSONValue, in namespace: String) -> JSONValue {
        let metadata = object["metadata"]
        var shown: JSONObject = [:]
        shown["name"] = metadata?["generateName"] ?? metadata?["name"].map { plain($0, in: namespace) }
        for field in ["labels", "annotations", "finalizers"] {
            if let value = metadata?[field] { shown[field] = plain(value, in: namespace) }
        }
        shown["owners"] = .array((metadata?["ownerReferences"]?.arrayValue ?? []).map { $0["kind"] ?? .null })
        if let data = object["data"]?.objectValue {
            shown["data"] = .array(data.map { .string($0.key) }.sorted { "\($0)" < "\($1)" })
        }
        for field in ["type", "spec", "status"] {
            if let value = object[field] { shown[field] = plain(value, in: namespace) }
        }
        return .object(sorted(shown))
    }

    /// What is new in every run: times, messages, keys, certificates, addresses and numbers drawn by the server.
    private static let volatile: Set = [
        "message", "request", "certificate", "ca", "uid", "clusterIP", "clusterIPs", "nodePort", "observedGeneration",
        "token", "key", "url", "authorizationURL", "finalizeURL", "hash", "uri", "lastPrivateKeyHash", "initialState",
        "caBundle",
        // Another one where issuing went step by step.
        "cert-manager.io/private-key-secret-name",
    ]

    private static func plain(_ value: JSONValue, in namespace: String) -> JSONValue {
        switch value {
        case .object(let object):
            var result = JSONObject()
            for member in object {
                var value = plain(member.value, in: namespace)
                // A reason is a word, or what a server said this time.
                let isSentence = member.key == "reason" && value.stringValue?.contains(" ") == true
                if isSentence || volatile.contains(member.key) { value = "…" }
                // An ACME server offers them in any order, and conditions have none (a list of type map, by their type).
                if ["challenges", "authorizations", "conditions"].contains(member.key), let items = value.arrayValue {
                    value = .array(items.sorted { "\($0)" < "\($1)" })
                }
                result[member.key] = value
            }
            return .object(sorted(result))
        case .array(let items): return .array(items.map { plain($0, in: namespace) })
        case .string(let text):
            if Timestamp(rfc3339: text) != nil { return "a time" }
            return .string(withoutNumbers(text.replacing(namespace, with: "NS")))
        default: return value
        }
    }

    /// Hashes and random parts of a name differ with the namespace.
    private static func withoutNumbers(_ text: String) -> String {
        text.split(separator: "-", omittingEmptySubsequences: false).map { part in
            let isDrawn = part.count >= 5 && part.allSatisfy { $0.isASCII && ($0.isNumber || $0.isLowercase) }
            // Of a hash's ten digits none need be a number.
            let isHash = part.count >= 10 && part.allSatisfy(\.isHexDigit)
            return isDrawn && (isHash || part.contains { $0.isNumber }) ? "*" : String(part)
        }.joined(separator: "-")
    }

    private static func sorted(_ object: JSONObject) -> JSONObject {
        var result = JSONObject()
        for member in object.sorted(by: { $0.key < $1.key }) { result[member.key] = member.value }
        return result
    }
}
