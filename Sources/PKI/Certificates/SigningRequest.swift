import Wire

/// A certificate signing request (PKCS#10, RFC 2986) whose own signature has been checked.
package struct SigningRequest: Sendable, Hashable, CustomStringConvertible {
    package let der: [UInt8]
    package let subject: DistinguishedName
    package let publicKey: PublicKey
    package let extensions: CertificateExtensions
    /// How the requester signed it.
    package let signatureAlgorithm: SignatureAlgorithm

    package init(pem: [UInt8], limit: Int = PEMLimits.default.certificate) throws(PKIError) {
        try self.init(der: try SigningRequest.der(pem, limit), limit: limit)
    }

    fileprivate static func der(_ pem: [UInt8], _ limit: Int) throws(PKIError) -> [UInt8] {
        let labels = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]
        let blocks = try PEMText.contents(pem, of: SigningRequest.name, labels: labels, limit: limit)
        guard blocks.count == 1 else {
            throw .malformed(what: SigningRequest.name, reason: "it holds more than one PEM block")
        }
        return blocks[0]
    }

    package init(der: [UInt8], limit: Int = PEMLimits.default.certificate) throws(PKIError) {
        guard der.count <= limit else {
            throw .tooLarge(what: SigningRequest.name, bytes: der.count, limit: limit)
        }
        let parts: Parts
        do {
            parts = try Parts(der)
        } catch {
            throw error.of(SigningRequest.name)
        }
        publicKey = try PublicKey(spki: parts.spki)
        guard let algorithm = parts.algorithm else {
            throw .unsupported(what: SigningRequest.name, reason: "its signature algorithm is not one of ours")
        }
        guard publicKey.isValidSignature(parts.signature, of: parts.info, algorithm) else {
            throw .invalidSignature(what: SigningRequest.name)
        }
        self.der = der
        subject = parts.subject
        extensions = parts.extensions
        signatureAlgorithm = algorithm
    }

    package var description: String { "request for \"\(subject)\"" }
    fileprivate static let name = "the certificate request"

    /// PEM text with the label RFC 7468 §7 asks for.
    package var pem: String { PEM.encode("CERTIFICATE REQUEST", der) }

    /// Makes and signs a request. Without `algorithm` the digest follows the strength of the key.
    package static func make(
        subject: DistinguishedName, extensions: CertificateExtensions, key: PrivateKey,
        algorithm: SignatureAlgorithm? = nil
    ) async throws(PKIError) -> SigningRequest {
        let algorithm = algorithm ?? .preferred(for: key.algorithm)
        let list = try extensions.encoded(subjectIsEmpty: subject.isEmpty)
        let info = DERWriter.sequence { writer in
            writer.integer(0)
            writer.raw(subject.rawDER)
            writer.raw(key.publicKey.spki)
            writer.constructed(0xA0) { writer in
                guard !list.isEmpty else { return }
                writer.constructed { writer in
                    writer.oid(.extensionRequest)
                    writer.constructed(DERTag.set) { $0.constructed { $0.raw(list) } }
                }
            }
        }
        let signature = try await key.sign(info, algorithm)
        let der = DERWriter.signed(info, algorithm, signature)
        return SigningRequest(
            der: der, subject: subject, publicKey: key.publicKey, extensions: extensions, algorithm: algorithm)
    }

    private init(
        der: [UInt8], subject: DistinguishedName, publicKey: PublicKey, extensions: CertificateExtensions,
        algorithm: SignatureAlgorithm
    ) {
        self.der = der
        self.subject = subject
        self.publicKey = publicKey
        self.extensions = extensions
        signatureAlgorithm = algorithm
    }
}

extension DERWriter {
    /// A signed structure: what is signed, how, and the signature.
    static func signed(_ content: [UInt8], _ algorithm: SignatureAlgorithm, _ signature: [UInt8]) -> [UInt8] {
        sequence { writer in
            writer.raw(content)
            algorithm.write(to: &writer)
            writer.bitString(signature)
        }
    }
}

/// What a signing request asks for, read without checking its signature: to compare with, never to sign from.
///
/// Reading takes microseconds; the check takes a hundred, which counts where thousands are compared.
package struct SigningRequestContent: Sendable, Hashable {
    package let subject: DistinguishedName
    package let publicKey: PublicKey
    package let extensions: CertificateExtensions
    /// Nil for one this program does not verify.
    package let signatureAlgorithm: SignatureAlgorithm?

    package init(pem: [UInt8], limit: Int = PEMLimits.default.certificate) throws(PKIError) {
        let der = try SigningRequest.der(pem, limit)
        let parts: SigningRequest.Parts
        do {
            parts = try SigningRequest.Parts(der)
        } catch {
            throw error.of(SigningRequest.name)
        }
        subject = parts.subject
        publicKey = try PublicKey(spki: parts.spki)
        extensions = parts.extensions
        signatureAlgorithm = parts.algorithm
    }
}

extension SigningRequest {
    fileprivate struct Parts {
        var info: [UInt8]
        var subject: DistinguishedName
        var spki: [UInt8]
        var extensions = CertificateExtensions()
        var algorithm: SignatureAlgorithm?
        var signature: [UInt8]

        init(_ der: [UInt8]) throws(DERError) {
            var outer = try DERReader.single(der, DERTag.sequence, "the request").children
            let info = try outer.next(DERTag.sequence, "the request's content")
            algorithm = try SignatureAlgorithm(
                identifier: try outer.next(DERTag.sequence, "the signature algorithm"))
            signature = try outer.next(DERTag.bitString, "the signature").bitStringOctets()
            try outer.finish("the request")
            self.info = info.whole

            var fields = info.children
            guard try fields.next(DERTag.integer, "the version").smallInteger() == 0 else {
                throw DERError("its version is unknown")
            }
            let name = try fields.next(DERTag.sequence, "the subject").whole
            _ = try DistinguishedName.attributes(name)
            subject = DistinguishedName(checked: name)
            spki = try fields.next(DERTag.sequence, "the public key").whole
            if let attributes = try fields.nextIf(0xA0) { try readAttributes(attributes.children) }
            try fields.finish("the request's content")
        }

        private mutating func readAttributes(_ list: DERReader) throws(DERError) {
            var list = list
            var hasExtensions = false
            while !list.isAtEnd {
                var fields = try list.next(DERTag.sequence, "an attribute").children
                let oid = try fields.next(DERTag.oid, "the type of an attribute").oid()
                var values = try fields.next(DERTag.set, "the values of an attribute").children
                try fields.finish("an attribute")
                guard oid == .extensionRequest else { continue }
                guard !hasExtensions else { throw DERError("it asks for extensions twice") }
                hasExtensions = true
                extensions = try CertificateExtensions(
                    try values.next(DERTag.sequence, "the requested extensions").children)
                try values.finish("the requested extensions")
            }
        }
    }
}
