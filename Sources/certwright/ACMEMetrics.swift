import ACME
import Operations

/// Counts what is asked of ACME servers, under the names that dashboards know.
struct ACMEMetrics: Sendable {
    private static let labels = ["scheme", "host", "action", "method", "status"]
    private let count = LabelledCounter(
        "certmanager_http_acme_client_request_count", help: "The number of requests made by the ACME client.",
        labels: labels)
    private let duration = LabelledSummary(
        "certmanager_http_acme_client_request_duration_seconds",
        help: "The HTTP request latencies in seconds for the ACME client.", labels: labels)
    private let problems = LabelledCounter(
        "certwright_acme_problems_total",
        help: "The number of answers of ACME servers that were a problem, by its type (RFC 8555 section 6.7).",
        labels: ["host", "action", "type"])

    var families: [MetricFamily] { [count.family, duration.family, problems.family] }

    var observer: ACMEObserver {
        { [count, duration, problems] record in
            // As cert-manager writes it where there is no answer.
            let status = record.status.map(String.init) ?? "999"
            let values = [record.scheme, record.host, record.action.rawValue, record.method, status]
            count.add(1, values)
            duration.observe(record.duration.inSeconds, values)
            if let problem = record.problem { problems.add(1, [record.host, record.action.rawValue, problem]) }
        }
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
