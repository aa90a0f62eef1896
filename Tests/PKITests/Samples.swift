import PKI
import Testing
import Wire

enum Samples {
    static let noon = Timestamp(secondsSince1970: 1_790_000_000)

    static let algorithms: [KeyAlgorithm] = [
        .rsa(bits: 2048), .ecdsa(.p256), .ecdsa(.p384), .ecdsa(.p521), .ed25519,
    ]

    static func template(
        _ commonName: String, _ key: PublicKey, isCA: Bool = false, days: Int = 90
    ) throws -> CertificateTemplate {
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: isCA)
        extensions.keyUsage = isCA ? [.certSign, .digitalSignature] : [.digitalSignature, .keyEncipherment]
        if !isCA { extensions.names = [.dns("\(commonName).example.com")] }
        return CertificateTemplate(
            subject: try DistinguishedName(commonName: commonName), publicKey: key, notBefore: noon,
            notAfter: noon + .seconds(86_400 * days), extensions: extensions)
    }

    static func names(_ names: [GeneralName]) -> CertificateExtensions {
        var extensions = CertificateExtensions()
        extensions.names = names
        return extensions
    }

    struct Signer: Sendable {
        var certificate: X509Certificate
        var key: PrivateKey
    }

    static func signed(
        _ name: String, by issuer: Signer? = nil, isCA: Bool = true, _ algorithm: KeyAlgorithm = .ecdsa(.p256)
    ) async throws -> Signer {
        let key = try await PrivateKey.generate(algorithm)
        let certificate = try await template(name, key.publicKey, isCA: isCA)
            .signed(by: issuer?.certificate, key: issuer?.key ?? key)
        return Signer(certificate: certificate, key: key)
    }

    /// A leaf, two intermediates and the root.
    static func chain() async throws -> [X509Certificate] {
        let root = try await signed("root")
        let middle = try await signed("middle", by: root)
        let lower = try await signed("lower", by: middle)
        let leaf = try await signed("leaf", by: lower, isCA: false)
        return [leaf, lower, middle, root].map(\.certificate)
    }

    /// Every extension we write.
    static func everyExtension() throws -> CertificateExtensions {
        var extensions = CertificateExtensions()
        extensions.names = [
            .dns("example.com"), .dns("*.xn--bcher-kva.example"), .ip(try #require(IPAddress("192.0.2.7"))),
            .ip(try #require(IPAddress("2001:db8::1"))), .uri("spiffe://cluster.local/ns/a/sa/b"),
            .email("a@example.com"), .other(oid: "1.3.6.1.4.1.311.20.2.3", utf8: "üser@example.com"),
        ]
        extensions.keyUsage = [.digitalSignature, .keyEncipherment, .decipherOnly]
        extensions.extendedKeyUsage = [
            .any, .serverAuth, .clientAuth, .codeSigning, .emailProtection, .ipsecEndSystem, .ipsecTunnel, .ipsecUser,
            .timestamping, .ocspSigning, .microsoftSGC, .netscapeSGC, .other(try #require(OID("1.2.3.4"))),
        ]
        extensions.basicConstraints = BasicConstraints(isCA: true, pathLength: 0)
        var constraints = NameConstraints()
        constraints.isCritical = true
        constraints.permitted.dnsDomains = ["example.com"]
        constraints.permitted.ipRanges = [try #require(IPRange("10.0.0.0/8")), try #require(IPRange("2001:db8::/32"))]
        constraints.excluded.emailAddresses = ["bad.example.com"]
        constraints.excluded.uriDomains = [".bad.example.com"]
        extensions.nameConstraints = constraints
        extensions.ocspServers = ["http://ocsp.example.com"]
        extensions.issuingCertificateURLs = ["http://ca.example.com/ca.der"]
        extensions.crlDistributionPoints = ["http://crl.example.com/a.crl", "ldap://crl.example.com/b"]
        return extensions
    }

    static func fullSubject() throws -> DistinguishedName {
        var fields = SubjectFields()
        fields.countries = ["DE"]
        fields.organizations = ["Übung GmbH", "Second"]
        fields.organizationalUnits = ["Unit"]
        fields.localities = ["Berlin"]
        fields.provinces = ["BE"]
        fields.streetAddresses = ["Street 1"]
        fields.postalCodes = ["10115"]
        fields.serialNumber = "42"
        return try DistinguishedName(commonName: "example.com", fields)
    }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
