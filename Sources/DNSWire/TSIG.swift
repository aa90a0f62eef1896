import PKI
package import Wire

/// The HMACs that sign DNS messages (RFC 8945 §6; MD5 only because servers of old still ask for it).
package enum TSIGAlgorithm: String, Sendable, Hashable, CaseIterable {
    case hmacMD5 = "HMACMD5"
    case hmacSHA1 = "HMACSHA1"
    case hmacSHA224 = "HMACSHA224"
    case hmacSHA256 = "HMACSHA256"
    case hmacSHA384 = "HMACSHA384"
    case hmacSHA512 = "HMACSHA512"

    /// Reads "HMACSHA256" in any case, with or without the dashes that servers write.
    package init?(configured text: String) {
        self.init(rawValue: text.uppercased().filter { $0 != "-" })
    }

    var name: DNSName {
        // Six constants, each a legal name.
        switch self {
        case .hmacMD5: try! DNSName("hmac-md5.sig-alg.reg.int.")
        case .hmacSHA1: try! DNSName("hmac-sha1.")
        case .hmacSHA224: try! DNSName("hmac-sha224.")
        case .hmacSHA256: try! DNSName("hmac-sha256.")
        case .hmacSHA384: try! DNSName("hmac-sha384.")
        case .hmacSHA512: try! DNSName("hmac-sha512.")
        }
    }

    private var hmac: HMAC {
        switch self {
        case .hmacMD5: .md5
        case .hmacSHA1: .sha1
        case .hmacSHA224: .sha224
        case .hmacSHA256: .sha256
        case .hmacSHA384: .sha384
        case .hmacSHA512: .sha512
        }
    }

    func authenticate(_ octets: [UInt8], key: Redacted<[UInt8]>) throws(TSIGError) -> [UInt8] {
        do {
            return try hmac.authenticate(octets, key: key.reveal())
        } catch {
            throw .cannotSign(self, reason: error.description)
        }
    }
}

/// A secret that this client shares with a server, under the name both know it by.
package struct TSIGKey: Sendable {
    package var name: DNSName
    package var algorithm: TSIGAlgorithm
    package var secret: Redacted<[UInt8]>

    package init(name: DNSName, algorithm: TSIGAlgorithm, secret: Redacted<[UInt8]>) {
        self.name = name
        self.algorithm = algorithm
        self.secret = secret
    }
}

/// The record that carries a signature (RFC 8945 §4.2).
package struct TSIGRecord: Sendable, Hashable {
    package var keyName: DNSName
    package var algorithm: DNSName
    /// Seconds since 1970, 48 bits of them.
    package var timeSigned: UInt64
    package var fudgeSeconds: UInt16
    package var mac: [UInt8]
    package var originalID: UInt16
    package var error: ResponseCode
    /// Empty, or with BADTIME the server's clock in 48 bits.
    package var other: [UInt8]
    /// Where the record begins in the message it was read from.
    var offset: Int

    /// Everything but the MAC, as the digest covers it (RFC 8945 §4.3.3).
    var digested: [UInt8] {
        keyName.wire + RecordClass.any.rawValue.octets + UInt32(0).octets + algorithm.wire + time
            + fudgeSeconds.octets + error.rawValue.octets + UInt16(clamping: other.count).octets + other
    }

    var wire: [UInt8] {
        let data =
            algorithm.wire + time + fudgeSeconds.octets + UInt16(clamping: mac.count).octets + mac + originalID.octets
            + error.rawValue.octets + UInt16(clamping: other.count).octets + other
        return ResourceRecord(
            name: keyName, type: .tsig, recordClass: .any, ttlSeconds: 0, data: .other(data)
        ).wire
    }

    private var time: [UInt8] { UInt16(timeSigned >> 32 & 0xFFFF).octets + UInt32(timeSigned & 0xFFFF_FFFF).octets }
}

extension TSIGRecord {
    init(_ record: ResourceRecord, offset: Int) throws(DNSParseError) {
        guard record.recordClass == .any, record.ttlSeconds == 0, case .other(let data) = record.data else {
            throw .misplacedTSIG
        }
        var reader = MessageReader(data)
        algorithm = try reader.name()
        keyName = record.name
        timeSigned = UInt64(try reader.uint16()) << 32 | UInt64(try reader.uint32())
        fudgeSeconds = try reader.uint16()
        mac = try reader.bytes(Int(try reader.uint16()))
        originalID = try reader.uint16()
        error = ResponseCode(rawValue: try reader.uint16())
        other = try reader.bytes(Int(try reader.uint16()))
        if !reader.isAtEnd { throw .misplacedTSIG }
        self.offset = offset
    }
}

