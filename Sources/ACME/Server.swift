package import HTTPTransport
import HTTPTypes
import PKI
import Synchronization
package import Wire

/// One ACME server, as one directory URL and one way of trusting it: its directory, its nonces, its manners.
///
/// Share one among everybody who talks to the server, so that nonces are reused instead of fetched.
package final class ACMEServer: Sendable {
    package struct Settings: Sendable {
        package var directoryURL: String
        package var tls: TLSOptions
        /// Names this client and its HTTP library (RFC 8555 §6.1).
        package var userAgent: String
        package var acceptLanguage: String
        package var deadline: Duration
        /// Plain `http` is refused (RFC 8555 §6.1); only tests of this room allow it.
        package var allowsPlainHTTP: Bool

        package init(
            directoryURL: String, tls: TLSOptions = .system, userAgent: String, acceptLanguage: String = "en",
            deadline: Duration = .seconds(60), allowsPlainHTTP: Bool = false
        ) {
            self.directoryURL = directoryURL
            self.tls = tls
            self.userAgent = userAgent
            self.acceptLanguage = acceptLanguage
            self.deadline = deadline
            self.allowsPlainHTTP = allowsPlainHTTP
        }
    }

    /// How often one request is signed anew for `badNonce`. Pebble can be told to refuse nine nonces in ten.
    static let nonceAttempts = 40
    /// The largest answer that is read: a directory, an order of 100 names, or a chain.
    static let bodyLimit = 1 << 20

    package let settings: Settings
    let time: any TimeSource
    private let transport: any HTTPTransport
    private let observer: ACMEObserver?
    private let nonces: NonceDesk
    private let directories = Mutex(DirectoryCache())
    private let skew = Mutex<Duration?>(nil)

    package init(
        settings: Settings, transport: any HTTPTransport, time: any TimeSource, observer: ACMEObserver? = nil
    ) {
        self.settings = settings
        self.transport = transport
        self.time = time
        self.observer = observer
        nonces = NonceDesk(time: time)
    }

    /// How far the server's clock is ahead of ours, by the `Date` of its last answer; nil before there was one.
    package var clockSkew: Duration? { skew.withLock { $0 } }

    /// The directory if it is known, however old, without asking for it.
    package var knownDirectory: ACMEDirectory? { directories.withLock { $0.latest } }

    /// The directory, fetched when it is not known or has grown old. While an old one cannot be fetched again it is
    /// still used.
    package func directory() async throws(ACMEError) -> ACMEDirectory {
        switch directories.withLock({ $0.wanted(at: time.now()) }) {
        case .use(let directory): return directory
        case .fetch: return try await fetchDirectory()
        case .refresh(let old):
            do { return try await fetchDirectory() } catch {
                if case .cancelled = error { throw error }
                return old
            }
        }
    }

    private func fetchDirectory() async throws(ACMEError) -> ACMEDirectory {
        var request = try request(.get, settings.directoryURL, accept: "application/json")
        request.redirects = .follow(max: 5, schemes: settings.allowsPlainHTTP ? ["https", "http"] : ["https"])
        let answer = try await exchange(request, as: .discover)
        guard answer.isSuccess else { throw answer.refusal(of: .discover) }
        let directory = try ACMEDirectory(try answer.json())
        for url in [directory.newNonce, directory.newAccount, directory.newOrder] { try check(url) }
        directories.withLock { $0.fetched(directory, at: time.now()) }
        return directory
    }
}

