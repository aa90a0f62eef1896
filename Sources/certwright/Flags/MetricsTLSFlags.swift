import Admission
import ArgumentParser
import HTTPServer
import KubeModel
import Wire

/// With what certificate /metrics is served: none, one from files, or one of the program's own making.
struct MetricsTLSFlags: ParsableArguments {
    @Option(
        help: """
            A file with the certificate of /metrics in PEM, its chain behind it; goes with \
            --metrics-tls-private-key-file. Both are read again when they change.
            """)
    var metricsTlsCertFile: String?

    @Option(help: "The file with the private key of --metrics-tls-cert-file.")
    var metricsTlsPrivateKeyFile: String?

    @Option(
        help: """
            The name of the Secret with the CA from which this program makes itself a certificate for /metrics. The \
            Secret is made where there is none.
            """)
    var metricsDynamicServingCaSecretName: String?

    @Option(help: "The namespace of that Secret. Default: the pod's own.")
    var metricsDynamicServingCaSecretNamespace: String?

    @Option(
        help: "The DNS names by which /metrics is reached, separated by commas: those of its Service.",
        transform: CommaList.parse)
    var metricsDynamicServingDnsNames: [String] = []

    @Option(help: "How long a certificate of its own for /metrics lasts; it is replaced after two thirds of that.")
    var metricsDynamicServingLeafDuration = GoDuration(hours: 168)

    @Option(
        help: "Cipher suites of /metrics by their IANA names, separated by commas. Default: those of OpenSSL.",
        transform: CommaList.parse)
    var metricsTlsCipherSuites: [String] = []

    @Option(help: "The lowest version of TLS that /metrics speaks: VersionTLS12 or VersionTLS13.")
    var metricsTlsMinVersion = "VersionTLS12"

    private var hasFiles: Bool { metricsTlsCertFile != nil }
    private var isDynamic: Bool { metricsDynamicServingCaSecretName != nil }

    func validate() throws {
        guard (metricsTlsCertFile == nil) == (metricsTlsPrivateKeyFile == nil) else {
            throw ValidationError(
                "--metrics-tls-cert-file and --metrics-tls-private-key-file go together: set both or neither.")
        }
        guard !hasFiles || !isDynamic else {
            throw ValidationError(
                "--metrics-tls-cert-file and --metrics-dynamic-serving-ca-secret-name exclude each other: /metrics has one "
                    + "certificate.")
        }
        guard metricsDynamicServingCaSecretNamespace == nil || isDynamic else {
            throw ValidationError(
                "--metrics-dynamic-serving-ca-secret-namespace needs --metrics-dynamic-serving-ca-secret-name.")
        }
        guard metricsDynamicServingLeafDuration >= GoDuration(hours: 1) else {
            throw ValidationError("--metrics-dynamic-serving-leaf-duration must be at least 1h.")
        }
        guard TLSServerOptions.Version(flag: metricsTlsMinVersion) != nil else {
            throw ValidationError("--metrics-tls-min-version must be VersionTLS12 or VersionTLS13.")
        }
        do throws(TLSServerError) {
            try TLSServerOptions.check(cipherSuites: metricsTlsCipherSuites)
        } catch {
            throw ValidationError("--metrics-tls-cipher-suites: \(error).")
        }
    }

    /// Nil where /metrics is served without TLS. `namespace` is the Secret's where no flag names another.
    func settings(namespace: String) -> ServingCertificate.Settings? {
        var options = TLSServerOptions()
        options.minimumVersion = TLSServerOptions.Version(flag: metricsTlsMinVersion) ?? .tls12
        options.cipherSuites = metricsTlsCipherSuites
        if let chain = metricsTlsCertFile, let key = metricsTlsPrivateKeyFile {
            return .init(source: .files(chain: chain, key: key), options: options)
        }
        guard let name = metricsDynamicServingCaSecretName else { return nil }
        let secret = ObjectKey(namespace: metricsDynamicServingCaSecretNamespace ?? namespace, name: name)
        let names = metricsDynamicServingDnsNames.isEmpty ? ["localhost"] : metricsDynamicServingDnsNames
        var authority = ServingAuthority.Settings(secret: secret, dnsNames: names)
        authority.leafLifetime = metricsDynamicServingLeafDuration.duration
        return .init(source: .authority(authority), options: options)
    }
}

extension Launch {
    /// The certificate of /metrics, kept whether or not this process leads; nil for no TLS.
    func certificate(
        _ flags: MetricsTLSFlags, namespace: String?, fieldManager: String
    ) -> ServingCertificate? {
        flags.settings(namespace: namespace ?? "cert-manager").map {
            ServingCertificate($0, client: client(fieldManager: fieldManager), time: SystemTime(), logger: logger)
        }
    }
}