/// Signing a request, and believing an answer (RFC 8945 §5).
package enum TSIG {
    /// A message with its signature on, and the MAC that the answer's digest will begin with.
    package struct Signed: Sendable, Hashable {
        package var octets: [UInt8]
        package var mac: [UInt8]
    }

    package static func sign(
        _ message: DNSMessage, with key: TSIGKey, at now: Timestamp, fudgeSeconds: UInt16 = 300
    ) throws(TSIGError) -> Signed {
        var octets = message.serialized()
        var record = TSIGRecord(
            keyName: key.name, algorithm: key.algorithm.name, timeSigned: UInt64(clamping: now.secondsSince1970),
            fudgeSeconds: fudgeSeconds, mac: [], originalID: message.id, error: .noError, other: [], offset: 0)
        record.mac = try key.algorithm.authenticate(octets + record.digested, key: key.secret)
        let count = (UInt16(octets[10]) << 8 | UInt16(octets[11])) &+ 1
        octets.replaceSubrange(10..<12, with: count.octets)
        return Signed(octets: octets + record.wire, mac: record.mac)
    }

    /// Checks the answer to a signed request; returns normally only when the holder of the key wrote it, now.
    package static func verify(
        _ answer: DNSMessage, octets: [UInt8], to request: Signed, key: TSIGKey, at now: Timestamp
    ) throws(TSIGError) {
        guard let record = answer.signature else {
            if answer.responseCode == .noError { throw .unsigned }
            return  // an unsigned refusal: nothing is believed but that the server refused
        }
        // BADSIG and BADKEY come unsigned, for the server had no key to sign with (RFC 8945 §5.2).
        if record.error == .badKey { throw .badKey(key.name, key.algorithm) }
        if record.error == .badSignature { throw .badSignature(key.name) }
        guard record.keyName == key.name, record.algorithm == key.algorithm.name else {
            throw .foreignKey(record.keyName)
        }
        guard constantTimeEqual(record.mac, try expectedMAC(record, octets, request, key)) else { throw .forged }
        if record.error == .badTime { throw .badTime(server: serverTime(record.other), ours: now) }
        if record.error != .noError { throw .other(record.error) }
        let skew = Int64(clamping: record.timeSigned) - now.secondsSince1970
        if abs(skew) > Int64(record.fudgeSeconds) {
            throw .badTime(server: Timestamp(secondsSince1970: Int64(clamping: record.timeSigned)), ours: now)
        }
    }

    private static func expectedMAC(
        _ record: TSIGRecord, _ octets: [UInt8], _ request: Signed, _ key: TSIGKey
    ) throws(TSIGError) -> [UInt8] {
        var message = Array(octets[..<record.offset])
        message.replaceSubrange(0..<2, with: record.originalID.octets)
        let count = (UInt16(message[10]) << 8 | UInt16(message[11])) &- 1
        message.replaceSubrange(10..<12, with: count.octets)
        let digested = UInt16(clamping: request.mac.count).octets + request.mac + message + record.digested
        return try key.algorithm.authenticate(digested, key: key.secret)
    }

    private static func serverTime(_ other: [UInt8]) -> Timestamp? {
        guard other.count == 6 else { return nil }
        return Timestamp(secondsSince1970: other.reduce(0) { $0 << 8 | Int64($1) })
    }
}

/// Why a signed exchange is not to be believed, or was refused.
package enum TSIGError: Error, Sendable, Hashable, CustomStringConvertible {
    case unsigned
    case badKey(DNSName, TSIGAlgorithm)
    case badSignature(DNSName)
    case badTime(server: Timestamp?, ours: Timestamp)
    case foreignKey(DNSName)
    case forged
    case other(ResponseCode)
    /// This system's OpenSSL lacks the digest.
    case cannotSign(TSIGAlgorithm, reason: String)

    package var description: String {
        switch self {
        case .unsigned: "the server's answer carries no TSIG signature, so it cannot be believed"
        case .badKey(let name, let algorithm):
            "the server does not know the TSIG key \(name.text) with \(algorithm.rawValue) (BADKEY); "
                + "check tsigKeyName and tsigAlgorithm"
        case .badSignature(let name):
            "the server finds the signature wrong (BADSIG); check that the secret of the TSIG key \(name.text) is the same"
        case .badTime(let server, let ours):
            "the clocks differ too much (BADTIME): ours says \(ours.rfc3339), "
                + "the server's \(server?.rfc3339 ?? "something else"); set the one that is wrong"
        case .foreignKey(let name): "the server's answer is signed with another key, \(name.text)"
        case .forged: "the signature of the server's answer is wrong; somebody else may have written it"
        case .other(let code): "the server reports the TSIG error \(code)"
        case .cannotSign(let algorithm, let reason): "cannot sign with \(algorithm.rawValue): \(reason)"
        }
    }
}
