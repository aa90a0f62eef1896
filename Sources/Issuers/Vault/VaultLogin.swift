import CertificateAPI
import HTTPTransport
import KubeModel
import Wire

/// How an issuer proves to Vault who it is, with everything its Secrets hold: two that are equal may share a token.
enum VaultLogin: Sendable, Hashable {
    /// A token that somebody else has made.
    case token(Redacted<String>)
    case appRole(path: String, roleID: String, secretID: Redacted<String>)
    case certificate(path: String, name: String?, VaultIdentity?)
    /// With a token of a service account that lies in a Secret.
    case kubernetes(path: String, role: String, jwt: Redacted<String>)
    /// With a token that is made for this.
    case account(path: String, role: String, ServiceAccount)
    case aws(path: String, VaultAWSLogin)

    struct ServiceAccount: Sendable, Hashable {
        var name: String
        var audiences: [String]
    }

    /// The first method that the spec has, in the order of the API.
    init(_ auth: VaultIssuer.Auth, _ issuer: IssuerIdentity, _ context: IssuerContext) async throws(CredentialProblem) {
        if let reference = auth.tokenSecretRef {
            self = .token(try await context.text(reference, default: "token", of: issuer))
        } else if let role = auth.appRole {
            let path = "/v1/auth/" + (role.path.isEmpty ? "approle" : role.path)
            let secretID = try await context.text(role.secretRef, default: "secretId", of: issuer)
            self = .appRole(path: path, roleID: role.roleId, secretID: secretID)
        } else if let certificate = auth.clientCertificate {
            var identity: VaultIdentity?
            if let name = certificate.secretName.nonEmpty {
                identity = try await VaultIdentity(
                    certificate: (name, "tls.crt"), key: (name, "tls.key"), issuer, context)
            }
            self = .certificate(
                path: certificate.mountPath.nonEmpty ?? "/v1/auth/cert", name: certificate.name.nonEmpty, identity)
        } else if let aws = auth.aws, auth.kubernetes == nil {
            self = .aws(path: aws.mountPath.nonEmpty ?? "/v1/auth/aws", VaultAWSLogin(aws))
        } else {
            // The rules of the API let no spec through that has none of these.
            self = try await Self.kubernetes(auth.kubernetes ?? .init(role: ""), issuer, context)
        }
    }

    private static func kubernetes(
        _ auth: VaultIssuer.Kubernetes, _ issuer: IssuerIdentity, _ context: IssuerContext
    ) async throws(CredentialProblem) -> VaultLogin {
        let path = auth.mountPath.nonEmpty ?? "/v1/auth/kubernetes"
        if let account = auth.serviceAccountRef {
            // An audience that names the issuer: whoever else gets hold of the token can do nothing with it.
            let own = "vault://" + (issuer.namespace.map { "\($0)/" } ?? "") + issuer.name
            return .account(
                path: path, role: auth.role, .init(name: account.name, audiences: (account.audiences ?? []) + [own]))
        }
        let reference = auth.secretRef ?? SecretKeySelector(name: "")
        return .kubernetes(
            path: path, role: auth.role, jwt: try await context.text(reference, default: "token", of: issuer))
    }

    /// For messages: what of the issuer to look at.
    var field: String {
        switch self {
        case .token: "tokenSecretRef"
        case .appRole: "appRole"
        case .certificate: "clientCertificate"
        case .kubernetes, .account: "kubernetes"
        case .aws: "aws"
        }
    }
}

/// A client certificate with its key, compared by what it holds.
struct VaultIdentity: Sendable, Hashable {
    let certificatePEM: [UInt8]
    let keyPEM: Redacted<[UInt8]>

    init(
        certificate: (name: String, dataKey: String), key: (name: String, dataKey: String), _ issuer: IssuerIdentity,
        _ context: IssuerContext
    ) async throws(CredentialProblem) {
        certificatePEM = try await context.octets(certificate.name, certificate.dataKey, of: issuer)
        keyPEM = Redacted(try await context.octets(key.name, key.dataKey, of: issuer))
    }

    var transport: TLSOptions.Identity { .init(certificatePEM: certificatePEM, keyPEM: keyPEM) }
}

extension SessionToken {
    /// From the answer to a login.
    init(vault answer: JSONValue) throws(VaultError) {
        guard let auth = answer["auth"], let text = auth["client_token"]?.stringValue, !text.isEmpty else {
            throw .unreadable("the login brought no token")
        }
        let uses = auth["num_uses"]?.intValue ?? 0
        self.init(text: text, seconds: auth["lease_duration"]?.intValue ?? 0, uses: uses > 0 ? uses : nil)
    }
}

/// A token serves as long as the server and the credentials stay the same.
struct VaultSessionKey: Sendable, Hashable {
    var connection: VaultConnection
    var login: VaultLogin
}
