import HTTPTransport
import HTTPTypes
import PKI
import Synchronization
import Wire

/// TLS Protect Cloud and Next-Gen Trust Security as their API references describe them (developer.venafi.com and pan.dev:
/// useraccounts, applications/name, certificateissuingtemplates, certificaterequests, certificates/contents; OAuth 2.0
/// client credentials with the scope tsg_id). It checks who asks, and signs with a CA of its own.
final class FakeCloud: Sendable {
    struct State: Sendable {
        var requests: [String: String] = [:]
        /// What a request passes through before it is issued.
        var statuses = ["REQUESTED", "ISSUED"]
        var left: [String: [String]] = [:]
        var isContentsPending = false
        var message = ""
        var token = "k3yT0ken-1"
        var logins = 0
        var limit: Int?
    }
    let state = Mutex(State())
    let authority: SignerSamples.Authority
    /// Whether it is Trust Security.
    let hasTokens: Bool

    init(_ authority: SignerSamples.Authority, hasTokens: Bool) {
        self.authority = authority
        self.hasTokens = hasTokens
    }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    var now: State { state.withLock { $0 } }
    private var base: String {
        hasTokens ? "https://api.strata.paloaltonetworks.com/ngts/" : "https://api.venafi.cloud/"
    }

    func answer(_ request: TransportRequest) async throws -> FakeTransport.Reply {
        if hasTokens, request.url == "https://auth.apps.paloaltonetworks.com/oauth2/access_token" {
            return token(request)
        }
        guard request.url.hasPrefix(base) else { return .init(404, text: "no such host") }
        let isKnown =
            hasTokens
            ? request.header("Authorization") == "Bearer \(now.token)"
            : request.header("tppl-api-key") == "api-k3yT0ken"
        guard isKnown else { return .init(401, ["errors": [["code": 10501, "message": "Authentication failed"]]]) }
        if now.limit == 0 {
            return .init(429, ["errors": [["code": 1, "message": "Too many requests"]]], headers: [.retryAfter: "33"])
        }
        return try await authorized(request, String(request.url.dropFirst(base.count)))
    }

    private func token(_ request: TransportRequest) -> FakeTransport.Reply {
        let form = String(decoding: request.body ?? [], as: UTF8.self)
        let basic = "Basic " + Base64.encode(Array("client:client-k3yT0ken".utf8))
        guard request.header("Authorization") == basic,
            form == "grant_type=client_credentials&scope=tsg_id%3A1234"
        else { return .init(400, ["error": "invalid_client"]) }
        change { $0.logins += 1 }
        return .init(200, ["access_token": .string(now.token), "token_type": "Bearer", "expires_in": 900])
    }

    private func authorized(_ request: TransportRequest, _ path: String) async throws -> FakeTransport.Reply {
        switch (request.method, path) {
        case (.get, "v1/useraccounts"): return .init(200, ["user": ["id": "u"], "company": ["id": "c"]])
        case (.get, "v1/certificateissuingtemplates"):
            return .init(200, ["certificateIssuingTemplates": [["id": "t-1", "name": "My CIT"]]])
        case (.get, "outagedetection/v1/applications/name/My%20App"):
            return .init(200, ["id": "a-1", "certificateIssuingTemplateAliasIdMap": ["My CIT": "t-1"]])
        case (.post, "outagedetection/v1/certificaterequests"): return create(request.json)
        default: return try await read(path)
        }
    }

    private func create(_ body: JSONValue) -> FakeTransport.Reply {
        guard body["certificateIssuingTemplateId"] == "t-1", hasTokens || body["applicationId"] == "a-1",
            let csr = body["certificateSigningRequest"]?.stringValue
        else { return .init(400, ["errors": [["code": 10001, "message": "Invalid request"]]]) }
        let id = "r-\(now.requests.count + 1)"
        change {
            $0.requests[id] = csr
            $0.left[id] = $0.statuses
        }
        return .init(201, ["certificateRequests": [["id": .string(id), "status": "NEW"]]])
    }

    private func read(_ path: String) async throws -> FakeTransport.Reply {
        let requests = "outagedetection/v1/certificaterequests/"
        if path.hasPrefix(requests) {
            let id = String(path.dropFirst(requests.count))
            guard let left = now.left[id], let status = left.first else {
                return .init(404, ["errors": [["code": 10001, "message": "No such certificate request"]]])
            }
            if left.count > 1 { change { $0.left[id]?.removeFirst() } }
            var body: JSONValue = ["id": .string(id), "status": .string(status)]
            if status == "ISSUED" { body["certificateIds"] = [.string("c-" + id)] }
            if !now.message.isEmpty { body["errorInformation"] = ["message": .string(now.message)] }
            return .init(200, body)
        }
        let certificates = "outagedetection/v1/certificates/c-"
        guard path.hasPrefix(certificates), path.hasSuffix("/contents?format=PEM&chainOrder=EE_FIRST"),
            let csr = now.requests[String(path.dropFirst(certificates.count).prefix { $0 != "/" })]
        else { return .init(404, ["errors": [["message": "Not found"]]]) }
        if now.isContentsPending {
            change { $0.isContentsPending = false }
            return .init(409, ["errors": [["message": "Not yet signed"]]])
        }
        let leaf = try await FakeAuthority.sign(csr, by: authority)
        return .init(200, text: leaf.pem + authority.certificate.pem)
    }
}
