import CertificateAPI
import Controllers
import DNSProviders
import DNSWire
import HTTPTransport
import KubeClient
import NIOPosix
import Solvers
import Wire

/// Builds the solvers of challenges from the flags.
struct SolverFloor {
    let flags: ACMEFlags
    let ambient: AmbientFlags
    let gatewayAPI: Bool
    let client: KubeClient
    let transport: any HTTPTransport
    let time: any TimeSource

    func http01(_ challenges: @escaping @Sendable (_ namespace: String) -> [Challenge]) -> HTTP01Solver {
        HTTP01Solver(
            options: http01Options, client: client, http: transport, dns: dns, time: time, challenges: challenges)
    }

    func solver(_ http01: HTTP01Solver, secrets: SecretStore, resourceNamespace: String) -> ChallengeSolvers {
        let recursive = flags.dns01RecursiveNameservers.compactMap(DNSServer.init)
        let dns01 = DNS01Solver(
            options: DNS01Options(
                recursiveServers: recursive.isEmpty ? ResolvConf.system().servers : recursive,
                recursiveOnly: flags.dns01RecursiveNameserversOnly, clusterResourceNamespace: resourceNamespace,
                ambientForClusterIssuers: ambient.clusterIssuerAmbientCredentials,
                ambientForIssuers: ambient.issuerAmbientCredentials,
                longestPause: flags.dns01CheckRetryPeriod.duration),
            client: dns, secrets: secrets, http: transport, time: time, machine: SystemMachine(),
            cluster: ClusterDoor(client))
        return ChallengeSolvers(
            dns01: dns01, http01: http01, tlsALPN01: TLSALPN01Solver(cluster: http01, time: time), time: time)
    }

    private var dns: DNSClient {
        DNSClient(group: MultiThreadedEventLoopGroup.singleton, https: DNSOverHTTP(transport))
    }

    private var http01Options: HTTP01Options {
        HTTP01Options(
            image: flags.acmeHttp01SolverImage, requestCPU: flags.acmeHttp01SolverResourceRequestCpu,
            requestMemory: flags.acmeHttp01SolverResourceRequestMemory,
            limitCPU: flags.acmeHttp01SolverResourceLimitsCpu, limitMemory: flags.acmeHttp01SolverResourceLimitsMemory,
            runAsNonRoot: flags.acmeHttp01SolverRunAsNonRoot, extraLabels: flags.extraLabels,
            runtimeClassName: flags.acmeHttp01SolverRuntimeClassName.isEmpty
                ? nil : flags.acmeHttp01SolverRuntimeClassName,
            nameservers: flags.acmeHttp01SolverNameservers.compactMap(DNSServer.init), gatewayAPI: gatewayAPI,
            traefikRoutes: flags.enableTraefikRoutes)
    }
}
