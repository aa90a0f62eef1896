import Injection
import KubeClient
import KubeRuntime
import Logging
import Operations
import Wire

/// Puts the parts of `certwright cainjector` together and runs them until the process is told to stop.
struct CAInjectorAssembly {
    let flags: CAInjectorCommand

    func run() async throws {
        let gates = flags.features.gates(for: [.cainjector])
        try await Launch.run(
            flags.connection, flags.logging, notices: flags.compatibility.notices + gates.notices
        ) { [flags] launch in
            let counters = Counters()
            let injector = InjectorParts(
                launch: launch, election: flags.leaderElection,
                settings: flags.injection.settings(namespaces: flags.namespaces), counters: counters)
            let metrics = Metrics()
            metrics.add { counters.families }
            launch.addMetrics(to: metrics)
            injector.addMetrics(to: metrics)
            let live = Health()
            live.add("ping") { nil }
            injector.addHealth(to: live, flags.leaderElection, flags.serving)
            let sources = injector.floor.sourceInformers.map { Part($0.name, $0.run) }
            let certificate = launch.certificate(
                flags.metricsTLS, namespace: ProcessSettings.podNamespace, fieldManager: InjectionComponent.name)
            let servers = Serving.parts(
                flags.serving, certificate: certificate, metrics: metrics, live: live, ready: Health())
            try await launch.serve(servers + injector.parts + sources)
        }
    }
}

/// CA injection as parts that any process can run, with a lease and Events of its own.
struct InjectorParts: Sendable {
    static let lease = "cert-manager-cainjector-leader-election"

    let floor: InjectionFloor
    private let election: LeaderElection?
    private let events: EventRecorder
    private let logger: Logger

    init(
        launch: Launch, election flags: LeaderElectionFlags, settings: InjectionSettings, counters: Counters,
        time: any TimeSource = SystemTime()
    ) {
        let election = launch.election(Self.lease, flags, program: InjectionComponent.name, time: time)
        let ungated = launch.client(fieldManager: InjectionComponent.name)
        let client = election.map { ungated.guarded(by: $0) } ?? ungated
        let events = EventRecorder(client: client, time: time, counters: counters, logger: launch.logger)
        let floor = InjectionFloor(
            client: client, settings: settings, events: events, counters: counters, time: time, logger: launch.logger)
        events.holdWhile { floor.isBusy }
        (self.floor, self.election, self.events, logger) = (floor, election, events, launch.logger)
    }

    /// Everything but informers of sources.
    var parts: [Part] {
        let work: @Sendable () async throws -> Void = { [floor, logger] in
            logger.info("CA injection is working")
            try await floor.run()
        }
        let leading = Part("CA injection") { [election] in
            if let election {
                try await election.run(whileLeading: work)
            } else {
                try await work()
            }
        }
        let informers = floor.targetInformers.map { Part($0.name, $0.run) }
        return [Part("events of CA injection") { [events] in try await events.run() }] + informers + [leading]
    }

    func addMetrics(to metrics: Metrics) {
        metrics.add { [election] in LeaderMetrics.family([Self.lease: election]) }
    }

    func addHealth(to live: Health, _ flags: LeaderElectionFlags, _ serving: ServingFlags) {
        guard let election else { return }
        live.add("cainjectorLeaderElection") {
            ProcessSettings.staleLease(election, flags, grace: serving.leaseGrace)
        }
    }
}
