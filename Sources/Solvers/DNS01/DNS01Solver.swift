package import CertificateAPI
package import DNSProviders
package import DNSWire
package import HTTPTransport
import KubeModel
package import Wire

/// What the flags say about DNS-01.
package struct DNS01Options: Sendable {
    /// Servers that resolve: `--dns01-recursive-nameservers`, or the system's.
    package var recursiveServers: [DNSServer]
    /// Whether the recursive servers are asked for the record too, and not the zone's own.
    package var recursiveOnly: Bool
    /// Where Secrets of ClusterIssuers live.
    package var clusterResourceNamespace: String
    package var ambientForClusterIssuers: Bool
    package var ambientForIssuers: Bool
    /// The longest pause between two looks (`--dns01-check-retry-period`).
    package var longestPause: Duration
    /// Where authoritative servers listen: 53 everywhere but in a laboratory.
    package var authoritativePort: UInt16

    package init(
        recursiveServers: [DNSServer] = ResolvConf.system().servers, recursiveOnly: Bool = false,
        clusterResourceNamespace: String = "kube-system", ambientForClusterIssuers: Bool = true,
        ambientForIssuers: Bool = false, longestPause: Duration = .seconds(10), authoritativePort: UInt16 = 53
    ) {
        self.recursiveServers = recursiveServers
        self.recursiveOnly = recursiveOnly
        self.clusterResourceNamespace = clusterResourceNamespace
        self.ambientForClusterIssuers = ambientForClusterIssuers
        self.ambientForIssuers = ambientForIssuers
        self.longestPause = longestPause
        self.authoritativePort = authoritativePort
    }
}

