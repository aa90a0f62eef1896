import DNSProviders
package import KubeModel

/// DNS providers read their credentials where everybody does.
extension SecretStore: SecretSource {
    package func secret(_ key: ObjectKey) async throws -> Secret? { try await read(key) }
}
