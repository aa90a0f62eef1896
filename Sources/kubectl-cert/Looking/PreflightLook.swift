import DNSProviders
import DNSWire
import Diagnosis
import KubeClient
import KubeModel
import NIOPosix
import Solvers
import Wire

/// Looks at what would keep a CA from certifying names, as the controller does before an order, but from this machine.
struct PreflightLook: Sendable {
    private let preflight: Preflight

    /// - Parameter nameservers: those to ask; empty for this machine's own.
    init(_ session: Session, nameservers: [DNSServer]) async {
        let client = DNSClient(
            group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(2),
            https: DNSOverHTTP(session.transport))
        let servers = nameservers.isEmpty ? ResolvConf.system().servers : nameservers
        let place = await ControllerLook(client: session.client).place().first ?? "cert-manager"
        let resolver = Resolver(servers: servers, client: client)
        preflight = Preflight(
            resolver: resolver, addresses: resolver,
            zones: ZoneProbe(
                options: DNS01Options(
                    recursiveServers: servers, clusterResourceNamespace: place, ambientForClusterIssuers: false),
                client: client, secrets: ClusterSecrets(client: session.client), http: session.transport,
                time: session.time))
    }

    func look(at entries: [Plan.Entry]) async -> [Plan.Entry] {
        var entries = entries
        for index in entries.indices {
            guard let inquiry = entries[index].inquiry else { continue }
            let findings = await preflight.inspect(inquiry)
            for finding in findings {
                entries[index].add(finding.severity == .fault ? .problem : .warning, "Preflight", finding.sentence)
            }
            if findings.isEmpty { entries[index].add(.fact, "Preflight", "nothing is in the way of the order") }
        }
        return entries
    }
}

/// Secrets as the API server gives them to whoever runs this.
private struct ClusterSecrets: SecretSource {
    let client: KubeClient

    func secret(_ key: ObjectKey) async throws -> Secret? { try await client.find(Secret.self, key) }
}
