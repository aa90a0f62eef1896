import HTTPTransport
import HTTPTypes
import Operations
import Wire

/// Counts what is asked of the API server, by verb and kind as its audit log names them.
final class APIMetrics: Sendable {
    private let requests = LabelledCounter(
        "certwright_api_requests_total",
        help: "The number of requests to the API server, by verb, resource and status; 0 is no answer.",
        labels: ["verb", "resource", "code"])
    private let duration = LabelledSummary(
        "certwright_api_request_duration_seconds",
        help: "How long the API server took to answer; of a watch, until it began.", labels: ["verb", "resource"])

    var families: [MetricFamily] { [requests.family, duration.family] }

    func record(_ request: TransportRequest, code: Int, after time: Duration) {
        let subject = APIRequestSubject(method: request.method.rawValue, url: request.url)
        requests.add(1, [subject.verb, subject.resource, String(code)])
        duration.observe(time.inSeconds, [subject.verb, subject.resource])
    }
}

/// What a request to the API server is about, read from its address.
struct APIRequestSubject: Equatable {
    var verb: String
    /// The plural, with the subresource behind a slash; empty for what is about no kind, such as discovery.
    var resource: String

    /// Source: "Kubernetes API Concepts", Resource URIs; the verbs are those of its authorization attributes.
    init(method: String, url: String) {
        // Bytes, for this is done for every request: characters would take ten times as long.
        let halves = url.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1)
        // scheme, host, and then what is asked for
        var parts = (halves.first ?? url.utf8[...]).split(separator: UInt8(ascii: "/")).dropFirst(2)[...]
        switch parts.first.map(Substring.init) {
        case "api": parts = parts.dropFirst(2)
        case "apis": parts = parts.dropFirst(3)
        default: parts = []
        }
        if parts.count > 2, parts.first.map(Substring.init) == "namespaces" { parts = parts.dropFirst(2) }
        let names = parts.map(Substring.init)
        resource = names.isEmpty ? "" : String(names[0]) + (names.count > 2 ? "/\(names[2])" : "")
        let isWatch =
            halves.count > 1
            && halves[1].split(separator: UInt8(ascii: "&")).contains { Substring($0) == "watch=true" }
        switch method {
        case "GET" where isWatch: verb = "watch"
        case "GET": verb = names.count == 1 ? "list" : "get"
        case "POST": verb = "create"
        case "PUT": verb = "update"
        default: verb = method.lowercased()
        }
    }
}

/// A transport that tells of each request how it was answered.
struct MeasuredTransport<Inner: HTTPTransport>: HTTPTransport {
    let inner: Inner
    let metrics: APIMetrics
    let time: any TimeSource

    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        let began = time.elapsed()
        do {
            return try await inner.withResponse(to: request) { head, body in
                metrics.record(request, code: head.status.code, after: time.elapsed() - began)
                return try await use(head, body)
            }
        } catch let error as TransportError {
            if error != .cancelled { metrics.record(request, code: 0, after: time.elapsed() - began) }
            throw error
        }
    }

    func send(_ request: TransportRequest) async throws(TransportError) -> Response {
        let began = time.elapsed()
        do throws(TransportError) {
            let response = try await inner.send(request)
            metrics.record(request, code: response.status.code, after: time.elapsed() - began)
            return response
        } catch {
            if error != .cancelled { metrics.record(request, code: 0, after: time.elapsed() - began) }
            throw error
        }
    }
}
