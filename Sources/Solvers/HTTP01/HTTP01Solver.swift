package import CertificateAPI
package import DNSWire
package import HTTPTransport
package import KubeClient
import KubeModel
package import Wire

/// Proves control of a name by a file that a pod of ours serves through the user's ingress controller
/// or Gateway (RFC 8555 §8.3).
package struct HTTP01Solver: ChallengeSolver {
    private static let path = FieldPath("spec.solver.http01")

    private let options: HTTP01Options
    let client: KubeClient
    private let check: HTTP01Check
    private let time: any TimeSource

    package init(
        options: HTTP01Options, client: KubeClient, http: any HTTPTransport, dns: DNSClient, time: any TimeSource
    ) {
        self.options = options
        self.client = client
        self.time = time
        let resolver = options.nameservers.isEmpty ? nil : Resolver(servers: options.nameservers, client: dns)
        check = HTTP01Check(transport: http, options: options, resolver: resolver)
    }

    package func present(_ challenge: Challenge) async throws(SolverError) {
        let objects = try objects(for: challenge)
        try checkGatewayAPI(objects)
        try await ensure(objects.pod, for: challenge)
        try await ensure(objects.service, for: challenge)
        switch objects.way {
        case .ingress(let solver):
            if let name = solver.name.nonEmpty {
                try await edit(name, adding: objects)
            } else {
                try await ensure(objects.ingress(as: solver), for: challenge)
            }
        case .gateway(let solver): try await ensureRoute(objects.route(as: solver), for: challenge)
        }
    }

    package func check(_ challenge: Challenge) async -> SelfCheck {
        guard let problem = await check.problem(of: challenge) else {
            return .visible("GET \(HTTP01Check.url(for: challenge)) answers with the key authorization")
        }
        let again = CheckPace.delay(presentedAt: challenge.status?.presentedAt, now: time.now())
        do throws(SolverError) {
            let news = try await restore(challenge)
            return .notYet(news.map { "\(problem); \($0)" } ?? problem, again: again)
        } catch .notNow(let sentence, let soon) {
            return .notYet("\(problem); \(sentence)", again: max(again, soon))
        } catch {
            return .notYet("\(problem); \(error)", again: again)
        }
    }

    package func cleanUp(_ challenge: Challenge) async throws(SolverError) {
        let objects = try objects(for: challenge)
        switch objects.way {
        case .ingress(let solver):
            if let name = solver.name.nonEmpty {
                try await edit(name, removing: objects)
            } else {
                try await delete(Ingress.self, objects.key)
            }
        case .gateway: try await deleteRoute(objects.key, isOurs: options.gatewayAPI)
        }
        try await delete(Service.self, objects.key)
        try await delete(Pod.self, objects.key)
    }

    /// Puts back what has gone missing, and tells what keeps the pod from serving; nil when nothing seems to.
    private func restore(_ challenge: Challenge) async throws(SolverError) -> String? {
        let objects = try objects(for: challenge)
        let pod = try await find(Pod.self, objects.key)
        try await present(challenge)
        guard let pod else { return "the solver pod was missing and is made again" }
        if let news = pod.news { return news }
        guard case .gateway = objects.way else { return nil }
        return try await find(HTTPRoute.self, objects.key)?.news
    }

    private func objects(for challenge: Challenge) throws(SolverError) -> SolverObjects {
        guard let http01 = challenge.spec.solver.http01 else { throw .refused([.required(Self.path)]) }
        if let gateway = http01.gatewayHTTPRoute {
            return SolverObjects(challenge: challenge, way: .gateway(gateway), options: options)
        }
        guard let ingress = http01.ingress else { throw .refused([.required(Self.path["ingress"])]) }
        return SolverObjects(challenge: challenge, way: .ingress(ingress), options: options)
    }

    /// Without the flag the controller need not have the right to make routes. What was made before is still cleaned up.
    private func checkGatewayAPI(_ objects: SolverObjects) throws(SolverError) {
        guard case .gateway = objects.way, !options.gatewayAPI else { return }
        let detail = "the Gateway API is switched off; start the controller with --enable-gateway-api"
        throw .refused([.forbidden(Self.path["gatewayHTTPRoute"], detail)])
    }
}
