import HTTPTransport
import KubeClient
import KubeModel
import Wire

/// The Lease object on the API server, read and written as `LeaseMachine` speaks of it.
///
/// Requests take the fast lane: a renewal that waits behind others is a lease lost.
struct LeaseStore: Sendable {
    let client: KubeClient
    let key: ObjectKey
    let identity: String
    let duration: Duration
    let time: any TimeSource

    func read() async -> LeaseMachine.Answer {
        await answer(to: .get(Lease.resource, key))
    }

    func create() async -> LeaseMachine.Answer {
        var metadata = ObjectMeta(name: key.name, namespace: key.namespace)
        metadata.resourceVersion = nil
        let now = MicroTime(time.now())
        let lease = Lease(
            metadata: metadata,
            spec: .init(
                holderIdentity: identity, leaseDurationSeconds: seconds, acquireTime: now, renewTime: now,
                leaseTransitions: 0))
        guard let manifest = try? lease.manifest() else {
            preconditionFailure("a Lease of texts and numbers can always be written")
        }
        return await answer(to: .create(Lease.resource, namespace: key.namespace, manifest))
    }

    /// A patch, so that fields and labels that we do not know stay; its resourceVersion makes it conditional.
    func take(version: String, transitions: Int, isRenewal: Bool) async -> LeaseMachine.Answer {
        let now = JSONValue.string(time.now().rfc3339Micro)
        var spec: JSONValue = [
            "holderIdentity": .string(identity), "leaseDurationSeconds": .integer(Int64(seconds)), "renewTime": now,
            "leaseTransitions": .integer(Int64(transitions)),
        ]
        if !isRenewal { spec["acquireTime"] = now }
        return await answer(to: patch(version: version, spec: spec))
    }

    /// Answers whether the Lease has no holder now by our doing.
    func release(version: String, transitions: Int) async -> Bool {
        let now = JSONValue.string(time.now().rfc3339Micro)
        let spec: JSONValue = [
            "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now, "acquireTime": now,
            "leaseTransitions": .integer(Int64(transitions)),
        ]
        switch await answer(to: patch(version: version, spec: spec)) {
        case .lease: return true
        case .conflict: return await releaseIfOurs()
        case .notFound, .failed: return false
        }
    }

    /// For when it is not known whether it is ours.
    func releaseIfOurs() async -> Bool {
        guard case .lease(let record, let version) = await read(), record.holder == identity else { return false }
        let spec: JSONValue = ["holderIdentity": "", "leaseDurationSeconds": 1]
        guard case .lease = await answer(to: patch(version: version, spec: spec)) else { return false }
        return true
    }

    /// Returns true when the Lease has changed since `version`, false when that cannot be watched.
    func waitForChange(since version: String, atMost limit: Duration) async -> Bool {
        await client.waitForChange(of: Lease.resource, key, since: version, atMost: limit)
    }

    // MARK: Inside

    private var seconds: Int { max(1, Int(duration.components.seconds)) }

    private func patch(version: String, spec: JSONValue) -> KubeRequest {
        .mergePatch(
            Lease.resource, key, ["metadata": ["resourceVersion": .string(version)], "spec": spec],
            fieldManager: client.fieldManager)
    }

    private func answer(to request: KubeRequest) async -> LeaseMachine.Answer {
        do throws(KubeError) {
            let value = try await client.send(request, lane: .express)
            guard let lease = try? value.decode(Lease.self), let version = lease.metadata.resourceVersion else {
                return .failed  // whatever answers there is no API server
            }
            return .lease(LeaseMachine.Record(lease), version: version)
        } catch {
            if error.isNotFound { return .notFound }
            return error.status?.code == 409 ? .conflict : .failed
        }
    }
}

extension LeaseMachine.Record {
    init(_ lease: Lease) {
        holder = lease.spec?.holderIdentity
        durationSeconds = lease.spec?.leaseDurationSeconds
        renewTime = lease.spec?.renewTime?.time
        transitions = lease.spec?.leaseTransitions ?? 0
    }
}
