package import HTTPTransport
package import HTTPTypes
import Synchronization

/// A transport that answers from a list, in order, and remembers what it was asked.
package final class ScriptedTransport: HTTPTransport {
    package enum Answer: Sendable {
        case response(status: Int, headers: HTTPFields = [:], body: String)
        /// Chunks of a stream; then the error, if any.
        case stream([String], ending: TransportError?)
        case failure(TransportError)
    }
    private struct State {
        var answers: [Answer]
        var requests: [TransportRequest] = []
    }
    private let state: Mutex<State>

    package init(_ answers: [Answer]) { state = Mutex(State(answers: answers)) }

    package var requests: [TransportRequest] { state.withLock { $0.requests } }
    package var unused: Int { state.withLock { $0.answers.count } }

    package func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        let answer = state.withLock { state -> Answer? in
            state.requests.append(request)
            return state.answers.isEmpty ? nil : state.answers.removeFirst()
        }
        switch answer {
        case nil: throw TransportError.other("nobody expected this request: \(request.method) \(request.url)")
        case .failure(let error): throw error
        case .response(let status, let headers, let body):
            let head = ResponseHead(status: .init(code: status), headers: headers, url: request.url)
            return try await use(head, Self.body([Array(body.utf8)], ending: nil))
        case .stream(let chunks, let ending):
            let head = ResponseHead(status: .ok, headers: [:], url: request.url)
            return try await use(head, Self.body(chunks.map { Array($0.utf8) }, ending: ending))
        }
    }

    private static func body(_ chunks: [[UInt8]], ending: TransportError?) -> ResponseBody {
        let rest = Rest(chunks)
        return ResponseBody { () async throws(TransportError) -> [UInt8]? in
            if let chunk = rest.next() { return chunk }
            if let ending { throw ending }
            return nil
        }
    }

    private final class Rest: Sendable {
        private let chunks: Mutex<[[UInt8]]>
        init(_ chunks: [[UInt8]]) { self.chunks = Mutex(chunks) }
        func next() -> [UInt8]? { chunks.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    }
}
