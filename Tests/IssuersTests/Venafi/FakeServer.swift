import HTTPTransport
import HTTPTypes
import Synchronization
import Wire

/// A transport that hands every request to a server written in the tests.
final class FakeTransport: HTTPTransport {
    struct Reply: Sendable {
        var status: Int
        var headers: HTTPFields = [:]
        var body: [UInt8]

        init(_ status: Int, _ body: JSONValue, headers: HTTPFields = [:]) {
            self.status = status
            self.headers = headers
            self.body = body.serialized()
        }
        init(_ status: Int, text: String) {
            self.status = status
            body = Array(text.utf8)
        }
    }

    private let answer: @Sendable (TransportRequest) async throws -> Reply
    private let seen = Mutex<[String]>([])

    init(_ answer: @escaping @Sendable (TransportRequest) async throws -> Reply) { self.answer = answer }

    /// Method and URL of every request, in order.
    var calls: [String] { seen.withLock { $0 } }

    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        seen.withLock { $0.append("\(request.method) \(request.url)") }
        let reply = try await answer(request)
        let rest = Mutex<[UInt8]?>(reply.body)
        let body = ResponseBody { () async throws(TransportError) -> [UInt8]? in
            rest.withLock { value in
                defer { value = nil }
                return value
            }
        }
        return try await use(
            ResponseHead(status: .init(code: reply.status), headers: reply.headers, url: request.url), body)
    }
}

extension TransportRequest {
    var json: JSONValue { (try? JSONValue(parsing: body ?? [])) ?? .null }
    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
}
