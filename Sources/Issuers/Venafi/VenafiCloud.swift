import HTTPTransport
import HTTPTypes
import KubeModel
import PKI
import Wire

/// The hosted control planes: CyberArk Certificate Manager SaaS, and Palo Alto Networks' Next-Gen Trust Security, which
/// speak the same API (https://developer.venafi.com/tlsprotectcloud/reference,
/// https://pan.dev/scm/api/config/ngts/).
struct VenafiCloud: VenafiServer {
    let api: VenafiAPI
    let zone: String
    let login: Login
    let sessions: Sessions<SessionKey>
    let issuer: IssuerIdentity

    static let cloudURL = "https://api.venafi.cloud"
    static let trustSecurityURL = "https://api.strata.paloaltonetworks.com/ngts"
    static let tokenEndpoint = "https://auth.apps.paloaltonetworks.com/oauth2/access_token"

    enum Login: Sendable, Hashable {
        case key(Redacted<String>)
        /// OAuth 2.0 client credentials (RFC 6749 §4.4), for one tenant service group.
        case client(id: Redacted<String>, secret: Redacted<String>, tenant: String, endpoint: String)

        /// Whether zones are templates alone, without the application before them.
        var hasPlainZones: Bool { if case .client = self { true } else { false } }
    }

    struct SessionKey: Sendable, Hashable {
        var base: String
        var login: Login
    }

    /// Without the version of the API, which older URLs have at their end.
    static func base(_ url: String) -> String {
        var base = url
        while base.hasSuffix("/") { base.removeLast() }
        if base.hasSuffix("/v1") { base.removeLast(3) }
        return base
    }

    /// What a zone stands for.
    struct Place: Sendable, Hashable {
        var application: String?
        var template: String
    }

    func check() async throws(VenafiError) {
        if !login.hasPlainZones {
            let answer = try await send(.get, "v1/useraccounts")
            guard answer.status == 200 else { throw VenafiError("The API key is not accepted", answer) }
        }
        _ = try await place()
    }

    func request(_ request: RemoteRequest, _ fields: [VenafiCustomField]) async throws(VenafiError) -> String {
        guard fields.isEmpty else {
            throw .configuration(
                "Custom fields are for Trust Protection Platform only; remove the annotation "
                    + "venafi.cert-manager.io/custom-fields, or use an issuer with spec.venafi.tpp")
        }
        let place = try await place()
        var body: JSONValue = [
            "certificateSigningRequest": .string(request.wanted.request.pem),
            "certificateIssuingTemplateId": .string(place.template), "isVaaSGenerated": false,
            "apiClientInformation": ["type": "certwright", "identifier": .string(request.name.description)],
        ]
        if let application = place.application { body["applicationId"] = .string(application) }
        let answer = try await send(.post, "outagedetection/v1/certificaterequests", body)
        guard answer.status == 201 || answer.status == 200 else {
            throw VenafiError("The request was not taken", answer)
        }
        guard let id = answer.json?["certificateRequests"]?[0]?["id"]?.stringValue, !id.isEmpty else {
            throw .unreadable("it names no certificate request")
        }
        return id
    }

    func retrieve(_ pickupID: String) async throws(VenafiError) -> VenafiPickup {
        let answer = try await send(.get, "outagedetection/v1/certificaterequests/\(pickupID.escapedForPath)")
        guard answer.status == 200, let status = answer.json?["status"]?.stringValue else {
            throw VenafiError("The certificate request \(pickupID) cannot be read", answer)
        }
        switch status {
        case "ISSUED":
            guard let id = answer.json?["certificateIds"]?[0]?.stringValue else {
                return .pending("The certificate is issued, and is being stored")
            }
            return try await contents(id)
        case "FAILED", "REJECTED", "REJECTED_APPROVAL", "CANCELLED", "DELETED", "REVOKED":
            let why = VenafiError.presentable(answer.json?["errorInformation"]?["message"]?.stringValue ?? "")
            return .rejected("The server says \(status)" + (why.isEmpty ? "" : ": \(why)"))
        case "PENDING_APPROVAL", "PENDING_FINAL_APPROVAL":
            return .pending("Somebody has to approve the request at the server (\(status))")
        default: return .pending("The server works on the request (\(VenafiError.presentable(status)))")
        }
    }

