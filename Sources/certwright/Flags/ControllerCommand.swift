import ArgumentParser
import PKI
import Wire

/// `certwright controller`: every reconciler, in one process.
struct ControllerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "controller",
        abstract: "Runs the controllers: in a pod with its service account, or out of cluster with --kubeconfig.")

    @OptionGroup(title: "Configuration file") var file: ConfigFileFlags
    @OptionGroup(title: "Cluster") var cluster: ClusterFlags
    @OptionGroup(title: "Leader election") var leaderElection: LeaderElectionFlags
    @OptionGroup(title: "Controllers") var controllers: ControllerSetFlags
    @OptionGroup(title: "Certificates") var certificates: CertificateFlags
    @OptionGroup(title: "Ingresses") var shim: ShimFlags
    @OptionGroup(title: "Gateway API") var gateway: GatewayFlags
    @OptionGroup(title: "ACME") var acme: ACMEFlags
    @OptionGroup(title: "ACME orders") var issuance: IssuanceFlags
    @OptionGroup(title: "Serving") var serving: ServingFlags
    @OptionGroup(title: "TLS of /metrics") var metricsTLS: MetricsTLSFlags
    @OptionGroup(title: "Web pages") var dashboard: DashboardFlags
    @OptionGroup(title: "Other parts in this process") var companions: CompanionFlags
    @OptionGroup(title: "Webhook, with --with=webhook") var webhook: WebhookFlags
    @OptionGroup(title: "CA injection, with --with=cainjector") var injection: InjectionFlags
    @OptionGroup(title: "ACME server, with --with=acme-server") var acmeServer: ACMEServerFlags
    @OptionGroup(title: "Features") var features: FeatureFlags
    @OptionGroup(title: "Logging") var logging: LoggingFlags
    @OptionGroup(title: "Credentials of clouds") var ambient: AmbientFlags
    @OptionGroup(title: "Accepted for compatibility") var compatibility: ControllerCompatibilityFlags

    func validate() throws {
        try leaderElection.validate()
        try metricsTLS.validate()
        try webhook.validate()
        try acmeServer.validate()
        try features.validate(for: companions.programs)
        try compatibility.validate()
        try controllers.validate()
        try certificates.validate()
        try gateway.validate()
        try acme.validate()
        try dashboard.validate()
    }

    func run() async throws {
        try await Assembly(flags: self).run()
    }
}

struct ClusterFlags: ParsableArguments {
    @OptionGroup var connection: ConnectionFlags

    @Option(
        name: .customLong("namespace"),
        help: """
            Work in these namespaces only, separated by commas; ClusterIssuers are then left alone. Default: all \
            namespaces.
            """,
        transform: CommaList.parse)
    var namespaces: [String] = []

    @Option(
        help: """
            Where the Secrets that ClusterIssuers name are kept. Default: the pod's own namespace, or cert-manager \
            outside a pod.
            """)
    var clusterResourceNamespace: String?
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
