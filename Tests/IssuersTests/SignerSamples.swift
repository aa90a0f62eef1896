import CertificateAPI
import Issuers
import KubeModel
import PKI
import Testing
import Wire

enum SignerSamples {
    static let now = Timestamp(secondsSince1970: 1_790_000_000)
    static let name = ObjectKey(namespace: "ns", name: "ca")

    struct Authority: Sendable {
        var certificate: X509Certificate
        var key: PrivateKey
    }

    static func authority(
        _ commonName: String?, by issuer: Authority? = nil, isCA: Bool = true, days: Int = 365, from: Timestamp = now,
        _ change: (inout CertificateExtensions) -> Void = { _ in }
    ) async throws -> Authority {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: isCA)
        extensions.keyUsage = isCA ? [.certSign] : [.digitalSignature]
        change(&extensions)
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: commonName), publicKey: key.publicKey, notBefore: from,
            notAfter: from + .seconds(86_400 * days), extensions: extensions)
        return Authority(
            certificate: try await template.signed(by: issuer?.certificate, key: issuer?.key ?? key), key: key)
    }

    static func secret(
        _ certificates: [X509Certificate], _ key: PrivateKey, ca: [X509Certificate] = [], version: String = "1"
    ) throws -> Secret {
        var metadata = ObjectMeta(name: name.name, namespace: name.namespace)
        metadata.resourceVersion = version
        var data = [
            "tls.crt": Base64Data(utf8: certificates.map(\.pem).joined()), "tls.key": Base64Data(try key.pem(.pkcs8)),
        ]
        if !ca.isEmpty { data["ca.crt"] = Base64Data(utf8: ca.map(\.pem).joined()) }
        return Secret(metadata: metadata, data: data)
    }

    /// A request with every kind of name.
    static func spec(
        _ key: PrivateKey, commonName: String? = "leaf", isCA: Bool? = nil, usages: [String]? = nil,
        duration: String? = nil, _ change: (inout CertificateExtensions) -> Void = { _ in }
    ) async throws -> CertificateRequest.Spec {
        var extensions = CertificateExtensions()
        extensions.names = [
            .dns("leaf.example.com"), .ip(try #require(IPAddress("192.0.2.1"))), .uri("spiffe://a/b"),
            .email("a@example.com"), .other(oid: "1.3.6.1.4.1.311.20.2.3", utf8: "üser"),
        ]
        change(&extensions)
        let request = try await SigningRequest.make(
            subject: try DistinguishedName(commonName: commonName), extensions: extensions, key: key)
        var spec = CertificateRequest.Spec(
            request: Base64Data(utf8: request.pem), issuerRef: IssuerReference(name: "issuer"))
        spec.isCA = isCA
        spec.usages = usages
        spec.duration = duration
        return spec
    }
}
