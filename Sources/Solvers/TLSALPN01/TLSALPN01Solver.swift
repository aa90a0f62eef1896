package import CertificateAPI
import DNSWire
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
            guard let problem = try await problem(of: objects) else {
                return .visible("\(attempt(of: objects)) shows the certificate of the challenge")
            }
            try await present(challenge)
            let pod = try await cluster.find(Pod.self, objects.key)
            let news = pod.flatMap(\.news).map { "; \($0)" } ?? ""
            return .notYet("\(attempt(of: objects)) \(problem)\(news)", again: again)
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

    /// What is looked at, as the beginning of a sentence.
    private func attempt(of objects: SolverObjects) -> String {
        let isInside = objects.challenge.selfCheck == .service
        let place = isInside ? "the solver's Service" : "\(objects.challenge.spec.dnsName):\(port)"
        return "\(place), asked for \(objects.serverName) with acme-tls/1,"
    }

    /// Nil when the certificate can be seen, or else what is wrong. An address that shows something else counts, for the CA
    /// may take that one; one that nobody answers at does not, while another is right.
    private func problem(of objects: SolverObjects) async throws(SolverError) -> String? {
        let (hosts, port) = try await places(of: objects)
        var isSeen = false
        var problem: String?
        for host in hosts {
            let address = hosts.count > 1 ? "at \(host) " : ""
            do {
                let sight = try await ValidationProbe.look(at: host, port: port, serverName: objects.serverName)
                if let wrong = TLSALPN01Check.problem(with: sight, of: objects.challenge) { return address + wrong }
                isSeen = true
            } catch {
                problem = "\(address)does not answer: \(error)"
            }
        }
        return isSeen ? nil : problem
    }

    /// Where to knock.
    private func places(of objects: SolverObjects) async throws(SolverError) -> (hosts: [String], port: Int) {
        let domain = objects.challenge.spec.dnsName
        guard objects.challenge.selfCheck != .service else {
            return ([try await cluster.insideAddress(of: objects)], objects.servicePort)
        }
        do throws(DNSError) {
            return (try await cluster.addresses.find(domain) ?? [domain], port)
        } catch {
            throw .notNow("\(attempt(of: objects)) cannot be looked at: \(error)", again: .zero)
        }
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
