/// A DNS message (RFC 1035 §4). In an update the sections are zone, prerequisites, updates, additional (RFC 2136 §2).
package struct DNSMessage: Sendable, Hashable {
    package var id: UInt16
    package var isResponse = false
    package var opcode = Opcode.query
    package var isAuthoritative = false
    package var isTruncated = false
    package var recursionDesired = false
    package var recursionAvailable = false
    package var responseCode = ResponseCode.noError
    package var questions: [Question] = []
    package var answers: [ResourceRecord] = []
    package var authorities: [ResourceRecord] = []
    /// Without OPT and TSIG, which have their own places below.
    package var additionals: [ResourceRecord] = []
    package var edns: EDNS?
    /// The signature of a message that was read; a message to be sent is signed by `TSIG.sign`, octets in hand.
    package internal(set) var signature: TSIGRecord?

    package struct Question: Sendable, Hashable {
        package var name: DNSName
        package var type: RecordType
        package var recordClass = RecordClass.internet

        package init(name: DNSName, type: RecordType, recordClass: RecordClass = .internet) {
            self.name = name
            self.type = type
            self.recordClass = recordClass
        }
    }

    /// What of EDNS(0) matters to a client that asks for no option (RFC 6891).
    package struct EDNS: Sendable, Hashable {
        /// Largest UDP answer taken; 1232 crosses every path unfragmented.
        package var payloadSize: UInt16 = 1232
        package init(payloadSize: UInt16 = 1232) { self.payloadSize = payloadSize }
    }

    package init(id: UInt16) { self.id = id }

    /// A question, ready to be sent.
    package static func query(
        _ name: DNSName, _ type: RecordType, id: UInt16, recursionDesired: Bool = true, edns: EDNS? = EDNS()
    ) -> DNSMessage {
        var message = DNSMessage(id: id)
        message.recursionDesired = recursionDesired
        message.questions = [Question(name: name, type: type)]
        message.edns = edns
        return message
    }

    /// The octets of this message, names uncompressed.
    package func serialized() -> [UInt8] {
        var octets = id.octets + flags.octets
        let additionalCount = additionals.count + (edns == nil ? 0 : 1)
        for count in [questions.count, answers.count, authorities.count, additionalCount] {
            octets += UInt16(clamping: count).octets
        }
        for question in questions {
            octets += question.name.wire + question.type.rawValue.octets + question.recordClass.rawValue.octets
        }
        for record in answers + authorities + additionals { octets += record.wire }
        if let edns {
            let extended = UInt32(responseCode.rawValue >> 4) << 24
            octets += [0] + RecordType.opt.rawValue.octets + edns.payloadSize.octets + extended.octets + [0, 0]
        }
        return octets
    }

    private var flags: UInt16 {
        var flags = UInt16(opcode.rawValue) << 11 | responseCode.rawValue & 0x0F
        if isResponse { flags |= 0x8000 }
        if isAuthoritative { flags |= 0x0400 }
        if isTruncated { flags |= 0x0200 }
        if recursionDesired { flags |= 0x0100 }
        if recursionAvailable { flags |= 0x0080 }
        return flags
    }
}

extension DNSMessage {
    /// Whether this message answers `query`: its id, its kind, and its question (RFC 5452 §9.1).
    ///
    /// A server that refuses to read a message may leave the question out, so an answer without one passes when it
    /// reports an error.
    package func answers(_ query: DNSMessage) -> Bool {
        guard isResponse, id == query.id, opcode == query.opcode else { return false }
        if questions.isEmpty { return responseCode != .noError }
        return questions == query.questions
    }

    package var startOfAuthority: ResourceRecord? { authorities.first { $0.type == .soa } }

    /// Records of `type` owned by `name`, among the answers.
    package func answers(of type: RecordType, at name: DNSName) -> [ResourceRecord] {
        answers.filter { $0.type == type && $0.name == name && $0.recordClass == .internet }
    }
}

extension ResourceRecord {
    package var wire: [UInt8] {
        let data = data.wire
        return name.wire + type.rawValue.octets + recordClass.rawValue.octets + ttlSeconds.octets
            + UInt16(clamping: data.count).octets + data
    }
}
