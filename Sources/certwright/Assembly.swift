import CertificateAPI
import Controllers
import CurlTransport
import HTTPServer
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Operations
import ServiceLifecycle
import UnixSignals
import Wire

/// Puts the parts of `certwright controller` together and runs them until the process is told to stop.
struct Assembly {
    let flags: ControllerCommand

    func run() async throws {
        ProcessSettings.apply()
        let logger = makeLogger()
        let configuration: ClusterConfiguration
        do throws(KubeconfigError) {
            configuration = try ClusterConfiguration.load(
                kubeconfig: flags.cluster.kubeconfig, context: flags.cluster.context, server: flags.cluster.master,
                environment: ProcessSettings.environment)
        } catch {
            logger.critical("The cluster cannot be reached", metadata: ["error": "\(error)"])
            throw error
        }
        logger.info("Starting", metadata: ["version": "\(Version.text)", "server": "\(configuration.server)"])
        let transport = CurlTransport(transportOptions)
        // Outlives everything that sends requests: the lease is released and the last events are written when all
        // else has stopped.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await transport.run() }
            defer { transport.shutDown() }
            let building = Building(
                flags: flags, configuration: configuration, transport: transport, logger: logger)
            try await building.run()
        }
        logger.info("Stopped")
    }

    private var transportOptions: CurlTransport.Options {
        var options = CurlTransport.Options(userAgent: Version.userAgent)
        options.version = flags.cluster.http2 ? .http2 : .http1
        return options
    }

    private func makeLogger() -> Logger {
        Logger(label: "certwright") { [logging = flags.logging] label in
            StructuredLogHandler(
                label: label, format: logging.loggingFormat, level: .init(verbosity: logging.verbosity))
        }
    }
}

/// One run of the controllers against one cluster.
struct Building {
    let flags: ControllerCommand
    let configuration: ClusterConfiguration
    let transport: CurlTransport
    let logger: Logger

    func run() async throws {
        let time = SystemTime()
        let counters = Counters()
        let ungated = KubeClient(
            configuration: configuration, transport: transport, fieldManager: "cert-manager",
            userAgent: Version.userAgent)
        let election = makeElection(ungated, time)
        let client = election.map { ungated.guarded(by: $0) } ?? ungated
        let stores = Stores(namespace: flags.cluster.namespace, resourceNamespace: resourceNamespace)
        let events = EventRecorder(client: client, time: time, counters: counters, logger: logger)
        let floor = ControllerFloor(
            flags: flags, client: client, transport: transport, stores: stores, events: events, counters: counters,
            time: time, logger: logger, resourceNamespace: resourceNamespace)
        let controllers = try floor.build()
        events.holdWhile { controllers.loops.contains { $0.isBusy } }

        var services: [Part] = servers(stores, counters, election, controllers, time)
        services.append(Part("events") { try await events.run() })
        services += stores.informers(
            client: client, selected: controllers.selected, limits: flags.certificates.pemLimits, counters: counters,
            logger: logger)
        services += stores.gatewayInformers(
            client: client, flags: flags.gateway, selected: controllers.selected, counters: counters, logger: logger)
        services.append(
            Part("controllers") { try await lead(election, controllers, stores) })
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) }, cancellationSignals: [.sigterm, .sigint],
                logger: logger))
        do {
            try await group.run()
        } catch is CancellationError {
            // A signal: everything has ended in its own time.
        }
    }

    // MARK: Parts

    private var resourceNamespace: String {
        flags.cluster.clusterResourceNamespace ?? ProcessSettings.podNamespace ?? "cert-manager"
    }

    private func makeElection(_ client: KubeClient, _ time: any TimeSource) -> LeaderElection? {
        let leader = flags.leaderElection
        guard leader.leaderElect else { return nil }
        return LeaderElection(
            client: client,
            lease: ObjectKey(namespace: leader.leaderElectionNamespace, name: "cert-manager-controller"),
            identity: ProcessSettings.identity,
            settings: .init(
                leaseDuration: leader.leaderElectionLeaseDuration.duration,
                renewDeadline: leader.leaderElectionRenewDeadline.duration,
                retryPeriod: leader.leaderElectionRetryPeriod.duration),
            time: time, logger: logger)
    }

    private func servers(
        _ stores: Stores, _ counters: Counters, _ election: LeaderElection?, _ controllers: ControllerSet,
        _ time: any TimeSource
    ) -> [Part] {
        let metrics = Metrics()
        metrics.add { counters.families }
        metrics.add { ProcessMetrics.families() }
        metrics.add { controllers.acmeMetrics.families }
        if controllers.selected.contains(.certificatesMetrics) {
            let certificates = CertificateMetrics(stores: stores, time: time)
            metrics.add { certificates.families() }
        }
        let live = Health()
        live.add("ping") { nil }
        if let election {
            live.add("leaderElection") { ProcessSettings.staleLease(election, flags.leaderElection) }
        }
        let ready = Health()
        ready.add("caches") { stores.missing }
        ready.add("api-server") { stores.trouble }
        let serving = flags.serving
        return [
            Part("metrics server", address: serving.metricsListenAddress, Serving.metrics(metrics)),
            Part("health server", address: serving.healthzListenAddress, Serving.health(live: live, ready: ready)),
        ]
    }

    /// The controllers run while this process leads and once its caches are whole.
    private func lead(_ election: LeaderElection?, _ controllers: ControllerSet, _ stores: Stores) async throws {
        @Sendable func work() async throws {
            try await stores.waitUntilSynced()
            logger.info("Controllers are working")
            try await controllers.run()
        }
        if let election {
            try await election.run(whileLeading: work)
        } else {
            try await work()
        }
    }
}

/// One long-running part of the program, by name.
struct Part: ServiceLifecycle.Service {
    let name: String
    private let body: @Sendable () async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.body = body
    }

    init(_ name: String, address: ListenAddress, _ handler: @escaping Server.Handler) {
        let server = Server(address: address.host, port: address.port, handler: handler)
        self.init(name) { try await server.run() }
    }

    func run() async throws { try await body() }
}
