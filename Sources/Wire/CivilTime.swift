/// A moment as the Gregorian calendar in UTC writes it.
package struct CivilTime: Sendable, Hashable {
    package private(set) var year: Int64
    package private(set) var month: Int64
    package private(set) var day: Int64
    package private(set) var hour: Int64
    package private(set) var minute: Int64
    package private(set) var second: Int64

    /// Nil for a date that does not exist. A leap second (60) counts as the first second of the next minute.
    package init?(year: Int64, month: Int64, day: Int64, hour: Int64, minute: Int64, second: Int64) {
        guard (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year),
            (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
        (self.hour, self.minute, self.second) = (hour, minute, second)
    }

    /// Days to civil after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    /// Years beyond what four digits say are held at the first and last second of 0000 and 9999.
    package init(_ time: Timestamp) {
        let seconds = min(max(time.secondsSince1970, -62_167_219_200), 253_402_300_799)
        let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        let rest = seconds - days * 86400
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
    }

    private var daysSince1970: Int64 { Self.daysSince1970(year: year, month: month, day: day) }

    /// The days from 1970-01-01 to a date, negative before it; `month` is 1...12, and `day` may lie outside the month.
    package static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    package var secondsSince1970: Int64 { daysSince1970 * 86400 + hour * 3600 + minute * 60 + second }

    /// 0...6; 0 is Sunday.
    package var weekday: Int { Int(((daysSince1970 % 7) + 11) % 7) }

    var text: String {
        "\(zeroPadded(year, 4))-\(zeroPadded(month, 2))-\(zeroPadded(day, 2))T\(clock)"
    }

    var clock: String { "\(zeroPadded(hour, 2)):\(zeroPadded(minute, 2)):\(zeroPadded(second, 2))" }

    /// 28...31; `month` is 1...12.
    package static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: (year.isMultiple(of: 4) && !year.isMultiple(of: 100)) || year.isMultiple(of: 400) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

func zeroPadded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

/// Reads the fixed forms of dates, byte by byte.
struct DigitScanner {
    private let bytes: [UInt8]
    private var index = 0

    init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { index == bytes.count }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: scalar) else { return false }
        index += 1
        return true
    }

    /// Exactly that many digits.
    mutating func number(_ width: Int) -> Int64? {
        guard index + width <= bytes.count else { return nil }
        var number: Int64 = 0
        for byte in bytes[index..<index + width] {
            guard case 0x30...0x39 = byte else { return nil }
            number = number * 10 + Int64(byte - 0x30)
        }
        index += width
        return number
    }

    mutating func word() -> String {
        let start = index
        while index < bytes.count, case 0x41...0x5A = bytes[index] & 0xDF { index += 1 }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    /// Nanoseconds; zero where there is no fraction, nil where a point has no digit after it.
    mutating func fraction() -> Int32? {
        guard take(".") || take(",") else { return 0 }
        let start = index
        var nanoseconds: Int32 = 0
        var unit: Int32 = 100_000_000
        while index < bytes.count, case 0x30...0x39 = bytes[index] {
            nanoseconds += Int32(bytes[index] - 0x30) * unit
            unit /= 10
            index += 1
        }
        return index > start ? nanoseconds : nil
    }

    /// Seconds east of UTC.
    mutating func offset() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let sign: Int64
        if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
        guard let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }
}
