/// Reads the binary form of a time zone (TZif, RFC 8536): what `zic` writes below /usr/share/zoneinfo.
package enum ZoneFile {
    /// Why it is no such file, as a sentence's end.
    package struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        package let reason: String
        package var description: String { reason }
    }

    /// Files that count leap seconds ("right/…") are refused: the system's clock does not.
    package static func parse(_ bytes: [UInt8], name: String) throws(Malformed) -> Zone {
        var reader = Reader(bytes)
        var header = try reader.header()
        guard header.version >= UInt8(ascii: "2") else { return try reader.zone(header, name, timeSize: 4, rule: nil) }
        // The first block repeats the second for readers that know only 32 bits.
        try reader.skip(header.size(timeSize: 4))
        header = try reader.header()
        var footer = reader
        try footer.skip(header.size(timeSize: 8))
        return try reader.zone(header, name, timeSize: 8, rule: try footer.rule())
    }

    private struct Header {
        var version: UInt8
        var utcFlags: Int
        var standardFlags: Int
        var leaps: Int
        var times: Int
        var types: Int
        var letters: Int

        /// Octets of the block it heads.
        func size(timeSize: Int) -> Int {
            times * (timeSize + 1) + types * 6 + letters + leaps * (timeSize + 4) + standardFlags + utcFlags
        }
    }

    private struct Reader {
        private var rest: ArraySlice<UInt8>

        init(_ bytes: [UInt8]) { rest = bytes[...] }

        mutating func skip(_ count: Int) throws(Malformed) {
            guard count <= rest.count else { throw Malformed(reason: "it is cut short") }
            rest = rest.dropFirst(count)
        }

        /// A big-endian number of 1...8 octets with a sign.
        private mutating func number(_ size: Int) throws(Malformed) -> Int64 {
            guard size <= rest.count else { throw Malformed(reason: "it is cut short") }
            var bits: UInt64 = rest.first.map { $0 & 0x80 != 0 } == true ? .max : 0
            for byte in rest.prefix(size) { bits = bits << 8 | UInt64(byte) }
            rest = rest.dropFirst(size)
            return Int64(bitPattern: bits)
        }

        private mutating func count() throws(Malformed) -> Int {
            let count = try number(4)
            guard (0...0xFFFF).contains(count) else { throw Malformed(reason: "it counts to \(count)") }
            return Int(count)
        }

        mutating func header() throws(Malformed) -> Header {
            guard rest.starts(with: "TZif".utf8) else { throw Malformed(reason: "it is no time zone file") }
            try skip(4)
            let version = UInt8(truncatingIfNeeded: try number(1))
            try skip(15)
            return Header(
                version: version, utcFlags: try count(), standardFlags: try count(), leaps: try count(),
                times: try count(), types: try count(), letters: try count())
        }

        mutating func zone(
            _ header: Header, _ name: String, timeSize: Int, rule: ZoneRule?
        ) throws(Malformed) -> Zone {
            guard header.leaps == 0 else { throw Malformed(reason: "it counts leap seconds") }
            var changes: [Int64] = []
            for _ in 0..<header.times { changes.append(try number(timeSize)) }
            guard zip(changes, changes.dropFirst()).allSatisfy({ $0 < $1 }) else {
                throw Malformed(reason: "its times do not ascend")
            }
            var types: [Int] = []
            for _ in 0..<header.times { types.append(Int(try number(1))) }
            var offsets: [Int64] = []
            for _ in 0..<header.types {
                let offset = try number(4)
                guard (-93_599...93_599).contains(offset) else {
                    throw Malformed(reason: "it has an offset of \(offset) seconds")
                }
                offsets.append(offset)
                try skip(2)
            }
            try skip(header.letters + header.standardFlags + header.utcFlags)
            guard let earliest = offsets.first, types.allSatisfy(offsets.indices.contains) else {
                throw Malformed(reason: "it names an offset that it has not")
            }
            return Zone(
                name: name, earliest: earliest, changes: changes, offsets: types.map { offsets[$0] }, rule: rule)
        }

        /// The line that ends the file; empty where there is no rule for later times.
        mutating func rule() throws(Malformed) -> ZoneRule? {
            guard rest.first == 0x0A, let end = rest.dropFirst().firstIndex(of: 0x0A) else {
                throw Malformed(reason: "its last line is missing")
            }
            let text = String(decoding: rest[rest.index(after: rest.startIndex)..<end], as: UTF8.self)
            guard !text.isEmpty else { return nil }
            guard let rule = ZoneRule(text) else { throw Malformed(reason: "its last line is no rule: \(text)") }
            return rule
        }
    }
}
