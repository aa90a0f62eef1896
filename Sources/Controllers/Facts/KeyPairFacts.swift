package import PKI
package import Wire

/// What the decisions need to know of a private key; not the key.
package struct KeyFacts: Sendable, Hashable {
    package let algorithm: KeyAlgorithm
    package let publicKey: Print

    package init(_ key: PublicKey) {
        algorithm = key.algorithm
        publicKey = Print(key.spki)
    }
}

/// What the decisions need to know of a certificate.
package struct LeafFacts: Sendable, Hashable {
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    package let publicKey: Print
    /// Made by ourselves to serve until the real one comes.
    package let isTemporary: Bool
    package let names: NamePrints

    package init(_ certificate: X509Certificate) {
        notBefore = certificate.notBefore
        notAfter = certificate.notAfter
        publicKey = Print(certificate.publicKey.spki)
        isTemporary = certificate.issuer.commonName == TemporaryCertificate.issuerName
        names = NamePrints(subject: certificate.subject, names: certificate.extensions.names)
    }
}

/// The names of a certificate or request as sets, each kind by its print.
package struct NamePrints: Sendable, Hashable {
    package let subject: Print
    package let dnsNames: Print
    /// DNS names together with the common name, which CAs copy from one to the other.
    package let looseDNSNames: Print
    package let ipAddresses: Print
    package let uris: Print
    package let emailAddresses: Print

    package init(subject: DistinguishedName, names: [GeneralName]) {
        var dns: Set<String> = []
        var addresses: Set<String> = []
        var uris: Set<String> = []
        var emails: Set<String> = []
        for name in names {
            switch name {
            case .dns(let text): dns.insert(text)
            case .ip(let address): addresses.insert(address.text)
            case .uri(let text): uris.insert(text)
            case .email(let text): emails.insert(text)
            case .other, .unknown: break
            }
        }
        // The order of the attributes and the kinds of their strings are the signer's business.
        self.subject = Print(Set(subject.attributes.map { "\($0.oid.dotted)=\($0.text)" }))
        dnsNames = Print(dns)
        looseDNSNames = Print(dns.union([subject.commonName].compactMap(\.self)))
        ipAddresses = Print(addresses)
        self.uris = Print(uris)
        emailAddresses = Print(emails)
    }
}
