import ACME
import HTTPTransport
import HTTPTypes
import PKI
import Synchronization
import Wire

/// A server whose answers a test writes down: what is asked comes to the handler, and is kept.
final class StubServer: HTTPTransport {
    struct Request: Sendable, Equatable {
        var method: String
        var url: String
        var headers: HTTPFields
        var body: [UInt8]

        var json: JSONValue? { try? JSONValue(parsing: body) }
        /// The protected header of a signed request.
        var protected: JSONValue? {
            json?["protected"]?.stringValue.flatMap { Base64.decodeURL($0) }.flatMap { try? JSONValue(parsing: $0) }
        }
        var payload: String? {
            json?["payload"]?.stringValue.flatMap { Base64.decodeURL($0) }.map { String(decoding: $0, as: UTF8.self) }
        }
        var nonce: String? { protected?["nonce"]?.stringValue }
    }

    static let base = "https://ca.example"
    static let directory: JSONValue = [
        "newNonce": "https://ca.example/nonce", "newAccount": "https://ca.example/new-acct",
        "newOrder": "https://ca.example/new-order", "revokeCert": "https://ca.example/revoke",
        "x7Qk3LmP": "https://community.example/why-random-keys",
        "meta": ["termsOfService": "data:text/plain,terms", "unheardOf": [1, 2]],
    ]

    private let seen = Mutex<[Request]>([])
    private let clock: FixedTime
    private let handler: @Sendable (Request) throws -> Response?

    /// `handler` answers what it knows; the directory and nonces (`n1`, `n2`, …) are answered here.
    init(clock: FixedTime = FixedTime(), _ handler: @escaping @Sendable (Request) throws -> Response? = { _ in nil }) {
        self.clock = clock
        self.handler = handler
    }

    var requests: [Request] { seen.withLock { $0 } }
    var posts: [Request] { requests.filter { $0.method == "POST" } }

    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        let kept = Request(
            method: request.method.rawValue, url: request.url, headers: request.headers, body: request.body ?? [])
        let count = seen.withLock { seen in
            seen.append(kept)
            return seen.count
        }
        var response = try handler(kept) ?? standard(kept)
        if response.headers[.replayNonce] == nil, kept.method != "GET" {
            var headers = response.headers
            headers[.replayNonce] = "n\(count)"
            response = Response(head: ResponseHead(status: response.status, headers: headers), body: response.body)
        }
        let rest = Mutex<[UInt8]?>(response.body)
        let body = ResponseBody { () throws(TransportError) in rest.withLock { $0.take() } }
        return try await use(response.head, body)
    }

    private func standard(_ request: Request) -> Response {
        switch request.url {
        case "\(Self.base)/dir": .json(Self.directory)
        case "\(Self.base)/nonce": Response(head: ResponseHead(status: .ok))
        default: .problem("malformed", status: 404)
        }
    }

    func server(observer: ACMEObserver? = nil) -> ACMEServer {
        ACMEServer(
            settings: .init(directoryURL: "\(Self.base)/dir", userAgent: "certwright/test libcurl/7.88.1"),
            transport: self, time: clock, observer: observer)
    }

    func client(_ key: PrivateKey) -> ACMEClient {
        ACMEClient(server: server(), accountURL: "\(Self.base)/acct/7", key: key)
    }
}

extension Response {
    static func json(
        _ value: JSONValue, status: HTTPResponse.Status = .ok, headers: [String: String] = [:]
    ) -> Response {
        bytes(value.serialized(), status: status, headers: headers)
    }

    static func text(_ text: String, status: HTTPResponse.Status = .ok, headers: [String: String] = [:]) -> Response {
        bytes(Array(text.utf8), status: status, headers: headers)
    }

    static func bytes(
        _ bytes: [UInt8], status: HTTPResponse.Status = .ok, headers: [String: String] = [:]
    ) -> Response {
        var fields = HTTPFields()
        for (name, value) in headers { fields[HTTPField.Name(name)!] = value }
        return Response(head: ResponseHead(status: status, headers: fields), body: bytes)
    }

    static func problem(_ name: String, status: Int, detail: String = "no", headers: [String: String] = [:]) -> Response
    {
        let body: JSONValue = ["type": .string("urn:ietf:params:acme:error:\(name)"), "detail": .string(detail)]
        return json(body, status: HTTPResponse.Status(code: status), headers: headers)
    }
}

extension HTTPField.Name {
    static let replayNonce = HTTPField.Name("Replay-Nonce")!
}

/// A clock that a test sets.
final class FixedTime: TimeSource {
    private let time = Mutex(Timestamp(rfc3339: "2026-03-01T12:00:00Z")!)

    func now() -> Timestamp { time.withLock { $0 } }
    func elapsed() -> Duration { now() - Timestamp(secondsSince1970: 0) }
    func sleep(for duration: Duration) async throws { advance(duration) }
    func advance(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
}

func expectACMEError<T>(_ work: () async throws(ACMEError) -> T) async -> ACMEError? {
    do {
        _ = try await work()
        return nil
    } catch {
        return error
    }
}