/// Proves control of a name by a TXT record: of dns-01 (RFC 8555 §8.4), dns-account-01 or dns-persist-01.
package struct DNS01Solver: ChallengeSolver {
    private static let path = FieldPath("spec.solver.dns01")

    private let options: DNS01Options
    private let registry: DNSProviderRegistry
    private let resolver: Resolver
    private let secrets: any SecretSource
    private let http: any HTTPTransport
    private let time: any TimeSource
    private let machine: any MachineSource
    private let cluster: any ClusterSource
    /// One for the life of the process: providers come and go with each errand.
    private let memory = ProviderMemory()

    package init(
        options: DNS01Options, registry: DNSProviderRegistry = .standard, client: DNSClient,
        secrets: any SecretSource, http: any HTTPTransport, time: any TimeSource,
        machine: any MachineSource = BareMachine(), cluster: any ClusterSource = NoCluster()
    ) {
        self.options = options
        self.registry = registry
        resolver = Resolver(
            servers: options.recursiveServers, client: client, authoritativePort: options.authoritativePort)
        self.secrets = secrets
        self.http = http
        self.time = time
        self.machine = machine
        self.cluster = cluster
    }

    package func present(_ challenge: Challenge) async throws(SolverError) {
        if challenge.spec.solver.dns01?.isManual == true { return try checkManual(challenge) }
        // Others rely on a record that stays: one that serves is never written beside.
        if challenge.isPersistent, await check(challenge).isVisible { return }
        let (provider, record) = try await prepare(challenge)
        do {
            try await provider.present(record)
        } catch {
            throw failure(error)
        }
    }

    /// A record that is to stay stays; one that a person wrote is the person's to delete.
    package func cleanUp(_ challenge: Challenge) async throws(SolverError) {
        if challenge.isPersistent || challenge.spec.solver.dns01?.isManual == true { return }
        let (provider, record) = try await prepare(challenge)
        do {
            try await provider.cleanUp(record)
        } catch {
            throw failure(error)
        }
    }

    /// A service that asks for a pause gets it, to the second.
    private func failure(_ error: DNSProviderError) -> SolverError {
        guard case .rateLimited(_, let until) = error else { return .provider(error) }
        return .notNow(error.description, again: max(.seconds(1), until - time.now()))
    }

    package func check(_ challenge: Challenge) async -> SelfCheck {
        let now = time.now()
        let presentedAt = challenge.status?.presentedAt
        let again = CheckPace.delay(presentedAt: presentedAt, now: now, longest: options.longestPause)
        do throws(DNSError) {
            let name = try Self.recordName(of: challenge)
            let (target, sightings) = try await look(for: name, challenge)
            let verdict = Propagation.decide(
                target, sightings, waited: presentedAt.map { now - $0 } ?? .zero, again: again)
            guard case .notYet(let sentence, _) = verdict, challenge.spec.solver.dns01?.isManual == true else {
                return verdict
            }
            return .notYet("\(challenge.recordWish); \(sentence)", again: again)
        } catch {
            return .notYet(error.description, again: again)
        }
    }

    /// Asks those who matter: servers that the solver names, the recursive ones when that was chosen, or else every
    /// authoritative server of the zone at the end of the aliases.
    private func look(
        for name: DNSName, _ challenge: Challenge
    ) async throws(DNSError) -> (DNSName, [Sighting]) {
        let check = PropagationCheck(resolver: resolver, shows: challenge.recordMatch(at: time.now()))
        let named = (challenge.spec.solver.dns01?.nameservers ?? []).compactMap { DNSServer($0) }
        if !named.isEmpty { return (name, await check.sightings(of: name, at: named)) }
        if options.recursiveOnly { return (name, await check.sightings(of: name, at: options.recursiveServers)) }
        let target = try await resolver.followAliases(from: name).target
        let zone = try await resolver.findZone(of: target)
        return (target, await check.sightings(of: target, at: try await resolver.authoritativeServers(of: zone)))
    }

    private func prepare(_ challenge: Challenge) async throws(SolverError) -> (any DNSProvider, TXTRecord) {
        guard let stanza = challenge.spec.solver.dns01 else { throw .refused([.required(Self.path)]) }
        let problems = Self.serverProblems(in: stanza) + registry.problems(in: stanza, at: Self.path)
        if !problems.isEmpty { throw .refused(problems) }
        do {
            let name = try Self.recordName(of: challenge)
            let follows = stanza.cnameStrategy == "Follow"
            let target = follows ? try await resolver.followAliases(from: name).target : name
            let provider = try await registry.provider(for: stanza, at: Self.path, in: context(for: challenge))
            return (provider, TXTRecord(name: target, value: challenge.spec.key))
        } catch let error as DNSError {
            throw .provider(.dns(error))
        } catch let error as DNSProviderError {
            throw failure(error)
        } catch {
            throw .failed("\(error)")
        }
    }

    private func context(for challenge: Challenge) -> ProviderContext {
        let isCluster = challenge.spec.issuerRef.isClusterIssuer
        var context = ProviderContext(
            secrets: secrets,
            namespace: isCluster ? options.clusterResourceNamespace : challenge.metadata.namespace ?? "",
            resolver: resolver, http: http, time: time,
            allowsAmbientCredentials: isCluster ? options.ambientForClusterIssuers : options.ambientForIssuers,
            memory: memory, machine: machine, cluster: cluster)
        context.challenge = ChallengeFacts(dnsName: challenge.spec.dnsName, uid: challenge.metadata.uid ?? "")
        return context
    }

    /// `nameservers` of a stanza that name no server.
    package static func serverProblems(in stanza: Solver.DNS01, at path: FieldPath = path) -> [FieldProblem] {
        (stanza.nameservers ?? []).enumerated().compactMap { index, text in
            if DNSServer(text) != nil { return nil }
            return .invalid(path["nameservers"][index], text, "must be host:port or an https URL")
        }
    }

    private static func recordName(of challenge: Challenge) throws(DNSError) -> DNSName {
        let text = challenge.recordName ?? ""
        do {
            return try DNSName(text)
        } catch {
            throw .illegalName(text, error)
        }
    }

    private func checkManual(_ challenge: Challenge) throws(SolverError) {
        guard let stanza = challenge.spec.solver.dns01 else { throw .refused([.required(Self.path)]) }
        let problems = Self.serverProblems(in: stanza)
        if !problems.isEmpty { throw .refused(problems) }
        do {
            _ = try Self.recordName(of: challenge)
        } catch {
            throw .provider(.dns(error))
        }
    }
}
