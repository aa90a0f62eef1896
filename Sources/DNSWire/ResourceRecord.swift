/// One resource record (RFC 1035 §3.2.1).
package struct ResourceRecord: Sendable, Hashable {
    package var name: DNSName
    package var type: RecordType
    package var recordClass: RecordClass
    package var ttlSeconds: UInt32
    package var data: RecordData

    package init(
        name: DNSName, type: RecordType, recordClass: RecordClass = .internet, ttlSeconds: UInt32, data: RecordData
    ) {
        self.name = name
        self.type = type
        self.recordClass = recordClass
        self.ttlSeconds = ttlSeconds
        self.data = data
    }

    /// A TXT record of one text; a text longer than 255 octets is split, as RFC 1035 §3.3.14 allows.
    package static func txt(_ name: DNSName, _ value: String, ttlSeconds: UInt32) -> ResourceRecord {
        ResourceRecord(name: name, type: .txt, ttlSeconds: ttlSeconds, data: .txt(Self.strings(of: value)))
    }

    private static func strings(of value: String) -> [[UInt8]] {
        let octets = Array(value.utf8)
        if octets.isEmpty { return [[]] }
        return stride(from: 0, to: octets.count, by: 255).map { Array(octets[$0..<min($0 + 255, octets.count)]) }
    }
}

/// What a record says. Types that nothing here reads keep their octets.
package enum RecordData: Sendable, Hashable {
    /// Four octets of an A record or sixteen of an AAAA record.
    case address([UInt8])
    /// The one name of an NS or CNAME record.
    case name(DNSName)
    case soa(StartOfAuthority)
    /// The character strings of a TXT record, in order.
    case txt([[UInt8]])
    case other([UInt8])

    /// The strings of a TXT record joined, as every reader of ACME challenges joins them; nil for another type.
    package var text: String? {
        guard case .txt(let strings) = self else { return nil }
        return String(decoding: strings.joined(), as: UTF8.self)
    }

    package var wire: [UInt8] {
        switch self {
        case .address(let octets), .other(let octets): octets
        case .name(let name): name.wire
        case .soa(let soa): soa.wire
        case .txt(let strings): strings.flatMap { [UInt8($0.count)] + $0 }
        }
    }
}

/// The head record of a zone (RFC 1035 §3.3.13).
package struct StartOfAuthority: Sendable, Hashable {
    package var primary: DNSName
    package var mailbox: DNSName
    package var serial: UInt32
    package var refreshSeconds: UInt32
    package var retrySeconds: UInt32
    package var expireSeconds: UInt32
    /// With the record's own TTL, how long a negative answer may be cached (RFC 2308 §5).
    package var minimumSeconds: UInt32

    package init(
        primary: DNSName, mailbox: DNSName, serial: UInt32, refreshSeconds: UInt32, retrySeconds: UInt32,
        expireSeconds: UInt32, minimumSeconds: UInt32
    ) {
        self.primary = primary
        self.mailbox = mailbox
        self.serial = serial
        self.refreshSeconds = refreshSeconds
        self.retrySeconds = retrySeconds
        self.expireSeconds = expireSeconds
        self.minimumSeconds = minimumSeconds
    }

    var wire: [UInt8] {
        let numbers = [serial, refreshSeconds, retrySeconds, expireSeconds, minimumSeconds]
        return primary.wire + mailbox.wire + numbers.flatMap(\.octets)
    }
}

extension UInt32 {
    var octets: [UInt8] {
        [UInt8(self >> 24), UInt8(self >> 16 & 0xFF), UInt8(self >> 8 & 0xFF), UInt8(self & 0xFF)]
    }
}

extension UInt16 {
    var octets: [UInt8] { [UInt8(self >> 8), UInt8(self & 0xFF)] }
}
