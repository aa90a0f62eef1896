import CertificateAPI
import KubeClient
package import KubeModel
package import Logging
package import Wire

/// Finds what challenges that are gone or over have left in the cluster, and takes it away: after a crash, after a
/// finalizer that somebody removed by hand, after a deletion that nobody was there to see.
package struct SolverSweep: Sendable {
    static let pause = Duration.seconds(600)
    /// What is younger may belong to a challenge that is not known yet.
    static let youth = Duration.seconds(60)

    private let solver: HTTP01Solver
    private let namespace: String?
    private let ingresses: @Sendable () -> [Ingress]
    private let time: any TimeSource
    private let logger: Logger

    /// - Parameters:
    ///   - namespace: nil for all.
    ///   - ingresses: all that are known, the user's among them.
    package init(
        solver: HTTP01Solver, namespace: String?, ingresses: @escaping @Sendable () -> [Ingress], time: any TimeSource,
        logger: Logger
    ) {
        self.solver = solver
        self.namespace = namespace
        self.ingresses = ingresses
        self.time = time
        self.logger = logger
    }

    /// Looks now and every ten minutes until cancelled. To be run while this process leads and knows the Challenges.
    package func run() async throws {
        while true {
            do throws(SolverError) {
                try await sweep()
            } catch {
                logger.warning(
                    "Leftovers of challenges could not be looked for; the next attempt is in ten minutes",
                    metadata: ["error": "\(error)"])
            }
            try await time.sleep(for: Self.pause)
        }
    }

    func sweep() async throws(SolverError) {
        // Asked for side by side: at a start each answer waits behind the first look at every object there is.
        async let pods = list(Pod.self)
        async let services = list(Service.self)
        async let ingresses = list(Ingress.self)
        async let routes = solver.options.gatewayAPI ? list(HTTPRoute.self) : .success([])
        var sets: Set<SolverSet> = []
        try await sweep(await pods.get(), &sets)
        try await sweep(await services.get(), &sets)
        try await sweep(await ingresses.get(), &sets)
        try await sweep(await routes.get(), &sets)
        for set in sets { try await solver.tidy(set) }
        try await sweepEdits()
    }

    private func list<Object: KubeObject>(_ type: Object.Type) async -> Result<[Object], SolverError> {
        let label = "\(Names.Label.http01Solver)=true"
        let options = ListOptions(namespace: namespace, labelSelector: label, metadataOnly: true)
        do throws(SolverError) {
            return .success(try await solver.list(type, options))
        } catch {
            return .failure(error)
        }
    }

    private func sweep<Object: KubeObject>(
        _ objects: [Object], _ sets: inout Set<SolverSet>
    ) async throws(SolverError) {
        for object in objects {
            let known = solver.open.all(in: object.key.namespace)
            switch Leftovers.judge(object.metadata, challenges: known, now: time.now()) {
            case .needed: break
            case .shared(let set): sets.insert(set)
            case .leftover:
                logger.info(
                    "A solver object without a challenge is taken away",
                    metadata: ["kind": "\(Object.resource.kind)", "object": "\(object.key)"])
                try await solver.delete(Object.self, object.key, uid: object.metadata.uid)
            }
        }
    }

    private func sweepEdits() async throws(SolverError) {
        for ingress in ingresses() {
            guard ingress.metadata.labels?[Names.Label.http01Solver] == nil, !ingress.metadata.isBeingDeleted,
                let rules = ingress.spec?.rules,
                let rest = Leftovers.removing(from: rules, challenges: solver.open.all(in: ingress.key.namespace))
            else { continue }
            logger.info("Paths of challenges that are over are taken out", metadata: ["ingress": "\(ingress.key)"])
            do throws(SolverError) {
                try await solver.write(rest, to: ingress)
            } catch .notNow {
                continue  // it has just been changed: the next look will do
            }
        }
    }
}

/// What is left over, and what is not.
enum Leftovers {
    enum Verdict: Sendable, Hashable {
        case needed
        case leftover
        /// Looked at together with the others of the set.
        case shared(SolverSet)
    }

    static func judge(_ metadata: ObjectMeta, challenges: [Challenge], now: Timestamp) -> Verdict {
        guard !metadata.isBeingDeleted else { return .needed }
        if let digest = metadata.labels?[Names.Label.solverSet] {
            return .shared(SolverSet(namespace: metadata.namespace ?? "", digest: digest))
        }
        // Without an owner of that kind it is none of ours, whatever its labels say.
        guard let owner = metadata.controller, owner.kind == Challenge.resource.kind,
            let made = metadata.creationTimestamp, now - made > SolverSweep.youth
        else { return .needed }
        guard let challenge = challenges.first(where: { $0.metadata.uid == owner.uid }) else { return .leftover }
        return challenge.isOpen || challenge.metadata.finalizers?.isEmpty == false ? .needed : .leftover
    }

    /// The rules of an Ingress of the user's without the paths to a solver's Service that no open challenge asks for;
    /// nil when there is none.
    static func removing(from rules: [Ingress.Rule], challenges: [Challenge]) -> [Ingress.Rule]? {
        let wanted = Set(challenges.filter { !$0.isOver }.map { SolverObjects.path(for: $0) })
        return IngressEdit.removing(from: rules) { _, path in
            path.isChallenge && path.service?.hasPrefix(SolverObjects.namePrefix) == true
                && !wanted.contains(path.path ?? "")
        }
    }
}

extension Challenge {
    /// Whether nothing of it needs to be cleaned up any more.
    fileprivate var isOver: Bool { !isOpen && metadata.finalizers?.isEmpty != false }
}

extension HTTP01Solver {
    func list<Object: KubeObject>(
        _ type: Object.Type, _ options: ListOptions
    ) async throws(SolverError) -> [Object] {
        do {
            return try await client.listAll(type, options).items
        } catch {
            if error.isUnserved, type == HTTPRoute.self { return [] }
            throw Self.failure(error)
        }
    }

    func delete<Object: KubeObject>(_ type: Object.Type, _ key: ObjectKey, uid: String?) async throws(SolverError) {
        do {
            try await client.delete(type, key, preconditions: Preconditions(uid: uid))
        } catch {
            if error.isConflict { return }  // another one of the name by now
            throw Self.failure(error)
        }
    }
}
