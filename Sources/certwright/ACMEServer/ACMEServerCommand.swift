import ArgumentParser
import KubeRuntime
import Operations
import Wire

/// `certwright acme-server`: the ACME server alone, in a process of its own. It holds no lease: every replica answers.
struct ACMEServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acme-server",
        abstract: "Gives certificates of the cluster's issuers to ACME clients outside of it.")

    @OptionGroup(title: "Cluster") var connection: ConnectionFlags
    @OptionGroup(title: "ACME server") var server: ACMEServerFlags
    @OptionGroup(title: "Serving") var serving: ACMEServerServingFlags
    @OptionGroup(title: "TLS of /metrics") var metricsTLS: MetricsTLSFlags
    @OptionGroup(title: "Logging") var logging: LoggingFlags

    @Option(
        name: .customLong("namespace"),
        help: """
            Serve the Issuers of these namespaces only, separated by commas, and no ClusterIssuers. Default: those of all, \
            and ClusterIssuers.
            """,
        transform: CommaList.parse)
    var namespaces: [String] = []

    func validate() throws {
        try server.validate()
        try metricsTLS.validate()
    }

    func run() async throws {
        try await Launch.run(connection, logging, notices: []) { launch in
            let counters = Counters()
            let parts = ACMEServerParts(
                server, launch: launch, namespace: ProcessSettings.podNamespace ?? "cert-manager",
                namespaces: namespaces, counters: counters)
            let metrics = Metrics()
            metrics.add { counters.families }
            launch.addMetrics(to: metrics)
            parts.addMetrics(to: metrics)
            let live = Health()
            live.add("ping") { nil }
            let ready = Health()
            parts.addHealth(to: ready)
            let certificate = launch.certificate(
                metricsTLS, namespace: ProcessSettings.podNamespace, fieldManager: ACMEServerParts.fieldManager)
            try await launch.serve(
                parts.parts
                    + Serving.parts(
                        metrics: serving.metricsListenAddress, health: serving.healthzListenAddress,
                        certificate: certificate, metrics, live: live, ready: ready))
        }
    }
}

/// Its listeners beside the one for clients.
struct ACMEServerServingFlags: ParsableArguments {
    @Option(help: "Where /metrics is served; 0 for nowhere.")
    var metricsListenAddress = ListenAddress(host: "0.0.0.0", port: 9402)

    @Option(help: "Where /livez and /readyz are served; 0 for nowhere.")
    var healthzListenAddress = ListenAddress(host: "0.0.0.0", port: 9403)
}
