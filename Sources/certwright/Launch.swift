import CurlTransport
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Operations
import ServiceLifecycle
import UnixSignals
import Wire

/// What every program of ours begins with: a logger, the way to the API server, and the transport.
struct Launch {
    let configuration: ClusterConfiguration
    let transport: CurlTransport
    let apiMetrics: APIMetrics
    let logger: Logger

    /// Lends them to `body`; the transport outlives everything that sends requests by it, so that a lease is released
    /// and the last Events are written when all else has stopped.
    static func run(
        _ connection: ConnectionFlags, _ logging: LoggingFlags, notices: [String],
        _ body: @escaping @Sendable (Launch) async throws -> Void
    ) async throws {
        ProcessSettings.apply()
        let logger = logger(logging)
        let configuration: ClusterConfiguration
        do throws(KubeconfigError) {
            configuration = try connection.configuration()
        } catch {
            logger.critical("The cluster cannot be reached", metadata: ["error": "\(error)"])
            throw error
        }
        logger.info("Starting", metadata: ["version": "\(Version.text)", "server": "\(configuration.server)"])
        for notice in notices { logger.notice("A flag has no effect", metadata: ["why": "\(notice)"]) }
        let transport = CurlTransport(connection.transportOptions)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await transport.run() }
            defer { transport.shutDown() }
            try await body(
                Launch(
                    configuration: configuration, transport: transport, apiMetrics: APIMetrics(), logger: logger))
        }
        logger.info("Stopped")
    }

    /// A client that writes at any time.
    func client(fieldManager: String) -> KubeClient {
        KubeClient(
            configuration: configuration,
            transport: MeasuredTransport(inner: transport, metrics: apiMetrics, time: SystemTime()),
            fieldManager: fieldManager, userAgent: Version.userAgent)
    }

    /// The election for that lease; nil where the flags want none.
    func election(
        _ lease: String, _ flags: LeaderElectionFlags, program: String, time: any TimeSource
    ) -> LeaderElection? {
        guard flags.leaderElect else { return nil }
        return LeaderElection(
            client: client(fieldManager: program),
            lease: ObjectKey(namespace: flags.leaderElectionNamespace, name: lease),
            identity: ProcessSettings.identity(of: program),
            settings: .init(
                leaseDuration: flags.leaderElectionLeaseDuration.duration,
                renewDeadline: flags.leaderElectionRenewDeadline.duration,
                retryPeriod: flags.leaderElectionRetryPeriod.duration),
            time: time, logger: logger)
    }

    /// Runs all parts until a signal comes or one of them fails, which ends them all.
    func serve(_ parts: [Part]) async throws {
        let memory = Part("memory") { try await ProcessMemory.trimAtRest(time: SystemTime()) }
        let group = ServiceGroup(
            configuration: .init(
                services: ([memory] + parts).map { .init(service: $0) }, cancellationSignals: [.sigterm, .sigint],
                logger: logger))
        do {
            try await group.run()
        } catch is CancellationError {
            // A signal: everything has ended in its own time.
        }
    }

    private static func logger(_ flags: LoggingFlags) -> Logger {
        Logger(label: "certwright") { label in
            StructuredLogHandler(
                label: label, format: flags.loggingFormat, level: .init(verbosity: flags.verbosity))
        }
    }
}

extension ConnectionFlags {
    func configuration() throws(KubeconfigError) -> ClusterConfiguration {
        try ClusterConfiguration.load(
            kubeconfig: kubeconfig, context: context, server: master, environment: ProcessSettings.environment)
    }

    var transportOptions: CurlTransport.Options {
        var options = CurlTransport.Options(userAgent: Version.userAgent)
        options.version = http2 ? .http2 : .http1
        return options
    }
}

/// One long-running part of a program, by name.
struct Part: ServiceLifecycle.Service {
    let name: String
    private let body: @Sendable () async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.body = body
    }

    func run() async throws { try await body() }
}
