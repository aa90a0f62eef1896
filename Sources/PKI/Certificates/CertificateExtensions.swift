/// The extensions of a certificate or request, as values. Empty means the extension is absent.
package struct CertificateExtensions: Sendable, Hashable {
    package var names: [GeneralName] = []
    package var keyUsage: KeyUsage = []
    package var extendedKeyUsage: [ExtendedKeyUsage] = []
    package var basicConstraints: BasicConstraints?
    package var nameConstraints: NameConstraints?
    package var ocspServers: [String] = []
    package var issuingCertificateURLs: [String] = []
    package var crlDistributionPoints: [String] = []
    package var subjectKeyId: [UInt8]?
    package var authorityKeyId: [UInt8]?
    /// Extensions this program does not interpret, whole.
    package var others: [Raw] = []

    package struct Raw: Sendable, Hashable {
        package var oid: OID
        package var isCritical: Bool
        package var value: [UInt8]
    }

    package init() {}

    package var isCA: Bool { basicConstraints?.isCA ?? false }
    package var dnsNames: [String] { names.compactMap { if case .dns(let name) = $0 { name } else { nil } } }
    package var ipAddresses: [IPAddress] { names.compactMap { if case .ip(let address) = $0 { address } else { nil } } }
    package var uris: [String] { names.compactMap { if case .uri(let uri) = $0 { uri } else { nil } } }
    package var emailAddresses: [String] {
        names.compactMap { if case .email(let address) = $0 { address } else { nil } }
    }
}

// MARK: - To DER

extension CertificateExtensions {
    /// The elements of an Extensions SEQUENCE. The alternative names are critical where the subject is empty
    /// (RFC 5280 §4.2.1.6).
    func encoded(subjectIsEmpty: Bool) throws(PKIError) -> [UInt8] {
        var list = DERWriter()
        if keyUsage.rawValue != 0 { list.extension(.keyUsage, critical: true) { $0.namedBits(keyUsage.rawValue) } }
        if !extendedKeyUsage.isEmpty {
            list.extension(.extendedKeyUsage) { writer in
                writer.constructed { writer in for usage in extendedKeyUsage { writer.oid(usage.oid) } }
            }
        }
        if let basicConstraints {
            list.extension(.basicConstraints, critical: true) { basicConstraints.write(to: &$0) }
        }
        if let subjectKeyId { list.extension(.subjectKeyIdentifier) { $0.octetString(subjectKeyId) } }
        if let authorityKeyId {
            list.extension(.authorityKeyIdentifier) { $0.constructed { $0.primitive(0x80, authorityKeyId) } }
        }
        try writeAccess(to: &list)
        if !names.isEmpty {
            let encoded = try GeneralName.encoded(names)
            list.extension(.subjectAltName, critical: subjectIsEmpty) { $0.constructed { $0.raw(encoded) } }
        }
        if let nameConstraints {
            let permitted = try nameConstraints.permitted.encoded()
            let excluded = try nameConstraints.excluded.encoded()
            list.extension(.nameConstraints, critical: nameConstraints.isCritical) { writer in
                writer.constructed { writer in
                    if !permitted.isEmpty { writer.constructed(0xA0) { $0.raw(permitted) } }
                    if !excluded.isEmpty { writer.constructed(0xA1) { $0.raw(excluded) } }
                }
            }
        }
        try writeDistributionPoints(to: &list)
        for other in others { list.extension(other.oid, critical: other.isCritical) { $0.raw(other.value) } }
        return list.bytes
    }

    private func writeAccess(to list: inout DERWriter) throws(PKIError) {
        guard !ocspServers.isEmpty || !issuingCertificateURLs.isEmpty else { return }
        var descriptions = DERWriter()
        for (method, urls) in [(OID.ocsp, ocspServers), (.caIssuers, issuingCertificateURLs)] {
            for url in urls {
                let location = try GeneralName.uri(url).encoded()
                descriptions.constructed { writer in
                    writer.oid(method)
                    writer.raw(location)
                }
            }
        }
        let content = descriptions.bytes
        list.extension(.authorityInfoAccess) { $0.constructed { $0.raw(content) } }
    }

    private func writeDistributionPoints(to list: inout DERWriter) throws(PKIError) {
        guard !crlDistributionPoints.isEmpty else { return }
        var points = DERWriter()
        for url in crlDistributionPoints {
            let name = try GeneralName.uri(url).encoded()
            points.constructed { $0.constructed(0xA0) { $0.constructed(0xA0) { $0.raw(name) } } }
        }
        let content = points.bytes
        list.extension(.crlDistributionPoints) { $0.constructed { $0.raw(content) } }
    }
}

extension DERWriter {
    fileprivate mutating func `extension`(_ oid: OID, critical: Bool = false, _ value: (inout DERWriter) -> Void) {
        var content = DERWriter()
        value(&content)
        let octets = content.bytes
        constructed { writer in
            writer.oid(oid)
            if critical { writer.boolean(true) }
            writer.octetString(octets)
        }
    }
}

extension BasicConstraints {
    fileprivate func write(to writer: inout DERWriter) {
        writer.constructed { writer in
            if isCA { writer.boolean(true) }
            if isCA, let pathLength { writer.integer(pathLength) }
        }
    }
}

extension GeneralName {
    fileprivate static func encoded(_ names: [GeneralName]) throws(PKIError) -> [UInt8] {
        var octets: [UInt8] = []
        for name in names { octets += try name.encoded() }
        return octets
    }
}

extension NameConstraints.Subtrees {
    /// GeneralSubtree elements; minimum is its default 0 and maximum absent, as RFC 5280 demands.
    fileprivate func encoded() throws(PKIError) -> [UInt8] {
        var bases: [[UInt8]] = []
        for (tag, texts) in [(UInt8(0x82), dnsDomains), (0x81, emailAddresses), (0x86, uriDomains)] {
            for text in texts {
                var writer = DERWriter()
                writer.primitive(tag, try GeneralName.ascii(text))
                bases.append(writer.bytes)
            }
        }
        for range in ipRanges {
            var writer = DERWriter()
            writer.primitive(0x87, range.constraintBytes)
            bases.append(writer.bytes)
        }
        var subtrees = DERWriter()
        for base in bases + others { subtrees.constructed { $0.raw(base) } }
        return subtrees.bytes
    }
}
