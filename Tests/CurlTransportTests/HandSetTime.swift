import CurlTransport
import HTTPTransport
import HTTPTypes
import Synchronization
import Testing

/// Time for a transport that passes only when a test says so.
struct HandSetTime: Sendable {
    fileprivate let clock: Clock
    fileprivate let transport: CurlTransport
    fileprivate let bystander: LoopbackServer

    fileprivate final class Clock: Sendable {
        private let start = ContinuousClock.now
        private let passed = Mutex(Duration.zero)

        var now: ContinuousClock.Instant { start + passed.withLock { $0 } }
        func advance(by duration: Duration) { passed.withLock { $0 += duration } }
    }

    /// Returns when the engine has looked at the new time: it does in every turn, and an answer from a bystander takes one
    /// turn to ask and another to hear.
    func advance(by duration: Duration) async throws {
        clock.advance(by: duration)
        let errand = TransportRequest(url: bystander.url(), deadline: nil, lane: .express)
        #expect(try await transport.send(errand).status == .ok)
    }
}

/// Lends a transport whose time stands still, and the hand that moves it.
func withHandSetTime(
    _ change: (inout CurlTransport.Options) -> Void = { _ in },
    _ body: (HandSetTime, CurlTransport) async throws -> Void
) async throws {
    let clock = HandSetTime.Clock()
    let bystander = LoopbackServer { connection, _ in
        while connection.readRequest() != nil { connection.answer("") }
    }
    defer { bystander.stop() }
    try await withTransport {
        $0.now = { clock.now }
        change(&$0)
    } _: { transport in
        try await body(HandSetTime(clock: clock, transport: transport, bystander: bystander), transport)
    }
}

/// What a request that is under way ends in.
struct Outcome: Sendable {
    private let task: Task<TransportError?, Never>
    private let end = End()

    private final class End: Sendable {
        let error = Mutex<TransportError?>(nil)
    }

    init(of request: TransportRequest, _ transport: CurlTransport) {
        let end = end
        task = Task {
            let failure = await transport.failure(of: request)
            end.error.withLock { $0 = failure }
            return failure
        }
    }

    /// Nil while it is under way.
    var known: TransportError? { end.error.withLock { $0 } }
    var value: TransportError? { get async { await task.value } }
    func cancel() { task.cancel() }
}

/// A server that takes requests and never answers.
struct SilentServer {
    private let server: LoopbackServer
    private let requests: Requests

    private final class Requests: Sendable {
        let count = Mutex(0)
    }

    init() {
        let requests = Requests()
        self.requests = requests
        server = LoopbackServer { connection, _ in
            while connection.readRequest() != nil { requests.count.withLock { $0 += 1 } }
        }
    }

    var url: String { server.url() }
    var connections: Int { server.connections }

    /// Returns when a request is there; the suite's limit of time is the only one.
    func waitForRequest() async throws {
        while requests.count.withLock({ $0 }) == 0 { try await Task.sleep(for: .milliseconds(1)) }
    }
}
