package import Wire

/// An X.509 certificate: its DER, the moments it is valid between, and where its parts lie.
///
/// Everything was read once when it was made, so the parts below cannot fail; they are read again when asked for,
/// which keeps a cached certificate at its DER and some 60 bytes.
package struct X509Certificate: Sendable, Hashable, CustomStringConvertible {
    package let der: [UInt8]
    private let layout: CertificateLayout

    package init(der: [UInt8], limit: Int = PEMLimits.default.certificate) throws(PKIError) {
        guard der.count <= limit else { throw .tooLarge(what: "the certificate", bytes: der.count, limit: limit) }
        do {
            layout = try CertificateLayout(der)
        } catch {
            throw error.of("the certificate")
        }
        self.der = der
    }

    /// Exactly one certificate in PEM.
    package init(pem: [UInt8], limit: Int = PEMLimits.default.certificate) throws(PKIError) {
        let blocks = try PEMText.contents(pem, of: "the certificate", labels: ["CERTIFICATE"], limit: limit)
        guard blocks.count == 1 else {
            throw .malformed(what: "the certificate", reason: "it holds more than one PEM block")
        }
        try self.init(der: blocks[0], limit: limit)
    }

    package static func == (left: X509Certificate, right: X509Certificate) -> Bool { left.der == right.der }
    package func hash(into hasher: inout Hasher) { hasher.combine(der) }

    package var description: String { "certificate of \"\(subject)\" by \"\(issuer)\" until \(notAfter.rfc3339)" }
    package var pem: String { PEM.encode("CERTIFICATE", der) }
    package var fingerprintSHA256: [UInt8] { Digest.sha256(der) }

    package var notBefore: Timestamp { Timestamp(secondsSince1970: layout.notBefore) }
    package var notAfter: Timestamp { Timestamp(secondsSince1970: layout.notAfter) }

    /// The two's complement octets of the serial number.
    package var serial: [UInt8] { Array(der[layout.serial.range]) }
    package var subject: DistinguishedName { DistinguishedName(checked: rawSubject) }
    package var issuer: DistinguishedName { DistinguishedName(checked: rawIssuer) }
    package var rawSubject: [UInt8] { Array(der[layout.subject.range]) }
    package var rawIssuer: [UInt8] { Array(der[layout.issuer.range]) }
    package var isSelfIssued: Bool { der[layout.subject.range] == der[layout.issuer.range] }

    package var publicKey: PublicKey {
        PublicKey(checked: Array(der[layout.spki.range]), algorithm: layout.keyAlgorithm)
    }

    package var extensions: CertificateExtensions {
        guard layout.extensions.length > 0 else { return CertificateExtensions() }
        let list = Array(der[layout.extensions.range])
        return (try? CertificateExtensions(DERReader(list))) ?? CertificateExtensions()  // read without error by init
    }

    /// Whether the extensions let the key sign other certificates.
    package var canSignCertificates: Bool {
        let extensions = extensions
        return extensions.isCA && (extensions.keyUsage.isEmpty || extensions.keyUsage.contains(.certSign))
    }

    /// Whether the signature was made with the key of `issuer` and the names match. Validity and constraints are
    /// `Chain.verified`'s.
    ///
    /// - Parameter key: the issuer's own, where it is at hand; it saves reading the public key once more.
    package func isSigned(by issuer: X509Certificate, key: PrivateKey? = nil) -> Bool {
        guard rawIssuer == issuer.rawSubject, let signed = try? CertificateLayout.signature(of: der),
            let algorithm = signed.algorithm
        else { return false }  // an algorithm we do not verify makes no chain
        let publicKey = issuer.publicKey
        guard let key, key.publicKey == publicKey else {
            return publicKey.isValidSignature(signed.signature, of: signed.content, algorithm)
        }
        return publicKey.isValidSignature(signed.signature, of: signed.content, algorithm, key.handle)
    }

    package var isSelfSigned: Bool { isSelfIssued && isSigned(by: self) }
}

