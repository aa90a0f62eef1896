import Admission
import HTTPServer
import HTTPTypes
import KubeClient
import KubeModel
import Logging
import Operations
import PKI
import Wire

/// The webhook as parts that any process can run. It answers whether or not the process leads.
struct WebhookParts: Sendable {
    static let fieldManager = "cert-manager-webhook"

    /// Waits for the port where that was 0.
    let server: Server
    private let certificate: ServingCertificate
    private let reviews: LabelledCounter

    /// - Parameters:
    ///   - client: writes at any time, since the CA is made by whoever is first.
    ///   - namespace: of the CA's Secret, where no flag names another.
    init(
        _ flags: WebhookFlags, client: KubeClient, namespace: String, address: String = "0.0.0.0",
        lookEvery: Duration = .seconds(600), time: any TimeSource = SystemTime(), logger: Logger
    ) throws {
        let reviews = LabelledCounter(
            "certwright_webhook_reviews_total", help: "The number of admission reviews, by what became of them.",
            labels: ["outcome"])
        let service = AdmissionService(
            rights: ApprovalRights(client: client, time: time), sight: IssuerSight(client: client, time: time),
            time: time, logger: logger, observe: { reviews.add(1, [$0.rawValue]) })
        let certificate = ServingCertificate(
            try flags.certificate(namespace: namespace, lookEvery: lookEvery), client: client, time: time,
            logger: logger)
        self.reviews = reviews
        self.certificate = certificate
        server = Server(
            address: address, port: flags.securePort, limits: Self.limits,
            tls: TLSServing { certificate.current }, handler: Self.handler(service),
            linger: { if Self.linger > .zero { try? await time.sleep(for: Self.linger) } })
    }

    /// A pod is told to stop at the same moment as it leaves its Service; until every node and the API server know that, they
    /// still ask it, and what they get no answer to they refuse. Nobody asks by a Service outside of pods.
    private static var linger: Duration { ProcessSettings.podNamespace == nil ? .zero : .seconds(5) }

    var parts: [Part] {
        [
            Part("webhook server") { [server] in try await server.run() },
            Part("serving certificate of the webhook") { [certificate] in try await certificate.run() },
        ]
    }

    /// A pod whose certificate the API server does not trust yet must not be asked.
    func addHealth(to ready: Health) {
        ready.add("webhook") { [certificate] in certificate.missing }
    }

    func addMetrics(to metrics: Metrics) {
        metrics.add { [reviews] in [reviews.family] }
    }

    private static var limits: ServerLimits {
        var limits = ServerLimits()
        limits.bodyBytes = 3 << 20
        limits.connections = 1024
        // Longer than the 90 s after which the API server drops a connection that it does not use.
        limits.idleTimeout = .seconds(180)
        return limits
    }

    /// `/validate` and `/mutate`.
    static func handler(_ service: AdmissionService) -> Server.Handler {
        { request in
            let isMutation = request.path == "/mutate"
            guard isMutation || request.path == "/validate" else { return .notFound }
            guard request.method == .post else {
                return ServerResponse(.methodNotAllowed, text: "An AdmissionReview is sent with POST.\n")
            }
            do throws(ReviewError) {
                let answer = isMutation ? try service.mutate(request.body) : try await service.validate(request.body)
                return ServerResponse(.ok, headers: [.contentType: "application/json"], body: answer)
            } catch {
                return ServerResponse(.badRequest, text: "\(error)\n")
            }
        }
    }
}

extension WebhookFlags {
    var tlsOptions: TLSServerOptions {
        get throws {
            var options = TLSServerOptions()
            options.minimumVersion = TLSServerOptions.Version(flag: tlsMinVersion) ?? .tls12
            options.cipherSuites = tlsCipherSuites
            if enableClientVerification, let clientCaPath {
                options.clientAuthorities = try FileContent.read(clientCaPath)
                options.clientNames = clientSubjectNames
            }
            return options
        }
    }

    func certificate(namespace: String, lookEvery: Duration) throws -> ServingCertificate.Settings {
        let options = try tlsOptions
        if let chain = tlsCertFile, let key = tlsPrivateKeyFile {
            return .init(source: .files(chain: chain, key: key), options: options)
        }
        var settings = authoritySettings(namespace: namespace)
        settings.lookEvery = lookEvery
        return .init(source: .authority(settings), options: options)
    }

    func authoritySettings(namespace: String) -> ServingAuthority.Settings {
        let namespace = dynamicServingCaSecretNamespace ?? namespace
        let names = dynamicServingDnsNames.isEmpty ? ["localhost"] : dynamicServingDnsNames
        var settings = ServingAuthority.Settings(
            secret: ObjectKey(namespace: namespace, name: dynamicServingCaSecretName), dnsNames: names)
        settings.leafLifetime = dynamicServingLeafDuration.duration
        settings.injectsInto = injectOwnCa
        return settings
    }
}
