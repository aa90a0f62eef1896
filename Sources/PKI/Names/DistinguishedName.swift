/// The parts of a subject other than the names a certificate is for, as `spec.subject` lists them.
package struct SubjectFields: Sendable, Hashable {
    package var countries: [String] = []
    package var organizations: [String] = []
    package var organizationalUnits: [String] = []
    package var localities: [String] = []
    package var provinces: [String] = []
    package var streetAddresses: [String] = []
    package var postalCodes: [String] = []
    package var serialNumber: String?

    package init() {}
}

/// A subject or issuer. Equal when the DER is equal.
package struct DistinguishedName: Sendable, Hashable, CustomStringConvertible {
    package let rawDER: [UInt8]

    /// One attribute. `group` counts the RDNs, so attributes of one multi-valued RDN share it.
    package struct Attribute: Sendable, Hashable {
        package var oid: OID
        package var text: String
        package var group: Int
    }

    package static let empty = DistinguishedName(checked: [DERTag.sequence, 0])

    package init(rawDER: [UInt8]) throws(PKIError) {
        do {
            _ = try DistinguishedName.attributes(rawDER)
        } catch {
            throw error.of("the distinguished name")
        }
        self.rawDER = rawDER
    }

    /// For DER that has been read before.
    init(checked rawDER: [UInt8]) { self.rawDER = rawDER }

    /// For the RFC 4514 reader.
    init(_ groups: [[NewAttribute]]) throws(PKIError) { rawDER = try DistinguishedName.encode(groups) }

    /// RDNs in the order and shape that Go's `pkix.Name` gives them (all values of one type share an RDN), so that a
    /// certificate made by cert-manager for the same spec has the same subject.
    package init(commonName: String?, _ fields: SubjectFields = SubjectFields()) throws(PKIError) {
        let groups: [(OID, [String])] = [
            (.country, fields.countries), (.organization, fields.organizations),
            (.organizationalUnit, fields.organizationalUnits), (.locality, fields.localities),
            (.province, fields.provinces), (.street, fields.streetAddresses), (.postalCode, fields.postalCodes),
            (.commonName, [commonName].compactMap(\.self).filter { !$0.isEmpty }),
            (.serialNumber, [fields.serialNumber].compactMap(\.self).filter { !$0.isEmpty }),
        ]
        try self.init(groups.filter { !$0.1.isEmpty }.map { oid, values in values.map { NewAttribute(oid, $0) } })
    }

    package var isEmpty: Bool { rawDER.count <= 2 }

    /// In the order of the DER, which is the reverse of the RFC 4514 text.
    package var attributes: [Attribute] {
        (try? DistinguishedName.attributes(rawDER)) ?? []  // checked when the value was made
    }

    package var commonName: String? { values(.commonName).last }
    package var serialNumber: String? { values(.serialNumber).last }

    package var fields: SubjectFields {
        var fields = SubjectFields()
        fields.countries = values(.country)
        fields.organizations = values(.organization)
        fields.organizationalUnits = values(.organizationalUnit)
        fields.localities = values(.locality)
        fields.provinces = values(.province)
        fields.streetAddresses = values(.street)
        fields.postalCodes = values(.postalCode)
        fields.serialNumber = serialNumber
        return fields
    }

    private func values(_ oid: OID) -> [String] { attributes.filter { $0.oid == oid }.map(\.text) }
}

// MARK: - DER

extension DistinguishedName {
    /// The same name with one more RDN at its end.
    package func adding(serialNumber: String) throws(PKIError) -> DistinguishedName {
        let added = try DistinguishedName([[NewAttribute(.serialNumber, serialNumber)]])
        let content: [UInt8]
        do {
            content =
                Array(try DERReader.single(rawDER, DERTag.sequence, "the name").value)
                + Array(try DERReader.single(added.rawDER, DERTag.sequence, "the name").value)
        } catch {
            throw error.of("the distinguished name")
        }
        return DistinguishedName(checked: DERWriter.sequence { $0.raw(content) })
    }

