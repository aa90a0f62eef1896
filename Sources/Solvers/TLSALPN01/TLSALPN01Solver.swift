package import CertificateAPI
import HTTPServer
import KubeModel
import PKI
package import Wire

/// Proves control of a name by a certificate that a pod of ours shows to the CA, over TLS that is passed on to it
/// (RFC 8737). Pod, Service and pod template are those of HTTP-01; what differs is the way in.
package struct TLSALPN01Solver: ChallengeSolver {
    private static let path = FieldPath("spec.solver.http01")

    private let cluster: HTTP01Solver
    private let time: any TimeSource
    /// Where the self-check knocks: 443 everywhere but in a laboratory.
    private let port: Int

    /// - Parameter cluster: makes and takes away pods and Services.
    package init(cluster: HTTP01Solver, time: any TimeSource, port: Int = 443) {
        self.cluster = cluster
        self.time = time
        self.port = port
    }

    package func present(_ challenge: Challenge) async throws(SolverError) {
        let objects = try cluster.objects(for: challenge)
        let passage = try passage(of: objects)
        try await cluster.ensure(objects.pod, for: challenge)
        try await cluster.ensure(objects.service, for: challenge)
        switch passage {
        case .gateway(let route): try await cluster.ensure(route, for: challenge)
        case .traefik(let route): try await cluster.ensure(route, for: challenge)
        case .service: break
        }
    }

    package func check(_ challenge: Challenge) async -> SelfCheck {
        let again = CheckPace.delay(presentedAt: challenge.status?.presentedAt, now: time.now())
        do throws(SolverError) {
            let objects = try cluster.objects(for: challenge)
            let (host, port) = try await place(of: objects)
            let attempt = "\(host):\(port), asked for \(objects.serverName) with acme-tls/1,"
            guard let problem = await problem(at: host, port, objects) else {
                return .visible("\(attempt) shows the certificate of the challenge")
            }
            try await present(challenge)
            let pod = try await cluster.find(Pod.self, objects.key)
            let news = pod.flatMap(\.news).map { "; \($0)" } ?? ""
            return .notYet("\(attempt) \(problem)\(news)", again: again)
        } catch .notNow(let sentence, let soon) {
            return .notYet(sentence, again: max(again, soon))
        } catch {
            return .notYet("\(error)", again: again)
        }
    }

    package func cleanUp(_ challenge: Challenge) async throws(SolverError) {
        let objects = try cluster.objects(for: challenge)
        if objects.isRouted, cluster.options.gatewayAPI {
            try await cluster.delete(TLSRoute.self, objects.ownKey)
        } else if challenge.routing == .traefik, cluster.options.traefikRoutes {
            try await cluster.delete(IngressRouteTCP.self, objects.ownKey)
        }
        try await cluster.delete(Service.self, objects.key)
        try await cluster.delete(Pod.self, objects.key)
    }

    private func problem(at host: String, _ port: Int, _ objects: SolverObjects) async -> String? {
        do {
            let sight = try await ValidationProbe.look(at: host, port: port, serverName: objects.serverName)
            return TLSALPN01Check.problem(with: sight, of: objects.challenge)
        } catch {
            return "does not answer: \(error)"
        }
    }

    /// Where to knock.
    private func place(of objects: SolverObjects) async throws(SolverError) -> (host: String, port: Int) {
        let challenge = objects.challenge
        guard challenge.selfCheck == .service else {
            return (cluster.options.addressOverrides[challenge.spec.dnsName] ?? challenge.spec.dnsName, port)
        }
        return (try await cluster.insideAddress(of: objects), objects.servicePort)
    }

    private enum Passage {
        case gateway(TLSRoute)
        case traefik(IngressRouteTCP)
        case service
    }

    /// Without a flag the controller need not have the right to make a route.
    private func passage(of objects: SolverObjects) throws(SolverError) -> Passage {
        switch objects.way {
        case .gateway(let solver):
            guard cluster.options.gatewayAPI else {
                let detail = "the Gateway API is switched off; start the controller with --enable-gateway-api"
                throw .refused([.forbidden(Self.path["gatewayHTTPRoute"], detail)])
            }
            return .gateway(objects.tlsRoute(as: solver))
        case .ingress:
            guard objects.challenge.routing == .traefik else { return .service }
            guard cluster.options.traefikRoutes else {
                let detail =
                    "\(Names.Annotation.tlsRouting) asks for a route of Traefik's; start the controller with "
                    + "--enable-traefik-routes"
                throw .refused([.forbidden(Self.path["ingress"], detail)])
            }
            return .traefik(objects.traefikRoute)
        }
    }
}
