/// Reads one message out of octets that anybody may have sent.
///
/// Every step moves forward or fails: a compression pointer has to point before the name it stands in, and each
/// further one before the last (RFC 1035 §4.1.4), so no loop can form.
struct MessageReader {
    private let octets: [UInt8]
    private var at = 0

    init(_ octets: [UInt8]) { self.octets = octets }

    var isAtEnd: Bool { at == octets.count }

    mutating func message() throws(DNSParseError) -> DNSMessage {
        if octets.count > 65_535 { throw .tooLong }
        var message = try header()
        let (questions, answers) = (try uint16(), try uint16())
        let (authorities, additionals) = (try uint16(), try uint16())
        for _ in 0..<questions {
            let question = DNSMessage.Question(
                name: try name(), type: RecordType(rawValue: try uint16()),
                recordClass: RecordClass(rawValue: try uint16()))
            message.questions.append(question)
        }
        for _ in 0..<answers { message.answers.append(try record()) }
        for _ in 0..<authorities { message.authorities.append(try record()) }
        try readAdditionals(Int(additionals), of: &message)
        return message
    }

    private mutating func header() throws(DNSParseError) -> DNSMessage {
        var message = DNSMessage(id: try uint16())
        let flags = try uint16()
        message.isResponse = flags & 0x8000 != 0
        message.opcode = Opcode(rawValue: UInt8(flags >> 11 & 0x0F))
        message.isAuthoritative = flags & 0x0400 != 0
        message.isTruncated = flags & 0x0200 != 0
        message.recursionDesired = flags & 0x0100 != 0
        message.recursionAvailable = flags & 0x0080 != 0
        message.responseCode = ResponseCode(rawValue: flags & 0x0F)
        return message
    }

    /// The last section, where OPT is taken out, and TSIG, which must close the message (RFC 8945 §5.1).
    private mutating func readAdditionals(_ count: Int, of message: inout DNSMessage) throws(DNSParseError) {
        for index in 0..<count {
            let start = at
            let record = try record()
            switch record.type {
            case .opt:
                if message.edns != nil { throw .duplicateOPT }
                message.edns = DNSMessage.EDNS(payloadSize: record.recordClass.rawValue)
                let extended = UInt16(record.ttlSeconds >> 24) << 4
                message.responseCode = ResponseCode(rawValue: message.responseCode.rawValue | extended)
            case .tsig:
                if index != count - 1 || at != octets.count { throw .misplacedTSIG }
                message.signature = try TSIGRecord(record, offset: start)
            default:
                message.additionals.append(record)
            }
        }
    }

    private mutating func record() throws(DNSParseError) -> ResourceRecord {
        let name = try name()
        let type = RecordType(rawValue: try uint16())
        let recordClass = RecordClass(rawValue: try uint16())
        let ttl = try uint32()
        let length = Int(try uint16())
        let end = at + length
        if end > octets.count { throw .truncated }
        let data = try data(of: type, length: length)
        if at != end { throw .dataLength(type) }
        return ResourceRecord(name: name, type: type, recordClass: recordClass, ttlSeconds: ttl, data: data)
    }

    private mutating func data(of type: RecordType, length: Int) throws(DNSParseError) -> RecordData {
        if length == 0 { return .other([]) }
        switch type {
        case .a where length == 4, .aaaa where length == 16: return .address(try bytes(length))
        case .a, .aaaa: throw .dataLength(type)
        case .ns, .cname: return .name(try name())
        case .soa: return .soa(try startOfAuthority())
        case .txt: return .txt(try strings(until: at + length))
        default: return .other(try bytes(length))
        }
    }

    private mutating func startOfAuthority() throws(DNSParseError) -> StartOfAuthority {
        StartOfAuthority(
            primary: try name(), mailbox: try name(), serial: try uint32(), refreshSeconds: try uint32(),
            retrySeconds: try uint32(), expireSeconds: try uint32(), minimumSeconds: try uint32())
    }

    private mutating func strings(until end: Int) throws(DNSParseError) -> [[UInt8]] {
        var strings: [[UInt8]] = []
        while at < end {
            let length = Int(try bytes(1)[0])
            if at + length > end { throw .truncated }
            strings.append(try bytes(length))
        }
        return strings
    }

    mutating func name() throws(DNSParseError) -> DNSName {
        var labels: [[UInt8]] = []
        var total = 1
        var cursor = at
        var limit = at
        var jumped = false
        while true {
            guard cursor < octets.count else { throw .truncated }
            let length = Int(octets[cursor])
            switch length {
            case 0:
                if !jumped { at = cursor + 1 }
                do { return try DNSName(labels: labels) } catch { throw .name(error) }
            case 1...63:
                guard cursor + 1 + length <= octets.count else { throw .truncated }
                total += 1 + length
                if total > 255 { throw .name(.longName(total)) }
                labels.append(Array(octets[cursor + 1..<cursor + 1 + length]))
                cursor += 1 + length
            case 0xC0...0xFF:
                guard cursor + 1 < octets.count else { throw .truncated }
                let target = (length & 0x3F) << 8 | Int(octets[cursor + 1])
                if !jumped { at = cursor + 2 }
                jumped = true
                if target >= limit { throw .pointerLoop }
                limit = target
                cursor = target
            default: throw .labelType(UInt8(length))
            }
        }
    }

    mutating func bytes(_ count: Int) throws(DNSParseError) -> [UInt8] {
        guard at + count <= octets.count else { throw .truncated }
        defer { at += count }
        return Array(octets[at..<at + count])
    }

    mutating func uint16() throws(DNSParseError) -> UInt16 {
        let pair = try bytes(2)
        return UInt16(pair[0]) << 8 | UInt16(pair[1])
    }

    mutating func uint32() throws(DNSParseError) -> UInt32 {
        UInt32(try uint16()) << 16 | UInt32(try uint16())
    }
}

extension DNSMessage {
    package init(parsing octets: [UInt8]) throws(DNSParseError) {
        var reader = MessageReader(octets)
        self = try reader.message()
    }
}

package enum DNSParseError: Error, Sendable, Hashable, CustomStringConvertible {
    case truncated
    case tooLong
    case pointerLoop
    case labelType(UInt8)
    case name(DNSNameError)
    case dataLength(RecordType)
    case duplicateOPT
    case misplacedTSIG

    package var description: String {
        switch self {
        case .truncated: "it ends in the middle of a field"
        case .tooLong: "it has more than 65535 octets"
        case .pointerLoop: "a compressed name points forward or at itself"
        case .labelType(let octet): "a name has a label of unknown type \(octet >> 6)"
        case .name(let error): error.description
        case .dataLength(let type): "the data of a \(type) record has the wrong length"
        case .duplicateOPT: "it has two OPT records"
        case .misplacedTSIG: "its TSIG record is not the last one, or is malformed"
        }
    }
}
