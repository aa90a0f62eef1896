import ACME
import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Synchronization
import TestSupport
import Testing
import Wire

@Suite(
    "a first list of Orders that is out of date", .timeLimit(.minutes(3)),
    .enabled(if: Cluster.isAvailable && Pebble.isInstalled(.next), "\(Cluster.hint)"))
struct StaleOrderTests {
    /// Notes what ACME servers are asked.
    private final class Notes: HTTPTransport {
        private let inner: any HTTPTransport = Cluster.engine
        private let urls = Mutex<[String]>([])

        var all: [String] { urls.withLock { $0 } }

        func withResponse<R: Sendable>(
            to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
        ) async throws -> R {
            urls.withLock { $0.append(request.url) }
            return try await inner.withResponse(to: request, use)
        }
    }

    /// The Orders as they were right after they were made.
    private static func list(of orders: JSONValue, at version: JSONValue?) -> JSONValue {
        let items = (orders["items"]?.arrayValue ?? []).map { order -> JSONValue in
            var order = order.objectValue ?? [:]
            var metadata = order["metadata"]?.objectValue ?? [:]
            metadata["resourceVersion"] = version
            order["metadata"] = .object(metadata)
            order["status"] = nil
            return .object(order)
        }
        var list = orders.objectValue ?? [:]
        list["items"] = .array(items)
        list["metadata"] = ["resourceVersion": version ?? .null]
        return .object(list)
    }

    @Test("has no CA asked for an order that it has made")
    func once() async throws {
        var options = Pebble.Options()
        options.version = .next
        options.validatesNothing = true
        try await Pebble.run(options, over: Cluster.engine) { pebble in
            try await Cluster.withNamespace("stale") { cluster in
                let request = KubeRequest.list(Order.resource, ListOptions(namespace: cluster.namespace))
                let before = try await cluster.client.send(request)["metadata"]?["resourceVersion"]
                try await cluster.apply(
                    Manifests.acmeIssuer(pebble, solver: Manifests.blindHTTP01) + "\n---\n"
                        + Manifests.certificate("site", issuer: "acme", names: "site.example"))
                let (first, second) = (Notes(), Notes())
                let flags = ["--preflight=off"]
                try await ProgramLife(flags: flags, outside: first).live(in: cluster) {
                    try await cluster.eventually("issued", within: .seconds(60)) {
                        try await cluster.certificateStatus("site")?.conditions.isTrue("Ready") == true
                    }
                }
                #expect(first.all.contains { $0.contains("order") })
                let orders = try await cluster.client.send(request)
                let stale = Self.list(of: orders, at: before)
                let isAnswered = Mutex(false)
                let transport = FaultyTransport(cluster.transport)
                transport.follow { request in
                    guard request.method == .get, request.url.contains("/orders?") else { return nil }
                    if request.url.contains("watch=") { return .delay(.seconds(3)) }
                    let isFirst = isAnswered.withLock { isAnswered in
                        defer { isAnswered = true }
                        return !isAnswered
                    }
                    return isFirst ? .answer(Response(head: ResponseHead(status: .ok), body: stale.serialized())) : nil
                }
                try await ProgramLife(flags: flags, outside: second).live(in: cluster, over: transport) {
                    try await cluster.eventually("the list is read", within: .seconds(60)) {
                        isAnswered.withLock { $0 }
                    }
                    // Time for what would be asked wrongly.
                    try await Task.sleep(for: .seconds(5))
                }
                #expect(second.all.filter { $0.contains("order") } == [])
                #expect(try await cluster.client.send(request)["items"] == orders["items"])
            }
        }
    }
}
