import CertificateAPI
import Controllers
import HTTPTransport
import Issuers
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Operations
import PKI
import Solvers
import Wire

/// The controllers that were built, ready to run.
struct ControllerSet: Sendable {
    let selected: Set<ControllerName>
    let acmeMetrics = ACMEMetrics()
    let venafiMetrics = VenafiMetrics()
    var loops: [ControllerLoop] = []
    /// Nil where nobody answers Kubernetes' own requests. Its loop is run by a helper, and may have to wait for a right.
    var signingRequests: SigningRequestFloor.Built?
    /// What is left of the CAs' budgets.
    var budgets: [@Sendable () -> [OrderBudget.Reading]] = []
    /// What runs beside the loops for them.
    var helpers: [@Sendable () async throws -> Void] = []
    /// Whether one of them waits for an answer from outside.
    var asking: [@Sendable () -> Bool] = []

    init(selected: Set<ControllerName>) { self.selected = selected }

    /// Whether nothing is worked on, nobody is asked, and nothing will be before `horizon` has passed unless something
    /// changes.
    func isAtRest(for horizon: Duration) -> Bool {
        loops.allSatisfy { $0.isAtRest(for: horizon) } && signingRequests?.loop.isAtRest(for: horizon) != false
            && !asking.contains { $0() }
    }

    /// Ends, by cancellation or error, only when every loop has let go of what it was doing.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for loop in loops { group.addTask { try await loop.run() } }
            for helper in helpers { group.addTask { try await helper() } }
            // Metrics and pages alone have no loop, and are served until the program is told to stop.
            if loops.isEmpty, helpers.isEmpty { group.addTask { await Self.idle() } }
            try await group.waitForAll()
        }
    }
}

extension ControllerSet {
    /// Until it is cancelled.
    private static func idle() async {
        let (silence, held) = AsyncStream<Never>.makeStream()
        for await _ in silence {}
        held.finish()
    }
}

/// Builds the controllers from the flags: one method for each kind.
struct ControllerFloor {
    let flags: ControllerCommand
    let client: KubeClient
    let transport: any HTTPTransport
    let stores: Stores
    let events: EventRecorder
    let counters: Counters
    let time: any TimeSource
    let logger: Logger
    let resourceNamespace: String

    func build() throws -> ControllerSet {
        let selected = try ControllerName.selected(by: flags.controllers.controllers)
        let secrets = SecretStore(
            client: client, facts: stores.secretFacts, others: stores.otherSecrets,
            limits: flags.certificates.pemLimits)
        var instant: Set<IssuerLookup.InstantKind> = []
        if selected.contains(.requestsCA) { instant.insert(.ca) }
        if selected.contains(.requestsSelfSigned) { instant.insert(.selfSigned) }
        let lookup = IssuerLookup(
            issuers: stores.issuers, clusterIssuers: stores.clusterIssuers, clusterResourceNamespace: resourceNamespace,
            instantKinds: instant)
        var set = ControllerSet(selected: selected)
        let acme = ACMEAccess(
            lookup: lookup,
            clients: ACMEClients(
                transport: transport, userAgent: Version.userAgent, time: time, observer: set.acmeMetrics.observer),
            challenges: stores.challenges)
        addCertificates(to: &set, secrets, lookup, hasInstantIssuers: !instant.isEmpty)
        let remotes = RemoteIssuers(
            IssuerContext(
                secrets: secrets, accounts: AccountTokens(client: client), http: transport, time: time,
                userAgent: Version.userAgent, ambient: flags.ambient.allowed, machine: SystemMachine(),
                venafi: set.venafiMetrics.observer))
        let lookAtIssuer = addIssuers(to: &set, secrets, acme, remotes)
        addACME(to: &set, secrets, acme, lookAtIssuer)
        let makeDesk: () -> RemoteDesk = { [time] in
            RemoteDesk(issuers: remotes, time: time) { issuer in
                remotes.doubt(issuer: issuer.uid ?? "")
                lookAtIssuer(issuer)
            }
        }
        addRemoteRequests(to: &set, lookup, makeDesk())
        addRenewals(to: &set, secrets, acme)
        addRevocations(to: &set, secrets, acme)
        addShims(to: &set)
        addSigningRequests(to: &set, secrets, lookup, makeDesk())
        return set
    }

