import Wire

/// The text form of names (RFC 4514). The text begins with the RDN that comes last in the DER.
extension DistinguishedName {
    /// Keys as RFC 4514 §3 and RFC 4519 name them, and those cert-manager accepts besides.
    private static let keys: [(String, OID)] = [
        ("CN", .commonName), ("C", .country), ("O", .organization), ("OU", .organizationalUnit), ("L", .locality),
        ("ST", .province), ("STREET", .street), ("DC", .domainComponent), ("UID", .userID),
        ("SERIALNUMBER", .serialNumber), ("POSTALCODE", .postalCode), ("EMAILADDRESS", .emailAddress),
    ]

    fileprivate static var keyList: String { keys.map(\.0).joined(separator: ", ") }

    /// Reads "CN=foo,OU=bar+O=baz"; keys in any case or dotted OIDs, values escaped as §2.4 says, or "#" and hex.
    package init(rfc4514 text: String) throws(PKIError) {
        guard text.utf8.count <= 8192 else { throw .invalidSubject("Literal subject is longer than 8192 bytes") }
        var scanner = SubjectScanner(text)
        var groups: [[NewAttribute]] = []
        scanner.skipBlanks()
        while !scanner.isAtEnd {
            var group = [try scanner.attribute()]
            while scanner.take("+") { group.append(try scanner.attribute()) }
            groups.append(group)
            guard scanner.take(",") || scanner.take(";") else { break }
            if scanner.isAtEnd { throw .invalidSubject("Literal subject ends with a separator") }
        }
        try self.init(groups.reversed())
        // Only a "#" value can be at fault; a NUL is refused in every other form of a value too.
        guard let read = try? DistinguishedName.attributes(rawDER), !read.contains(where: { $0.text.utf8.contains(0) })
        else {
            throw .invalidSubject("Literal subject has a \"#\" value whose text is not of its type")
        }
    }

    /// RFC 4514 text.
    package var description: String {
        var groups: [[String]] = []
        var last = -1
        for attribute in attributes {
            let key = DistinguishedName.keys.first { $0.1 == attribute.oid }?.0 ?? attribute.oid.dotted
            let text = "\(key)=\(DistinguishedName.escaped(attribute.text))"
            if attribute.group == last { groups[groups.count - 1].append(text) } else { groups.append([text]) }
            last = attribute.group
        }
        return groups.reversed().map { $0.joined(separator: "+") }.joined(separator: ",")
    }

    private static func escaped(_ value: String) -> String {
        guard !value.isEmpty else { return "#0C00" }  // an empty UTF8String: the reader takes nothing for a mistake
        var text = ""
        let scalars = Array(value.unicodeScalars)
        for (index, scalar) in scalars.enumerated() {
            let isEdgeBlank = scalar == " " && (index == 0 || index == scalars.count - 1)
            let isHexMark = scalar == "#" && index == 0
            if isEdgeBlank || isHexMark || "\"+,;<>\\".unicodeScalars.contains(scalar) { text += "\\" }
            if scalar.value < 0x20 || scalar.value == 0x7F {
                text += "\\" + hexPair(UInt8(scalar.value))
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    fileprivate static func oid(forKey key: String) -> OID? {
        let upper = key.uppercased()
        return keys.first { $0.0 == upper }?.1 ?? (key.utf8.contains(UInt8(ascii: ".")) ? OID(key) : nil)
    }
}

private struct SubjectScanner {
    private let bytes: [UInt8]
    private var index = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { index == bytes.count }
    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: scalar) else { return false }
        index += 1
        return true
    }

    mutating func skipBlanks() { while current == 0x20 { index += 1 } }

    mutating func attribute() throws(PKIError) -> DistinguishedName.NewAttribute {
        skipBlanks()
        let start = index
        while let octet = current, octet != UInt8(ascii: "="), !isSeparator { index += 1 }
        var key = bytes[start..<index]
        while key.last == 0x20 { key.removeLast() }
        let name = String(decoding: key, as: UTF8.self)
        guard take("=") else { throw .invalidSubject("Literal subject has no value for key [\(name)]") }
        let known = DistinguishedName.oid(forKey: name)
        skipBlanks()
        if take("#") {
            let der = try hexValue(name)
            guard let oid = known else { throw unrecognized(name, "#" + Hex.encode(der)) }
            return DistinguishedName.NewAttribute(oid, "", der: der)
        }
        let text = try value(name)
        guard let oid = known else { throw unrecognized(name, text) }
        return DistinguishedName.NewAttribute(oid, text)
    }

    private func unrecognized(_ key: String, _ value: String) -> PKIError {
        .invalidSubject(
            "Literal subject contains unrecognized key with value [\(value)]: \(key.isEmpty ? "no key" : key) is neither"
                + " one of \(DistinguishedName.keyList) nor an object identifier")
    }

    private var isSeparator: Bool {
        switch current {
        case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "+"): true
        default: false
        }
    }

    private mutating func hexValue(_ name: String) throws(PKIError) -> [UInt8] {
        var der: [UInt8] = []
        while let octet = hexOctet() { der.append(octet) }
        skipBlanks()
        var reader = DERReader(der)
        guard (try? reader.next()) != nil, reader.isAtEnd, current == nil || isSeparator else {
            throw .invalidSubject("Literal subject has a \"#\" value that is not DER for key [\(name)]")
        }
        return der
    }

    private mutating func value(_ name: String) throws(PKIError) -> String {
        var value: [UInt8] = []
        var keptLength = 0  // past the last octet that trimming blanks may not remove
        while let octet = current, !isSeparator {
            index += 1
            switch octet {
            case UInt8(ascii: "\\"):
                value.append(try escape(name))
                keptLength = value.count
            case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), 0:
                throw .invalidSubject("Literal subject has an unescaped special character for key [\(name)]")
            default:
                value.append(octet)
                if octet != 0x20 { keptLength = value.count }
            }
        }
        value.removeLast(value.count - keptLength)
        guard !value.isEmpty else { throw .invalidSubject("Literal subject has no value for key [\(name)]") }
        guard let text = String(validating: value, as: UTF8.self) else {
            throw .invalidSubject("Literal subject has a value that is not UTF-8 for key [\(name)]")
        }
        return text
    }

    /// What follows a backslash: two hex digits or one special character.
    private mutating func escape(_ name: String) throws(PKIError) -> UInt8 {
        if let octet = hexOctet() { return octet }
        if let octet = current, " \"#+,;<=>\\".utf8.contains(octet) {
            index += 1
            return octet
        }
        throw .invalidSubject("Literal subject has a malformed escape for key [\(name)]")
    }

    private mutating func hexOctet() -> UInt8? {
        guard index + 1 < bytes.count, let high = hexDigit(bytes[index]), let low = hexDigit(bytes[index + 1]) else {
            return nil
        }
        index += 2
        return high << 4 | low
    }

    private func hexDigit(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 0x30...0x39: octet - 0x30
        case 0x41...0x46: octet - 0x41 + 10
        case 0x61...0x66: octet - 0x61 + 10
        default: nil
        }
    }
}
