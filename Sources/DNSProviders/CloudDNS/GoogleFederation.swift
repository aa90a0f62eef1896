import CertificateAPI
import HTTPTransport
import HTTPTypes
import Wire

/// A file with credentials of Google, by its `type`.
enum GoogleFile: Sendable {
    struct Malformed: Error {
        var sentence: String
    }

    case account(GoogleCredentials.Account)
    case federation(GoogleFederation)

    init(_ octets: [UInt8]) throws(Malformed) {
        guard let json = try? JSONValue(parsing: octets), case .object = json else {
            throw Malformed(sentence: "it is not JSON")
        }
        switch json["type"]?.stringValue {
        case "service_account": self = .account(try .init(json))
        case "external_account": self = .federation(try .init(json))
        default:
            throw Malformed(
                sentence:
                    "it is no credential that is spoken here: its \"type\" must be service_account or external_account"
            )
        }
    }
}

/// Workload identity federation (google.aip.dev/auth/4117, cloud.google.com/iam/docs/workload-identity-federation-with-kubernetes):
/// a token of the cluster, from a file in the pod, is exchanged for one of Google's.
///
/// Whoever wrote the file says where the token goes, so it goes to Google's own hosts and nowhere else, and only where
/// credentials of the pod may be used at all.
struct GoogleFederation: Sendable {
    let audience: String
    private let tokenType: String
    private let tokenURL: String
    /// Of the service account that is to be acted as; nil where the identity has the rights itself.
    private let impersonationURL: String?
    private let path: String
    /// The member of the JSON in the file; nil where the file is the token.
    private let field: String?

    init(_ json: JSONValue) throws(GoogleFile.Malformed) {
        guard let audience = json["audience"]?.stringValue.nonEmpty,
            let type = json["subject_token_type"]?.stringValue.nonEmpty
        else { throw .init(sentence: "audience and subject_token_type must be in it") }
        guard let source = json["credential_source"], let path = source["file"]?.stringValue.nonEmpty else {
            throw .init(
                sentence:
                    "its credential_source must be a file, such as a projected token of the pod; sources of the kinds url, "
                    + "executable and aws are not spoken")
        }
        let url = json["token_url"]?.stringValue.nonEmpty ?? "https://sts.googleapis.com/v1/token"
        guard Self.isGoogle(url, "sts") else {
            throw .init(sentence: "its token_url is not one of Google's Security Token Service (sts.googleapis.com)")
        }
        let impersonation = json["service_account_impersonation_url"]?.stringValue.nonEmpty
        if let impersonation, !Self.isGoogle(impersonation, "iamcredentials") {
            throw .init(sentence: "its service_account_impersonation_url is not at iamcredentials.googleapis.com")
        }
        switch source["format"]?["type"]?.stringValue ?? "text" {
        case "text": field = nil
        case "json":
            guard let name = source["format"]?["subject_token_field_name"]?.stringValue.nonEmpty else {
                throw .init(sentence: "its credential_source lacks subject_token_field_name")
            }
            field = name
        default: throw .init(sentence: "the format of its credential_source must be text or json")
        }
        self.audience = audience
        tokenType = type
        tokenURL = url
        impersonationURL = impersonation
        self.path = path
    }

    /// The service's host, the one of a region included: sts.us-east1.rep.googleapis.com.
    private static func isGoogle(_ url: String, _ service: String) -> Bool {
        guard let address = HTTPAddress(url: url), address.scheme == .https, address.port == 443 else { return false }
        let host = address.host.lowercased()
        return host == "\(service).googleapis.com" || host.hasPrefix("\(service).") && host.hasSuffix(".googleapis.com")
    }

    func token(scope: String, in context: ProviderContext) async throws(DNSProviderError) -> IssuedToken {
        let provider = GoogleCredentials.provider
        guard context.allowsAmbientCredentials else {
            throw .noCredentials(
                provider: provider,
                detail:
                    "the token of external_account credentials lies in the controller's pod, and credentials of the pod are"
                    + " for ClusterIssuers only, unless --issuer-ambient-credentials is set")
        }
        let subject = try subjectToken(in: context)
        let wide = "https://www.googleapis.com/auth/cloud-platform"
        let own = try await OAuth(provider: provider, context: context, secrets: [subject]).token(
            from: tokenURL,
            [
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), ("audience", audience),
                ("scope", impersonationURL == nil ? scope : wide),
                ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("subject_token", subject.reveal()), ("subject_token_type", tokenType),
            ])
        guard let impersonationURL else { return own }
        return try await impersonate(impersonationURL, own.token, scope, context)
    }

    private func subjectToken(in context: ProviderContext) throws(DNSProviderError) -> Redacted<String> {
        var text = context.machine.file(path).map { String(decoding: $0, as: UTF8.self) }
        if let field, let whole = text { text = (try? JSONValue(parsing: Array(whole.utf8)))?[field]?.stringValue }
        let token = text.map { $0.filter { !$0.isWhitespace } } ?? ""
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .noCredentials(
                provider: GoogleCredentials.provider,
                detail: "the file \(path) of the pod, which credential_source names, holds no token"
                    + (field.map { " under \($0)" } ?? ""))
        }
        return Redacted(token)
    }

    /// cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
    private func impersonate(
        _ url: String, _ token: Redacted<String>, _ scope: String, _ context: ProviderContext
    ) async throws(DNSProviderError) -> IssuedToken {
        let api = ProviderAPI(GoogleCredentials.provider, base: url, in: context, secrets: [token]) {
            $0.headers[.authorization] = "Bearer \(token.reveal())"
        }
        let answer = try await api.call(
            .post, "", ["scope": [.string(scope)], "lifetime": "3600s"],
            for: .init(
                "act as the service account",
                needs: "roles/iam.workloadIdentityUser on the service account for the identity"))
        let json = try answer.json()
        let issued = try api.need(json["accessToken"]?.stringValue, "accessToken")
        guard !issued.isEmpty, issued.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw api.malformed("a token of odd characters")
        }
        let end = json["expireTime"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }
        let lifetime = end.map { $0 - context.time.now() } ?? .seconds(300)
        return IssuedToken(token: Redacted(issued), lifetime: min(max(lifetime, .zero), .seconds(3600)))
    }
}
