package import Wire

/// Asks for a token of a service account (authentication.k8s.io/v1 TokenRequest), which is a subresource of the account.
package struct TokenRequest: Codable, Sendable, Hashable {
    package struct Spec: Codable, Sendable, Hashable {
        package var audiences: [String]
        /// At least 600; the API server may give another time than was asked for.
        package var expirationSeconds: Int64?
    }
    package struct Status: Codable, Sendable {
        package var token: String
        package var expirationTimestamp: Timestamp?
    }
    package var spec: Spec

    package init(audiences: [String], expirationSeconds: Int64) {
        spec = Spec(audiences: audiences, expirationSeconds: expirationSeconds)
    }

    package static func request(
        for account: ObjectKey, audiences: [String], expirationSeconds: Int64
    ) throws -> KubeRequest {
        let serviceAccounts = ResourceType(
            group: "", version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", isNamespaced: true)
        var body = try JSONValue(
            encoding: TokenRequest(audiences: audiences, expirationSeconds: expirationSeconds))
        body["apiVersion"] = "authentication.k8s.io/v1"
        body["kind"] = "TokenRequest"
        return .create(
            serviceAccounts, namespace: account.namespace, body, name: account.name, subresource: "token")
    }
}
