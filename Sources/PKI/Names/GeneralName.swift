/// One name a certificate is for (RFC 5280 §4.2.1.6).
package enum GeneralName: Sendable, Hashable {
    /// As it stands in the certificate: ASCII, with A-labels for international names.
    case dns(String)
    case ip(IPAddress)
    case uri(String)
    case email(String)
    /// An otherName whose value is a UTF8String; `oid` is dotted.
    case other(oid: String, utf8: String)
    /// Any other form, kept whole. `tag` is the choice's number.
    case unknown(tag: Int, der: [UInt8])
}

extension GeneralName {
    init(_ element: DERElement) throws(DERError) {
        switch element.tag {
        case 0x81: self = .email(try element.ia5())
        case 0x82: self = .dns(try element.ia5())
        case 0x86: self = .uri(try element.ia5())
        case 0x87:
            guard let address = IPAddress(bytes: Array(element.value)) else {
                throw DERError("an IP address has neither 4 nor 16 octets")
            }
            self = .ip(address)
        case 0xA0: self = try GeneralName.other(element)
        case 0xA3, 0xA4, 0xA5, 0x88: self = .unknown(tag: Int(element.tag & 0x1F), der: element.whole)
        default: throw DERError("a name is of an unknown kind")
        }
    }

    private static func other(_ element: DERElement) throws(DERError) -> GeneralName {
        var fields = element.children
        let oid = try fields.next(DERTag.oid, "the type of an otherName").oid()
        var wrapped = try fields.next(DERTag.context(0, constructed: true), "the value of an otherName").children
        try fields.finish("an otherName")
        let value = try wrapped.next()
        try wrapped.finish("an otherName")
        guard value.tag == DERTag.utf8String, let text = String(validating: value.value, as: UTF8.self) else {
            return .unknown(tag: 0, der: element.whole)
        }
        return .other(oid: oid.dotted, utf8: text)
    }

    /// Throws for a name that ASCII, or its type, cannot hold.
    func encoded() throws(PKIError) -> [UInt8] {
        var writer = DERWriter()
        switch self {
        case .email(let text): writer.primitive(0x81, try GeneralName.ascii(text))
        case .dns(let text): writer.primitive(0x82, try GeneralName.ascii(text))
        case .uri(let text): writer.primitive(0x86, try GeneralName.ascii(text))
        case .ip(let address): writer.primitive(0x87, address.bytes)
        case .other(let dotted, let text):
            guard let oid = OID(dotted) else { throw .invalidName(dotted, reason: "it is not an object identifier") }
            writer.constructed(0xA0) { writer in
                writer.oid(oid)
                writer.constructed(0xA0) { $0.primitive(DERTag.utf8String, text.utf8) }
            }
        case .unknown(_, let der): writer.raw(der)
        }
        return writer.bytes
    }

    /// IA5String content without blanks and controls. A NUL in a name has been used to fool those who compare it.
    static func ascii(_ text: String) throws(PKIError) -> [UInt8] {
        guard !text.isEmpty else { throw .invalidName(text, reason: "it is empty") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalidName(text, reason: "it holds blanks or characters outside ASCII")
        }
        return Array(text.utf8)
    }
}
