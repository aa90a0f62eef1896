import Glibc

/// A moment in UTC, to the nanosecond.
package struct Timestamp: Sendable, Hashable {
    package let secondsSince1970: Int64
    /// 0..<1_000_000_000, added to the seconds also when these are negative.
    package let nanoseconds: Int32

    /// Any number of nanoseconds is brought into range.
    package init(secondsSince1970: Int64, nanoseconds: Int32 = 0) {
        let carry = (nanoseconds >= 0 ? nanoseconds : nanoseconds - 999_999_999) / 1_000_000_000
        self.secondsSince1970 = secondsSince1970.addingSaturating(Int64(carry))
        self.nanoseconds = nanoseconds - carry * 1_000_000_000
    }

    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(secondsSince1970: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }

    /// Without the fraction, as `metav1.Time` keeps it.
    package var wholeSeconds: Timestamp { Timestamp(secondsSince1970: secondsSince1970) }
}

extension Timestamp: Comparable {
    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.secondsSince1970, left.nanoseconds) < (right.secondsSince1970, right.nanoseconds)
    }
}

extension Timestamp {
    /// Stays at the end of the range where the sum would leave it.
    package static func + (left: Timestamp, right: Duration) -> Timestamp {
        let (seconds, attoseconds) = right.components
        let nanoseconds = left.nanoseconds + Int32(attoseconds / 1_000_000_000)
        return Timestamp(
            secondsSince1970: left.secondsSince1970.addingSaturating(seconds), nanoseconds: nanoseconds)
    }

    package static func - (left: Timestamp, right: Duration) -> Timestamp { left + (.zero - right) }

    package static func - (left: Timestamp, right: Timestamp) -> Duration {
        .seconds(left.secondsSince1970) - .seconds(right.secondsSince1970)
            + .nanoseconds(Int64(left.nanoseconds) - Int64(right.nanoseconds))
    }
}

extension Int64 {
    fileprivate func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}

// MARK: RFC 3339

extension Timestamp {
    /// "2006-01-02T15:04:05Z", with as many digits of fraction as there are.
    package var rfc3339: String {
        guard nanoseconds != 0 else { return CivilTime(self).text + "Z" }
        var digits = zeroPadded(Int64(nanoseconds), 9)
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(CivilTime(self).text).\(digits)Z"
    }

    /// "2006-01-02T15:04:05.000000Z", the form of `metav1.MicroTime` in Leases and Events.
    package var rfc3339Micro: String {
        "\(CivilTime(self).text).\(zeroPadded(Int64(nanoseconds / 1000), 6))Z"
    }

    /// Any offset and any number of digits of fraction; digits past the ninth are dropped.
    package init?(rfc3339 text: some StringProtocol) {
        var scanner = DigitScanner(text)
        guard let year = scanner.number(4), scanner.take("-"), let month = scanner.number(2), scanner.take("-"),
            let day = scanner.number(2), scanner.take("T") || scanner.take("t"),
            let hour = scanner.number(2), scanner.take(":"), let minute = scanner.number(2), scanner.take(":"),
            let second = scanner.number(2), let nanoseconds = scanner.fraction(), let offset = scanner.offset(),
            scanner.isAtEnd,
            let civil = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        else { return nil }
        self.init(secondsSince1970: civil.secondsSince1970 - offset, nanoseconds: nanoseconds)
    }
}

extension Timestamp: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let time = Timestamp(rfc3339: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected an RFC 3339 time")
        }
        self = time
    }

    /// Writes the fraction when there is one, so that what is read back is equal.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rfc3339)
    }
}

extension Timestamp: CustomStringConvertible {
    package var description: String { rfc3339 }
}

/// A moment that Kubernetes keeps to the microsecond (`metav1.MicroTime`).
package struct MicroTime: Sendable, Hashable, Codable {
    package var time: Timestamp

    package init(_ time: Timestamp) {
        let microseconds = time.nanoseconds / 1000
        self.time = Timestamp(secondsSince1970: time.secondsSince1970, nanoseconds: microseconds * 1000)
    }

    package init(from decoder: any Decoder) throws { self.init(try Timestamp(from: decoder)) }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(time.rfc3339Micro)
    }
}
