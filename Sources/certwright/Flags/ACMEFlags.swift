import ArgumentParser
import DNSWire
import Wire

struct ACMEFlags: ParsableArguments {
    @Option(help: "The image of the pods that answer HTTP-01 challenges.")
    var acmeHttp01SolverImage = "ghcr.io/certwright/acmesolver:\(Version.text)"

    @Option(help: "CPU requested by a solver pod.")
    var acmeHttp01SolverResourceRequestCpu = "10m"

    @Option(help: "Memory requested by a solver pod.")
    var acmeHttp01SolverResourceRequestMemory = "64Mi"

    @Option(help: "CPU limit of a solver pod.")
    var acmeHttp01SolverResourceLimitsCpu = "100m"

    @Option(help: "Memory limit of a solver pod.")
    var acmeHttp01SolverResourceLimitsMemory = "64Mi"

    @Flag(inversion: .prefixedNo, help: "Refuse to run solver pods as root.")
    var acmeHttp01SolverRunAsNonRoot = true

    @Option(
        help: "DNS servers (host:port) that the HTTP-01 self-check asks. Default: those of the machine.",
        transform: CommaList.parse)
    var acmeHttp01SolverNameservers: [String] = []

    @Option(
        help: "Labels added to solver pods, Services and Ingresses: key=value, separated by commas.",
        transform: CommaList.parse)
    var acmeHttp01SolverExtraLabels: [String] = []

    @Option(help: "The RuntimeClass of solver pods.")
    var acmeHttp01SolverRuntimeClassName = ""

    @Option(
        help: """
            Recursive DNS servers (host:port, or https://… for DNS over HTTPS) used to find zones and their \
            authoritative servers. Default: those of the machine.
            """,
        transform: CommaList.parse)
    var dns01RecursiveNameservers: [String] = []

    @Flag(
        inversion: .prefixedNo,
        help: "Ask only the recursive DNS servers whether a record is visible, never the authoritative ones.")
    var dns01RecursiveNameserversOnly = false

    @Option(help: "The longest wait between two looks for a challenge that is not visible yet.")
    var dns01CheckRetryPeriod = GoDuration(nanoseconds: 10_000_000_000)

    @Option(help: "How many challenges are worked on at once (1 to 10000).")
    var maxConcurrentChallenges = 60

    @Flag(
        inversion: .prefixedNo,
        help:
            "Let TLS-ALPN-01 challenges be routed by Traefik's IngressRouteTCP where an issuer's annotation asks for it."
    )
    var enableTraefikRoutes = false

    /// The extra labels as pairs; `validate` has refused what does not parse.
    var extraLabels: [String: String] {
        var labels: [String: String] = [:]
        for entry in acmeHttp01SolverExtraLabels {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { labels[String(parts[0])] = String(parts[1]) }
        }
        return labels
    }

    func validate() throws {
        for entry in acmeHttp01SolverExtraLabels
        where !entry.contains("=") || entry.hasPrefix("=") {
            throw ValidationError("--acme-http01-solver-extra-labels takes key=value; \"\(entry)\" is neither.")
        }
        for (flag, servers) in [
            ("--dns01-recursive-nameservers", dns01RecursiveNameservers),
            ("--acme-http01-solver-nameservers", acmeHttp01SolverNameservers),
        ] {
            for server in servers where DNSServer(server) == nil {
                throw ValidationError("\(flag) takes host:port or an https URL; \"\(server)\" is neither.")
            }
        }
        guard dns01CheckRetryPeriod.nanoseconds > 0 else {
            throw ValidationError("--dns01-check-retry-period must be more than 0s.")
        }
        guard (1...10_000).contains(maxConcurrentChallenges) else {
            throw ValidationError("--max-concurrent-challenges must be from 1 to 10000.")
        }
    }
}
