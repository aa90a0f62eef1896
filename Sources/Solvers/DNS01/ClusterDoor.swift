package import DNSProviders
import HTTPTypes
package import KubeClient
package import KubeModel
package import Wire

/// What DNS providers ask of the API server, by the client that everybody uses.
package struct ClusterDoor: ClusterSource {
    private let client: KubeClient

    package init(_ client: KubeClient) { self.client = client }

    package func post(_ path: String, _ body: JSONValue) async throws(ClusterFailure) -> JSONValue {
        try await send(
            KubeRequest(method: .post, path: path, contentType: .json, body: body, isIdempotent: true))
    }

    package func token(
        of account: ObjectKey, audiences: [String], seconds: Int
    ) async throws(ClusterFailure) -> Redacted<String> {
        let spec: JSONValue = [
            "audiences": .array(audiences.map { .string($0) }), "expirationSeconds": .integer(Int64(seconds)),
        ]
        let path =
            "/api/v1/namespaces/\(account.namespace.escapedForPath)/serviceaccounts/\(account.name.escapedForPath)/token"
        let answer = try await post(
            path, ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec])
        guard let token = answer["status"]?["token"]?.stringValue else {
            throw ClusterFailure(status: nil, detail: "the answer holds no token")
        }
        return Redacted(token)
    }

    package func replace(
        _ dataKey: String, of secret: ObjectKey, _ old: [UInt8]?, with octets: [UInt8]
    ) async throws(ClusterFailure) -> Bool {
        let path = "/api/v1/namespaces/\(secret.namespace.escapedForPath)/secrets/\(secret.name.escapedForPath)"
        let stored = try await send(KubeRequest(method: .get, path: path, isIdempotent: true))
        let text = stored["data"]?[dataKey]?.stringValue ?? ""
        guard Base64.decode(text) == old ?? [], let version = stored["metadata"]?["resourceVersion"]?.stringValue else {
            return false
        }
        let patch: JSONValue = [
            "metadata": ["resourceVersion": .string(version)],
            "data": .object([dataKey: .string(Base64.encode(octets))]),
        ]
        do throws(ClusterFailure) {
            _ = try await send(
                KubeRequest(method: .patch, path: path, contentType: .mergePatch, body: patch, isIdempotent: false))
            return true
        } catch {
            if error.status == 409 { return false }
            throw error
        }
    }

    private func send(_ request: KubeRequest) async throws(ClusterFailure) -> JSONValue {
        do {
            return try await client.send(request)
        } catch {
            throw ClusterFailure(status: error.status.flatMap { $0.code }.map { Int($0) }, detail: "\(error)")
        }
    }
}
