import HTTPTransport
import HTTPTypes
import Synchronization
import Wire

/// A provider's HTTP interface, written from its documentation (named in the file of each), that keeps what it is
/// told: zones, records, accounts, limits.
protocol FakeService: Sendable {
    func answer(_ request: FakeRequest) -> Response
}

/// A request as a server sees it.
struct FakeRequest: Sendable {
    let method: String
    let scheme: String
    let host: String
    /// Percent-decoded, split at the slashes: "/a/b%2Fc" is "a" and "b/c".
    let path: [String]
    let rawPath: String
    let query: [String: String]
    let rawQuery: String
    let headers: HTTPFields
    let body: [UInt8]

    init(_ request: TransportRequest) throws(TransportError) {
        guard let address = HTTPAddress(url: request.url), let start = request.url.firstRange(of: "://") else {
            throw .url("no URL")
        }
        method = request.method.rawValue
        scheme = address.scheme.rawValue
        host = address.host
        let rest = request.url[start.upperBound...].drop { $0 != "/" }
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        rawPath = String(parts.first ?? "/")
        rawQuery = parts.count > 1 ? String(parts[1]) : ""
        path = rawPath.split(separator: "/").map { Self.decoded($0) }
        query = Self.form(rawQuery)
        headers = request.headers
        body = request.body ?? []
    }

    subscript(header name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
    var json: JSONValue? { try? JSONValue(parsing: body) }
    /// The body of a form, or the query.
    var form: [String: String] { Self.form(String(decoding: body, as: UTF8.self)) }
    /// Method and decoded path, for a `switch`.
    var route: [String] { [method] + path }

    static func form(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[decoded(parts[0])] = parts.count > 1 ? decoded(parts[1]) : ""
        }
        return fields
    }

    static func decoded(_ text: some StringProtocol) -> String {
        var octets: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let octet = rest.popFirst() {
            if octet == UInt8(ascii: "%"), let byte = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self))?.first
            {
                octets.append(byte)
                rest = rest.dropFirst(2)
            } else {
                octets.append(octet == UInt8(ascii: "+") ? 0x20 : octet)
            }
        }
        return String(decoding: octets, as: UTF8.self)
    }
}

extension Response {
    static func json(_ value: JSONValue, status: Int = 200, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(head: ResponseHead(status: .init(code: status), headers: headers), body: value.serialized())
    }

    static func text(_ text: String, status: Int = 200, headers: HTTPFields = [:]) -> Response {
        Response(head: ResponseHead(status: .init(code: status), headers: headers), body: Array(text.utf8))
    }
}

/// Lends a fake to clients.
struct FakeTransport: HTTPTransport {
    let service: any FakeService
    var gate = FakeGate()

    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        await Task.yield()  // others come in between, as on a network
        let request = try FakeRequest(request)
        let response = gate.pass { service.answer(request) }
        await Task.yield()
        let rest = OneChunk(response.body)
        return try await use(response.head, ResponseBody { () async throws(TransportError) in rest.take() })
    }
}

private final class OneChunk: Sendable {
    private let chunk: ManagedChunk
    init(_ bytes: [UInt8]) { chunk = ManagedChunk(bytes) }
    func take() -> [UInt8]? { chunk.take() }
}

/// A service does one request after the other, as a database would have it.
final class FakeGate: Sendable {
    private let lock = Mutex(())

    func pass(_ work: () -> Response) -> Response { lock.withLock { _ in work() } }
}
