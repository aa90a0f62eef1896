import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Logging
import Synchronization
import Testing
import Wire

@testable import KubeRuntime

@Suite("Informer of a kind that may be missing", .timeLimit(.minutes(5)))
struct AwaitedInformerTests {
    /// An API server that knows the kind of `Thing` or does not, and has one thing.
    final class Server: HTTPTransport {
        let knowsThings = Mutex(false)
        let looks = Mutex(0)

        func withResponse<R: Sendable>(
            to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
        ) async throws -> R {
            let (status, body) = answer(request.url)
            let head = ResponseHead(status: .init(code: status), headers: [:], url: request.url)
            let rest = Mutex<[UInt8]?>(Array(body.utf8))
            return try await use(
                head,
                ResponseBody { () async throws(TransportError) -> [UInt8]? in
                    rest.withLock { rest in
                        defer { rest = nil }
                        return rest
                    }
                })
        }

        private func answer(_ url: String) -> (Int, String) {
            guard knowsThings.withLock({ $0 }) else {
                looks.withLock { $0 += 1 }
                return (404, #"{"kind":"Status","reason":"NotFound","code":404}"#)
            }
            if url.contains("watch=true") { return (200, "") }
            guard url.contains("limit=") else { return (200, #"{"resources":[{"name":"things"}]}"#) }
            return (
                200,
                #"{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a","namespace":"ns","uid":"u","resourceVersion":"5"}}]}"#
            )
        }
    }

    final class Lines: Sendable {
        private let all = Mutex<[String]>([])
        var text: [String] { all.withLock { $0 } }
        var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

        struct Handler: LogHandler {
            let lines: Lines
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.info

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }
            func log(event: LogEvent) { lines.all.withLock { $0.append("\(event.message)") } }
        }
    }

    @Test("what is missing is said once and looked for again; then it is read, and waited for anew when it goes")
    func waits() async throws {
        let (server, lines, cache) = (Server(), Lines(), Cache<Thing>())
        let client = KubeClient(
            configuration: ClusterConfiguration(
                server: "https://api.test", tls: .system, credentials: FixedCredential(Authorization())),
            transport: server, userAgent: "certwright/test", retries: RetryPolicy(tries: 1))
        let informer = Informer(client: client, cache: cache, counters: Counters(), logger: .silent)
        let awaited = AwaitedInformer(
            client: client, informer: informer, pause: .milliseconds(2), logger: lines.logger)
        let run = Task { try await awaited.run() }
        let missing = "The cluster does not know this kind; its definition is waited for"
        let there = "The cluster knows this kind now"
        try await until("several looks") { server.looks.withLock { $0 } > 3 }
        #expect(lines.text == [missing])
        #expect(!cache.isSynced)
        server.knowsThings.withLock { $0 = true }
        try await until("the list") { cache.isSynced }
        #expect(lines.text == [missing, there])
        #expect(cache.all().map(\.metadata.name) == ["a"])
        server.knowsThings.withLock { $0 = false }
        try await until("the wait begins anew") { lines.text == [missing, there, missing] }
        server.knowsThings.withLock { $0 = true }
        try await until("the second coming") { lines.text == [missing, there, missing, there] }
        run.cancel()
        _ = await run.result  // ends by cancellation
    }
}
