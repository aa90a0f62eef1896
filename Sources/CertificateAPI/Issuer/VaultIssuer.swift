package import Wire

/// Signs through a Vault PKI secrets engine.
package struct VaultIssuer: Codable, Sendable, Hashable {
    package var auth: Auth
    package var server: String
    package var path: String
    package var serverName: String?
    package var namespace: String?
    package var caBundle: Base64Data?
    package var caBundleSecretRef: SecretKeySelector?
    package var clientCertSecretRef: SecretKeySelector?
    package var clientKeySecretRef: SecretKeySelector?

    package init(auth: Auth, server: String, path: String) {
        self.auth = auth
        self.server = server
        self.path = path
    }

    package struct Auth: Codable, Sendable, Hashable {
        package var tokenSecretRef: SecretKeySelector?
        package var appRole: AppRole?
        package var clientCertificate: ClientCertificate?
        package var kubernetes: Kubernetes?
        package var aws: AWS?

        package init() {}
    }

    package struct AppRole: Codable, Sendable, Hashable {
        package var path: String
        package var roleId: String
        package var secretRef: SecretKeySelector

        package init(path: String, roleId: String, secretRef: SecretKeySelector) {
            self.path = path
            self.roleId = roleId
            self.secretRef = secretRef
        }
    }

    package struct ClientCertificate: Codable, Sendable, Hashable {
        package var mountPath: String?
        package var secretName: String?
        package var name: String?

        package init() {}
    }

    package struct Kubernetes: Codable, Sendable, Hashable {
        package var role: String
        package var mountPath: String?
        package var secretRef: SecretKeySelector?
        package var serviceAccountRef: ServiceAccountReference?

        package init(role: String) {
            self.role = role
        }
    }

    package struct AWS: Codable, Sendable, Hashable {
        package var role: String
        package var mountPath: String?
        package var region: String?
        package var vaultHeaderValue: String?
        package var iamRoleArn: String?
        package var serviceAccountRef: ServiceAccountReference?

        package init(role: String) {
            self.role = role
        }
    }
}
