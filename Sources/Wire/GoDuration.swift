/// A duration as Go's `time.ParseDuration` reads and `Duration.String` writes it: "2160h", "1h30m0s", "1.5s".
package struct GoDuration: Sendable, Hashable {
    /// About ±292 years, the range of Go's type.
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package init(hours: Int64) { nanoseconds = hours * 3_600_000_000_000 }

    /// Held at the ends of the range where the duration lies outside it.
    package init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowSum) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        nanoseconds = overflow || overflowSum ? (seconds < 0 ? .min : .max) : sum
    }

    package var duration: Duration { .nanoseconds(nanoseconds) }
}

extension GoDuration: Comparable {
    package static func < (left: GoDuration, right: GoDuration) -> Bool { left.nanoseconds < right.nanoseconds }
}

// MARK: Reading

extension GoDuration {
    package init?(_ text: some StringProtocol) {
        var rest = Array(text.utf8)[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        if rest.elementsEqual("0".utf8) {
            self.init(nanoseconds: 0)
            return
        }
        guard !rest.isEmpty else { return nil }
        var total: UInt64 = 0
        while !rest.isEmpty {
            guard let part = Self.part(&rest) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow, sum <= 1 << 63 else { return nil }
            total = sum
        }
        guard isNegative || total < 1 << 63 else { return nil }
        self.init(nanoseconds: isNegative ? Int64(truncatingIfNeeded: 0 &- total) : Int64(total))
    }

    /// One number and its unit, in nanoseconds.
    private static func part(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        guard let whole = digits(&rest) else { return nil }
        var fraction: (value: UInt64, scale: Double, count: Int) = (0, 1, 0)
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = fractionDigits(&rest)
        }
        guard whole.count + fraction.count > 0, let unit = unit(&rest) else { return nil }
        let (product, overflow) = whole.value.multipliedReportingOverflow(by: unit)
        guard !overflow, product <= 1 << 63 else { return nil }
        return product + UInt64(Double(fraction.value) * (Double(unit) / fraction.scale))
    }

    private static func digits(_ rest: inout ArraySlice<UInt8>) -> (value: UInt64, count: Int)? {
        var value: UInt64 = 0
        var count = 0
        while let byte = rest.first, case 0x30...0x39 = byte {
            guard value <= (1 << 63) / 10 else { return nil }
            value = value * 10 + UInt64(byte - 0x30)
            count += 1
            rest.removeFirst()
        }
        return (value, count)
    }

    /// Digits beyond what 63 bits hold are read and ignored, as Go does.
    private static func fractionDigits(_ rest: inout ArraySlice<UInt8>) -> (value: UInt64, scale: Double, count: Int) {
        var value: UInt64 = 0
        var scale = 1.0
        var count = 0
        while let byte = rest.first, case 0x30...0x39 = byte {
            if value <= (1 << 62) / 10 {
                value = value * 10 + UInt64(byte - 0x30)
                scale *= 10
            }
            count += 1
            rest.removeFirst()
        }
        return (value, scale, count)
    }

    private static func unit(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        let name = rest.prefix { $0 != UInt8(ascii: ".") && !(0x30...0x39).contains($0) }
        rest = rest[name.endIndex...]
        switch String(decoding: name, as: UTF8.self) {
        case "ns": return 1
        case "us", "\u{B5}s", "\u{3BC}s": return 1000
        case "ms": return 1_000_000
        case "s": return 1_000_000_000
        case "m": return 60_000_000_000
        case "h": return 3_600_000_000_000
        default: return nil
        }
    }
}

// MARK: Writing

extension GoDuration: CustomStringConvertible {
    package var description: String {
        let magnitude = nanoseconds.magnitude
        let sign = nanoseconds < 0 ? "-" : ""
        switch magnitude {
        case 0: return "0s"
        case ..<1000: return "\(sign)\(magnitude)ns"
        case ..<1_000_000: return sign + Self.decimal(magnitude, per: 1000) + "\u{B5}s"
        case ..<1_000_000_000: return sign + Self.decimal(magnitude, per: 1_000_000) + "ms"
        default: break
        }
        let seconds = Self.decimal(magnitude % 60_000_000_000, per: 1_000_000_000) + "s"
        let minutes = magnitude / 60_000_000_000
        if minutes == 0 { return sign + seconds }
        if minutes < 60 { return "\(sign)\(minutes)m\(seconds)" }
        return "\(sign)\(minutes / 60)h\(minutes % 60)m\(seconds)"
    }

    private static func decimal(_ value: UInt64, per unit: UInt64) -> String {
        guard value % unit != 0 else { return String(value / unit) }
        var digits = String(value % unit + unit).dropFirst()  // adding the unit keeps the leading zeros
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(value / unit).\(digits)"
    }
}

extension GoDuration: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let duration = GoDuration(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected a duration such as \"1h30m\"")
        }
        self = duration
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
