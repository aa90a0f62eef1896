import ArgumentParser
import Operations
import Wire

/// How a program reaches the API server.
struct ConnectionFlags: ParsableArguments {
    @Option(
        help: """
            A kubeconfig file. Without it, KUBECONFIG is read; without that, a pod's service account is used, and \
            outside a pod ~/.kube/config.
            """)
    var kubeconfig: String?

    @Option(help: "The context of the kubeconfig to use. Default: its current context.")
    var context: String?

    @Option(
        name: [.customLong("master"), .customLong("api-server-host")],
        help: "The API server's URL, in place of the one in the kubeconfig.")
    var master: String?

    @Flag(
        inversion: .prefixedNo,
        help:
            "Speak HTTP/2 with the API server. docs/decisions/0001-http-version.md says why the default is what it is.")
    var http2 = false
}

struct ConfigFileFlags: ParsableArguments {
    @Option(
        help: """
            A file with settings: a ControllerConfiguration, WebhookConfiguration or CAInjectorConfiguration \
            (v1alpha1), of the command it is given to. Flags given beside it win; docs/flags.md names the fields.
            """)
    var config: String?
}

struct LeaderElectionFlags: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: "Work only while holding the lease, so that several replicas never act at once.")
    var leaderElect = true

    @Option(help: "The namespace of the lease.")
    var leaderElectionNamespace = "kube-system"

    @Option(help: "How long a lease lasts that its holder does not renew.")
    var leaderElectionLeaseDuration = GoDuration(nanoseconds: 60_000_000_000)

    @Option(help: "How long the holder tries to renew before it gives up and stops writing.")
    var leaderElectionRenewDeadline = GoDuration(nanoseconds: 40_000_000_000)

    @Option(help: "How long to wait between tries to get or renew the lease.")
    var leaderElectionRetryPeriod = GoDuration(nanoseconds: 15_000_000_000)

    func validate() throws {
        guard leaderElectionRetryPeriod.nanoseconds > 0 else {
            throw ValidationError("--leader-election-retry-period must be more than 0s.")
        }
        guard leaderElectionRetryPeriod < leaderElectionRenewDeadline else {
            throw ValidationError(
                "--leader-election-renew-deadline must be longer than --leader-election-retry-period.")
        }
        guard leaderElectionRenewDeadline < leaderElectionLeaseDuration else {
            throw ValidationError(
                "--leader-election-lease-duration must be longer than --leader-election-renew-deadline.")
        }
    }
}

struct ServingFlags: ParsableArguments {
    @Option(help: "Where /metrics is served; 0 for nowhere.")
    var metricsListenAddress = ListenAddress(host: "0.0.0.0", port: 9402)

    @Option(
        name: [.customLong("healthz-listen-address"), .customLong("internal-healthz-listen-address")],
        help: "Where /livez and /readyz are served; 0 for nowhere.")
    var healthzListenAddress = ListenAddress(host: "0.0.0.0", port: 9403)

    @Option(
        name: .customLong("internal-healthz-leader-election-timeout"),
        help: "How long after its lease would have ended a leader that does not renew it still passes /livez.")
    var leaseGrace = GoDuration(nanoseconds: 20_000_000_000)
}

struct LoggingFlags: ParsableArguments {
    @Option(
        name: .customLong("v"), help: "How much is logged: 0 to 2 what changed, 3 and 4 also why, 5 and 6 everything.")
    var verbosity = 2

    @Option(help: "text for people, json for log collectors.")
    var loggingFormat = LogFormat.text
}

/// Which other programs run in the controller's process.
struct CompanionFlags: ParsableArguments {
    @Option(
        name: .customLong("with"),
        help: """
            Other parts to run in this process, separated by commas: \(Companion.allNames). Each keeps its own lease, but for the webhook and acme-server, which answer in every \
            replica; \
            docs/decisions says what the failure of one means.
            """,
        transform: Companion.parse)
    var with: [Companion] = []

    var programs: Set<Program> { Set([.controller] + with.compactMap(\.program)) }
}

/// A part that can run in the controller's process or in one of its own.
enum Companion: String, CaseIterable {
    case webhook, cainjector
    case acmeServer = "acme-server"

    static var allNames: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// Nil for one that has no configuration file and no feature gates.
    var program: Program? {
        switch self {
        case .webhook: .webhook
        case .cainjector: .cainjector
        case .acmeServer: nil
        }
    }

    @Sendable static func parse(_ text: String) throws -> [Companion] {
        try CommaList.parse(text).map { name in
            guard let companion = Companion(rawValue: name) else {
                throw ValidationError("--with names \"\(name)\", which cannot run here. Known: \(allNames).")
            }
            return companion
        }
    }
}
