import ArgumentParser
import HTTPServer
import Wire

/// How the webhook listens and what certificate it shows: the same for `certwright webhook` and for the controller that
/// runs it in its own process.
struct WebhookFlags: ParsableArguments {
    @Option(help: "The port on which the API server is answered, over TLS (0 to 65535; 0 for any free one).")
    var securePort = 6443

    @Option(
        help: """
            A file with the serving certificate in PEM, its chain behind it; goes with --tls-private-key-file. Both are \
            read again when they change. Without them the webhook makes its own certificate.
            """)
    var tlsCertFile: String?

    @Option(help: "The file with the private key of --tls-cert-file.")
    var tlsPrivateKeyFile: String?

    @Option(help: "The namespace of the Secret with the CA of the webhook's own certificates. Default: the pod's own.")
    var dynamicServingCaSecretNamespace: String?

    @Option(help: "The name of that Secret. It is made where there is none.")
    var dynamicServingCaSecretName = "cert-manager-webhook-ca"

    @Option(
        help: "The DNS names by which the API server reaches the webhook, separated by commas: its Service's.",
        transform: CommaList.parse)
    var dynamicServingDnsNames: [String] = []

    @Option(help: "How long a certificate of the webhook's own lasts; it is replaced after two thirds of that.")
    var dynamicServingLeafDuration = GoDuration(hours: 168)

    @Option(
        help: """
            The ValidatingWebhookConfiguration and MutatingWebhookConfiguration of this name get the CA of the webhook's \
            own certificates from the webhook itself. Without it a CA injector has to put it there.
            """)
    var injectOwnCa: String?

    @Flag(inversion: .prefixedNo, help: "Answer only clients with a certificate from --client-ca-path.")
    var enableClientVerification = false

    @Option(help: "A file with the CA certificates, in PEM, that clients' certificates must come from.")
    var clientCaPath: String?

    @Option(
        help: """
            Names of which a client's certificate must have one, as its common name or a DNS name, separated by commas. \
            Default: any.
            """,
        transform: CommaList.parse)
    var clientSubjectNames: [String] = []

    @Option(
        help: "Cipher suites by their IANA names, separated by commas. Default: those of OpenSSL.",
        transform: CommaList.parse)
    var tlsCipherSuites: [String] = []

    @Option(help: "The lowest version of TLS that is spoken: VersionTLS12 or VersionTLS13.")
    var tlsMinVersion = "VersionTLS12"

    func validate() throws {
        guard (0...65535).contains(securePort) else { throw ValidationError("--secure-port must be from 0 to 65535.") }
        guard (tlsCertFile == nil) == (tlsPrivateKeyFile == nil) else {
            throw ValidationError("--tls-cert-file and --tls-private-key-file go together: set both or neither.")
        }
        guard dynamicServingLeafDuration >= GoDuration(hours: 1) else {
            throw ValidationError("--dynamic-serving-leaf-duration must be at least 1h.")
        }
        guard TLSServerOptions.Version(flag: tlsMinVersion) != nil else {
            throw ValidationError("--tls-min-version must be VersionTLS12 or VersionTLS13.")
        }
        guard !enableClientVerification || clientCaPath != nil else {
            throw ValidationError("--enable-client-verification needs --client-ca-path.")
        }
        do throws(TLSServerError) {
            try TLSServerOptions.check(cipherSuites: tlsCipherSuites)
        } catch {
            throw ValidationError("--tls-cipher-suites: \(error).")
        }
    }
}
