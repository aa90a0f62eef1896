import CertificateAPI
import DNSProviders
import Issuers
import KubeModel
import Wire

/// Everything the decision about one Issuer or ClusterIssuer looks at.
struct IssuerView: Sendable, Equatable {
    var spec: IssuerSpec
    var status: IssuerStatus?
    var generation: Int64?
    var finding: IssuerFinding
    /// What an ACME server says of itself; nil while that is not known.
    var server: ServerInformation?
    var now: Timestamp
}

/// What looking into an issuer of its kind has brought.
enum IssuerFinding: Sendable, Equatable {
    /// The spec breaks rules, or asks for what is not there yet: nothing was looked into.
    case refused([FieldProblem])
    case readiness(IssuerReadiness)
    /// `solverProblems` are of single solvers: the others can be used.
    case account(IssuerStatus.ACMEStatus, IssuerReadiness, solverProblems: [String])
    /// The server is being asked.
    case asking
}

struct IssuerPlan: Sendable, Equatable {
    /// Nil to leave it.
    var status: IssuerStatus?
    var notices: [Notice] = []
    var lookAgain: Timestamp?
}

enum IssuerDecision {
    static func decide(_ view: IssuerView) -> IssuerPlan {
        var status = view.status ?? .init()
        let readiness: IssuerReadiness
        switch view.finding {
        case .asking: return IssuerPlan()
        case .refused(let problems):
            readiness = IssuerReadiness(
                isReady: false, reason: "InvalidConfig",
                message: "The issuer cannot be used: " + problems.map(\.description).joined(separator: "; "))
        case .readiness(let found): readiness = found
        case .account(let account, let found, let solverProblems):
            status.acme = account
            readiness = solverProblems.isEmpty ? found : unusable(solverProblems)
        }
        let old = status.conditions[type: Condition.Kind.ready]
        var condition = Condition(
            type: Condition.Kind.ready, status: readiness.isReady ? .yes : .no, reason: readiness.reason,
            message: readiness.message)
        condition.observedGeneration = view.generation
        status.conditions = status.conditions.setting(condition, now: view.now)
        let news = view.server.flatMap { $0.apply(to: &status, view) }
        guard status != view.status else { return IssuerPlan(lookAgain: readiness.lookAgain) }
        return IssuerPlan(
            status: status, notices: notices(readiness, old) + [news].compactMap(\.self),
            lookAgain: readiness.lookAgain)
    }

    private static func unusable(_ problems: [String]) -> IssuerReadiness {
        IssuerReadiness(
            isReady: false, reason: ACMEReadiness.invalidSolver,
            message: "The ACME account is registered, and solvers without problems are used; but "
                + problems.joined(separator: "; "))
    }

    /// Told when it becomes ready, and when it is not for another reason than before; not at every attempt.
    private static func notices(_ readiness: IssuerReadiness, _ old: Condition?) -> [Notice] {
        if old?.status == (readiness.isReady ? .yes : .no), old?.reason == readiness.reason { return [] }
        guard !readiness.isReady else {
            return readiness.reason == "IsReady" ? [] : [.normal(readiness.reason, readiness.message)]
        }
        return [.warning(readiness.reason, readiness.message)]
    }
}

/// Which rules of an issuer's spec keep it from being used at all, and which only one of its solvers.
struct IssuerRules {
    let fatal: [FieldProblem]

    init(_ spec: IssuerSpec) {
        let solvers = FieldPath.spec["acme"]["solvers"].text + "["
        let keys = DNSProviderRegistry.standard.keys
        let all = spec.problems() + UnsupportedFields.problems(in: spec, at: .spec, dnsProviders: keys)
        fatal = all.filter { !$0.path.text.hasPrefix(solvers) }
    }
}
