package import CertificateAPI
package import DNSWire
package import HTTPTransport
package import KubeClient
import KubeModel
import PKI
package import Wire

/// Proves control of a name by a file that a pod of ours serves through the user's ingress controller
/// or Gateway (RFC 8555 §8.3).
package struct HTTP01Solver: ChallengeSolver {
    private static let path = FieldPath("spec.solver.http01")

    let options: HTTP01Options
    let client: KubeClient
    let rounds = SolverRounds()
    let open: OpenChallenges
    let addresses: NameAddresses
    private let check: HTTP01Check
    private let time: any TimeSource

    /// - Parameter challenges: all of a namespace, as far as they are known.
    package init(
        options: HTTP01Options, client: KubeClient, http: any HTTPTransport, dns: DNSClient, time: any TimeSource,
        challenges: @escaping @Sendable (_ namespace: String) -> [Challenge]
    ) {
        open = OpenChallenges(challenges)
        self.options = options
        self.client = client
        self.time = time
        let resolver = options.nameservers.isEmpty ? nil : Resolver(servers: options.nameservers, client: dns)
        addresses = NameAddresses(overrides: options.addressOverrides, resolver: resolver)
        check = HTTP01Check(transport: http, addresses: addresses)
    }

    package func present(_ challenge: Challenge) async throws(SolverError) {
        let objects = try objects(for: challenge)
        try checkGatewayAPI(objects)
        if let set = objects.shared { return try await presentShared(objects, in: set) }
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
        guard let problem = await problem(of: challenge) else {
            let place = challenge.selfCheck == .service ? ", at the solver's Service," : ""
            return .visible("GET \(HTTP01Check.url(for: challenge))\(place) answers with the key authorization")
        }
        let again = CheckPace.delay(presentedAt: challenge.status?.presentedAt, now: time.now())
        do throws(SolverError) {
            var news = try await restore(challenge)
            if news == nil { news = await detour(challenge, problem) }
            return .notYet(news.map { "\(problem); \($0)" } ?? problem, again: again)
        } catch .notNow(let sentence, let soon) {
            return .notYet("\(problem); \(sentence)", again: max(again, soon))
        } catch {
            return .notYet("\(problem); \(error)", again: again)
        }
    }

    package func cleanUp(_ challenge: Challenge) async throws(SolverError) {
        let objects = try objects(for: challenge)
        if let set = objects.shared { return try await retireShared(objects, in: set) }
        switch objects.way {
        case .ingress(let solver):
            if let name = solver.name.nonEmpty {
                try await edit(name, removing: objects)
            } else {
                try await delete(Ingress.self, objects.key)
            }
        case .gateway: try await deleteRoute(objects.ownKey, isOurs: options.gatewayAPI)
        }
        try await delete(Service.self, objects.key)
        try await delete(Pod.self, objects.key)
    }

    private func problem(of challenge: Challenge) async -> String? {
        guard challenge.selfCheck == .service else { return await check.problem(of: challenge) }
        do throws(SolverError) {
            return await check.problem(
                of: challenge, insideAt: try await insideAddress(of: try objects(for: challenge)))
        } catch {
            return "\(error)"
        }
    }

    /// The address of the Service, or of the pod where the Service is headless.
    func insideAddress(of objects: SolverObjects) async throws(SolverError) -> String {
        let clusterIP = try await find(Service.self, objects.key)?.spec?["clusterIP"]?.stringValue
        if let address = clusterIP.nonEmpty, IPAddress(address) != nil { return address }
        if let address = try await find(Pod.self, objects.key)?.status?.podIP.nonEmpty { return address }
        throw .notNow("the solver's Service and pod \(objects.key) have no address yet", again: .milliseconds(500))
    }

    /// Puts back what has gone missing, and tells what keeps the pod from serving; nil when nothing seems to.
    private func restore(_ challenge: Challenge) async throws(SolverError) -> String? {
        let objects = try objects(for: challenge)
        let pod = try await find(Pod.self, objects.key)
        // Many wait for one pod: what is on its way is not looked for again by each of them.
        if let pod, objects.shared != nil, !pod.metadata.isBeingDeleted, !pod.isUseless(beside: objects.pod),
            let news = pod.news
        {
            return news
        }
        try await present(challenge)
        guard let pod else { return "the solver pod was missing and is made again" }
        if let news = pod.news { return news }
        guard case .gateway = objects.way else { return nil }
        return try await find(HTTPRoute.self, objects.ownKey)?.news
    }

    /// An ingress controller takes a moment to take up an Ingress.
    private static let uptake = Duration.seconds(5)

    /// Why a pod that is ready is not what is seen; nil where nothing is known of that.
    private func detour(_ challenge: Challenge, _ problem: String) async -> String? {
        guard challenge.selfCheck != .service, let since = challenge.status?.presentedAt,
            time.now() - since > Self.uptake
        else { return nil }
        if let name = challenge.spec.solver.http01?.ingress?.ingressClassName.nonEmpty, await lacksClass(name) {
            return "the cluster has no IngressClass \(name), which the solver names: no ingress controller serves it"
        }
        guard HTTP01Check.isAnswer(problem) else { return nil }
        return "the solver pod is ready, so that something else answers there: another Ingress, a route or a redirect"
    }

    /// Where it may not be looked for, it counts as there.
    private func lacksClass(_ name: String) async -> Bool {
        do throws(KubeError) {
            _ = try await client.send(.get(Self.ingressClasses, ObjectKey(name: name)))
            return false
        } catch {
            return error.isNotFound
        }
    }

    private static let ingressClasses = ResourceType(
        group: "networking.k8s.io", version: "v1", kind: "IngressClass", plural: "ingressclasses", isNamespaced: false)

    func objects(for challenge: Challenge) throws(SolverError) -> SolverObjects {
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
