/// A resource record's type, or a question's (RFC 1035 §3.2.2); numbers without a name here pass through.
package struct RecordType: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let a = RecordType(rawValue: 1)
    package static let ns = RecordType(rawValue: 2)
    package static let cname = RecordType(rawValue: 5)
    package static let soa = RecordType(rawValue: 6)
    package static let txt = RecordType(rawValue: 16)
    package static let aaaa = RecordType(rawValue: 28)
    package static let opt = RecordType(rawValue: 41)
    package static let tsig = RecordType(rawValue: 250)
    package static let any = RecordType(rawValue: 255)
    package static let caa = RecordType(rawValue: 257)

    package var description: String {
        switch self {
        case .a: "A"
        case .ns: "NS"
        case .cname: "CNAME"
        case .soa: "SOA"
        case .txt: "TXT"
        case .aaaa: "AAAA"
        case .opt: "OPT"
        case .tsig: "TSIG"
        case .any: "ANY"
        case .caa: "CAA"
        default: "TYPE\(rawValue)"
        }
    }
}

/// A record's class; updates use the last two as words of their own (RFC 2136 §2.5).
package struct RecordClass: RawRepresentable, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let internet = RecordClass(rawValue: 1)
    package static let none = RecordClass(rawValue: 254)
    package static let any = RecordClass(rawValue: 255)
}

/// What a message asks for (RFC 6895 §2.2).
package struct Opcode: RawRepresentable, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue & 0x0F }

    package static let query = Opcode(rawValue: 0)
    package static let update = Opcode(rawValue: 5)
}

/// How a server judged a message, with the upper bits that EDNS adds (RFC 6895 §2.3).
package struct ResponseCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let noError = ResponseCode(rawValue: 0)
    package static let formatError = ResponseCode(rawValue: 1)
    package static let serverFailure = ResponseCode(rawValue: 2)
    package static let nameError = ResponseCode(rawValue: 3)
    package static let notImplemented = ResponseCode(rawValue: 4)
    package static let refused = ResponseCode(rawValue: 5)
    package static let notAuthoritative = ResponseCode(rawValue: 9)
    package static let notZone = ResponseCode(rawValue: 10)
    package static let badSignature = ResponseCode(rawValue: 16)
    package static let badKey = ResponseCode(rawValue: 17)
    package static let badTime = ResponseCode(rawValue: 18)

    private static let names = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
        "NOTZONE",
    ]

    package var description: String {
        switch self {
        case .badSignature: "BADSIG"
        case .badKey: "BADKEY"
        case .badTime: "BADTIME"
        case _ where Int(rawValue) < Self.names.count: Self.names[Int(rawValue)]
        default: "RCODE\(rawValue)"
        }
    }
}
