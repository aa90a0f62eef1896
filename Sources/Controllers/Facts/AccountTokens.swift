import Issuers
package import KubeClient
package import KubeModel
package import Wire

/// Tokens of service accounts, made by the API server for those who may ask for them.
package struct AccountTokens: ServiceAccountTokens {
    private let client: KubeClient

    package init(client: KubeClient) { self.client = client }

    package func token(
        of account: ObjectKey, audiences: [String], lifetimeSeconds: Int64
    ) async throws -> Redacted<String> {
        let request = try TokenRequest.request(
            for: account, audiences: audiences, expirationSeconds: lifetimeSeconds)
        let answer = try await client.send(request)
        guard let token = answer["status"]?["token"]?.stringValue, !token.isEmpty else {
            throw KubeError.decoding("the token request brought no token")
        }
        return Redacted(token)
    }
}
