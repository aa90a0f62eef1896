import CertificateAPI
import KubeClient
import KubeModel
import Synchronization
import Wire

/// The challenges that are under way, as the cluster tells, and those that are over and not yet known as such.
final class OpenChallenges: Sendable {
    private let source: @Sendable (_ namespace: String) -> [Challenge]
    /// The namespaces of challenges that have been cleaned up, by UID, until they are gone.
    private let retired = Mutex<[String: String]>([:])

    init(_ all: @escaping @Sendable (_ namespace: String) -> [Challenge]) { source = all }

    func all(in namespace: String) -> [Challenge] { source(namespace) }

    func retire(_ challenge: Challenge) {
        retired.withLock { $0[challenge.metadata.uid ?? ""] = challenge.metadata.namespace ?? "" }
    }

    func reopen(_ challenge: Challenge) { retired.withLock { $0[challenge.metadata.uid ?? ""] = nil } }

    /// Those that an Order has made: what nobody made for a purpose keeps nothing alive.
    func under(_ set: SolverSet) -> [Challenge] {
        let known = source(set.namespace)
        let over = retired.withLock { retired -> Set<String> in
            let uids = Set(known.compactMap(\.metadata.uid))
            retired = retired.filter { $0.value != set.namespace || uids.contains($0.key) }
            return Set(retired.keys)
        }
        return known.filter { challenge in
            challenge.isOpen && challenge.metadata.controller?.kind == Order.resource.kind
                && !over.contains(challenge.metadata.uid ?? "") && SolverSet(challenge) == set
        }
    }
}

extension HTTP01Solver {
    func presentShared(_ objects: SolverObjects, in set: SolverSet) async throws(SolverError) {
        open.reopen(objects.challenge)
        try await rounds.run(.present(objects), in: set) { await hold($0, set) }
        guard case .gateway(let solver) = objects.way else { return }
        try await ensureRoute(objects.route(as: solver), for: objects.challenge)
    }

    func retireShared(_ objects: SolverObjects, in set: SolverSet) async throws(SolverError) {
        if case .gateway = objects.way { try await deleteRoute(objects.ownKey, isOurs: options.gatewayAPI) }
        open.retire(objects.challenge)
        try await rounds.run(.retire(objects), in: set) { await hold($0, set) }
    }

    /// Takes away what no open challenge of the set needs.
    func tidy(_ set: SolverSet) async throws(SolverError) {
        try await rounds.run(.tidy, in: set) { await hold($0, set) }
    }

    private func hold(_ wishes: [SolverWish], _ set: SolverSet) async -> SolverRounds.Failures {
        let open = open.under(set)
        do throws(SolverError) {
            switch SharedRound.decide(wishes, open: open) {
            case .serve(let objects, let paths): return try await serve(objects, open: paths, wishes, set)
            case .keep(let paths):
                guard let one = wishes.objects.first ?? open.lazy.compactMap({ try? self.objects(for: $0) }).first
                else {
                    break
                }
                if wishes.contains(where: { $0.aim == .tidy }) || one.editedIngress != nil {
                    try await writeRules(adding: [], open: paths, like: one, set)
                }
            case .remove: try await remove(set, like: wishes.objects.first)
            }
            return [:]
        } catch {
            return wishes.failing(with: error)
        }
    }

    private func serve(
        _ objects: [SolverObjects], open: Set<ChallengePath>, _ wishes: [SolverWish], _ set: SolverSet
    ) async throws(SolverError) -> SolverRounds.Failures {
        guard let first = objects.first else { return [:] }
        try await ensureShared(first.pod, set)
        try await ensureShared(first.service, set)
        do throws(SolverError) {
            try await writeRules(adding: objects, open: open, like: first, set)
            return [:]
        } catch .denied(let sentence) {
            guard objects.count > 1 else { throw .denied(sentence) }
            return await serveOneByOne(wishes, objects, open: open, set)
        }
    }

    /// One name that a policy of the cluster does not let in keeps none of the others out.
    private func serveOneByOne(
        _ wishes: [SolverWish], _ objects: [SolverObjects], open: Set<ChallengePath>, _ set: SolverSet
    ) async -> SolverRounds.Failures {
        let open = open.union(objects.map { ChallengePath($0.challenge) })
        var failures: SolverRounds.Failures = [:]
        for wish in wishes {
            guard case .present(let objects) = wish.aim else { continue }
            do {
                try await writeRules(adding: [objects], open: open, like: objects, set)
            } catch {
                failures[wish.number] = error
            }
        }
        return failures
    }

    private func remove(_ set: SolverSet, like objects: SolverObjects?) async throws(SolverError) {
        if let objects, objects.editedIngress != nil {
            try await writeRules(adding: [], open: [], like: objects, set)
        } else if objects?.isRouted != true {
            try await delete(Ingress.self, set.key)
        }
        try await delete(Service.self, set.key)
        try await delete(Pod.self, set.key)
    }

    /// The object, made if it is missing. A pod that will not serve any more goes first.
    private func ensureShared<Object: KubeObject>(_ object: Object, _ set: SolverSet) async throws(SolverError) {
        let kind = Object.resource.kind
        guard let present = try await find(Object.self, object.key) else {
            do throws(KubeError) {
                _ = try await client.create(object)
            } catch {
                guard error.isAlreadyExists else { throw Self.failure(error) }
                throw .notNow(
                    "the \(kind) \(object.key) has just been made by somebody else", again: .milliseconds(200))
            }
            return
        }
        guard present.metadata.labels?[Names.Label.solverSet] == set.digest else {
            throw .failed("the \(kind) \(object.key) stands in the way of a solver's; delete or rename it")
        }
        if !present.metadata.isBeingDeleted {
            guard let pod = present as? Pod, let wanted = object as? Pod, pod.isUseless(beside: wanted) else { return }
            do {
                let preconditions = Preconditions(uid: pod.metadata.uid)
                try await client.delete(Pod.self, pod.key, preconditions: preconditions)
            } catch {
                throw Self.failure(error)
            }
        }
        throw .notNow("waiting until an old \(kind) of the name \(object.key) is deleted", again: .milliseconds(500))
    }
}
