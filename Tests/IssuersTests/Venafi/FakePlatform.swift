import HTTPTransport
import HTTPTypes
import PKI
import Synchronization
import Wire

/// Trust Protection Platform as its Web SDK documentation describes it (docs.venafi.com, Web SDK: POST authorize/oauth, GET
/// authorize/verify, POST certificates/checkpolicy, request, retrieve and retry). It checks who asks and for which
/// policy folder, and signs with a CA of its own.
final class FakePlatform: Sendable {
    struct Entry: Sendable {
        var csr: String
        var fields: JSONValue?
        /// How often `retrieve` answers 202 first.
        var turns: Int
        var failure: String?
    }
    struct State: Sendable {
        var entries: [String: Entry] = [:]
        var token = "k3yT0ken-1"
        var hasOAuth = true
        var turns = 1
        var failure: String?
        var logins = 0
        var apiKey = "1b2c"
    }
    let state = Mutex(State())
    let authority: SignerSamples.Authority
    static let folder = "\\VED\\Policy\\devops\\shop"

    init(_ authority: SignerSamples.Authority) { self.authority = authority }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    var now: State { state.withLock { $0 } }

    func answer(_ request: TransportRequest) async throws -> FakeTransport.Reply {
        let prefix = "https://tpp.example/"
        guard request.url.hasPrefix(prefix) else { return .init(404, text: "no such host") }
        switch String(request.url.dropFirst(prefix.count)) {
        case "vedauth/authorize/oauth": return oauth(request)
        case "vedsdk/authorize/": return apiKey(request)
        case let path:
            guard isAuthorized(request) else {
                return .init(401, ["error": "invalid_token", "error_description": "The access token has expired"])
            }
            return try await authorized(path, request.json)
        }
    }

    private func isAuthorized(_ request: TransportRequest) -> Bool {
        let state = now
        return request.header("Authorization") == "Bearer \(state.token)"
            || request.header("x-venafi-api-key") == state.apiKey
    }

    private func oauth(_ request: TransportRequest) -> FakeTransport.Reply {
        guard now.hasOAuth else { return .init(400, ["error": "invalid_client"]) }
        let body = request.json
        guard body["username"] == "user", body["password"] == "pass-k3yT0ken-word",
            body["scope"] == "certificate:manage",
            body["client_id"] == "cert-manager.io"
        else { return .init(400, ["error": "invalid_grant"]) }
        change { $0.logins += 1 }
        return .init(
            200, ["access_token": .string(now.token), "expires": .integer(SignerSamples.now.secondsSince1970 + 900)])
    }

    private func apiKey(_ request: TransportRequest) -> FakeTransport.Reply {
        guard request.json == ["Username": "user", "Password": "pass-k3yT0ken-word"] else {
            return .init(401, ["Error": "Invalid credentials"])
        }
        return .init(200, ["APIKey": .string(now.apiKey), "ValidUntil": "/Date(0)/"])
    }

    private func authorized(_ path: String, _ body: JSONValue) async throws -> FakeTransport.Reply {
        switch path {
        case "vedauth/authorize/verify":
            return .init(200, ["application": "cert-manager.io", "scope": "certificate:manage"])
        case "vedsdk/certificates/checkpolicy":
            guard body["PolicyDN"]?.stringValue == Self.folder else {
                return .init(400, ["Error": "PolicyDN does not exist"])
            }
            return .init(200, ["Policy": [:]])
        case "vedsdk/certificates/request":
            guard body["PolicyDN"]?.stringValue == Self.folder else {
                return .init(400, ["Error": "PolicyDN does not exist"])
            }
            let dn = Self.folder + "\\" + (body["ObjectName"]?.stringValue ?? "")
            change {
                $0.entries[dn] = Entry(
                    csr: body["PKCS10"]?.stringValue ?? "", fields: body["CustomFields"], turns: $0.turns,
                    failure: $0.failure)
            }
            return .init(200, ["CertificateDN": .string(dn), "Guid": "{0}"])
        case "vedsdk/certificates/retrieve": return try await retrieve(body)
        case "vedsdk/certificates/retry":
            let dn = body["CertificateDN"]?.stringValue ?? ""
            change { $0.entries[dn]?.failure = nil }
            return .init(200, ["Success": true])
        default: return .init(404, ["Error": "no such method"])
        }
    }

    private func retrieve(_ body: JSONValue) async throws -> FakeTransport.Reply {
        let dn = body["CertificateDN"]?.stringValue ?? ""
        guard let entry = now.entries[dn] else { return .init(400, ["Error": "CertificateDN does not exist"]) }
        if let failure = entry.failure { return .init(500, ["Stage": 500, "Status": .string(failure)]) }
        if entry.turns > 0 {
            change { $0.entries[dn]?.turns -= 1 }
            return .init(202, ["Stage": 500, "Status": "Post CSR"])
        }
        let leaf = try await FakeAuthority.sign(entry.csr, by: authority)
        let pem = leaf.pem + authority.certificate.pem
        return .init(200, ["CertificateData": .string(Base64.encode(Array(pem.utf8))), "Format": "base64"])
    }
}

enum FakeAuthority {
    /// For thirty days, whatever was asked for.
    static func sign(_ pem: String, by authority: SignerSamples.Authority) async throws -> X509Certificate {
        let csr = try SigningRequest(pem: Array(pem.utf8))
        var extensions = CertificateExtensions()
        extensions.names = csr.extensions.names
        extensions.basicConstraints = BasicConstraints(isCA: false)
        let template = CertificateTemplate(
            subject: csr.subject, publicKey: csr.publicKey, notBefore: SignerSamples.now,
            notAfter: SignerSamples.now + .seconds(30 * 86_400), extensions: extensions)
        return try await template.signed(by: authority.certificate, key: authority.key)
    }
}
