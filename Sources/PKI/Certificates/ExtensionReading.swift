extension CertificateExtensions {
    /// Reads the elements of an Extensions SEQUENCE. An extension that stands twice is an error (RFC 5280 §4.2).
    init(_ list: DERReader) throws(DERError) {
        self.init()
        var list = list
        var seen: Set<OID> = []
        while !list.isAtEnd {
            var fields = try list.next(DERTag.sequence, "an extension").children
            let oid = try fields.next(DERTag.oid, "the type of an extension").oid()
            let isCritical = try fields.nextIf(DERTag.boolean)?.boolean() ?? false
            let value = try fields.next(DERTag.octetString, "the value of an extension")
            try fields.finish("an extension")
            guard seen.insert(oid).inserted else { throw DERError("extension \(oid.dotted) stands twice") }
            try read(oid, isCritical, value)
        }
    }

    private mutating func read(_ oid: OID, _ isCritical: Bool, _ value: DERElement) throws(DERError) {
        switch oid {
        case .keyUsage:
            keyUsage = KeyUsage(rawValue: try value.only(DERTag.bitString, "the key usage").namedBits())
        case .extendedKeyUsage:
            var usages = try value.only(DERTag.sequence, "the extended key usage").children
            while !usages.isAtEnd {
                extendedKeyUsage.append(
                    ExtendedKeyUsage(oid: try usages.next(DERTag.oid, "an extended key usage").oid()))
            }
        case .basicConstraints: basicConstraints = try BasicConstraints(value)
        case .nameConstraints: nameConstraints = try NameConstraints(value, isCritical: isCritical)
        case .subjectAltName:
            var elements = try value.only(DERTag.sequence, "the alternative names").children
            while !elements.isAtEnd { names.append(try GeneralName(try elements.next())) }
        case .subjectKeyIdentifier:
            subjectKeyId = Array(try value.only(DERTag.octetString, "the subject key identifier").value)
        case .authorityKeyIdentifier:
            var fields = try value.only(DERTag.sequence, "the authority key identifier").children
            if let identifier = try fields.nextIf(0x80) { authorityKeyId = Array(identifier.value) }
        case .authorityInfoAccess: try readAccess(value)
        case .crlDistributionPoints: try readDistributionPoints(value)
        default: others.append(Raw(oid: oid, isCritical: isCritical, value: Array(value.value)))
        }
    }

    /// URLs only; other access methods and kinds of location are of no use here.
    private mutating func readAccess(_ value: DERElement) throws(DERError) {
        var descriptions = try value.only(DERTag.sequence, "the authority information access").children
        while !descriptions.isAtEnd {
            var fields = try descriptions.next(DERTag.sequence, "an access description").children
            let method = try fields.next(DERTag.oid, "an access method").oid()
            let location = try fields.next()
            try fields.finish("an access description")
            guard location.tag == 0x86 else { continue }
            switch method {
            case .ocsp: ocspServers.append(try location.ia5())
            case .caIssuers: issuingCertificateURLs.append(try location.ia5())
            default: break
            }
        }
    }

    private mutating func readDistributionPoints(_ value: DERElement) throws(DERError) {
        var points = try value.only(DERTag.sequence, "the CRL distribution points").children
        while !points.isAtEnd {
            var fields = try points.next(DERTag.sequence, "a CRL distribution point").children
            guard let point = try fields.nextIf(0xA0) else { continue }
            var choice = point.children
            guard let fullName = try choice.nextIf(0xA0) else { continue }
            var names = fullName.children
            while !names.isAtEnd {
                let name = try names.next()
                if name.tag == 0x86 { crlDistributionPoints.append(try name.ia5()) }
            }
        }
    }
}

extension DERElement {
    /// The one element an OCTET STRING wraps.
    fileprivate func only(_ tag: UInt8, _ name: String) throws(DERError) -> DERElement {
        var reader = children
        let element = try reader.next(tag, name)
        try reader.finish(name)
        return element
    }
}

extension BasicConstraints {
    fileprivate init(_ value: DERElement) throws(DERError) {
        var fields = try value.only(DERTag.sequence, "the basic constraints").children
        isCA = try fields.nextIf(DERTag.boolean)?.boolean() ?? false
        pathLength = try fields.nextIf(DERTag.integer)?.smallInteger()
        try fields.finish("the basic constraints")
    }
}

extension NameConstraints {
    fileprivate init(_ value: DERElement, isCritical: Bool) throws(DERError) {
        self.init()
        self.isCritical = isCritical
        var fields = try value.only(DERTag.sequence, "the name constraints").children
        if let list = try fields.nextIf(0xA0) { permitted = try Subtrees(list) }
        if let list = try fields.nextIf(0xA1) { excluded = try Subtrees(list) }
        try fields.finish("the name constraints")
    }
}

extension NameConstraints.Subtrees {
    fileprivate init(_ list: DERElement) throws(DERError) {
        self.init()
        var subtrees = list.children
        while !subtrees.isAtEnd {
            var fields = try subtrees.next(DERTag.sequence, "a subtree").children
            let base = try fields.next()
            guard fields.isAtEnd else { throw DERError("a subtree has a minimum or maximum, which RFC 5280 forbids") }
            switch base.tag {
            case 0x81: emailAddresses.append(try base.ia5())
            case 0x82: dnsDomains.append(try base.ia5())
            case 0x86: uriDomains.append(try base.ia5())
            case 0x87:
                if let range = IPRange(constraint: base.value) {
                    ipRanges.append(range)
                } else {
                    others.append(base.whole)
                }
            default: others.append(base.whole)
            }
        }
    }
}
