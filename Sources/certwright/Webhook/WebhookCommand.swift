import ArgumentParser
import HTTPServer
import Operations
import Wire

/// `certwright webhook`: the webhook alone, in a process of its own. It holds no lease: every replica answers.
struct WebhookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook",
        abstract: "Refuses objects that break a rule, and stamps requests with who made them.")

    @OptionGroup(title: "Configuration file") var file: ConfigFileFlags
    @OptionGroup(title: "Cluster") var connection: ConnectionFlags
    @OptionGroup(title: "Webhook") var webhook: WebhookFlags
    @OptionGroup(title: "Serving") var serving: WebhookServingFlags
    @OptionGroup(title: "TLS of /metrics") var metricsTLS: MetricsTLSFlags
    @OptionGroup(title: "Features") var features: FeatureFlags
    @OptionGroup(title: "Logging") var logging: LoggingFlags
    @OptionGroup(title: "Accepted for compatibility") var compatibility: WebhookCompatibilityFlags

    func validate() throws {
        try webhook.validate()
        try serving.validate()
        try metricsTLS.validate()
        try features.validate(for: [.webhook])
    }

    func run() async throws {
        let gates = features.gates(for: [.webhook])
        try await Launch.run(connection, logging, notices: compatibility.notices + gates.notices) { launch in
            let webhook = try WebhookParts(
                self.webhook, client: launch.client(fieldManager: WebhookParts.fieldManager),
                namespace: ProcessSettings.podNamespace ?? "cert-manager", logger: launch.logger)
            let metrics = Metrics()
            launch.addMetrics(to: metrics)
            webhook.addMetrics(to: metrics)
            let live = Health()
            live.add("ping") { nil }
            let ready = Health()
            webhook.addHealth(to: ready)
            let certificate = launch.certificate(
                metricsTLS, namespace: ProcessSettings.podNamespace, fieldManager: WebhookParts.fieldManager)
            try await launch.serve(
                webhook.parts + Serving.metricsParts(serving.metricsListenAddress, certificate, metrics)
                    + serving.healthParts(live: live, ready: ready))
        }
    }
}

/// The webhook's listeners beside the one for the API server.
struct WebhookServingFlags: ParsableArguments {
    @Option(help: "The port of /livez, /healthz and /readyz (0 to 65535; 0 for none).")
    var healthzPort = 6080

    @Option(help: "Where /metrics is served; 0 for nowhere.")
    var metricsListenAddress = ListenAddress(host: "0.0.0.0", port: 9402)

    func validate() throws {
        guard (0...65535).contains(healthzPort) else {
            throw ValidationError("--healthz-port must be from 0 to 65535.")
        }
    }

    func healthParts(live: Health, ready: Health) -> [Part] {
        guard healthzPort != 0 else { return [] }
        let server = Server(
            address: "0.0.0.0", port: healthzPort, handler: Serving.health(live: live, ready: ready))
        return [Part("health server") { try await server.run() }]
    }
}

/// Flags of webhooks before this one that change nothing here.
struct WebhookCompatibilityFlags: ParsableArguments {
    @OptionGroup var common: CommonCompatibilityFlags

    @Option(help: "Accepted; requests of more than 3 MiB are refused whatever they hold.")
    var maxCertificateSize: Int?

    @Option(help: "Accepted, as --max-certificate-size is.")
    var maxPrivateKeySize: Int?

    @Option(help: "Accepted, as --max-certificate-size is.")
    var maxCertificateChainLength: Int?

    @Option(help: "Accepted, as --max-certificate-size is.")
    var maxCertificateBundleSize: Int?

    var notices: [String] {
        let sizes = [maxCertificateSize, maxPrivateKeySize, maxCertificateChainLength, maxCertificateBundleSize]
        guard sizes.contains(where: { $0 != nil }) else { return common.notices }
        return common.notices + [
            "--max-certificate-size and the like do nothing here: the webhook refuses requests of more than 3 MiB."
        ]
    }
}
