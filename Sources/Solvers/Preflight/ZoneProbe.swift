import CertificateAPI
package import DNSProviders
package import DNSWire
package import HTTPTransport
import KubeModel
package import Wire

/// Finds out whether the record of a DNS-01 challenge could be written: the zone is there, the solver's configuration and
/// Secrets can be used, and the provider says yes where it can be asked without writing.
package struct ZoneProbe: Sendable {
    private static let path = FieldPath("spec.acme.solvers.dns01")

    private let options: DNS01Options
    private let registry: DNSProviderRegistry
    private let resolver: Resolver
    private let secrets: any SecretSource
    private let http: any HTTPTransport
    private let time: any TimeSource
    private let machine: any MachineSource
    private let cluster: any ClusterSource

    package init(
        options: DNS01Options, registry: DNSProviderRegistry = .standard, client: DNSClient,
        secrets: any SecretSource, http: any HTTPTransport, time: any TimeSource,
        machine: any MachineSource = BareMachine(), cluster: any ClusterSource = NoCluster()
    ) {
        self.options = options
        self.registry = registry
        resolver = Resolver(
            servers: options.recursiveServers, client: client, authoritativePort: options.authoritativePort)
        self.secrets = secrets
        self.http = http
        self.time = time
        self.machine = machine
        self.cluster = cluster
    }

    func finding(
        about name: PreflightInquiry.Name, solver: Solver, namespace: String, isClusterIssuer: Bool
    ) async -> PreflightFinding? {
        guard let stanza = solver.dns01 else { return nil }
        let context = ProviderContext(
            secrets: secrets, namespace: isClusterIssuer ? options.clusterResourceNamespace : namespace,
            resolver: resolver, http: http, time: time,
            allowsAmbientCredentials: isClusterIssuer ? options.ambientForClusterIssuers : options.ambientForIssuers,
            machine: machine, cluster: cluster)
        do throws(DNSProviderError) {
            let record = try await record(of: name, follows: stanza.cnameStrategy == "Follow")
            let provider = try await registry.provider(for: stanza, at: Self.path, in: context)
            try await provider.probe(record)
            return nil
        } catch {
            return PreflightFinding(
                .zone, error.isCertain ? .fault : .doubt,
                "\(name.text): its challenge record could not be written: \(error)")
        }
    }

    private func record(
        of name: PreflightInquiry.Name, follows: Bool
    ) async throws(DNSProviderError) -> DNSName {
        do throws(DNSError) {
            let base: DNSName
            do {
                base = try DNSName(name.base).prefixed(by: "_acme-challenge")
            } catch {
                throw .illegalName(name.base, error)
            }
            return follows ? try await resolver.followAliases(from: base).target : base
        } catch {
            throw .dns(error)
        }
    }
}

extension DNSProviderError {
    /// Another try will find the same.
    fileprivate var isCertain: Bool {
        switch self {
        case .dns(let error): !error.isTransient
        case .invalid, .unsupported, .secretMissing, .secretLacks, .secretNotBase64, .secretMalformed: true
        case .wrongCredentials, .missingPermission, .zoneNotFound: true
        // Credentials of the machine are the solver's business, and the rest may pass.
        default: false
        }
    }
}
