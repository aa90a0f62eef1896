import CertificateAPI
import Controllers
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Synchronization
import TestSupport
import Testing
import Wire

/// The first list comes from the API server's memory, of each resource by itself, and that may be behind. Here it is: one
/// list of a starting process is answered as it was earlier, and the watch that would tell better comes late.
@Suite(
    "a first list that is out of date", .timeLimit(.minutes(4)), .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct StaleListTests {
    enum Kind: CaseIterable, Sendable {
        case certificates, requests, secrets

        var resource: ResourceType {
            switch self {
            case .certificates: Certificate.resource
            case .requests: CertificateRequest.resource
            case .secrets: Secret.resource
            }
        }

        /// What the informers ask for.
        func options(_ namespace: String) -> ListOptions {
            var options = ListOptions(
                namespace: namespace, labelSelector: self == .secrets ? CertificateCaches.factsSelector : nil)
            options.keepsManagedFields = self == .secrets
            return options
        }

        func isAsked(by request: TransportRequest) -> Bool {
            let isOfFacts = !request.url.contains("%21")
            return request.method == .get && request.url.contains("/\(resource.plural)?")
                && (self != .secrets || isOfFacts)
        }
    }

    private func answers(_ cluster: Cluster) async throws -> [Kind: [UInt8]] {
        var answers: [Kind: [UInt8]] = [:]
        for kind in Kind.allCases {
            let list = try await cluster.client.send(.list(kind.resource, kind.options(cluster.namespace)))
            answers[kind] = list.serialized()
        }
        return answers
    }

    /// Lives until nothing is left to do, with that list answered as it was; returns the writes.
    ///
    /// - Parameter manifest: what comes once it lives.
    private func live(
        _ cluster: Cluster, _ life: CertificateLife, stale: (kind: Kind, answer: [UInt8])? = nil,
        applying manifest: String? = nil
    ) async throws -> [String] {
        let isAnswered = Mutex(false)
        let transport = FaultyTransport(cluster.transport)
        transport.follow { request in
            guard let stale, stale.kind.isAsked(by: request) else { return nil }
            if request.url.contains("watch=") { return .delay(.seconds(2)) }
            let isFirst = isAnswered.withLock { isAnswered in
                defer { isAnswered = true }
                return !isAnswered
            }
            return isFirst ? .answer(Response(head: ResponseHead(status: .ok), body: stale.answer)) : nil
        }
        let pulse = Pulse()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (client, namespace) = (cluster.client(over: transport), cluster.namespace)
            group.addTask {
                do {
                    try await life.run(client, namespace, pulse)
                } catch {
                    guard Task.isCancelled else { throw error }
                }
            }
            func isAtRest() async throws -> Bool {
                guard pulse.isAtRest, transport.pendingCount == 0 else { return false }
                return try await pulse.hasHeardAll(cluster.client)
            }
            if let manifest {
                try await cluster.eventually("it has begun", within: .seconds(60)) { pulse.isAtRest }
                try await cluster.apply(manifest)
            }
            try await cluster.eventually("it is at rest", within: .seconds(60)) { try await isAtRest() }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(stale == nil || isAnswered.withLock { $0 })
        return transport.writes
    }

    /// Asks for a renewal as `cmctl renew` does.
    private func renew(_ cluster: Cluster) async throws {
        let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
        let asked = status?.conditions.setting(
            Condition(type: "Issuing", status: .yes, reason: "ManuallyTriggered"), now: .now())
        _ = try await cluster.client.mergePatch(
            ["status": ["conditions": try JSONValue(encoding: asked)]], of: Certificate.self, cluster.key("site"),
            subresource: "status")
    }

    /// Starts a process that gets each of the earlier lists, and sees that nothing comes of it.
    private func expectNothingDone(_ cluster: Cluster, _ life: CertificateLife, _ earlier: [[Kind: [UInt8]]])
        async throws
    {
        let before = try await answers(cluster)
        for answers in earlier {
            for (kind, answer) in answers where answer != before[kind] {
                // A status is written over the version that it was made from: of an old one that is refused.
                let writes = try await live(cluster, life, stale: (kind, answer)).filter { !$0.hasSuffix("/status") }
                #expect(writes == [], "\(kind) as they were: \(String(decoding: answer, as: UTF8.self))")
            }
        }
        let after = try await answers(cluster)
        for kind in Kind.allCases {
            func items(_ answers: [Kind: [UInt8]]) throws -> JSONValue? {
                try JSONValue(parsing: answers[kind] ?? [])["items"]
            }
            #expect(try items(after) == items(before))
        }
    }

    @Test("does not have an issuance begun again that another process has finished", arguments: [true, false])
    func renewal(atOnce: Bool) async throws {
        let life = CertificateLife(signsAtOnce: atOnce)
        try await Cluster.withNamespace("stale") { cluster in
            try await cluster.apply(Manifest.all(Manifest.issuer, Manifest.certificate()))
            _ = try await live(cluster, life)
            var earlier = [try await answers(cluster)]
            try await renew(cluster)
            earlier.append(try await answers(cluster))
            _ = try await live(cluster, life)
            #expect(try await cluster.isReady("site", revision: 2))
            try await expectNothingDone(cluster, life, earlier)
        }
    }

    @Test("does not undo what another process had done when it died, at whichever write")
    func halfway() async throws {
        let life = CertificateLife(signsAtOnce: false)
        let count = try await Cluster.withNamespace("stale") { cluster in
            try await cluster.apply(Manifest.all(Manifest.issuer, Manifest.certificate()))
            return try await live(cluster, life).count
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1..<count { group.addTask { try await halfway(life, dyingAfter: number) } }
            try await group.waitForAll()
        }
    }

    private func halfway(_ life: CertificateLife, dyingAfter count: Int) async throws {
        try await Cluster.withNamespace("stale") { cluster in
            try await cluster.apply(Manifest.all(Manifest.issuer, Manifest.certificate()))
            let transport = FaultyTransport(cluster.transport)
            transport.die(afterWrites: count)
            try await withThrowingTaskGroup(of: Void.self) { group in
                let (client, namespace) = (cluster.client(over: transport), cluster.namespace)
                // Being cut off is how it ends.
                group.addTask { try? await life.run(client, namespace) }
                await transport.death()
                group.cancelAll()
                try await group.waitForAll()
            }
            let earlier = try await answers(cluster)
            _ = try await live(cluster, life)
            #expect(try await cluster.isReady("site", revision: 1))
            try await expectNothingDone(cluster, life, [earlier])
        }
    }

    @Test("a Secret that is restored with its Certificate stays, though its watch is late", arguments: [true, false])
    func restored(atOnce: Bool) async throws {
        let life = CertificateLife(signsAtOnce: atOnce)
        try await Cluster.withNamespace("stale") { cluster in
            let empty = try await answers(cluster)
            try await cluster.apply(Manifest.all(Manifest.issuer, Manifest.certificate()))
            _ = try await live(cluster, life)
            let secret = try await cluster.client.get(Secret.self, cluster.key("site-tls"))
            _ = try await cluster.client.send(.delete(Certificate.resource, cluster.key("site")))
            try await cluster.eventually("its requests are gone, too", within: .seconds(60)) {
                try await cluster.client.listAll(CertificateRequest.self, ListOptions(namespace: cluster.namespace))
                    .items.isEmpty
            }
            let stale = try #require(empty[.secrets])
            _ = try await live(cluster, life, stale: (.secrets, stale), applying: Manifest.certificate())
            let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
            #expect(status?.conditions.isTrue("Ready") == true)
            let after = try await cluster.client.get(Secret.self, cluster.key("site-tls"))
            #expect(after.data == secret.data)
            #expect(after.metadata.resourceVersion == secret.metadata.resourceVersion)
            let requests = try await cluster.client.listAll(
                CertificateRequest.self, ListOptions(namespace: cluster.namespace))
            #expect(requests.items.isEmpty)
        }
    }
}