/// Where the parts of a certificate lie in its DER.
struct CertificateLayout: Sendable, Hashable {
    /// Certificates are far smaller than 4 GiB.
    struct Place: Sendable, Hashable {
        var start: UInt32 = 0
        var length: UInt32 = 0
        init() {}
        init(_ range: Range<Int>) {
            start = UInt32(range.lowerBound)
            length = UInt32(range.count)
        }
        var range: Range<Int> { Int(start)..<Int(start + length) }
    }
    private(set) var serial = Place()
    private(set) var subject = Place()
    private(set) var issuer = Place()
    private(set) var spki = Place()
    /// The elements inside the Extensions SEQUENCE.
    private(set) var extensions = Place()
    private(set) var keyAlgorithm: KeyAlgorithm = .ed25519
    private(set) var notBefore: Int64 = 0
    private(set) var notAfter: Int64 = 0

    /// Reads the whole certificate (RFC 5280 §4.1) and keeps the places.
    init(_ der: [UInt8]) throws(DERError) {
        var outer = try DERReader.single(der, DERTag.sequence, "the certificate").children
        let content = try outer.next(DERTag.sequence, "the certificate's content")
        let outerAlgorithm = try outer.next(DERTag.sequence, "the signature algorithm").value
        _ = try outer.next(DERTag.bitString, "the signature").bitStringOctets()
        try outer.finish("the certificate")

        var fields = content.children
        let version = try CertificateLayout.version(&fields)
        let serial = try fields.next(DERTag.integer, "the serial number")
        guard try serial.integerOctets().count <= 32 else { throw DERError("its serial number is too long") }
        self.serial = Place(serial.content)
        guard try fields.next(DERTag.sequence, "the signature algorithm").value == outerAlgorithm else {
            throw DERError("it names two different signature algorithms")
        }
        issuer = try CertificateLayout.name(&fields, "the issuer")
        var times = try fields.next(DERTag.sequence, "the validity").children
        notBefore = try DERTime.parse(try times.next()).secondsSince1970
        notAfter = try DERTime.parse(try times.next()).secondsSince1970
        try times.finish("the validity")
        subject = try CertificateLayout.name(&fields, "the subject")
        let key = try fields.next(DERTag.sequence, "the public key")
        keyAlgorithm = try PublicKeyParts(spki: key.whole).algorithm
        spki = Place(key.range)
        // The unique identifiers of version 2 are read over.
        if version > 0 {
            _ = try fields.nextIf(0x81)
            _ = try fields.nextIf(0x82)
        }
        if version == 2, let wrapped = try fields.nextIf(0xA3) {
            var inner = wrapped.children
            let list = try inner.next(DERTag.sequence, "the extensions")
            try inner.finish("the extensions")
            _ = try CertificateExtensions(list.children)
            extensions = Place(list.content)
        }
        try fields.finish("the certificate's content")
    }

    /// 0 for v1, 2 for v3.
    private static func version(_ fields: inout DERReader) throws(DERError) -> Int {
        guard let wrapped = try fields.nextIf(0xA0) else { return 0 }
        var inner = wrapped.children
        let version = try inner.next(DERTag.integer, "the version").smallInteger()
        try inner.finish("the version")
        guard (1...2).contains(version) else { throw DERError("its version is unknown") }
        return version
    }

    private static func name(_ fields: inout DERReader, _ what: String) throws(DERError) -> Place {
        let name = try fields.next(DERTag.sequence, what)
        _ = try DistinguishedName.attributes(name.whole)
        return Place(name.range)
    }

    static func signature(
        of der: [UInt8]
    ) throws(DERError) -> (content: [UInt8], algorithm: SignatureAlgorithm?, signature: [UInt8]) {
        var outer = try DERReader.single(der, DERTag.sequence, "the certificate").children
        let content = try outer.next(DERTag.sequence, "the certificate's content").whole
        let algorithm = try SignatureAlgorithm(identifier: try outer.next())
        return (content, algorithm, try outer.next(DERTag.bitString, "the signature").bitStringOctets())
    }
}
