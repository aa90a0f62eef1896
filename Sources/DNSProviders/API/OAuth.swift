import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Access tokens by OAuth 2.0 (RFC 6749), for the clouds.
struct OAuth: Sendable {
    /// As people call the service, such as "Google".
    var provider: String
    var context: ProviderContext
    var secrets: [Redacted<String>]

    /// A token for a form that is posted (RFC 6749 §4.4, RFC 7523 §2.1).
    func token(from url: String, _ fields: [(String, String)]) async throws(DNSProviderError) -> IssuedToken {
        let form = fields.map { "\($0.0)=\($0.1.escapedForPath)" }.joined(separator: "&")
        return try await token(
            TransportRequest(
                url: url, method: .post,
                headers: [.contentType: "application/x-www-form-urlencoded", .accept: "application/json"],
                body: Array(form.utf8)))
    }

    /// A token for any request; of a machine's metadata service, say.
    func token(_ request: TransportRequest) async throws(DNSProviderError) -> IssuedToken {
        let proxy = request.proxy
        let api = ProviderAPI(provider, base: request.url, in: context, secrets: secrets) { $0.proxy = proxy }
        let answer = try await api.send(request)
        guard answer.isSuccess else { throw Self.failure(answer, api) }
        let json = try answer.json()
        let token = try api.need(json["access_token"]?.stringValue, "access_token")
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw api.malformed("a token of odd characters")
        }
        // Azure's metadata service writes the number in quotes.
        let seconds = json["expires_in"]?.intValue ?? json["expires_in"]?.stringValue.flatMap { Int64($0) } ?? 300
        return IssuedToken(token: Redacted(token), lifetime: .seconds(min(max(seconds, 0), 86_400)))
    }

    /// Bad credentials are a 400 as often as a 401 (RFC 6749 §5.2).
    private static func failure(_ answer: APIAnswer, _ api: ProviderAPI) -> DNSProviderError {
        guard [400, 401, 403].contains(answer.status) else {
            return api.failure(answer, for: .init("have a token", needs: "credentials that are valid"))
        }
        let json = try? answer.json()  // without JSON there is no more to say
        let said = json?["error_description"]?.stringValue ?? answer.message ?? "status \(answer.status)"
        // Microsoft appends ids and the time, which differ at every try.
        let end = said.firstRange(of: " Trace ID:")?.lowerBound ?? said.endIndex
        return .wrongCredentials(provider: api.provider, detail: api.clean(String(said[..<end])))
    }
}