    /// What goes into an attribute: its text, or DER given by hand with "#" in RFC 4514.
    struct NewAttribute {
        var oid: OID
        var text: String
        var der: [UInt8]?
        init(_ oid: OID, _ text: String, der: [UInt8]? = nil) {
            self.oid = oid
            self.text = text
            self.der = der
        }
    }

    private static func encode(_ groups: [[NewAttribute]]) throws(PKIError) -> [UInt8] {
        var rdns = DERWriter()
        for group in groups {
            var elements: [[UInt8]] = []
            for attribute in group { elements.append(try encode(attribute)) }
            rdns.setOf(elements)
        }
        let content = rdns.bytes
        return DERWriter.sequence { $0.raw(content) }
    }

    private static func encode(_ attribute: NewAttribute) throws(PKIError) -> [UInt8] {
        let text = attribute.text
        guard text.utf8.count <= 2048 else { throw .invalidName(String(text.prefix(64)), reason: "it is too long") }
        guard !text.utf8.contains(0) else { throw .invalidName(text, reason: "it holds a NUL") }
        let tag: UInt8
        switch attribute.oid {
        case .domainComponent, .emailAddress:
            guard text.utf8.allSatisfy({ $0 < 0x80 }) else {
                throw .invalidName(text, reason: "it holds characters outside ASCII")
            }
            tag = DERTag.ia5String
        default: tag = text.utf8.allSatisfy(isPrintable) ? DERTag.printableString : DERTag.utf8String
        }
        return DERWriter.sequence { writer in
            writer.oid(attribute.oid)
            if let der = attribute.der { writer.raw(der) } else { writer.primitive(tag, text.utf8) }
        }
    }

    /// The PrintableString alphabet (X.680 §41.4).
    private static func isPrintable(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x20, 0x27...0x29, 0x2B...0x2F, 0x3A, 0x3D, 0x3F: true
        default: false
        }
    }

    static func attributes(_ rawDER: [UInt8]) throws(DERError) -> [Attribute] {
        var rdns = try DERReader.single(rawDER, DERTag.sequence, "the name").children
        var attributes: [Attribute] = []
        var group = 0
        while !rdns.isAtEnd {
            var elements = try rdns.next(DERTag.set, "part of a name").children
            guard !elements.isAtEnd else { throw DERError("part of a name is empty") }
            while !elements.isAtEnd {
                var fields = try elements.next(DERTag.sequence, "an attribute of a name").children
                let oid = try fields.next(DERTag.oid, "the type of an attribute").oid()
                let value = try fields.next()
                try fields.finish("an attribute of a name")
                attributes.append(Attribute(oid: oid, text: try text(value), group: group))
            }
            group += 1
        }
        return attributes
    }

    /// The text of the string types of DirectoryString; any other value as "#" and hex, as RFC 4514 §2.4 writes it.
    private static func text(_ element: DERElement) throws(DERError) -> String {
        switch element.tag {
        case DERTag.utf8String:
            guard let text = String(validating: element.value, as: UTF8.self) else {
                throw DERError("part of a name is not UTF-8")
            }
            return text
        case DERTag.printableString, DERTag.ia5String, DERTag.numericString:
            guard element.value.allSatisfy({ $0 < 0x80 }) else {
                throw DERError("part of a name holds characters its type forbids")
            }
            return String(decoding: element.value, as: UTF8.self)
        case DERTag.teletexString:  // in practice Latin-1
            return String(String.UnicodeScalarView(element.value.map { Unicode.Scalar($0) }))
        case DERTag.bmpString:
            let octets = Array(element.value)
            guard octets.count.isMultiple(of: 2) else { throw DERError("part of a name is not UTF-16") }
            let units = stride(from: 0, to: octets.count, by: 2).map {
                UInt16(octets[$0]) << 8 | UInt16(octets[$0 + 1])
            }
            guard let text = String(validating: units, as: UTF16.self) else {
                throw DERError("part of a name is not UTF-16")
            }
            return text
        default: return "#" + element.whole.map(hexPair).joined()
        }
    }

    static func hexPair(_ octet: UInt8) -> String { String(octet >> 4, radix: 16) + String(octet & 15, radix: 16) }
}
