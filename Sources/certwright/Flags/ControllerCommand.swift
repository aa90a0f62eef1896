import ArgumentParser
import Operations
import PKI
import Wire

/// `certwright controller`: every reconciler, in one process.
struct ControllerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "controller",
        abstract: "Runs the controllers: in a pod with its service account, or out of cluster with --kubeconfig.")

    @OptionGroup(title: "Cluster") var cluster: ClusterFlags
    @OptionGroup(title: "Leader election") var leaderElection: LeaderElectionFlags
    @OptionGroup(title: "Controllers") var controllers: ControllerSetFlags
    @OptionGroup(title: "Certificates") var certificates: CertificateFlags
    @OptionGroup(title: "Ingresses") var shim: ShimFlags
    @OptionGroup(title: "Gateway API") var gateway: GatewayFlags
    @OptionGroup(title: "ACME") var acme: ACMEFlags
    @OptionGroup(title: "Serving") var serving: ServingFlags
    @OptionGroup(title: "Logging") var logging: LoggingFlags

    func validate() throws {
        try leaderElection.validate()
        try controllers.validate()
        try certificates.validate()
        try gateway.validate()
        try acme.validate()
    }

    func run() async throws {
        try await Assembly(flags: self).run()
    }
}

struct ClusterFlags: ParsableArguments {
    @Option(
        help: """
            A kubeconfig file. Without it, KUBECONFIG is read; without that, a pod's service account is used, and \
            outside a pod ~/.kube/config.
            """)
    var kubeconfig: String?

    @Option(help: "The context of the kubeconfig to use. Default: its current context.")
    var context: String?

    @Option(help: "The API server's URL, in place of the one in the kubeconfig.")
    var master: String?

    @Option(help: "Watch only this namespace; ClusterIssuers are then left alone. Default: all namespaces.")
    var namespace = ""

    @Option(
        help: """
            Where the Secrets that ClusterIssuers name are kept. Default: the pod's own namespace, or cert-manager \
            outside a pod.
            """)
    var clusterResourceNamespace: String?

    @Flag(
        inversion: .prefixedNo,
        help:
            "Speak HTTP/2 with the API server. docs/decisions/0001-http-version.md says why the default is what it is.")
    var http2 = false
}

struct LeaderElectionFlags: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: "Work only while holding the lease, so that several replicas never act at once.")
    var leaderElect = true

    @Option(help: "The namespace of the lease cert-manager-controller.")
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

struct ControllerSetFlags: ParsableArguments {
    @Option(
        help: """
            The controllers to run, separated by commas: * means the default set, -name leaves one out. Known: \
            \(ControllerName.allNames).
            """,
        transform: CommaList.parse)
    var controllers: [String] = ["*"]

    @Option(help: "How many objects of one kind are worked on at once (1 to 1000).")
    var concurrentWorkers = 5

    func validate() throws {
        guard (1...1000).contains(concurrentWorkers) else {
            throw ValidationError("--concurrent-workers must be from 1 to 1000.")
        }
        do throws(ControllerName.UnknownName) {
            _ = try ControllerName.selected(by: controllers)
        } catch {
            throw ValidationError(error.description)
        }
    }
}

struct CertificateFlags: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: "Make each Certificate the owner of its Secret, so that deleting the one deletes the other.")
    var enableCertificateOwnerRef = false

    @Option(
        help: """
            Which annotations of a Certificate its CertificateRequests carry: prefixes separated by commas, * for all, \
            -prefix to leave some out.
            """,
        transform: CommaList.parse)
    var copiedAnnotationPrefixes = ["*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"]

    @Option(help: "The wait after a first failed issuance; it doubles with each further failure.")
    var certificateRequestMinimumBackoffDuration = GoDuration(hours: 1)

    @Option(help: "The longest wait after failed issuances.")
    var certificateRequestMaximumBackoffDuration = GoDuration(hours: 32)

    @Option(help: "The largest PEM certificate read from a Secret or an answer, in bytes.")
    var maxCertificateSize = 36_500

    @Option(help: "The largest PEM private key read, in bytes.")
    var maxPrivateKeySize = 13_000

    @Option(help: "The largest PEM certificate chain read, in bytes.")
    var maxCertificateChainLength = 95_000

    @Option(help: "The largest PEM bundle of CA certificates read, in bytes.")
    var maxCertificateBundleSize = 330_000

    var pemLimits: PEMLimits {
        PEMLimits(
            certificate: maxCertificateSize, privateKey: maxPrivateKeySize, chain: maxCertificateChainLength,
            bundle: maxCertificateBundleSize)
    }

    func validate() throws {
        let (shortest, longest) = (certificateRequestMinimumBackoffDuration, certificateRequestMaximumBackoffDuration)
        guard shortest.nanoseconds > 0, shortest <= longest else {
            throw ValidationError(
                """
                --certificate-request-minimum-backoff-duration must be more than 0s and at most \
                --certificate-request-maximum-backoff-duration.
                """)
        }
        for (name, size) in [
            ("--max-certificate-size", maxCertificateSize), ("--max-private-key-size", maxPrivateKeySize),
            ("--max-certificate-chain-length", maxCertificateChainLength),
            ("--max-certificate-bundle-size", maxCertificateBundleSize),
        ] where size <= 0 {
            throw ValidationError("\(name) must be more than 0.")
        }
    }
}

struct ShimFlags: ParsableArguments {
    @Option(
        help: "Annotations that ask for a certificate from the default issuer when their value is \"true\".",
        transform: CommaList.parse)
    var autoCertificateAnnotations = ["kubernetes.io/tls-acme"]

    @Option(
        help: "Annotations that are copied from an Ingress, Gateway or ListenerSet to the Certificates made for it.",
        transform: CommaList.parse)
    var extraCertificateAnnotations: [String] = []

    @Option(help: "The issuer for Ingresses that ask for a certificate and name none.")
    var defaultIssuerName = ""

    @Option(help: "The kind of the default issuer.")
    var defaultIssuerKind = "Issuer"

    @Option(help: "The API group of the default issuer.")
    var defaultIssuerGroup = "cert-manager.io"
}

struct ServingFlags: ParsableArguments {
    @Option(help: "Where /metrics is served.")
    var metricsListenAddress = ListenAddress(host: "0.0.0.0", port: 9402)

    @Option(help: "Where /livez and /readyz are served.")
    var healthzListenAddress = ListenAddress(host: "0.0.0.0", port: 9403)
}

struct LoggingFlags: ParsableArguments {
    @Option(
        name: .customLong("v"), help: "How much is logged: 0 to 2 what changed, 3 and 4 also why, 5 and 6 everything.")
    var verbosity = 2

    @Option(help: "text for people, json for log collectors.")
    var loggingFormat = LogFormat.text
}
