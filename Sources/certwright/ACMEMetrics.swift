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

    var families: [MetricFamily] { [count.family, duration.family] }

    var observer: ACMEObserver {
        { [count, duration] record in
            let status = record.status.map(String.init) ?? "0"
            let values = [record.scheme, record.host, record.action.rawValue, record.method, status]
            let (seconds, attoseconds) = record.duration.components
            count.add(1, values)
            duration.observe(Double(seconds) + Double(attoseconds) / 1e18, values)
        }
    }
}
