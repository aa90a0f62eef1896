import KubeClient
import KubeModel
package import PKI
package import Wire

/// Puts a CA bundle into webhook configurations, for installations without a CA injector.
package enum BundleInjection {
    static let kinds = ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"].map {
        ResourceType(
            group: "admissionregistration.k8s.io", version: "v1",
            kind: $0.hasPrefix("v") ? "ValidatingWebhookConfiguration" : "MutatingWebhookConfiguration", plural: $0,
            isNamespaced: false)
    }

    /// The JSON patch that makes every webhook of a configuration trust the bundle; empty when all do.
    package static func steps(_ configuration: JSONValue, bundle: [X509Certificate]) -> [JSONValue] {
        let pem = Base64.encode(Array(bundle.map(\.pem).joined().utf8))
        let steps = (configuration["webhooks"]?.arrayValue ?? []).enumerated().compactMap { index, hook -> JSONValue? in
            guard let client = hook["clientConfig"], !trusts(client["caBundle"]?.stringValue, bundle) else {
                return nil
            }
            return ["op": "add", "path": "/webhooks/\(index)/clientConfig/caBundle", "value": .string(pem)]
        }
        guard !steps.isEmpty, let version = configuration["metadata"]?["resourceVersion"] else { return [] }
        // The positions are those of this version.
        return [["op": "test", "path": "/metadata/resourceVersion", "value": version]] + steps
    }

    /// What others put there beside stays, as long as ours is in it.
    private static func trusts(_ text: String?, _ bundle: [X509Certificate]) -> Bool {
        guard let text, let bytes = Base64.decode(text), let there = try? Chain.parse(pem: bytes, limit: .max) else {
            return false  // what cannot be read is trusted by nobody
        }
        return Set(bundle).isSubset(of: there)
    }

    /// Writes to the configurations of that name, of both kinds, those that need it. One that is not there needs none.
    static func inject(_ bundle: [X509Certificate], into name: String, _ client: KubeClient) async throws(KubeError) {
        for kind in kinds {
            let key = ObjectKey(name: name)
            let configuration: JSONValue
            do throws(KubeError) {
                configuration = try await client.send(.get(kind, key))
            } catch {
                guard error.isNotFound else { throw error }
                continue
            }
            let steps = steps(configuration, bundle: bundle)
            if steps.isEmpty { continue }
            _ = try await client.send(.jsonPatch(kind, key, steps, fieldManager: client.fieldManager))
        }
    }
}