    private func contents(_ id: String) async throws(VenafiError) -> VenafiPickup {
        let answer = try await send(
            .get, "outagedetection/v1/certificates/\(id.escapedForPath)/contents?format=PEM&chainOrder=EE_FIRST")
        switch answer.status {
        case 200: return .certificate(pem: answer.body)
        // The CA has not signed yet.
        case 409: return .pending("The certificate is being signed")
        default: throw VenafiError("The certificate \(id) cannot be downloaded", answer)
        }
    }

    // MARK: Zones

    private func place() async throws(VenafiError) -> Place {
        if login.hasPlainZones { return try await template() }
        let parts = zone.split(separator: "\\", omittingEmptySubsequences: false).map { String($0) }
        guard parts.count == 2, let application = parts.first, let alias = parts.last, !application.isEmpty,
            !alias.isEmpty
        else {
            throw .configuration(
                "spec.venafi.zone must be an application and the alias of an issuing template, such as "
                    + "\"My Application\\My CIT\", and is \"\(zone)\"")
        }
        let answer = try await send(
            .get, "outagedetection/v1/applications/name/\(application.escapedForPath)")
        guard answer.status == 200, let id = answer.json?["id"]?.stringValue else {
            throw VenafiError("The application \"\(application)\" of spec.venafi.zone cannot be read", answer)
        }
        guard let template = answer.json?["certificateIssuingTemplateAliasIdMap"]?[alias]?.stringValue else {
            throw .configuration(
                "The application \"\(application)\" of spec.venafi.zone has no issuing template with the alias "
                    + "\"\(alias)\"; assign it there")
        }
        return Place(application: id, template: template)
    }

    private func template() async throws(VenafiError) -> Place {
        let answer = try await send(.get, "v1/certificateissuingtemplates")
        guard answer.status == 200 else { throw VenafiError("The issuing templates cannot be read", answer) }
        let templates = answer.json?["certificateIssuingTemplates"]?.arrayValue ?? []
        guard let found = templates.first(where: { $0["name"]?.stringValue == zone }),
            let id = found["id"]?.stringValue
        else {
            throw .configuration(
                "There is no issuing template \"\(zone)\", which spec.venafi.zone names; create it there")
        }
        return Place(application: nil, template: id)
    }

    // MARK: Credentials

    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil
    ) async throws(VenafiError) -> VenafiAPI.Answer {
        let answer = try await api.send(method, path, body, try await credential())
        guard answer.status == 401, login.hasPlainZones else { return answer }
        // A token that was kept may have been revoked.
        sessions.drop(issuer: issuer.uid)
        return try await api.send(method, path, body, try await credential())
    }

    private func credential() async throws(VenafiError) -> VenafiAPI.Credential {
        guard case .client(let id, let secret, let tenant, let endpoint) = login else {
            guard case .key(let key) = login else { return .none }
            return .key(field: "tppl-api-key", key)
        }
        let key = SessionKey(base: api.base, login: login)
        if case .use(let token) = sessions.step(issuer.uid, key, now: api.time.now()) { return .bearer(token) }
        let start = api.time.elapsed()
        do throws(VenafiError) {
            let form = "grant_type=client_credentials&scope=tsg_id%3A\(tenant.escapedForPath)"
            let answer = try await api.send(
                .post, endpoint, Array(form.utf8), contentType: "application/x-www-form-urlencoded",
                .basic(user: id, password: secret))
            guard answer.status == 200, let text = answer.json?["access_token"]?.stringValue, !text.isEmpty else {
                // Token endpoints refuse a client with 400 as well (RFC 6749 §5.2).
                let status = answer.status == 400 ? 401 : answer.status
                throw .refused(
                    "The token endpoint gave no token", status: status, detail: "", retryAfter: answer.retryAfter)
            }
            let token = SessionToken(text: text, seconds: answer.json?["expires_in"]?.intValue ?? 0)
            sessions.keep(token, issuer.uid, key, now: api.time.now())
            api.observer(.token(isGood: true, api.time.elapsed() - start))
            return .bearer(token.text)
        } catch {
            api.observer(.token(isGood: false, api.time.elapsed() - start))
            sessions.loginFailed(issuer.uid)
            throw error
        }
    }
}
