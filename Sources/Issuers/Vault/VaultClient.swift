import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Where a Vault or OpenBao server is, and how it is trusted.
struct VaultConnection: Sendable, Hashable {
    /// An absolute URL without a slash at its end; it may have a path.
    let server: String
    /// Of Vault Enterprise and OpenBao.
    let namespace: String?
    let tls: TLSOptions

    /// The URL of a path such as "/v1/sys/health". Every segment is escaped, so that none leads elsewhere.
    func url(_ path: String) -> String {
        let segments = path.split(separator: "/").map { String($0).escapedForPath }
        return server + "/" + segments.joined(separator: "/")
    }
}

/// Sends requests to a Vault server (https://developer.hashicorp.com/vault/api-docs, https://openbao.org/api-docs).
struct VaultClient: Sendable {
    let connection: VaultConnection
    let http: any HTTPTransport
    let time: any TimeSource
    let userAgent: String

    /// How long an answer may take; signing is quick, but storage may not be.
    private static let deadline = Duration.seconds(30)
    private static let bodyLimit = 1 << 20

    /// - Parameters:
    ///   - path: from the root of the server, such as "/v1/pki/sign/web".
    ///   - identity: a client certificate in place of the connection's, for logging in with it.
    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil, token: Redacted<String>? = nil,
        identity: TLSOptions.Identity? = nil
    ) async throws(VaultError) -> JSONValue {
        let answer = try await exchange(method, path, body, token: token, identity: identity, isNamespaced: true)
        guard answer.status.kind == .successful else { throw refusal(answer) }
        return try Self.json(answer.body)
    }

    /// What the server says of its state, and that it is reached at all.
    func health() async throws(VaultError) -> Health {
        // Health is of the whole server: the path exists outside of namespaces only.
        let answer = try await exchange(
            .get, "/v1/sys/health", nil, token: nil, identity: nil, isNamespaced: false)
        return Health(status: answer.status.code)
    }

    /// https://developer.hashicorp.com/vault/api-docs/system/health, where the codes are listed.
    enum Health: Sendable, Hashable {
        /// Active, or a standby, which passes requests on or sends them to the active one.
        case usable
        case notInitialized
        case sealed
        case other(Int)

        init(status: Int) {
            switch status {
            case 200, 429, 472, 473: self = .usable
            case 501: self = .notInitialized
            case 503: self = .sealed
            default: self = .other(status)
            }
        }
    }

    private func exchange(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue?, token: Redacted<String>?,
        identity: TLSOptions.Identity?, isNamespaced: Bool
    ) async throws(VaultError) -> Response {
        var headers: HTTPFields = [.userAgent: userAgent, .accept: "application/json"]
        // Keeps intermediaries from being talked into sending requests on behalf of others.
        headers[.vaultRequest] = "true"
        if let token { headers[.vaultToken] = token.reveal() }
        if isNamespaced, let namespace = connection.namespace { headers[.vaultNamespace] = namespace }
        if body != nil { headers[.contentType] = "application/json" }
        var tls = connection.tls
        if let identity { tls = TLSOptions(trust: tls.trust, identity: identity, serverName: tls.serverName) }
        // A standby that does not pass requests on answers 307 with the active server's address; what was encrypted
        // stays so.
        let schemes: Set<String> = connection.server.hasPrefix("https:") ? ["https"] : ["http", "https"]
        let request = TransportRequest(
            url: connection.url(path), method: method, headers: headers, body: body?.serialized(), tls: tls,
            deadline: Self.deadline, bodyLimit: Self.bodyLimit, redirects: .follow(max: 2, schemes: schemes))
        do throws(TransportError) {
            return try await http.send(request)
        } catch {
            throw .unreachable(error)
        }
    }

    private func refusal(_ answer: Response) -> VaultError {
        let errors = (try? JSONValue(parsing: answer.body))?["errors"]?.arrayValue ?? []  // a proxy's page is no JSON
        let retryAfter = answer.headers[.retryAfter].flatMap { RetryAfter.parse($0, now: time.now()) }
        return .refused(
            status: answer.status.code, errors: errors.compactMap(\.stringValue).map(Self.presentable),
            retryAfter: retryAfter)
    }

    /// Vault's lists of errors on one line, without control characters, and not endless.
    private static func presentable(_ text: String) -> String {
        let words = text.unicodeScalars.split { $0.value < 0x21 || $0.value == 0x7F }.map { String($0) }
        return String(words.filter { $0 != "*" }.joined(separator: " ").prefix(500))
    }

    private static func json(_ body: [UInt8]) throws(VaultError) -> JSONValue {
        if body.isEmpty { return .object([:]) }
        do { return try JSONValue(parsing: body) } catch { throw .unreadable("\(error)") }
    }
}

/// Why a Vault server has not done what it was asked.
enum VaultError: Error, Sendable, Hashable, CustomStringConvertible {
    case unreachable(TransportError)
    case refused(status: Int, errors: [String], retryAfter: Duration?)
    case unreadable(String)

    var isDenied: Bool { status == 403 }
    var status: Int? { if case .refused(let status, _, _) = self { status } else { nil } }

    /// Whether the same request would be refused again whatever is put right at the server.
    var isAboutRequest: Bool {
        // An unknown role is the server's to be given.
        guard case .refused(400, let errors, _) = self else { return false }
        return !errors.contains { $0.hasPrefix("unknown role") }
    }

    var retryAfter: Duration? { if case .refused(_, _, let wait) = self { wait } else { nil } }

    var description: String {
        switch self {
        case .unreachable(let error): "the server could not be asked: \(error)"
        case .unreadable(let what): "the server's answer could not be read: \(what)"
        case .refused(let status, let errors, _):
            "the server answered \(status)" + (errors.isEmpty ? "" : ": " + errors.joined(separator: "; "))
        }
    }
}

extension HTTPField.Name {
    // Legal names, all of them.
    fileprivate static let vaultToken = HTTPField.Name("X-Vault-Token")!
    fileprivate static let vaultNamespace = HTTPField.Name("X-Vault-Namespace")!
    fileprivate static let vaultRequest = HTTPField.Name("X-Vault-Request")!
}
