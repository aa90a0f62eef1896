import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Sends requests to a Venafi server of any kind.
struct VenafiAPI: Sendable {
    /// An absolute URL without a slash at its end.
    let base: String
    let tls: TLSOptions
    let http: any HTTPTransport
    let time: any TimeSource
    let userAgent: String
    let observer: VenafiObserver

    private static let deadline = Duration.seconds(60)
    private static let bodyLimit = 1 << 20

    /// How a request says who sends it.
    enum Credential: Sendable, Hashable {
        case none
        case bearer(Redacted<String>)
        /// A field of its own, with the key.
        case key(field: String, Redacted<String>)
        case basic(user: Redacted<String>, password: Redacted<String>)
    }

    struct Answer: Sendable {
        var status: Int
        var body: [UInt8]
        var retryAfter: Duration?

        var json: JSONValue? { try? JSONValue(parsing: body) }  // a page of a proxy is no JSON
    }

    /// - Parameter path: below `base`, escaped where it has to be.
    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil, _ credential: Credential
    ) async throws(VenafiError) -> Answer {
        try await send(method, "\(base)/\(path)", body?.serialized(), contentType: "application/json", credential)
    }

    func send(
        _ method: HTTPRequest.Method, _ url: String, _ body: [UInt8]?, contentType: String, _ credential: Credential
    ) async throws(VenafiError) -> Answer {
        var headers: HTTPFields = [.userAgent: userAgent, .accept: "application/json, */*"]
        switch credential {
        case .none: break
        case .bearer(let token): headers[.authorization] = "Bearer \(token.reveal())"
        case .key(let field, let key):
            guard let name = HTTPField.Name(field) else { throw .unreadable("no field can be named \(field)") }
            headers[name] = key.reveal()
        case .basic(let user, let password):
            let pair = Base64.encode(Array("\(user.reveal()):\(password.reveal())".utf8))
            headers[.authorization] = "Basic \(pair)"
        }
        if body != nil { headers[.contentType] = contentType }
        let request = TransportRequest(
            url: url, method: method, headers: headers, body: body, tls: tls, deadline: Self.deadline,
            bodyLimit: Self.bodyLimit)
        do throws(TransportError) {
            let answer = try await http.send(request)
            let retryAfter = answer.headers[.retryAfter].flatMap { RetryAfter.parse($0, now: time.now()) }
            return Answer(status: answer.status.code, body: answer.body, retryAfter: retryAfter)
        } catch {
            throw .unreachable(error)
        }
    }
}

/// Why a Venafi server has not done what it was asked.
enum VenafiError: Error, Sendable, Hashable, CustomStringConvertible {
    case credential(CredentialProblem)
    case unreachable(TransportError)
    /// What was attempted, and what the server said.
    case refused(String, status: Int, detail: String, retryAfter: Duration?)
    case unreadable(String)
    /// The spec, or a Secret, cannot work.
    case configuration(String)

    init(_ what: String, _ answer: VenafiAPI.Answer) {
        self = .refused(
            what, status: answer.status, detail: Self.detail(answer.json), retryAfter: answer.retryAfter)
    }

    var isAuthentication: Bool {
        if case .refused(_, let status, _, _) = self { status == 401 || status == 403 } else { false }
    }

    /// Whether the same request would be refused again.
    var isAboutRequest: Bool {
        guard case .refused(_, let status, _, _) = self else { return false }
        return (400..<500).contains(status) && ![401, 403, 408, 429].contains(status)
    }

    var retryAfter: Duration? { if case .refused(_, _, _, let wait) = self { wait } else { nil } }

    var description: String {
        switch self {
        case .credential(let problem): problem.description
        case .unreachable(let error): "The server could not be asked: \(error)"
        case .refused(let what, let status, let detail, _):
            "\(what): the server answered \(status)" + (detail.isEmpty ? "" : ": \(detail)")
        case .unreadable(let what): "The server's answer could not be read: \(what)"
        case .configuration(let sentence): sentence
        }
    }

    /// The words of an error document: TPP's `Error` or `error_description`, the cloud's list of `errors`.
    private static func detail(_ document: JSONValue?) -> String {
        var words = [document?["Error"], document?["error_description"], document?["error"], document?["Status"]]
            .compactMap { $0?.stringValue }
        for error in document?["errors"]?.arrayValue ?? [] {
            if let message = error["message"]?.stringValue { words.append(message) }
        }
        return presentable(words.joined(separator: "; "))
    }

    /// On one line, without control characters, and not endless.
    static func presentable(_ text: String) -> String {
        let words = text.unicodeScalars.split { $0.value < 0x21 || $0.value == 0x7F }.map { String($0) }
        return String(words.joined(separator: " ").prefix(500))
    }
}

/// What became of a request that the server has taken.
enum VenafiPickup: Sendable, Hashable {
    case certificate(pem: [UInt8])
    /// The sentence says what is waited for.
    case pending(String)
    case rejected(String)
}

/// A Venafi server of one kind.
protocol VenafiServer: Sendable {
    /// Throws unless the credentials are good and the zone is there.
    func check() async throws(VenafiError)
    /// Answers what the server calls the request.
    func request(_ request: RemoteRequest, _ fields: [VenafiCustomField]) async throws(VenafiError) -> String
    func retrieve(_ pickupID: String) async throws(VenafiError) -> VenafiPickup
}
