import Controllers
import DNSWire
import HTTPTransport
import KubeClient
import NIOPosix
import Solvers
import Wire

/// Builds the look before an order from the flags.
struct PreflightFloor {
    let flags: ControllerCommand
    let client: KubeClient
    let transport: any HTTPTransport
    let time: any TimeSource

    /// Nil where it is switched off.
    func preflight(secrets: SecretStore, resourceNamespace: String) -> Preflight? {
        guard flags.issuance.preflight != .off else { return nil }
        let dns = DNSClient(group: MultiThreadedEventLoopGroup.singleton, https: DNSOverHTTP(transport))
        let system = ResolvConf.system().servers
        let recursive = flags.acme.dns01RecursiveNameservers.compactMap(DNSServer.init)
        let visiting = flags.acme.acmeHttp01SolverNameservers.compactMap(DNSServer.init)
        let options = DNS01Options(
            recursiveServers: recursive.isEmpty ? system : recursive, clusterResourceNamespace: resourceNamespace,
            ambientForClusterIssuers: flags.ambient.clusterIssuerAmbientCredentials,
            ambientForIssuers: flags.ambient.issuerAmbientCredentials)
        return Preflight(
            resolver: Resolver(servers: options.recursiveServers, client: dns),
            addresses: Resolver(servers: visiting.isEmpty ? system : visiting, client: dns),
            zones: ZoneProbe(
                options: options, client: dns, secrets: secrets, http: transport, time: time, machine: SystemMachine(),
                cluster: ClusterDoor(client)))
    }
}