    // MARK: One method for each family of controllers

    private func addCertificates(
        to set: inout ControllerSet, _ secrets: SecretStore, _ lookup: IssuerLookup, hasInstantIssuers: Bool
    ) {
        let isApproving = set.selected.contains(.requestsApprover)
        let approval = ApprovalGate(client: client, isEnabled: isApproving, time: time)
        let signer = InstantSigner(lookup: lookup, secrets: secrets, time: time)
        let claims = RequestClaims()
        if set.selected.contains(.certificatesTrigger) {
            let reconciler = CertificateReconciler(
                client: client, certificates: stores.certificates, requests: stores.requests, secrets: secrets,
                approval: approval, policies: stores.policies, signer: signer, claims: claims, orders: stores.orders,
                challenges: stores.challenges, events: events, settings: settings, time: time, logger: logger)
            let loop = makeLoop("certificates", reconciler, .init(minimum: .seconds(1), maximum: .seconds(30)))
            reconciler.connect { loop.enqueue($0) }
            set.loops.append(loop)
        }
        if hasInstantIssuers || isApproving {
            let reconciler = RequestReconciler(
                client: client, requests: stores.requests, lookup: lookup, approval: approval,
                policies: stores.policies, signer: signer, claims: claims, events: events, time: time)
            let loop = makeLoop("certificaterequests", reconciler, .init(minimum: .seconds(1), maximum: .seconds(300)))
            reconciler.connect({ loop.enqueue($0) }, secrets: secrets)
            set.loops.append(loop)
        }
    }

    /// Answers how an issuer is looked at again when somebody doubts it.
    private func addIssuers(
        to set: inout ControllerSet, _ secrets: SecretStore, _ acme: ACMEAccess, _ remotes: RemoteIssuers
    ) -> @Sendable (ObjectReference) -> Void {
        let backoff = Backoff(minimum: .seconds(2), maximum: .seconds(300))
        var issuers: ControllerLoop?
        var clusterIssuers: ControllerLoop?
        if set.selected.contains(.issuers) {
            let reconciler = IssuerReconciler(
                client: client, issuers: stores.issuers, secrets: secrets, access: acme, remotes: remotes,
                events: events, time: time)
            let loop = makeLoop("issuers", reconciler, backoff)
            reconciler.connect { loop.enqueue($0) }
            set.helpers.append { try await reconciler.run() }
            set.asking.append { reconciler.isAsking }
            issuers = loop
        }
        if set.selected.contains(.clusterissuers), let cache = stores.clusterIssuers {
            let reconciler = IssuerReconciler(
                client: client, issuers: cache, secrets: secrets, access: acme, remotes: remotes, events: events,
                time: time)
            let loop = makeLoop("clusterissuers", reconciler, backoff)
            reconciler.connect { loop.enqueue($0) }
            set.helpers.append { try await reconciler.run() }
            set.asking.append { reconciler.isAsking }
            clusterIssuers = loop
        }
        set.loops += [issuers, clusterIssuers].compactMap(\.self)
        return { [issuers, clusterIssuers] reference in
            let key = ObjectKey(namespace: reference.namespace ?? "", name: reference.name)
            (reference.kind == ClusterIssuer.resource.kind ? clusterIssuers : issuers)?.enqueue(key)
        }
    }

    private func addACME(
        to set: inout ControllerSet, _ secrets: SecretStore, _ acme: ACMEAccess,
        _ lookAtIssuer: @escaping @Sendable (ObjectReference) -> Void
    ) {
        let backoff = Backoff(minimum: .seconds(1), maximum: .seconds(600))
        if set.selected.contains(.requestsACME) {
            let reconciler = ACMERequestReconciler(
                client: client, requests: stores.requests, orders: stores.orders, certificates: stores.certificates,
                secrets: secrets, lookup: acme.lookup, events: events, time: time)
            let loop = makeLoop("certificaterequests-issuer-acme", reconciler, backoff)
            reconciler.connect { loop.enqueue($0) }
            set.loops.append(loop)
        }
        if set.selected.contains(.orders) {
            let reconciler = OrderReconciler(
                client: client, orders: stores.orders, challenges: stores.challenges, access: acme, events: events,
                time: time,
                preflight: PreflightFloor(flags: flags, client: client, transport: transport, time: time)
                    .preflight(secrets: secrets, resourceNamespace: resourceNamespace),
                mode: flags.issuance.preflight, lookAtIssuer: lookAtIssuer)
            let loop = makeLoop("orders", reconciler, backoff)
            reconciler.connect { loop.enqueue($0) }
            set.loops.append(loop)
            set.helpers.append { try await reconciler.run() }
            set.budgets.append { reconciler.budgets }
            set.asking.append { reconciler.isAsking }
        }
        if set.selected.contains(.challenges) {
            addChallenges(to: &set, secrets, acme, backoff)
        }
    }

