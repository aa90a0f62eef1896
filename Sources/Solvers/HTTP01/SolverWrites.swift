import CertificateAPI
import KubeClient
import KubeModel
import Wire

extension HTTP01Solver {
    /// The object, made if it is missing. One that an earlier challenge of the same name left behind goes first, and
    /// so does a pod that has ended.
    func ensure<Object: KubeObject>(_ object: Object, for challenge: Challenge) async throws(SolverError) {
        do throws(KubeError) {
            _ = try await client.create(object)
            return
        } catch {
            if error.isNotFound || error.isUnserved, Object.self == HTTPRoute.self {
                throw .failed(
                    "the cluster does not know HTTPRoutes (or is losing the namespace); install the definitions of "
                        + "the Gateway API: \(error)")
            }
            if error.isUnserved {
                throw .failed(
                    "the cluster does not know objects of the kind \(Object.resource.kind); install the definitions of "
                        + "\(Object.resource.group): \(error)")
            }
            guard error.isAlreadyExists else { throw Self.failure(error) }
        }
        let present = try await find(Object.self, object.key)
        if let present, !present.metadata.isBeingDeleted {
            let isOurs = present.metadata.controller?.uid == challenge.metadata.uid
            if isOurs, (present as? Pod)?.hasEnded != true { return }
            do {
                let preconditions = Preconditions(uid: present.metadata.uid)
                try await client.delete(Object.self, present.key, preconditions: preconditions)
            } catch {
                throw Self.failure(error)
            }
        }
        let kind = Object.resource.kind
        throw .notNow("waiting until an old \(kind) of the name \(object.key) is deleted", again: .seconds(1))
    }

    /// The route, made if it is missing and mended if somebody changed it.
    func ensureRoute(_ route: HTTPRoute, for challenge: Challenge) async throws(SolverError) {
        let present = try await find(HTTPRoute.self, route.key)
        guard let present, present.metadata.controller?.uid == challenge.metadata.uid else {
            return try await ensure(route, for: challenge)
        }
        guard let patch = present.difference(from: route) else { return }
        do throws(KubeError) {
            _ = try await client.mergePatch(patch, of: HTTPRoute.self, route.key)
        } catch {
            if error.isConflict {
                throw .notNow(
                    "the HTTPRoute \(route.key) has just been changed by somebody else", again: .milliseconds(200))
            }
            throw Self.failure(error)
        }
    }

    /// Takes the route away. Where the flag is off the right to may be gone too; then the API server's garbage collector
    /// takes it away together with the Challenge that owns it.
    func deleteRoute(_ key: ObjectKey, isOurs: Bool) async throws(SolverError) {
        do throws(KubeError) {
            try await client.delete(HTTPRoute.self, key)
        } catch {
            if error.isForbidden, !isOurs { return }
            throw Self.failure(error)
        }
    }

    func find<Object: KubeObject>(_ type: Object.Type, _ key: ObjectKey) async throws(SolverError) -> Object? {
        do {
            return try await client.find(type, key)
        } catch {
            throw Self.failure(error)
        }
    }

    func delete<Object: KubeObject>(_ type: Object.Type, _ key: ObjectKey) async throws(SolverError) {
        do throws(KubeError) {
            try await client.delete(type, key)
        } catch {
            // With the definition of a kind its objects are gone as well.
            if error.isUnserved, !Object.resource.group.isEmpty { return }
            throw Self.failure(error)
        }
    }

    static func failure(_ error: KubeError) -> SolverError {
        error.isForbidden || error.isInvalid || error.status?.code == 400
            ? .denied(error.description) : .failed(error.description)
    }
}

extension Pod {
    /// Whether it will never serve, and `wanted` may: it has ended, or it does not start with another image.
    func isUseless(beside wanted: Pod) -> Bool {
        if hasEnded { return true }
        func image(_ pod: Pod) -> JSONValue? { pod.spec?["containers"]?[0]?["image"] }
        return !isReady && image(self) != image(wanted)
    }

    var isReady: Bool { status?.conditions?.contains { $0.type == "Ready" && $0.status == "True" } ?? false }

    /// Whether it will never serve again.
    fileprivate var hasEnded: Bool { status?.phase == "Failed" || status?.phase == "Succeeded" }

    private static let pullReasons: Set = [
        "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable",
    ]

    /// What keeps it from serving, as a sentence; nil when nothing seems to.
    var news: String? {
        if isReady { return nil }
        let waiting = status?.containerStatuses?.lazy.compactMap { $0.state?.waiting }.first
        if let why = waiting?.reason, Self.pullReasons.contains(why) {
            // The kubelet tries, and pauses, and words each try anew.
            let image = spec?["containers"]?[0]?["image"]?.stringValue ?? ""
            let steady = why == "ErrImagePull" ? "ImagePullBackOff" : why
            return "the image \(image) of the solver pod \(key) cannot be pulled (\(steady))"
        }
        let unscheduled = status?.conditions?.first { $0.type == "PodScheduled" && $0.status == "False" }
        // How long it pauses before it starts one again is told in seconds.
        if waiting?.reason == "CrashLoopBackOff" {
            return "the solver pod \(key) is not ready (\(status?.phase ?? "no phase yet")): CrashLoopBackOff"
        }
        let reason = waiting?.reason ?? unscheduled?.reason ?? status?.reason
        let detail = waiting?.message ?? unscheduled?.message ?? status?.message
        let causes = [reason, detail].compactMap(\.nonEmpty)
        let cause = causes.isEmpty ? "" : ": " + causes.joined(separator: ": ")
        return "the solver pod \(key) is not ready (\(status?.phase ?? "no phase yet"))\(cause)"
    }
}
