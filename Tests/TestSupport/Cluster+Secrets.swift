import KubeClient
import KubeModel
package import PKI

extension Cluster {
    /// The certificate in a Secret of this test's namespace.
    package func leaf(in secret: String) async throws -> X509Certificate {
        let found = try await client.get(Secret.self, key(secret))
        guard let pem = found["tls.crt"], let leaf = try Chain.parse(pem: pem).first else {
            throw TestServerError("the Secret \(secret) holds no certificate")
        }
        return leaf
    }
}
