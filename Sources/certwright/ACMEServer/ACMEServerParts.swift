import ACMEServer
import Admission
import DNSWire
import HTTPServer
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import NIOPosix
import Operations
import Solvers
import Wire

/// The ACME server as parts that any process can run. It answers whether or not the process leads.
struct ACMEServerParts: Sendable {
    static let fieldManager = "certwright-acme-server"

    private let server: Server
    private let service: ACMEService
    private let store: ClusterStore
    private let issuers: ClusterIssuers
    private let certificates: ClusterCertificates
    private let sweep: ClusterSweep
    private let certificate: ServingCertificate
    private let informers: [(name: String, run: @Sendable () async throws -> Void)]
    private let counts = ACMEServerMetrics()

    /// - Parameters:
    ///   - namespace: of what it keeps, where no flag names another.
    ///   - namespaces: whose Issuers are served; none for all, and ClusterIssuers too.
    init(_ flags: ACMEServerFlags, launch: Launch, namespace: String, namespaces: [String], counters: Counters) {
        let (time, logger) = (SystemTime(), launch.logger)
        let client = launch.client(fieldManager: Self.fieldManager)
        let namespace = flags.acmeServerNamespace ?? namespace
        let store = ClusterStore(client: client, namespace: namespace, time: time, logger: logger)
        let issuers = ClusterIssuers(namespaces: namespaces, client: client, logger: logger)
        let certificates = ClusterCertificates(namespaces: namespaces, client: client, logger: logger)
        let desk = ClusterDesk(client: client, store: store, time: time)
        let counts = counts
        let service = ACMEService(
            settings: flags.settings, store: store, issuers: issuers, desk: desk, renewals: certificates,
            validator: flags.validator(launch, time), time: time, logger: logger, observe: { counts.count($0) })
        let certificate = ServingCertificate(
            flags.certificate(namespace: namespace), client: client, time: time, logger: logger)
        self.service = service
        self.store = store
        self.issuers = issuers
        self.certificates = certificates
        self.certificate = certificate
        sweep = ClusterSweep(store: store, desk: desk, time: time, logger: logger)
        informers =
            store.informers(counters: counters) + issuers.informers(counters: counters)
            + certificates.informers(counters: counters)
        server = Server(
            address: flags.acmeServerListenAddress.host, port: flags.acmeServerListenAddress.port,
            tls: TLSServing { certificate.current }
        ) { [service] request in await service.handle(request) }
    }

    var parts: [Part] {
        informers.map { Part($0.name, $0.run) } + [
            Part("ACME server") { [server] in try await server.run() },
            Part("challenges of the ACME server") { [service] in try await service.run() },
            Part("sweep of the ACME server") { [sweep] in try await sweep.run() },
            Part("serving certificate of the ACME server") { [certificate] in try await certificate.run() },
        ]
    }

    /// Who is sent here before everything is read would be told that accounts do not exist.
    func addHealth(to ready: Health) {
        ready.add("acme-server") { [store, issuers, certificates, certificate] in
            store.missing ?? issuers.missing ?? certificates.missing ?? certificate.missing
        }
    }

    func addMetrics(to metrics: Metrics) {
        metrics.add { [counts, store] in
            counts.families + [
                MetricFamily(
                    "certwright_acme_server_accounts", .gauge, help: "The number of accounts of the ACME server.",
                    samples: [.init(Double(store.accounts.count))]),
                MetricFamily(
                    "certwright_acme_server_orders", .gauge,
                    help: "The number of orders of the ACME server that are kept.",
                    samples: [.init(Double(store.orderCount))]),
            ]
        }
    }
}

/// What the ACME server does, counted.
struct ACMEServerMetrics: Sendable {
    private let requests = LabelledCounter(
        "certwright_acme_server_requests_total",
        help: "The number of requests of ACME clients, by the resource and the status of the answer.",
        labels: ["resource", "code"])
    private let validations = LabelledCounter(
        "certwright_acme_server_validations_total",
        help: "The number of challenges of ACME clients that were looked at, by outcome.",
        labels: ["type", "outcome"])
    private let certificates = LabelledCounter(
        "certwright_acme_server_certificates_total",
        help: "The number of certificates that were issued to ACME clients at once, by directory.", labels: ["issuer"])
    private let revocations = LabelledCounter(
        "certwright_acme_server_revocations_total",
        help: "The number of certificates that ACME clients have revoked, by directory.", labels: ["issuer"])

    var families: [MetricFamily] { [requests.family, validations.family, certificates.family, revocations.family] }

    func count(_ occurrence: ACMEService.Occurrence) {
        switch occurrence {
        case .request(let resource, let status): requests.add(1, [resource, String(status)])
        case .validation(let kind, let passed): validations.add(1, [kind.rawValue, passed ? "valid" : "invalid"])
        case .certificate(let issuer): certificates.add(1, [issuer.path])
        case .revocation(let issuer): revocations.add(1, [issuer.path])
        }
    }
}

extension ACMEServerFlags {
    var settings: ACMEService.Settings {
        var settings = ACMEService.Settings()
        settings.externalURL = acmeServerExternalUrl.flatMap(Self.origin)
        settings.termsOfService = acmeServerTermsOfService
        settings.orderLifetime = acmeServerOrderLifetime.duration
        settings.orderLimit = acmeServerMaxOrders
        return settings
    }

    func validator(_ launch: Launch, _ time: any TimeSource) -> NetworkValidator {
        let servers = acmeServerNameservers.compactMap(DNSServer.init)
        let dns = DNSClient(group: MultiThreadedEventLoopGroup.singleton, https: DNSOverHTTP(launch.transport))
        let resolver = Resolver(servers: servers.isEmpty ? ResolvConf.system().servers : servers, client: dns)
        var settings = NetworkValidator.Settings()
        settings.httpPort = acmeServerHTTP01Port
        settings.tlsPort = acmeServerTLSALPN01Port
        return NetworkValidator(
            settings: settings, finder: AddressFinder(resolver: resolver, rule: rule), transport: launch.transport,
            time: time)
    }

    func certificate(namespace: String) -> ServingCertificate.Settings {
        let options = TLSServerOptions()
        if let chain = acmeServerTlsCertFile, let key = acmeServerTlsPrivateKeyFile {
            return .init(source: .files(chain: chain, key: key), options: options)
        }
        let names = acmeServerServingDnsNames.isEmpty ? ["localhost"] : acmeServerServingDnsNames
        return .init(
            source: .authority(
                .init(secret: ObjectKey(namespace: namespace, name: acmeServerServingCaSecretName), dnsNames: names)),
            options: options)
    }
}