extension ACMEServer {
    /// A signed request (RFC 8555 §6.2): answers only with success, and gives `badNonce` as many new nonces as the
    /// server asks for, within reason. An empty payload is POST-as-GET.
    func post(
        _ payload: [UInt8], to url: String, as action: ACMEAction, signer: JWS.Signer, key: PrivateKey,
        accept: String = "application/json"
    ) async throws(ACMEError) -> ACMEAnswer {
        var request = try request(.post, url, accept: accept)
        request.headers[.contentType] = "application/jose+json"
        let pooled = try await nonces.take()
        // RFC 8555 §6.5: a retry uses the nonce of its refusal, so only the last answer's goes into the pool.
        var left: String?
        defer { nonces.giveBack(left) }
        var nonce: String
        if let pooled { nonce = pooled } else { nonce = try await fetchNonce(for: action) }
        for attempt in 1... {
            request.body = try await JWS.body(payload: payload, url: url, nonce: nonce, signer: signer, key: key)
            let answer = try await exchange(request, as: action)
            let refusal = answer.isSuccess ? nil : answer.refusalDetails(of: action)
            let isNonceRefused = refusal?.problem.type == .badNonce
            if attempt == 1, pooled != nil { nonces.judge(isAccepted: !isNonceRefused) }
            guard let refusal, isNonceRefused else {
                left = answer.nonce
                guard let refusal else { return answer }
                if refusal.status == 404 { forgetDirectory(naming: url) }
                throw .problem(refusal)
            }
            guard attempt < ACMEServer.nonceAttempts else { throw .problem(refusal) }
            if let offered = answer.nonce { nonce = offered } else { nonce = try await fetchNonce(for: action) }
        }
        preconditionFailure("the loop over attempts has no end of its own")
    }

    /// A request without signature, for what servers tell everybody.
    func get(_ url: String, as action: ACMEAction) async throws(ACMEError) -> ACMEAnswer {
        let answer = try await exchange(try request(.get, url, accept: "application/json"), as: action)
        guard answer.isSuccess else { throw answer.refusal(of: action) }
        return answer
    }

    private func fetchNonce(for action: ACMEAction) async throws(ACMEError) -> String {
        let url = try await directory().newNonce
        var answer = try await exchange(try request(.head, url, accept: "application/json"), as: action)
        if answer.status == 405 || answer.status == 501 {
            answer = try await exchange(try request(.get, url, accept: "application/json"), as: action)
        }
        guard answer.isSuccess else {
            if answer.status == 404 { forgetDirectory(naming: url) }
            throw answer.refusal(of: .discover)
        }
        guard let nonce = answer.nonce else { throw .malformed("the answer to a request for a nonce has none") }
        return nonce
    }

    private func forgetDirectory(naming url: String) {
        directories.withLock { $0.forget(ifNaming: url) }
    }
}

extension ACMEServer {
    private func request(
        _ method: HTTPRequest.Method, _ url: String, accept: String
    ) throws(ACMEError) -> TransportRequest {
        try check(url)
        var headers = HTTPFields()
        headers[.userAgent] = settings.userAgent
        headers[.acceptLanguage] = settings.acceptLanguage
        headers[.accept] = accept
        return TransportRequest(
            url: url, method: method, headers: headers, tls: settings.tls, deadline: settings.deadline,
            bodyLimit: ACMEServer.bodyLimit)
    }

    private func check(_ url: String) throws(ACMEError) {
        guard let address = HTTPAddress(url: url) else { throw .configuration("“\(url)” is not a URL") }
        guard address.scheme == .https || settings.allowsPlainHTTP else {
            throw .configuration("“\(url)” is not an https URL, and ACME is spoken over https only")
        }
    }

    private func exchange(_ request: TransportRequest, as action: ACMEAction) async throws(ACMEError) -> ACMEAnswer {
        let start = time.elapsed()
        do {
            let response = try await transport.send(request)
            let answer = ACMEAnswer(response, url: request.url, receivedAt: time.now())
            record(request, action, status: response.status.code, problem: answer.problemName, since: start)
            if let date = answer.date { skew.withLock { $0 = date - answer.receivedAt } }
            return answer
        } catch .cancelled {
            throw .cancelled
        } catch {
            record(request, action, status: nil, since: start)
            throw .transport(error, attempting: action)
        }
    }

    private func record(
        _ request: TransportRequest, _ action: ACMEAction, status: Int?, problem: String? = nil, since start: Duration
    ) {
        guard let observer, let address = HTTPAddress(url: request.url) else { return }
        observer(
            ACMERequestRecord(
                action: action, method: request.method.rawValue, scheme: address.scheme.rawValue,
                host: address.host, status: status, problem: problem, duration: time.elapsed() - start))
    }
}
