import CertificateAPI
import Injection
import KubeModel
import PKI
import Wire

/// CAs and places for these tests.
struct Examples: Sendable {
    static let noon = Timestamp(secondsSince1970: 1_790_000_000)

    /// A self-signed CA that is valid for so many days from noon.
    static func authority(_ name: String, days: Int = 90) async throws -> X509Certificate {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: true)
        extensions.keyUsage = [.certSign]
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: name), publicKey: key.publicKey,
            notBefore: noon + .seconds(-86_400 * 365), notAfter: noon + .seconds(86_400 * days), extensions: extensions)
        return try await template.signed(by: nil, key: key)
    }

    static func base64(_ certificates: X509Certificate...) -> String {
        Base64.encode(Array(certificates.map(\.pem).joined().utf8))
    }

    static func bundle(_ certificates: X509Certificate...) throws -> CABundle {
        try CABundle.authority(pem: Array(certificates.map(\.pem).joined().utf8), of: "the test's CA")
    }

    static func secret(
        _ name: String = "ca", annotations: [String: String] = [:], data: [String: String]
    ) -> Secret {
        var metadata = ObjectMeta(name: name, namespace: "tls")
        metadata.annotations = annotations
        return Secret(metadata: metadata, data: data.mapValues { Base64Data(Array($0.utf8)) })
    }
}
