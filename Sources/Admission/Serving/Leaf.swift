import CertificateAPI
package import PKI
package import Wire

/// The certificate that a listener shows, with its key: never stored, each replica has its own.
package struct Leaf: Sendable {
    package let certificate: X509Certificate
    package let key: PrivateKey
    /// The CA that signed it.
    package let authority: X509Certificate

    /// Whether another one must be made before this one goes on being served.
    package static func mustMake(_ leaf: Leaf?, under authority: Authority, names: [String], now: Timestamp) -> Bool {
        guard let leaf, leaf.certificate.extensions.dnsNames == names else { return true }
        guard leaf.certificate.notBefore <= now, now < AuthorityDecision.renewalTime(of: leaf.certificate) else {
            return true
        }
        if leaf.authority == authority.certificate { return false }
        // A new CA is used once everybody has had the time to trust it; its predecessor is trusted until then.
        guard authority.bundle.contains(leaf.authority) else { return true }
        return now >= authority.certificate.notBefore + AuthorityDecision.skew + changeover
    }

    /// What it takes for a new bundle to reach every API server, generously.
    package static let changeover = Duration.seconds(600)
}

/// Makes the authority's certificates.
enum Minting {
    static let authorityName = "cert-manager-webhook-ca"
    static let authorityLifetime = Duration.seconds(365 * 86400)

    static func authority(keeping older: [X509Certificate], now: Timestamp) async throws(PKIError) -> Authority {
        let key = try await PrivateKey.generate(.ecdsa(.p384))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: true)
        extensions.keyUsage = [.digitalSignature, .keyEncipherment, .certSign]
        let start = now - AuthorityDecision.skew
        let certificate = try await CertificateTemplate(
            subject: DistinguishedName(commonName: authorityName), publicKey: key.publicKey, notBefore: start,
            notAfter: start + authorityLifetime, extensions: extensions
        ).signed(by: nil, key: key)
        return Authority(certificate: certificate, key: key, bundle: [certificate] + older)
    }

    /// A leaf never outlives its CA.
    static func leaf(
        of authority: Authority, names: [String], lifetime: Duration, now: Timestamp
    ) async throws(PKIError) -> Leaf {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = names.map { .dns($0) }
        extensions.keyUsage = [.digitalSignature]
        extensions.extendedKeyUsage = [.serverAuth]
        extensions.basicConstraints = BasicConstraints(isCA: false)
        let start = max(now - AuthorityDecision.skew, authority.certificate.notBefore)
        let certificate = try await CertificateTemplate(
            subject: .empty, publicKey: key.publicKey, notBefore: start,
            notAfter: min(now + lifetime, authority.certificate.notAfter), extensions: extensions
        ).signed(by: authority.certificate, key: authority.key)
        return Leaf(certificate: certificate, key: key, authority: authority.certificate)
    }
}
