import KubeClient
import KubeModel
import Synchronization
import Wire

/// As much of a Certificate as the driver needs: its name going in, its Ready condition coming out.
struct LoadCertificate: KubeObject {
    static let resource = ResourceType(
        group: "cert-manager.io", version: "v1", kind: "Certificate", plural: "certificates", isNamespaced: true)

    struct Status: Codable, Sendable {
        struct Condition: Codable, Sendable {
            var type: String
            var status: String
            var message: String?
            var observedGeneration: Int64?
        }
        struct ACME: Codable, Sendable {
            struct RenewalInformation: Codable, Sendable { var lastChecked: String? }
            var ari: RenewalInformation?
        }
        var conditions: [Condition]?
        var revision: Int64?
        var acme: ACME?
    }
    var metadata: ObjectMeta
    var spec: JSONValue
    var status: Status?

    var isReady: Bool { status?.conditions?.contains { $0.type == "Ready" && $0.status == "True" } ?? false }

    /// Whether its CA was asked when to renew it (RFC 9773).
    var wasAskedAbout: Bool { status?.acme?.ari?.lastChecked != nil }

    /// Why its issuance has failed: what comes after that is a wait of an hour, and no measurement.
    var failure: String? {
        status?.conditions?.first { $0.type == "Issuing" && $0.status == "False" }.map { $0.message ?? "" }
    }

    /// Ready as the spec is now, and issued at least twice.
    var hasSettledChange: Bool {
        status?.revision ?? 0 >= 2
            && status?.conditions?.contains {
                $0.type == "Ready" && $0.status == "True" && $0.observedGeneration == metadata.generation
            } ?? false
    }

    init(name: String, namespace: String, spec: JSONValue) {
        metadata = ObjectMeta(name: name, namespace: namespace)
        self.spec = spec
    }

    /// A leaf with one DNS name, or also its wildcard, and a P-256 key.
    init(number: Int, namespace: String, issuer: IssuerChoice, zone: String, withWildcard: Bool = false) {
        let name = "load-\(number)"
        let domain = "\(name).\(namespace).\(zone)"
        metadata = ObjectMeta(name: name, namespace: namespace)
        spec = [
            "secretName": .string(name),
            "dnsNames": .array((withWildcard ? [domain, "*." + domain] : [domain]).map { .string($0) }),
            "privateKey": ["algorithm": "ECDSA", "size": 256],
            "issuerRef": ["name": .string(issuer.name), "kind": .string(issuer.kind)],
        ]
    }
}

struct IssuerChoice: Sendable {
    var name: String
    var kind: String
}

/// When each certificate was asked for and when it was first seen as it should be.
final class Progress: Sendable {
    private let isDone: @Sendable (LoadCertificate) -> Bool
    private struct State {
        var started: [ObjectKey: ContinuousClock.Instant] = [:]
        var ready: [ObjectKey: ContinuousClock.Instant] = [:]
        var failure: (key: ObjectKey, why: String)?
    }
    private let state = Mutex(State())

    init(isDone: @escaping @Sendable (LoadCertificate) -> Bool) { self.isDone = isDone }

    func start(_ key: ObjectKey) {
        state.withLock { $0.started[key] = .now }
    }

    func seen(_ certificate: LoadCertificate) {
        let key = certificate.key
        guard isDone(certificate) else {
            if let why = certificate.failure { state.withLock { $0.failure = $0.failure ?? (key, why) } }
            return
        }
        state.withLock { if $0.ready[key] == nil { $0.ready[key] = .now } }
    }

    var readyCount: Int { state.withLock { $0.ready.count } }
    /// The first that failed.
    var failure: (key: ObjectKey, why: String)? { state.withLock { $0.failure } }

    struct Result {
        var firstToLast: Duration
        var last: ContinuousClock.Instant
        var times: [Duration]
    }

    /// Of those that became Ready: the whole span, and each one's own time, shortest first.
    var result: Result {
        state.withLock { state in
            let first = state.started.values.min() ?? .now
            let last = state.ready.values.max() ?? first
            let times = state.ready.compactMap { key, end in state.started[key].map { end - $0 } }
            return Result(firstToLast: last - first, last: last, times: times.sorted())
        }
    }
}

extension [Duration] {
    /// Of a sorted list: the value that this share of the list does not exceed.
    func percentile(_ share: Double) -> Duration {
        guard !isEmpty else { return .zero }
        return self[Swift.min(count - 1, Int((Double(count) * share).rounded(.up)) - 1)]
    }
}

/// Does one request for each of many certificates, `concurrency` at a time, and watches all become as they should be.
struct LoadRun {
    let client: KubeClient
    let count: Int
    let namespaces: Int
    let concurrency: Int
    let timeout: Duration
    let progress: Progress
    /// Sends the request for the certificate of that number, which has told the progress its name.
    let request: @Sendable (_ number: Int, Progress) async throws -> Void

    func makeNamespaces() async throws {
        for number in 0..<namespaces {
            let namespace = Namespace(name: "bench-\(number)")
            do throws(KubeError) {
                _ = try await client.create(namespace)
            } catch {
                guard error.isAlreadyExists else { throw error }
            }
        }
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch() }
            group.addTask { try await awaitAll() }
            try await requestAll()
            try await awaitFinish(&group)
        }
    }

    /// Waits until the CA was asked about each certificate, which comes after they are Ready.
    func awaitRenewalTimes() async throws {
        let deadline = ContinuousClock.now + timeout
        while true {
            let open = try await client.listAll(LoadCertificate.self).items.count { !$0.wasAskedAbout }
            if open == 0 { return }
            guard ContinuousClock.now < deadline else {
                throw BenchmarkError.timeout("the CA to be asked about \(open) of \(count) certificates")
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func awaitFinish(_ group: inout ThrowingTaskGroup<Void, any Error>) async throws {
        try await group.next()
        group.cancelAll()
    }

    private func requestAll() async throws {
        let next = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<concurrency {
                group.addTask { [self] in
                    while let number = next.take(below: count) { try await request(number, progress) }
                }
            }
            try await group.waitForAll()
        }
    }

    private final class Counter: Sendable {
        private let value = Mutex(0)

        func take(below limit: Int) -> Int? {
            value.withLock { value in
                guard value < limit else { return nil }
                value += 1
                return value - 1
            }
        }
    }

    private func awaitAll() async throws {
        let deadline = ContinuousClock.now + timeout
        while progress.readyCount < count {
            if let (key, why) = progress.failure { throw BenchmarkError.failed("\(key)", why) }
            guard ContinuousClock.now < deadline else {
                throw BenchmarkError.timeout(
                    "\(count - progress.readyCount) of \(count) certificates to be as they should")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Lists, then watches, and again whenever the API server ends the watch.
    private func watch() async throws {
        while !Task.isCancelled {
            do {
                let list = try await client.listAll(LoadCertificate.self)
                for certificate in list.items { progress.seen(certificate) }
                try await client.watch(
                    LoadCertificate.resource, ListOptions(), from: list.resourceVersion, timeoutSeconds: 300,
                    onMalformed: { _ in }
                ) { event in
                    switch event {
                    case .added(let value), .modified(let value): progress.seen(try value.decode(LoadCertificate.self))
                    default: break
                    }
                }
            } catch {
                try await Task.sleep(for: .milliseconds(100))  // cut or expired: the next list makes up for it
            }
        }
    }
}

extension KubeRequest {
    /// The request that creates `object`.
    static func create<Object: KubeObject>(_ object: Object) throws -> KubeRequest {
        .create(Object.resource, namespace: object.metadata.namespace, try object.manifest())
    }
}
