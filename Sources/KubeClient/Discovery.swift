import HTTPTypes
package import KubeModel
import Wire

extension KubeClient {
    /// Whether the API server knows the kind now, as its discovery document says; a custom one comes and goes with its
    /// definition.
    package func serves(_ resource: ResourceType) async throws(KubeError) -> Bool {
        let path = resource.group.isEmpty ? "/api/\(resource.version)" : "/apis/\(resource.apiVersion)"
        do throws(KubeError) {
            let document = try await send(KubeRequest(method: .get, path: path, isIdempotent: true))
            return document["resources"]?.arrayValue?.contains { $0["name"]?.stringValue == resource.plural } ?? false
        } catch {
            guard error.isNotFound || error.isUnserved else { throw error }
            return false
        }
    }
}
