import ArgumentParser
import DNSWire
import Solvers

extension ACMEFlags {
    /// What the flags say about HTTP-01.
    var http01: HTTP01Options {
        HTTP01Options(
            image: acmeHttp01SolverImage, requestCPU: acmeHttp01SolverResourceRequestCpu,
            requestMemory: acmeHttp01SolverResourceRequestMemory, limitCPU: acmeHttp01SolverResourceLimitsCpu,
            limitMemory: acmeHttp01SolverResourceLimitsMemory, runAsNonRoot: acmeHttp01SolverRunAsNonRoot,
            extraLabels: extraLabels,
            runtimeClassName: acmeHttp01SolverRuntimeClassName.isEmpty ? nil : acmeHttp01SolverRuntimeClassName,
            nameservers: acmeHttp01SolverNameservers.compactMap(DNSServer.init))
    }

    /// What the flags say about DNS-01; without servers in them, those of the machine are asked.
    func dns01(
        clusterResourceNamespace: String, ambientForClusterIssuers: Bool, ambientForIssuers: Bool
    ) -> DNS01Options {
        let servers = dns01RecursiveNameservers.compactMap(DNSServer.init)
        return DNS01Options(
            recursiveServers: servers.isEmpty ? ResolvConf.system().servers : servers,
            recursiveOnly: dns01RecursiveNameserversOnly, clusterResourceNamespace: clusterResourceNamespace,
            ambientForClusterIssuers: ambientForClusterIssuers, ambientForIssuers: ambientForIssuers,
            longestPause: dns01CheckRetryPeriod.duration)
    }

    /// Refuses servers that cannot be asked.
    func validateServers() throws {
        for (flag, servers) in [
            ("--dns01-recursive-nameservers", dns01RecursiveNameservers),
            ("--acme-http01-solver-nameservers", acmeHttp01SolverNameservers),
        ] {
            for server in servers where DNSServer(server) == nil {
                throw ValidationError("\(flag) takes host:port or an https URL; \"\(server)\" is neither.")
            }
        }
    }
}
