import DNSWire
import Testing
import Wire

@Suite("DNS messages")
struct MessageTests {
    /// RFC 1035 §4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root, the later ones by pointers into the first.
    static let compressed: [UInt8] = {
        var octets: [UInt8] = [0, 1, 0x80, 0, 0, 4, 0, 0, 0, 0, 0, 0]
        octets += [1, 0x66, 3, 0x69, 0x73, 0x69, 4, 0x61, 0x72, 0x70, 0x61, 0, 0, 1, 0, 1]  // at 12
        octets += [3, 0x66, 0x6F, 0x6F, 0xC0, 12, 0, 1, 0, 1]
        octets += [0xC0, 18, 0, 1, 0, 1]
        octets += [0, 0, 1, 0, 1]
        return octets
    }()

    @Test("compressed names are read (RFC 1035 §4.1.4)")
    func compression() throws {
        let names = try DNSMessage(parsing: Self.compressed).questions.map(\.name.description)
        #expect(names == ["f.isi.arpa.", "foo.f.isi.arpa.", "arpa.", "."])
    }

    @Test(
        "a pointer that does not point back ends the reading",
        arguments: [[0xC0, 12], [0xC0, 14], [0xFF, 0xFF], [1, 0x61, 0xC0, 12]])
    func pointers(name: [UInt8]) {
        let octets: [UInt8] = [0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0] + name + [0, 1, 0, 1]
        #expect(throws: DNSParseError.self) { try DNSMessage(parsing: octets) }
    }

    static let answer: DNSMessage = {
        // Constants, each a legal name.
        let name = try! DNSName("example.com"), host = try! DNSName("ns1.example.com")
        var message = DNSMessage(id: 4711)
        message.isResponse = true
        message.isAuthoritative = true
        message.recursionDesired = true
        message.questions = [.init(name: name, type: .any)]
        let soa = StartOfAuthority(
            primary: host, mailbox: host, serial: 2, refreshSeconds: 3, retrySeconds: 4, expireSeconds: 5,
            minimumSeconds: 6)
        message.answers = [
            ResourceRecord(name: name, type: .a, ttlSeconds: 60, data: .address([192, 0, 2, 1])),
            ResourceRecord(name: name, type: .ns, ttlSeconds: 60, data: .name(host)),
            .txt(name, String(repeating: "x", count: 300), ttlSeconds: 7),
            ResourceRecord(name: name, type: .soa, ttlSeconds: 60, data: .soa(soa)),
            ResourceRecord(name: name, type: RecordType(rawValue: 257), ttlSeconds: 1, data: .other([0, 5, 1])),
        ]
        message.additionals = [
            ResourceRecord(name: host, type: .aaaa, ttlSeconds: 60, data: .address([UInt8](repeating: 1, count: 16)))
        ]
        message.edns = DNSMessage.EDNS(payloadSize: 4096)
        message.responseCode = ResponseCode(rawValue: 23)
        return message
    }()

    @Test("a message with every kind of record survives writing and reading")
    func roundTrip() throws {
        #expect(try DNSMessage(parsing: Self.answer.serialized()) == Self.answer)
        #expect(Self.answer.answers[2].data.text == String(repeating: "x", count: 300))
    }

    @Test("a message cut off anywhere is refused")
    func truncation() {
        let octets = Self.answer.serialized()
        for count in 0..<octets.count {
            #expect(throws: DNSParseError.self) { try DNSMessage(parsing: Array(octets[..<count])) }
        }
    }

    @Test("a message with any octet changed is read or refused, and never more")
    func mutation() {
        let octets = Self.answer.serialized()
        for index in octets.indices {
            for value in [UInt8(0), 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF] {
                var changed = octets
                changed[index] = value
                // Reading must end; both outcomes are fine.
                _ = try? DNSMessage(parsing: changed)
            }
        }
    }

    @Test("random octets are read or refused, and never more")
    func noise() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let count = Int.random(in: 0...600, using: &generator)
            _ = try? DNSMessage(parsing: (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        }
    }

    @Test("only the answer to the very question counts")
    func matching() throws {
        let query = DNSMessage.query(try DNSName("a.example"), .txt, id: 7)
        var answer = DNSMessage(id: 7)
        answer.isResponse = true
        answer.questions = query.questions
        #expect(answer.answers(query))
        answer.id = 8
        #expect(!answer.answers(query))
        answer.id = 7
        answer.questions = [.init(name: try DNSName("b.example"), type: .txt)]
        #expect(!answer.answers(query))
        answer.questions = []
        #expect(!answer.answers(query))
        answer.responseCode = .formatError
        #expect(answer.answers(query))
    }

    @Test("an alias chain is followed, and a loop or an endless one is refused")
    func aliases() throws {
        func alias(_ from: String, _ to: String) throws -> ResourceRecord {
            ResourceRecord(name: try DNSName(from), type: .cname, ttlSeconds: 1, data: .name(try DNSName(to)))
        }
        var answer = DNSMessage(id: 0)
        answer.answers = [try alias("b", "c"), try alias("a", "b")]
        var chain = AliasChain(try DNSName("a"))
        #expect(try chain.extend(with: answer) == true)
        #expect(chain.names.map(\.text) == ["a", "b", "c"])
        #expect(try chain.extend(with: answer) == false)
        answer.answers.append(try alias("c", "a"))
        #expect(throws: DNSError.aliasLoop(try ["a", "b", "c", "a"].map { try DNSName($0) })) {
            try chain.extend(with: answer)
        }
        answer.answers = try (0..<20).map { try alias("n\($0)", "n\($0 + 1)") }
        var endless = AliasChain(try DNSName("n0"))
        #expect(throws: DNSError.self) { try endless.extend(with: answer) }
    }
}
