import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import Wire

/// A Trust Protection Platform server (CyberArk Certificate Manager, Self-Hosted) through its Web SDK
/// (https://docs.venafi.com/Docs/current/TopNav/Content/SDK/WebSDK/c-SDK-WebSDK-REST.php).
struct TrustProtectionPlatform: VenafiServer {
    let api: VenafiAPI
    /// Below `\VED\Policy`, or whole.
    let zone: String
    let login: Login
    let sessions: Sessions<SessionKey>
    let issuer: IssuerIdentity

    enum Login: Sendable, Hashable {
        /// A token that somebody else has got.
        case token(Redacted<String>)
        case password(user: Redacted<String>, password: Redacted<String>, clientID: String)
    }

    struct SessionKey: Sendable, Hashable {
        var base: String
        var login: Login
    }

    /// The scope that requesting and retrieving take.
    private static let scope = "certificate:manage"
    private static let apiKeyField = "x-venafi-api-key"

    /// The server without `/vedsdk`, which users write or leave out.
    static func base(_ url: String) -> String {
        var base = url
        while base.hasSuffix("/") { base.removeLast() }
        if base.lowercased().hasSuffix("/vedsdk") { base.removeLast("/vedsdk".count) }
        while base.hasSuffix("/") { base.removeLast() }
        return base
    }

    private var policyDN: String {
        let root = "\\VED\\Policy"
        if zone.lowercased().hasPrefix(root.lowercased()) { return zone }
        return zone.hasPrefix("\\") ? root + zone : "\(root)\\\(zone)"
    }

    func check() async throws(VenafiError) {
        let credential = try await credential()
        if case .token = login {
            let answer = try await api.send(.get, "vedauth/authorize/verify", nil, credential)
            guard answer.status == 200 else { throw VenafiError("The access token is not accepted", answer) }
        }
        let answer = try await api.send(
            .post, "vedsdk/certificates/checkpolicy", ["PolicyDN": .string(policyDN)], credential)
        guard answer.status == 200 else {
            throw VenafiError("The policy folder \"\(policyDN)\" of spec.venafi.zone cannot be read", answer)
        }
    }

    func request(_ request: RemoteRequest, _ fields: [VenafiCustomField]) async throws(VenafiError) -> String {
        let csr = request.wanted.request
        var body: JSONValue = [
            "PolicyDN": .string(policyDN), "PKCS10": .string(csr.pem), "ObjectName": .string(objectName(request)),
            "Origin": "certwright", "DisableAutomaticRenewal": true,
        ]
        if !fields.isEmpty {
            body["CustomFields"] = .array(
                fields.map { ["Name": .string($0.name), "Values": .array($0.values.map { .string($0) })] })
        }
        let answer = try await send("vedsdk/certificates/request", body)
        guard answer.status == 200 || answer.status == 202 else {
            throw VenafiError("The request was not taken", answer)
        }
        guard let id = answer.json?["CertificateDN"]?.stringValue, !id.isEmpty else {
            throw .unreadable("it names no CertificateDN")
        }
        return id
    }

    func retrieve(_ pickupID: String) async throws(VenafiError) -> VenafiPickup {
        let answer = try await send(
            "vedsdk/certificates/retrieve",
            ["CertificateDN": .string(pickupID), "Format": "base64", "IncludeChain": true, "RootFirstOrder": false])
        let status = VenafiError.presentable(answer.json?["Status"]?.stringValue ?? "")
        switch answer.status {
        case 200:
            guard let text = answer.json?["CertificateData"]?.stringValue, let pem = Base64.decode(text) else {
                throw .unreadable("it has no CertificateData")
            }
            return .certificate(pem: pem)
        case 202: return .pending(status.isEmpty ? "The server works on the request" : "The server says: \(status)")
        case 500 where status.contains("Click Retry to continue"):
            // The CA behind the server has failed once: this is the button.
            let retried = try await send("vedsdk/certificates/retry", ["CertificateDN": .string(pickupID)])
            guard retried.status == 200 else { return .rejected(status) }
            return .pending("The server has been asked to try again: \(status)")
        // An answer that tells the stage is about this certificate, not about the server.
        case 500 where answer.json?["Stage"] != nil: return .rejected(status)
        default: throw VenafiError("The certificate cannot be retrieved", answer)
        }
    }

    /// As people find it in the server's tree.
    private func objectName(_ request: RemoteRequest) -> String {
        let csr = request.wanted.request
        if let name = csr.subject.commonName, !name.isEmpty { return name }
        for case .dns(let name) in csr.extensions.names { return name }
        return request.name.name
    }

    private func send(_ path: String, _ body: JSONValue) async throws(VenafiError) -> VenafiAPI.Answer {
        let credential = try await credential()
        let answer = try await api.send(.post, path, body, credential)
        guard answer.status == 401, case .password = login else { return answer }
        // A token that was kept may have been revoked.
        sessions.drop(issuer: issuer.uid)
        return try await api.send(.post, path, body, try await self.credential())
    }

    // MARK: Credentials

    private func credential() async throws(VenafiError) -> VenafiAPI.Credential {
        switch login {
        case .token(let token): return .bearer(token)
        case .password(let user, let password, let clientID):
            let key = SessionKey(base: api.base, login: login)
            if case .use(let token) = sessions.step(issuer.uid, key, now: api.time.now()) {
                return Self.credential(token)
            }
            let token: SessionToken
            do throws(VenafiError) {
                token = try await self.token(user, password, clientID)
            } catch {
                sessions.loginFailed(issuer.uid)
                throw error
            }
            sessions.keep(token, issuer.uid, key, now: api.time.now())
            return Self.credential(token.text)
        }
    }

    /// An API key is told apart by how it was kept.
    private static func credential(_ kept: Redacted<String>) -> VenafiAPI.Credential {
        let text = kept.reveal()
        guard text.hasPrefix(apiKeyField + ":") else { return .bearer(kept) }
        return .key(field: apiKeyField, Redacted(String(text.dropFirst(apiKeyField.count + 1))))
    }

    /// By OAuth; from a server that has none, or knows no such client, the API key of old.
    private func token(
        _ user: Redacted<String>, _ password: Redacted<String>, _ clientID: String
    ) async throws(VenafiError) -> SessionToken {
        let answer = try await api.send(
            .post, "vedauth/authorize/oauth",
            [
                "client_id": .string(clientID), "username": .string(user.reveal()),
                "password": .string(password.reveal()), "scope": .string(Self.scope),
            ], .none)
        if answer.status == 200, let text = answer.json?["access_token"]?.stringValue, !text.isEmpty {
            let expires = answer.json?["expires"]?.intValue ?? 0
            let left = expires - api.time.now().secondsSince1970
            return SessionToken(text: text, seconds: expires > 0 ? max(left, 1) : 0)
        }
        guard [400, 401, 403, 404].contains(answer.status) else {
            throw VenafiError("No access token could be had", answer)
        }
        let older = try await api.send(
            .post, "vedsdk/authorize/",
            ["Username": .string(user.reveal()), "Password": .string(password.reveal())], .none)
        guard older.status == 200, let key = older.json?["APIKey"]?.stringValue, !key.isEmpty else {
            throw .refused(
                "The server does not accept the username and password for the client \"\(clientID)\"", status: 401,
                detail: "", retryAfter: nil)
        }
        // Keys live on while they are used, and end a few minutes after.
        return SessionToken(text: "\(Self.apiKeyField):\(key)", seconds: 180)
    }
}
