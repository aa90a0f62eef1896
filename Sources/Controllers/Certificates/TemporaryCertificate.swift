import CertificateAPI
import PKI
import Wire

/// A certificate that nobody trusts, to start a server with until the real one comes.
enum TemporaryCertificate {
    static let issuerName = "cert-manager.local"
    private static let serialNumber = "1234567890"

    /// The spec's names and lifetime, signed by a CA that is forgotten at once.
    static func make(
        _ desired: DesiredCertificate, for publicKey: PublicKey, now: Timestamp
    ) async throws(PKIError) -> X509Certificate {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let lifetime = (desired.duration ?? Durations.defaultLifetime).duration
        var authority = CertificateTemplate(
            subject: try DistinguishedName(commonName: issuerName), publicKey: key.publicKey, notBefore: now,
            notAfter: now + lifetime, extensions: CertificateExtensions())
        authority.extensions.basicConstraints = BasicConstraints(isCA: true)
        authority.extensions.keyUsage = [.certSign]
        let issuer = try await authority.signed(by: nil, key: key)
        var leaf = CertificateTemplate(
            subject: try desired.subject.adding(serialNumber: serialNumber), publicKey: publicKey, notBefore: now,
            notAfter: now + lifetime, extensions: CertificateExtensions())
        leaf.extensions.names = desired.names
        leaf.extensions.keyUsage = desired.usages.keyUsage
        leaf.extensions.extendedKeyUsage = desired.usages.extendedKeyUsage
        return try await leaf.signed(by: issuer, key: key)
    }
}
