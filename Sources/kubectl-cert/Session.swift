import CertificateAPI
import CurlTransport
import Diagnosis
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import Wire

/// One run against one cluster.
struct Session: Sendable {
    let client: KubeClient
    let transport: CurlTransport
    /// The context's, where no flag names another.
    let namespace: String
    let time: any TimeSource = SystemTime()

    /// Lends a client; the transport ends with `body`.
    static func run<R: Sendable>(
        _ flags: ConnectionFlags, namespace: String? = nil, _ body: @Sendable (Session) async throws -> R
    ) async throws -> R {
        ProcessSettings.ignoreBrokenPipes()
        let configuration = try flags.configuration()
        let transport = CurlTransport(CurlTransport.Options(userAgent: Version.userAgent))
        let limited: any HTTPTransport =
            flags.requestTimeout.duration.map { LimitedTransport(inner: transport, limit: $0) } ?? transport
        let client = KubeClient(
            configuration: configuration, transport: limited, fieldManager: Version.fieldManager,
            userAgent: Version.userAgent, retries: RetryPolicy(tries: 2))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await transport.run() }
            defer { transport.shutDown() }
            return try await body(
                Session(client: client, transport: transport, namespace: namespace ?? configuration.namespace))
        }
    }

    static func of(_ session: Session, namespace: String) -> Session {
        Session(client: session.client, transport: session.transport, namespace: namespace)
    }

    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: namespace, name: name) }

    /// The object, or a sentence that says that there is none.
    func object<T: KubeObject>(_ type: T.Type, _ name: String) async throws -> T {
        guard let found = try await client.find(type, key(name)) else {
            throw CommandFailure(
                "\(T.resource.kind) \(key(name)) does not exist: see kubectl get \(T.resource.plural) -n \(namespace)")
        }
        return found
    }

    /// The API server's clock, by the Date of its answers; this machine's where it tells none.
    func clusterTime() async -> (now: Timestamp, isTold: Bool) {
        let here = time.now()
        guard let authorization = try? await client.configuration.credentials.authorization() else {
            return (here, false)
        }
        var headers: HTTPFields = [.accept: "application/json", .userAgent: Version.userAgent]
        if let header = authorization.header { headers[.authorization] = header }
        var tls = client.configuration.tls
        if let identity = authorization.identity {
            tls = TLSOptions(trust: tls.trust, identity: identity, serverName: tls.serverName)
        }
        let request = TransportRequest(
            url: client.configuration.server + "/version", headers: headers, tls: tls, proxy: client.configuration.proxy
        )
        // A clock that cannot be asked is one that nothing is said about.
        guard let answer = try? await transport.send(request), let date = answer.headers[.date],
            let told = Timestamp(httpDate: date)
        else { return (here, false) }
        return (told, true)
    }
}

/// Gives each request that much time and no more.
private struct LimitedTransport: HTTPTransport {
    let inner: CurlTransport
    let limit: Duration

    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        try await inner.withResponse(to: limited(request), use)
    }

    func send(_ request: TransportRequest) async throws(TransportError) -> Response {
        try await inner.send(limited(request))
    }

    private func limited(_ request: TransportRequest) -> TransportRequest {
        var request = request
        request.deadline = min(request.deadline ?? limit, limit)
        return request
    }
}
