import ACMEServer
import ArgumentParser
import DNSWire
import HTTPTransport
import PKI
import Wire

/// How the ACME server listens, where it keeps its state and where it looks at challenges: the same for `certwright
/// acme-server` and for the controller that runs it in its own process.
struct ACMEServerFlags: ParsableArguments {
    @Option(help: "Where ACME clients are answered, over TLS.")
    var acmeServerListenAddress = ListenAddress(host: "0.0.0.0", port: 8443)

    @Option(
        help: """
            Scheme and host that clients reach it by, such as https://acme.example.com: the URLs it gives out begin with \
            that. Default: https and the host that each request names.
            """)
    var acmeServerExternalUrl: String?

    @Option(
        help: """
            The namespace where it keeps accounts and orders, as ConfigMaps, and reads credentials from Secrets. Default: \
            the pod's own, or cert-manager outside a pod.
            """)
    var acmeServerNamespace: String?

    @Option(help: "A URL with terms that clients must agree to when they make an account. Default: none.")
    var acmeServerTermsOfService: String?

    @Option(help: "How long an order and its proofs last.")
    var acmeServerOrderLifetime = GoDuration(hours: 24)

    @Option(help: "How many orders of all accounts there may be at a time (1 to 1000000).")
    var acmeServerMaxOrders = 10_000

    @Option(
        help: """
            DNS servers (host:port, or https://…) by which the names of challenges are looked up, separated by commas. \
            Default: those of the system.
            """,
        transform: CommaList.parse)
    var acmeServerNameservers: [String] = []

    @Option(
        help: """
            Networks in which http-01 and tls-alpn-01 may be looked at, separated by commas: 10.0.0.0/8, say. Default: all \
            but this machine, its link, multicast and the metadata services of clouds.
            """,
        transform: CommaList.parse)
    var acmeServerAllowedNetworks: [String] = []

    @Option(
        help: """
            Networks in which they are never looked at, even where allowed above, separated by commas: those of the \
            cluster's Services and pods.
            """,
        transform: CommaList.parse)
    var acmeServerForbiddenNetworks: [String] = []

    @Option(name: .customLong("acme-server-http01-port"), help: "The port of http-01. Anything but 80 is for tests.")
    var acmeServerHTTP01Port = 80

    @Option(
        name: .customLong("acme-server-tls-alpn01-port"),
        help: "The port of tls-alpn-01. Anything but 443 is for tests.")
    var acmeServerTLSALPN01Port = 443

    @Option(
        help: """
            A file with its serving certificate in PEM, its chain behind it; goes with \
            --acme-server-tls-private-key-file. Both are read again when they change. Without them it makes its own.
            """)
    var acmeServerTlsCertFile: String?

    @Option(help: "The file with the private key of --acme-server-tls-cert-file.")
    var acmeServerTlsPrivateKeyFile: String?

    @Option(
        help: "The name of the Secret with the CA of its own certificates, in its namespace; made where there is none.")
    var acmeServerServingCaSecretName = "certwright-acme-server-ca"

    @Option(
        help:
            "The DNS names by which clients reach it, for its own certificates, separated by commas. Default: localhost.",
        transform: CommaList.parse)
    var acmeServerServingDnsNames: [String] = []

    func validate() throws {
        guard acmeServerListenAddress != .off else {
            throw ValidationError("--acme-server-listen-address must be an address and a port.")
        }
        if let url = acmeServerExternalUrl {
            guard let address = HTTPAddress(url: url), address.scheme == .https, Self.origin(url) != nil else {
                throw ValidationError(
                    "--acme-server-external-url must be https:// and a host, with a port if need be and without a path."
                )
            }
        }
        guard acmeServerOrderLifetime >= GoDuration(nanoseconds: 600_000_000_000) else {
            throw ValidationError("--acme-server-order-lifetime must be at least 10m.")
        }
        guard (1...1_000_000).contains(acmeServerMaxOrders) else {
            throw ValidationError("--acme-server-max-orders must be from 1 to 1000000.")
        }
        for server in acmeServerNameservers where DNSServer(server) == nil {
            throw ValidationError("--acme-server-nameservers names \"\(server)\", which is no DNS server.")
        }
        for (flag, networks) in [
            ("--acme-server-allowed-networks", acmeServerAllowedNetworks),
            ("--acme-server-forbidden-networks", acmeServerForbiddenNetworks),
        ] {
            for network in networks where IPRange(network) == nil {
                throw ValidationError("\(flag) names \"\(network)\", which is no network such as 10.0.0.0/8.")
            }
        }
        for (flag, port) in [
            ("--acme-server-http01-port", acmeServerHTTP01Port),
            ("--acme-server-tls-alpn01-port", acmeServerTLSALPN01Port),
        ] where !(1...65535).contains(port) {
            throw ValidationError("\(flag) must be from 1 to 65535.")
        }
        guard (acmeServerTlsCertFile == nil) == (acmeServerTlsPrivateKeyFile == nil) else {
            throw ValidationError(
                "--acme-server-tls-cert-file and --acme-server-tls-private-key-file go together: set both or neither.")
        }
    }

    /// The URL without a slash at its end; nil where it has a path.
    static func origin(_ url: String) -> String? {
        let text = url.hasSuffix("/") ? String(url.dropLast()) : url
        return text.split(separator: "/", omittingEmptySubsequences: false).count == 3 && !text.contains("?")
            && !text.contains("#") ? text : nil
    }

    var rule: AddressRule {
        AddressRule(
            allowed: acmeServerAllowedNetworks.compactMap { IPRange($0) },
            forbidden: acmeServerForbiddenNetworks.compactMap { IPRange($0) })
    }
}
