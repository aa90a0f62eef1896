package import Wire

/// Everything a certificate says, before somebody signs it.
package struct CertificateTemplate: Sendable, Hashable {
    package var subject: DistinguishedName
    package var publicKey: PublicKey
    package var notBefore: Timestamp
    package var notAfter: Timestamp
    package var extensions: CertificateExtensions
    /// Big-endian magnitude; nil for a random one of 127 bits.
    package var serial: [UInt8]?

    package init(
        subject: DistinguishedName, publicKey: PublicKey, notBefore: Timestamp, notAfter: Timestamp,
        extensions: CertificateExtensions, serial: [UInt8]? = nil
    ) {
        self.subject = subject
        self.publicKey = publicKey
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.extensions = extensions
        self.serial = serial
    }

    /// Signs with `key`, which must be the key of `issuer`, or of the template itself where there is no issuer.
    ///
    /// Key identifiers that are not set follow RFC 5280: a CA gets its own, as does what has its issuer's name, and what
    /// somebody else signs names the signer's. Fractions of seconds are cut off.
    package func signed(
        by issuer: X509Certificate?, key: PrivateKey, algorithm: SignatureAlgorithm? = nil
    ) async throws(PKIError) -> X509Certificate {
        guard (issuer?.publicKey ?? publicKey) == key.publicKey else {
            throw .mismatch(
                issuer == nil
                    ? "the key to self-sign with is not the key of the certificate"
                    : "the private key is not the key of the issuing certificate")
        }
        let algorithm = algorithm ?? .preferred(for: key.algorithm)
        let content = try content(issuer: issuer, algorithm: algorithm)
        let signature = try await key.sign(content, algorithm)
        return try X509Certificate(der: DERWriter.signed(content, algorithm, signature), limit: .max)
    }

    private func content(
        issuer: X509Certificate?, algorithm: SignatureAlgorithm
    ) throws(PKIError) -> [UInt8] {
        guard notBefore <= notAfter, let start = DERTime.encode(notBefore), let end = DERTime.encode(notAfter) else {
            throw .mismatch("a certificate cannot be valid from \(notBefore.rfc3339) until \(notAfter.rfc3339)")
        }
        var extensions = extensions
        if extensions.isCA, extensions.subjectKeyId == nil { extensions.subjectKeyId = publicKey.keyIdentifier }
        if let issuer, extensions.authorityKeyId == nil {
            extensions.authorityKeyId = issuer.extensions.subjectKeyId
        }
        // A CA and a leaf that both have no name are told apart by their keys alone: without an identifier of its own the leaf
        // is taken for self-signed (X509_check_issued), and its chain ends with it.
        if let issuer, extensions.subjectKeyId == nil, issuer.rawSubject == subject.rawDER {
            extensions.subjectKeyId = publicKey.keyIdentifier
        }
        let list = try extensions.encoded(subjectIsEmpty: subject.isEmpty)
        return DERWriter.sequence { writer in
            writer.constructed(0xA0) { $0.integer(2) }
            writer.integer(magnitude: serial ?? CertificateTemplate.randomSerial())
            algorithm.write(to: &writer)
            writer.raw(issuer?.rawSubject ?? subject.rawDER)
            writer.constructed { writer in
                writer.primitive(start.tag, start.text)
                writer.primitive(end.tag, end.text)
            }
            writer.raw(subject.rawDER)
            writer.raw(publicKey.spki)
            if !list.isEmpty { writer.constructed(0xA3) { $0.constructed { $0.raw(list) } } }
        }
    }

    /// Positive, not zero, and unpredictable in 126 bits (RFC 5280 §4.1.2.2; CA/Browser Forum BR §7.1).
    private static func randomSerial() -> [UInt8] {
        var octets = SecureRandom.bytes(16)
        octets[0] = octets[0] & 0x7F | 0x40  // a fixed second bit keeps every serial at 16 octets
        return octets
    }
}
