import CertificateAPI
import Controllers
import Injection
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Operations
import Wire

/// Puts the parts of `certwright controller` together and runs them until the process is told to stop.
struct Assembly {
    let flags: ControllerCommand

    func run() async throws {
        let gates = flags.features.gates(for: flags.companions.programs)
        var flags = flags
        flags.gateway.limit(by: gates)
        try await Launch.run(
            flags.cluster.connection, flags.logging, notices: flags.compatibility.notices + gates.notices
        ) { [flags] launch in
            try await Building(flags: flags, launch: launch).run()
        }
    }
}

/// One run of the controllers against one cluster.
struct Building {
    let flags: ControllerCommand
    let launch: Launch

    func run() async throws {
        let time = SystemTime()
        let (counters, logger) = (Counters(), launch.logger)
        let ungated = launch.client(fieldManager: "cert-manager")
        let election = launch.election(
            "cert-manager-controller", flags.leaderElection, program: "cert-manager-controller", time: time)
        let client = election.map { ungated.guarded(by: $0) } ?? ungated
        let stores = Stores(namespaces: flags.cluster.namespaces, resourceNamespace: resourceNamespace)
        let events = EventRecorder(
            client: client, time: time, counters: counters, logger: logger, leavesOut: RoutineEvents.includes,
            observer: CertificateTrail(stores: stores).log(to: logger))
        let floor = ControllerFloor(
            flags: flags, client: client, transport: launch.transport, stores: stores, events: events,
            counters: counters, time: time, logger: logger, resourceNamespace: resourceNamespace)
        let controllers = try floor.build()
        events.holdWhile { controllers.loops.contains { $0.isBusy } }
        let injector = injector(counters, stores, time)
        let webhook = try webhook(time)
        let acmeServer = acmeServer(counters)

        var parts = servers(stores, counters, election, injector, webhook, acmeServer, controllers, time)
        parts += DashboardFloor(flags: flags.dashboard, stores: stores, budgets: controllers.budgets, time: time)
            .parts()
        parts.append(Part("events") { try await events.run() })
        parts += stores.informers(
            client: client, selected: controllers.selected, limits: flags.certificates.pemLimits, counters: counters,
            logger: logger)
        parts += stores.policyInformers(
            client: client, selected: controllers.selected, counters: counters, logger: logger, time: time)
        parts += stores.gatewayInformers(
            client: client, flags: flags.gateway, selected: controllers.selected, counters: counters, logger: logger)
        parts += injector?.parts ?? []
        parts += webhook?.parts ?? []
        parts += acmeServer?.parts ?? []
        parts.append(Part("controllers") { try await lead(election, controllers, stores, client) })
        try await launch.serve(parts)
    }

    // MARK: Parts

    private var resourceNamespace: String {
        flags.cluster.clusterResourceNamespace ?? ProcessSettings.podNamespace ?? "cert-manager"
    }

    /// CA injection in this process, which hears of its sources from the controllers' caches.
    private func injector(_ counters: Counters, _ stores: Stores, _ time: any TimeSource) -> InjectorParts? {
        guard flags.companions.with.contains(.cainjector) else { return nil }
        let injector = InjectorParts(
            launch: launch, election: flags.leaderElection,
            settings: flags.injection.settings(namespaces: flags.cluster.namespaces), counters: counters, time: time)
        let floor = injector.floor
        stores.secretFacts.onChange { old, new in
            if let key = (new ?? old)?.key { floor.changed(.secret(key)) }
        }
        stores.otherSecrets.onChange { old, new in
            if let key = (new ?? old)?.key { floor.changed(.secret(key)) }
        }
        stores.certificates.onChange { old, new in
            if let key = (new ?? old)?.key { floor.changed(.certificate(key)) }
        }
        return injector
    }

    /// The webhook in this process, which answers whether or not the process leads.
    private func webhook(_ time: any TimeSource) throws -> WebhookParts? {
        guard flags.companions.with.contains(.webhook) else { return nil }
        return try WebhookParts(
            flags.webhook, client: launch.client(fieldManager: WebhookParts.fieldManager),
            namespace: resourceNamespace, time: time, logger: launch.logger)
    }

    /// The ACME server in this process, which answers whether or not the process leads.
    private func acmeServer(_ counters: Counters) -> ACMEServerParts? {
        guard flags.companions.with.contains(.acmeServer) else { return nil }
        return ACMEServerParts(
            flags.acmeServer, launch: launch, namespace: resourceNamespace, namespaces: flags.cluster.namespaces,
            counters: counters)
    }

    private func servers(
        _ stores: Stores, _ counters: Counters, _ election: LeaderElection?, _ injector: InjectorParts?,
        _ webhook: WebhookParts?, _ acmeServer: ACMEServerParts?, _ controllers: ControllerSet, _ time: any TimeSource
    ) -> [Part] {
        let metrics = Metrics()
        metrics.add { counters.families }
        launch.addMetrics(to: metrics)
        metrics.add { controllers.acmeMetrics.families + controllers.budgets.flatMap { BudgetMetrics.families($0()) } }
        metrics.add { controllers.venafiMetrics.families }
        metrics.add { [stores] in WorkMetrics(stores: stores).families() }
        metrics.add { [election] in LeaderMetrics.family(["cert-manager-controller": election]) }
        if controllers.selected.contains(.certificatesMetrics) {
            let certificates = CertificateMetrics(stores: stores, time: time)
            metrics.add { certificates.families() }
            let issuance = IssuanceMetrics(stores: stores)
            metrics.add { issuance.families() }
        }
        let live = Health()
        live.add("ping") { nil }
        if let election {
            live.add("leaderElection") {
                ProcessSettings.staleLease(election, flags.leaderElection, grace: flags.serving.leaseGrace)
            }
        }
        injector?.addHealth(to: live, flags.leaderElection, flags.serving)
        injector?.addMetrics(to: metrics)
        let ready = Health()
        ready.add("caches") { stores.missing }
        ready.add("api-server") { stores.trouble }
        webhook?.addHealth(to: ready)
        webhook?.addMetrics(to: metrics)
        acmeServer?.addHealth(to: ready)
        acmeServer?.addMetrics(to: metrics)
        let certificate = launch.certificate(
            flags.metricsTLS, namespace: ProcessSettings.podNamespace, fieldManager: "cert-manager")
        return Serving.parts(flags.serving, certificate: certificate, metrics: metrics, live: live, ready: ready)
    }

    /// The controllers run while this process leads and once its caches are whole.
    private func lead(
        _ election: LeaderElection?, _ controllers: ControllerSet, _ stores: Stores, _ client: KubeClient
    ) async throws {
        @Sendable func work() async throws {
            try await waitUntilSynced(stores, client)
            // What is asked for at once would else take the long way, with a second of waiting on it.
            if controllers.selected.contains(.requestsApprover) {
                await stores.policies.waitUntilKnown(atMost: .seconds(2), time: SystemTime())
            }
            ProcessMemory.trim()
            launch.logger.info("Controllers are working")
            try await controllers.run()
        }
        if let election {
            try await election.run(whileLeading: work)
        } else {
            try await work()
        }
    }

    /// Certificates say meanwhile what it waits for, where that is more than a moment.
    private func waitUntilSynced(_ stores: Stores, _ client: KubeClient) async throws {
        let standstill = Standstill(
            client: client, certificates: stores.certificates, time: SystemTime(), logger: launch.logger,
            trouble: { [stores] in stores.trouble })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await standstill.run() }
            try await stores.waitUntilSynced()
            group.cancelAll()
        }
    }
}
