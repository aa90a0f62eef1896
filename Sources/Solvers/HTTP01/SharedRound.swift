import CertificateAPI
import KubeModel

/// What one round does for a set of challenges.
enum SharedRound: Sendable, Hashable {
    /// Has the objects there, and the paths of these in the Ingress. Paths of challenges that are neither here nor among
    /// `open` go.
    case serve([SolverObjects], open: Set<ChallengePath>)
    /// Others are open still. Their Ingress keeps the paths that are over until it is written for another reason: a CA
    /// asks for no token twice. An Ingress of the user's is cleaned at once.
    case keep(open: Set<ChallengePath>)
    /// Nobody needs the objects.
    case remove

    /// - Parameter open: the challenges of the set that are under way, as far as is known.
    static func decide(_ wishes: [SolverWish], open: [Challenge]) -> SharedRound {
        var presented: [SolverObjects] = []
        var retired: Set<String> = []
        for wish in wishes {
            switch wish.aim {
            case .present(let objects): presented.append(objects)
            case .retire(let objects): retired.insert(objects.challenge.metadata.uid ?? "")
            case .tidy: break
            }
        }
        let others = open.filter { !retired.contains($0.metadata.uid ?? "") }
        let paths = Set(others.map { ChallengePath($0) })
        if !presented.isEmpty { return .serve(presented, open: paths) }
        return others.isEmpty ? .remove : .keep(open: paths)
    }
}

/// What the CA asks for, as a rule of an Ingress has it.
struct ChallengePath: Sendable, Hashable {
    var host: String?
    var path: String

    init(host: String?, path: String) {
        self.host = host
        self.path = path
    }

    init(_ challenge: Challenge) {
        self.init(host: SolverObjects.host(of: challenge), path: SolverObjects.path(for: challenge))
    }
}
