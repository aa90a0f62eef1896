import Issuers
import Operations

/// Counts what is asked of Venafi servers, under the names that dashboards know.
struct VenafiMetrics: Sendable {
    private let duration = LabelledSummary(
        "certmanager_http_venafi_client_request_duration_seconds",
        help: "The HTTP request latencies in seconds for the Venafi client.", labels: ["api_call"])
    private let tokens = LabelledCounter(
        "certmanager_venafi_oauth_token_requests_total",
        help: "The number of access tokens asked for with client credentials.", labels: ["status"])
    private let tokenDuration = Histogram(
        "certmanager_venafi_oauth_token_request_duration_seconds",
        help: "How long requests for access tokens took, in seconds.",
        bounds: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])

    var families: [MetricFamily] { [duration.family, tokens.family, tokenDuration.family] }

    var observer: VenafiObserver {
        { [duration, tokens, tokenDuration] record in
            switch record {
            case .call(let call, let time): duration.observe(time.inSeconds, [call.rawValue])
            case .token(let isGood, let time):
                tokens.add(1, [isGood ? "success" : "failure"])
                tokenDuration.observe(time.inSeconds)
            }
        }
    }
}