    private func addChallenges(
        to set: inout ControllerSet, _ secrets: SecretStore, _ acme: ACMEAccess, _ backoff: Backoff
    ) {
        let floor = SolverFloor(
            flags: flags.acme, ambient: flags.ambient, gatewayAPI: flags.gateway.enableGatewayApi, client: client,
            transport: transport,
            time: time)
        let http01 = floor.http01 { [challenges = stores.challenges] in challenges.inNamespace($0) }
        let solver = floor.solver(http01, secrets: secrets, resourceNamespace: resourceNamespace)
        let reconciler = ChallengeReconciler(
            client: client, challenges: stores.challenges, orders: stores.orders, access: acme, solver: solver,
            limit: flags.acme.maxConcurrentChallenges, events: events, time: time)
        let loop = makeLoop("challenges", reconciler, backoff)
        reconciler.connect { loop.enqueue($0) }
        set.loops.append(loop)
        set.helpers.append { try await reconciler.run() }
        set.asking.append { reconciler.isAsking }
        for namespace in stores.scopes {
            let sweep = SolverSweep(
                solver: http01, namespace: namespace,
                ingresses: { [ingresses = stores.ingresses] in
                    namespace.map { ingresses.inNamespace($0) } ?? ingresses.all()
                }, time: time, logger: logger)
            set.helpers.append { try await sweep.run() }
        }
        let watch = PersistWatch(
            orders: stores.orders, certificates: stores.certificates, access: acme, solver: solver, events: events,
            time: time)
        set.helpers.append { try await watch.run() }
    }

    private func addRemoteRequests(to set: inout ControllerSet, _ lookup: IssuerLookup, _ desk: RemoteDesk) {
        var kinds: Set<RemoteRequestReconciler.Kind> = []
        if set.selected.contains(.requestsVault) { kinds.insert(.vault) }
        if set.selected.contains(.requestsVenafi) { kinds.insert(.venafi) }
        guard !kinds.isEmpty else { return }
        let reconciler = RemoteRequestReconciler(
            client: client, requests: stores.requests, lookup: lookup, kinds: kinds, desk: desk, events: events,
            time: time)
        let loop = makeLoop(
            "certificaterequests-issuer-remote", reconciler, Backoff(minimum: .seconds(1), maximum: .seconds(300)))
        reconciler.connect { loop.enqueue($0) }
        set.loops.append(loop)
        set.helpers.append { try await desk.run() }
    }

    private func addRenewals(to set: inout ControllerSet, _ secrets: SecretStore, _ acme: ACMEAccess) {
        guard set.selected.contains(.certificatesTrigger) else { return }
        let reconciler = RenewalReconciler(
            client: client, certificates: stores.certificates, requests: stores.requests, orders: stores.orders,
            secrets: secrets, access: acme, events: events, time: time)
        let loop = makeLoop(
            "certificates-renewal", reconciler, Backoff(minimum: .seconds(1), maximum: .seconds(600)), workers: 2)
        reconciler.connect { loop.enqueue($0) }
        set.loops.append(loop)
        set.helpers.append { try await reconciler.run() }
        set.asking.append { reconciler.isAsking }
    }

    private func addRevocations(to set: inout ControllerSet, _ secrets: SecretStore, _ acme: ACMEAccess) {
        guard set.selected.contains(.certificatesTrigger) else { return }
        let reconciler = RevocationReconciler(
            client: client, certificates: stores.certificates, secrets: secrets, access: acme, events: events,
            time: time)
        let loop = makeLoop(
            "certificates-revocation", reconciler, Backoff(minimum: .seconds(1), maximum: .seconds(600)), workers: 1)
        reconciler.connect { loop.enqueue($0) }
        set.loops.append(loop)
        set.helpers.append { try await reconciler.run() }
        set.asking.append { reconciler.isAsking }
    }

