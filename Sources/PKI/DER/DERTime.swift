import Wire

/// UTCTime and GeneralizedTime as RFC 5280 §4.1.2.5 allows them: seconds present, no fraction, always "Z".
enum DERTime {
    /// 9999-12-31T23:59:59Z, the last second a certificate can name; RFC 5280 gives it the meaning "no expiry".
    static let last: Int64 = 253_402_300_799

    static func parse(_ element: DERElement) throws(DERError) -> Timestamp {
        let yearDigits: Int
        switch element.tag {
        case DERTag.utcTime: yearDigits = 2
        case DERTag.generalizedTime: yearDigits = 4
        default: throw DERError("a time has an unexpected type")
        }
        let octets = Array(element.value)
        guard octets.count == yearDigits + 11, octets.last == UInt8(ascii: "Z") else { throw DERError.time }
        var digits: [Int] = []
        for octet in octets.dropLast() {
            guard (0x30...0x39).contains(octet) else { throw DERError.time }
            digits.append(Int(octet) - 0x30)
        }
        var year = digits[..<yearDigits].reduce(0) { $0 * 10 + $1 }
        if yearDigits == 2 { year += year < 50 ? 2000 : 1900 }
        let fields = stride(from: yearDigits, to: digits.count, by: 2).map { digits[$0] * 10 + digits[$0 + 1] }
        guard let seconds = secondsSince1970(year: year, fields: fields) else { throw DERError.time }
        return Timestamp(secondsSince1970: seconds)
    }

    /// `fields` are month, day, hour, minute, second. Nil unless they name a moment of the calendar.
    private static func secondsSince1970(year: Int, fields: [Int]) -> Int64? {
        let (month, day, hour, minute, second) = (fields[0], fields[1], fields[2], fields[3], fields[4])
        guard (1...12).contains(month), hour < 24, minute < 60, second < 60 else { return nil }
        let days = daysSince1970(year: year, month: month, day: day)
        guard day >= 1, civil(days: days) == (year, month, day) else { return nil }
        return Int64(days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    /// UTCTime through 2049, GeneralizedTime after, as RFC 5280 demands. Nil outside years 0 to 9999.
    static func encode(_ time: Timestamp) -> (tag: UInt8, text: [UInt8])? {
        let seconds = Int(time.secondsSince1970)
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - days * 86_400
        guard (-719_528...2_932_896).contains(days) else { return nil }
        let (year, month, day) = civil(days: days)
        let pairs = [month, day, rest / 3600, rest / 60 % 60, rest % 60]
        let isShort = (1950..<2050).contains(year)
        var text = isShort ? [] : digits(year / 100)
        text += digits(year % 100)
        for pair in pairs { text += digits(pair) }
        return (isShort ? DERTag.utcTime : DERTag.generalizedTime, text + [UInt8(ascii: "Z")])
    }

    private static func digits(_ value: Int) -> [UInt8] { [UInt8(0x30 + value / 10), UInt8(0x30 + value % 10)] }

    /// Days in the proleptic Gregorian calendar, counted in 400-year eras that begin on 1 March.
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(days: Int) -> (Int, Int, Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch + (monthFromMarch < 10 ? 3 : -9)
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}

extension DERError {
    fileprivate static let time = DERError("a time is not one RFC 5280 allows")
}
