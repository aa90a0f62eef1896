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
    package let usages: Print

    package init(_ certificate: X509Certificate) {
        notBefore = certificate.notBefore
        notAfter = certificate.notAfter
        publicKey = Print(certificate.publicKey.spki)
        isTemporary = certificate.issuer.commonName == TemporaryCertificate.issuerName
        let extensions = certificate.extensions
        names = NamePrints(subject: certificate.subject, names: extensions.names)
        usages = Print(uses: extensions.keyUsage, extensions.extendedKeyUsage)
    }
}

/// The names of a certificate or request as sets, each kind by its print.
package struct NamePrints: Sendable, Hashable {
    /// In its order.
    package let subject: Print
    package let dnsNames: Print
    /// DNS names together with the common name, which CAs copy from one to the other.
    package let looseDNSNames: Print
    package let ipAddresses: Print
    package let uris: Print
    package let emailAddresses: Print
    package let otherNames: Print

    package init(subject: DistinguishedName, names: [GeneralName]) {
        var dns: Set<String> = []
        var addresses: Set<String> = []
        var uris: Set<String> = []
        var emails: Set<String> = []
        var others: Set<GeneralName> = []
        for name in names {
            switch name {
            case .dns(let text): dns.insert(text)
            case .ip(let address): addresses.insert(address.text)
            case .uri(let text): uris.insert(text)
            case .email(let text): emails.insert(text)
            case .other, .unknown: others.insert(name)
            }
        }
        // The kinds of the strings are the business of whoever writes them, and DER sorts what shares an RDN.
        let attributes = subject.attributes
        self.subject = Print(
            Dictionary(grouping: attributes, by: \.group).sorted { $0.key < $1.key }
                .map { _, group in Set(group.map { "\($0.oid.dotted)=\($0.text)" }) })
        dnsNames = Print(dns)
        looseDNSNames = Print(dns.union([subject.commonName].compactMap(\.self)))
        ipAddresses = Print(addresses)
        self.uris = Print(uris)
        emailAddresses = Print(emails)
        otherNames = Print(others)
    }
}

extension Print {
    /// Of the uses that a certificate, or a request, is for.
    init(uses keyUsage: KeyUsage, _ extended: [ExtendedKeyUsage]) {
        self.init([Print(keyUsage.rawValue), Print(Set(extended))])
    }
}