    private func addShims(to set: inout ControllerSet) {
        let backoff = Backoff(minimum: .seconds(1), maximum: .seconds(300))
        if set.selected.contains(.ingressShim) {
            let reconciler = ShimReconciler<Ingress>(
                client: client, ingresses: stores.ingresses, certificates: stores.certificates, events: events,
                settings: shimSettings, time: time)
            let loop = makeLoop("ingress-shim", reconciler, backoff)
            reconciler.connect { loop.enqueue($0) }
            set.loops.append(loop)
        }
        guard flags.gateway.enableGatewayApi else { return }
        if set.selected.contains(.gatewayShim) {
            let reconciler = ShimReconciler<Gateway>(
                client: client, gateways: stores.gateways, certificates: stores.certificates, events: events,
                settings: shimSettings, time: time)
            let loop = makeLoop("gateway-shim", reconciler, backoff)
            reconciler.connect { loop.enqueue($0) }
            set.loops.append(loop)
        }
        if set.selected.contains(.listenerSet), flags.gateway.enableGatewayApiListenerset {
            add("listenerset", stores.listenerSets, backoff, to: &set)
            add("listenerset-experimental", stores.experimentalListenerSets, backoff, to: &set)
        }
    }

    private func add<Object: ListenerSetObject>(
        _ name: String, _ cache: Cache<Object>, _ backoff: Backoff, to set: inout ControllerSet
    ) {
        let reconciler = ShimReconciler<Object>(
            client: client, listenerSets: cache, gateways: stores.gateways, certificates: stores.certificates,
            events: events, settings: shimSettings, time: time)
        let loop = makeLoop(name, reconciler, backoff)
        reconciler.connect(gateways: stores.gateways) { loop.enqueue($0) }
        set.loops.append(loop)
    }

    private func addSigningRequests(
        to set: inout ControllerSet, _ secrets: SecretStore, _ lookup: IssuerLookup, _ desk: RemoteDesk
    ) {
        let gates = flags.features.gates(for: flags.companions.programs)
        let floor = SigningRequestFloor(
            client: client, stores: stores, events: events, counters: counters, time: time, logger: logger)
        set.signingRequests = floor.build(
            .init(gate: gates.given[.certificateSigningRequests]), selected: set.selected, lookup: lookup,
            secrets: secrets, desk: desk,
            copiedAnnotations: AnnotationFilter(flags.certificates.copiedAnnotationPrefixes)
        ) { makeLoop("certificatesigningrequests", $0, .init(minimum: .seconds(1), maximum: .seconds(300))) }
        if let run = set.signingRequests?.run { set.helpers.append(run) }
    }

    private var shimSettings: ShimSettings {
        let given = flags.shim
        let issuer =
            given.defaultIssuerName.isEmpty
            ? nil
            : IssuerReference(
                name: given.defaultIssuerName, kind: given.defaultIssuerKind, group: given.defaultIssuerGroup)
        return ShimSettings(
            defaultIssuer: issuer, automaticAnnotations: given.autoCertificateAnnotations,
            copiedAnnotations: given.extraCertificateAnnotations,
            extraProtocols: Set(flags.gateway.gatewayApiExtraProtocols))
    }

    private func makeLoop(
        _ name: String, _ reconciler: any Reconciler, _ backoff: Backoff, workers: Int? = nil
    ) -> ControllerLoop {
        ControllerLoop(
            name: name, workers: workers ?? flags.controllers.concurrentWorkers, backoff: backoff,
            reconciler: reconciler, time: time, counters: counters, logger: logger,
            trail: CertificateTrail(stores: stores).certificate(ofKeysOf: name), grace: .seconds(25))
    }

    private var settings: CertificateSettings {
        let given = flags.certificates
        var settings = CertificateSettings()
        settings.setsOwnerReference = given.enableCertificateOwnerRef
        settings.minimumBackoff = given.certificateRequestMinimumBackoffDuration.duration
        settings.maximumBackoff = given.certificateRequestMaximumBackoffDuration.duration
        settings.copiedAnnotations = AnnotationFilter(given.copiedAnnotationPrefixes)
        settings.limits = given.pemLimits
        return settings
    }
}
