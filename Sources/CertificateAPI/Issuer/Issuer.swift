package import KubeModel
package import Wire

/// What `Issuer` and `ClusterIssuer` share: all but their scope.
package protocol IssuerObject: KubeObject, Hashable {
    var spec: IssuerSpec { get set }
    var status: IssuerStatus? { get set }
    init(metadata: ObjectMeta, spec: IssuerSpec, status: IssuerStatus?)
}

/// A signer for Certificates of its own namespace.
package struct Issuer: IssuerObject {
    package static let resource = ResourceType(
        group: Names.group, version: Names.version, kind: "Issuer", plural: "issuers", isNamespaced: true)

    package var metadata: ObjectMeta
    package var spec: IssuerSpec
    package var status: IssuerStatus?

    package init(metadata: ObjectMeta, spec: IssuerSpec, status: IssuerStatus? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

/// A signer for Certificates of every namespace; its Secrets lie in the cluster resource namespace.
package struct ClusterIssuer: IssuerObject {
    package static let resource = ResourceType(
        group: Names.group, version: Names.version, kind: "ClusterIssuer", plural: "clusterissuers",
        isNamespaced: false)

    package var metadata: ObjectMeta
    package var spec: IssuerSpec
    package var status: IssuerStatus?

    package init(metadata: ObjectMeta, spec: IssuerSpec, status: IssuerStatus? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

/// Exactly one member is set in a legal issuer.
package struct IssuerSpec: Codable, Sendable, Hashable {
    package var acme: ACMEIssuer?
    package var ca: CAIssuer?
    package var selfSigned: SelfSignedIssuer?
    package var vault: VaultIssuer?
    package var venafi: VenafiIssuer?

    package init() {}
}

package struct IssuerStatus: Codable, Sendable, Hashable {
    package var conditions: [Condition]?
    package var acme: ACMEStatus?

    package init() {}

    package struct ACMEStatus: Codable, Sendable, Hashable {
        /// The account's URL.
        package var uri: String?
        package var lastRegisteredEmail: String?
        package var lastPrivateKeyHash: String?

        package init() {}
    }
}

/// Signs with the key pair in a Secret.
package struct CAIssuer: Codable, Sendable, Hashable {
    package var secretName: String
    package var crlDistributionPoints: [String]?
    package var ocspServers: [String]?
    package var issuingCertificateURLs: [String]?

    package init(secretName: String) {
        self.secretName = secretName
    }
}

/// Signs each certificate with its own key.
package struct SelfSignedIssuer: Codable, Sendable, Hashable {
    package var crlDistributionPoints: [String]?

    package init() {}
}

/// An account at an ACME server and the solvers that prove control of names.
package struct ACMEIssuer: Codable, Sendable, Hashable {
    package var server: String
    package var privateKeySecretRef: SecretKeySelector
    package var email: String?
    package var profile: String?
    package var preferredChain: String?
    package var caBundle: Base64Data?
    package var skipTLSVerify: Bool?
    package var externalAccountBinding: ExternalAccountBinding?
    package var solvers: [Solver]?
    package var disableAccountKeyGeneration: Bool?
    package var enableDurationFeature: Bool?
    package var renewalInformationSource: String?

    package init(server: String, privateKeySecretRef: SecretKeySelector) {
        self.server = server
        self.privateKeySecretRef = privateKeySecretRef
    }

    package struct ExternalAccountBinding: Codable, Sendable, Hashable {
        package var keyID: String
        package var keySecretRef: SecretKeySelector
        /// Read and ignored: HS256 is used always.
        package var keyAlgorithm: String?

        package init(keyID: String, keySecretRef: SecretKeySelector) {
            self.keyID = keyID
            self.keySecretRef = keySecretRef
        }
    }
}
