package import HTTPTransport
import HTTPTypes
package import KubeModel
package import Wire

/// Sends requests to one API server. A value: copies share the transport and the credentials.
package struct KubeClient: Sendable {
    package let configuration: ClusterConfiguration
    package let transport: any HTTPTransport
    /// Named in `managedFields` and, before the slash of the user agent, in the audit log.
    package let fieldManager: String
    private let userAgent: String
    private let writeGate: (any WriteGate)?
    private let retries: RetryPolicy
    private let time: any TimeSource

    package init(
        configuration: ClusterConfiguration, transport: any HTTPTransport, fieldManager: String = "certwright",
        userAgent: String, writeGate: (any WriteGate)? = nil, retries: RetryPolicy = RetryPolicy(),
        time: any TimeSource = SystemTime()
    ) {
        self.configuration = configuration
        self.transport = transport
        self.fieldManager = fieldManager
        self.userAgent = userAgent
        self.writeGate = writeGate
        self.retries = retries
        self.time = time
    }

    /// The same client whose writes pass `gate`.
    package func guarded(by gate: any WriteGate) -> KubeClient {
        KubeClient(
            configuration: configuration, transport: transport, fieldManager: fieldManager, userAgent: userAgent,
            writeGate: gate, retries: retries, time: time)
    }

    /// Sends a request and reads its answer whole. Retries as `RetryPolicy` says; throws on every status but 2xx.
    package func send(_ request: KubeRequest, lane: Lane = .shared) async throws(KubeError) -> JSONValue {
        try Self.value(of: try await answer(to: request, lane: lane), request.limits)
    }

    /// The same for a request whose answer nobody reads: that it was accepted is enough.
    package func sendUnread(_ request: KubeRequest) async throws(KubeError) {
        _ = try await answer(to: request, lane: .shared)
    }

    /// The same, its answer not read yet.
    func answer(to request: KubeRequest, lane: Lane = .shared) async throws(KubeError) -> [UInt8] {
        try request.checkPath()
        let body = request.body?.serialized()
        var number = 1
        var hasRefreshed = false
        while true {
            let authorization = try await configuration.credentials.authorization()
            do throws(KubeError) {
                if !request.isRead { try writeGate?.check() }
                return try await exchange(transportRequest(request, body, authorization, lane)).body
            } catch {
                if error.status?.code == 401, !hasRefreshed,
                    await configuration.credentials.wasRefused(authorization)
                {
                    hasRefreshed = true
                    continue
                }
                guard let wait = retries.wait(after: error, try: number, isIdempotent: request.isIdempotent) else {
                    throw error
                }
                number += 1
                try await pause(wait)
            }
        }
    }

    /// Sends a request whose answer is a stream, and lends that stream to `use`. Not retried.
    ///
    /// `readAhead` bounds the bytes that wait for `use`; without it they are read as they come.
    package func stream<Result: Sendable>(
        _ request: KubeRequest, lane: Lane = .express, idleLimit: Duration, readAhead: Int? = nil,
        _ use: (ResponseBody) async throws -> Result
    ) async throws -> Result {
        try request.checkPath()
        let authorization = try await configuration.credentials.authorization()
        var transportRequest = transportRequest(request, nil, authorization, lane)
        transportRequest.deadline = nil
        transportRequest.readAhead = readAhead
        transportRequest.idleLimit = idleLimit
        return try await transport.withResponse(to: transportRequest) { head, body in
            guard head.status.kind == .successful else {
                let bytes = try await body.collect(upTo: 1 << 20)
                let error = refusal(Response(head: head, body: bytes))
                if head.status.code == 401 { _ = await configuration.credentials.wasRefused(authorization) }
                throw error
            }
            return try await use(body)
        }
    }

    private func pause(_ wait: Duration) async throws(KubeError) {
        do {
            try await time.sleep(for: wait)
        } catch {
            throw .cancelled
        }
    }

    private func exchange(_ request: TransportRequest) async throws(KubeError) -> Response {
        let response: Response
        do throws(TransportError) {
            response = try await transport.send(request)
        } catch {
            throw error == .cancelled ? .cancelled : .transport(error)
        }
        guard response.status.kind == .successful else { throw refusal(response) }
        return response
    }

    private func transportRequest(
        _ request: KubeRequest, _ body: [UInt8]?, _ authorization: Authorization, _ lane: Lane
    ) -> TransportRequest {
        var headers: HTTPFields = [.accept: request.accept.rawValue, .userAgent: userAgent]
        if let contentType = request.contentType { headers[.contentType] = contentType.rawValue }
        if let header = authorization.header { headers[.authorization] = header }
        configuration.impersonation?.add(to: &headers)
        var tls = configuration.tls
        if let identity = authorization.identity {
            tls = TLSOptions(trust: tls.trust, identity: identity, serverName: tls.serverName)
        }
        var transportRequest = TransportRequest(
            url: configuration.server + request.target, method: request.method, headers: headers, body: body, tls: tls,
            proxy: configuration.proxy, bodyLimit: 256 << 20, lane: lane)
        if !request.isRead, let writeGate {
            transportRequest.deadline = min(writeGate.writeLimit, transportRequest.deadline ?? writeGate.writeLimit)
        }
        return transportRequest
    }

    private func refusal(_ response: Response) -> KubeError {
        let retryAfter = response.headers[.retryAfter].flatMap { RetryAfter.parse($0, now: time.now()) }
        let code = response.status.code
        // What is no Status (a proxy's page, say) still has a code, which is what decisions go by.
        let decoded = try? JSONValue(parsing: response.body).decode(Status.self)
        var status = decoded ?? Status(code: code, message: "HTTP status \(code)")
        status.code = status.code ?? code
        return .status(status, retryAfter: retryAfter ?? status.details?.retryAfterSeconds.map { .seconds($0) })
    }

    private static func value(of body: [UInt8], _ limits: JSONLimits) throws(KubeError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: body, limits: limits)
        } catch {
            throw .decoding("\(error)")
        }
    }
}

extension KubeRequest {
    /// Refuses a path that would be another object's, or a whole collection's: a name that is empty, "." or "..".
    func checkPath() throws(KubeError) {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard path.hasPrefix("/"), !segments.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
            throw .encoding("the path \(path) holds a name that no object can have")
        }
    }
}

extension Impersonation {
    /// Field values hold no line breaks: `HTTPField` takes such values out.
    fileprivate func add(to headers: inout HTTPFields) {
        guard let userField = HTTPField.Name("Impersonate-User"), let uidField = HTTPField.Name("Impersonate-Uid"),
            let groupField = HTTPField.Name("Impersonate-Group")
        else { return }
        headers[userField] = user
        if let uid { headers[uidField] = uid }
        for group in groups { headers.append(HTTPField(name: groupField, value: group)) }
    }
}
