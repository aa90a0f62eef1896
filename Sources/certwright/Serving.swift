import HTTPServer
import HTTPTypes
import KubeRuntime
import Operations

/// What the listeners answer.
enum Serving {
    /// The two listeners of every program, but for those that are switched off. `certificate` is that of /metrics.
    static func parts(
        _ flags: ServingFlags, certificate: ServingCertificate?, metrics: Metrics, live: Health, ready: Health
    ) -> [Part] {
        parts(
            metrics: flags.metricsListenAddress, health: flags.healthzListenAddress, certificate: certificate, metrics,
            live: live, ready: ready)
    }

    /// The same at those addresses.
    static func parts(
        metrics address: ListenAddress, health healthAddress: ListenAddress, certificate: ServingCertificate?,
        _ metrics: Metrics, live: Health, ready: Health
    ) -> [Part] {
        metricsParts(address, certificate, metrics)
            + listener("health server", healthAddress, handler: health(live: live, ready: ready))
    }

    /// Where /metrics is served, over TLS where there is a certificate for it.
    static func metricsParts(
        _ address: ListenAddress, _ certificate: ServingCertificate?, _ metrics: Metrics
    ) -> [Part] {
        let tls = certificate.map { certificate in TLSServing { certificate.current } }
        let server = listener("metrics server", address, tls: tls, handler: Self.metrics(metrics))
        guard let certificate, !server.isEmpty else { return server }
        return server + [Part("serving certificate of /metrics") { try await certificate.run() }]
    }

    private static func listener(
        _ name: String, _ address: ListenAddress, tls: TLSServing? = nil, handler: @escaping Server.Handler
    ) -> [Part] {
        guard address != .off else { return [] }
        let server = Server(address: address.host, port: address.port, tls: tls, handler: handler)
        return [Part(name) { try await server.run() }]
    }

    /// `/metrics`, in Prometheus's text format.
    static func metrics(_ metrics: Metrics) -> Server.Handler {
        { request in
            guard request.method == .get, request.path == "/metrics" else { return .notFound }
            return ServerResponse(
                .ok, text: metrics.text(), contentType: "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    /// `/livez` and `/healthz`: the process works. `/readyz`: it has read the cluster.
    static func health(live: Health, ready: Health) -> Server.Handler {
        { request in
            switch request.path {
            case "/livez", "/healthz": answer(live.report())
            case "/readyz": answer(ready.report())
            default: .notFound
            }
        }
    }

    private static func answer(_ report: Health.Report) -> ServerResponse {
        ServerResponse(report.isHealthy ? .ok : .internalServerError, text: report.text)
    }
}

extension ServerResponse {
    static let notFound = ServerResponse(.notFound, text: "There is nothing here.\n")
}

extension Counters {
    /// The machinery's own numbers as metrics.
    var families: [MetricFamily] {
        Dictionary(grouping: readings(), by: \.name).map { name, readings in
            MetricFamily(
                name.prefix + name.rawValue, name.isCounter ? .counter : .gauge, help: name.help,
                samples: readings.map {
                    .init(Double($0.value) / name.perUnit, labels: [(name: name.label, value: $0.subject)])
                })
        }
    }
}

extension Counters.Name {
    /// Those that cert-manager has too keep its prefix.
    fileprivate var prefix: String {
        switch self {
        case .controllerSyncCallCount, .controllerSyncErrorCount: "certmanager_"
        default: "certwright_"
        }
    }

    fileprivate var isCounter: Bool { rawValue.hasSuffix("_count") || rawValue.hasSuffix("_total") }

    /// How many of what is counted make one of what the metric's name says.
    fileprivate var perUnit: Double { self == .controllerSyncDuration ? 1e6 : 1 }

    fileprivate var label: String {
        switch self {
        case .controllerSyncCallCount, .controllerSyncErrorCount, .controllerSyncDuration, .controllerQueueDepth,
            .controllerRunning:
            "controller"
        default: "resource"
        }
    }

    fileprivate var help: String {
        switch self {
        case .controllerSyncCallCount: "The number of sync() calls made by a controller."
        case .controllerSyncErrorCount: "The number of errors encountered during controller sync()."
        case .controllerSyncDuration: "How long the sync() calls of a controller took together, in seconds."
        case .controllerQueueDepth: "The number of keys that could be worked on now."
        case .controllerRunning: "The number of keys being worked on now."
        case .cacheObjects: "The number of objects held in a cache."
        case .cacheListCount: "The number of lists begun."
        case .cacheWatchCount: "The number of watches opened."
        case .cacheEventCount: "The number of watch events read."
        case .cacheMalformedCount: "The number of objects that could not be read."
        case .eventSentCount: "The number of Kubernetes Events written."
        case .eventDroppedCount: "The number of Kubernetes Events given up."
        }
    }
}
