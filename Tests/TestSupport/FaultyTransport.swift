package import HTTPTransport
import HTTPTypes
import Synchronization

/// A real transport on a bad day: it delays, refuses, loses answers, cuts streams, or dies after the n-th write.
package final class FaultyTransport: HTTPTransport {
    package enum Fault: Sendable {
        /// The request is never sent.
        case fail(TransportError)
        /// The server does what it was asked, and nobody hears of it.
        case loseAnswer(TransportError)
        case delay(Duration)
        /// This answer instead of the server's, which is not asked: a 429, say.
        case answer(Response)
        /// The body ends in an error after so many bytes.
        case cut(afterBytes: Int)
    }

    /// Decides for each request, in the order they come.
    package typealias Plan = @Sendable (TransportRequest) -> Fault?

    private struct State {
        var plan: Plan
        var requestCount = 0
        var pendingCount = 0
        var writes: [String] = []
        var writesAllowed = Int.max
        var isDead = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let inner: any HTTPTransport
    private let isWrite: @Sendable (TransportRequest) -> Bool
    private let state: Mutex<State>

    /// `isWrite` says what counts as a write; by default all but reads, events and leases, which change nothing that anybody depends on.
    package init(
        _ inner: any HTTPTransport, isWrite: @escaping @Sendable (TransportRequest) -> Bool = FaultyTransport.matters,
        plan: @escaping Plan = { _ in nil }
    ) {
        self.inner = inner
        self.isWrite = isWrite
        state = Mutex(State(plan: plan))
    }

    /// The writes the server has answered, as "PUT /apis/…".
    package var writes: [String] { state.withLock { $0.writes } }

    /// How often it was asked for something, events and leases apart.
    package var requestCount: Int { state.withLock { $0.requestCount } }

    /// How many requests are under way, watches apart, and events and leases.
    package var pendingCount: Int { state.withLock { $0.pendingCount } }

    /// Whether the last allowed write has been carried out, so that every request fails.
    package var isDead: Bool { state.withLock { $0.isDead } }

    package func follow(_ plan: @escaping Plan) { state.withLock { $0.plan = plan } }

    /// From now on the `count`-th write is the last thing that reaches the server: it is carried out, its answer gets
    /// lost, and every later request fails, as when the process dies at that moment.
    package func die(afterWrites count: Int) {
        state.withLock { $0.writesAllowed = $0.writes.count + count }
    }

    /// Dies now.
    package func giveUp() {
        let woken = state.withLock { state in
            state.isDead = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in woken { continuation.resume() }
    }

    /// Returns when the last allowed write has been carried out, or it has given up.
    package func death() async {
        await withCheckedContinuation { continuation in
            let isDead = state.withLock { state in
                if !state.isDead { state.waiting.append(continuation) }
                return state.isDead
            }
            if isDead { continuation.resume() }
        }
    }

    package func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        let isCounted = !Self.isBesideThePoint(request)
        let isPending = isCounted && !request.url.contains("watch=")
        let (fault, isDead) = state.withLock { state in
            if isCounted { state.requestCount += 1 }
            if isPending { state.pendingCount += 1 }
            return (state.plan(request), state.isDead)
        }
        defer { if isPending { state.withLock { $0.pendingCount -= 1 } } }
        guard !isDead else { throw TransportError.shutDown }
        switch fault {
        case .fail(let error): throw error
        case .answer(let response): return try await use(response.head, Self.body([response.body]))
        case .delay(let duration): try await Task.sleep(for: duration)
        case .loseAnswer, .cut, nil: break
        }
        return try await inner.withResponse(to: request) { head, body in
            if isWrite(request), !record(request) { throw TransportError.shutDown }
            switch fault {
            case .loseAnswer(let error): throw error
            case .cut(let count): return try await use(head, Self.cut(body, after: count))
            default: return try await use(head, body)
            }
        }
    }

    /// Whether the answer may be heard.
    private func record(_ request: TransportRequest) -> Bool {
        let (woken, isHeard) = state.withLock { state -> ([CheckedContinuation<Void, Never>], Bool) in
            state.writes.append("\(request.method) \(Self.path(of: request.url))")
            guard state.writes.count >= state.writesAllowed else { return ([], true) }
            state.isDead = true
            defer { state.waiting = [] }
            return (state.waiting, false)
        }
        for continuation in woken { continuation.resume() }
        return isHeard
    }

    package static func matters(_ request: TransportRequest) -> Bool {
        guard request.method != .get, request.method != .head else { return false }
        // A question in the form of a POST leaves nothing behind.
        return !isBesideThePoint(request) && !path(of: request.url).hasSuffix("/selfsubjectaccessreviews")
    }

    private static func isBesideThePoint(_ request: TransportRequest) -> Bool {
        let path = path(of: request.url)
        return path.contains("/events") || path.contains("/leases")
    }

    private static func path(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://"), let slash = url[scheme.upperBound...].firstIndex(of: "/") else {
            return url
        }
        return String(url[slash...].prefix { $0 != "?" })
    }

    private static func cut(_ body: ResponseBody, after limit: Int) -> ResponseBody {
        let left = Mutex(limit)
        let iterator = body.makeAsyncIterator()
        return ResponseBody { () async throws(TransportError) -> [UInt8]? in
            var iterator = iterator
            guard let chunk = try await iterator.next() else { return nil }
            let rest = left.withLock { left -> Int in
                left -= chunk.count
                return left
            }
            if rest < 0 { throw .truncated("cut by the test") }
            return chunk
        }
    }

    private static func body(_ chunks: [[UInt8]]) -> ResponseBody {
        let rest = Rest(chunks)
        return ResponseBody { () async throws(TransportError) -> [UInt8]? in rest.next() }
    }

    private final class Rest: Sendable {
        private let chunks: Mutex<[[UInt8]]>
        init(_ chunks: [[UInt8]]) { self.chunks = Mutex(chunks) }
        func next() -> [UInt8]? { chunks.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    }
}
