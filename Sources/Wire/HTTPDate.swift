extension Timestamp {
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7).
    package var httpDate: String {
        let civil = CivilTime(self)
        let month = Self.months[Int(civil.month) - 1]
        let date = "\(zeroPadded(civil.day, 2)) \(month) \(zeroPadded(civil.year, 4))"
        return "\(Self.weekdays[civil.weekday]), \(date) \(civil.clock) GMT"
    }

    /// Any of the three forms a recipient must accept (RFC 9110 §5.6.7); the weekday is not checked.
    package init?(httpDate text: some StringProtocol) {
        var scanner = DigitScanner(text)
        _ = scanner.word()
        let civil = scanner.take(",") ? Self.commaForm(&scanner) : Self.asctimeForm(&scanner)
        guard let civil, scanner.isAtEnd else { return nil }
        self.init(secondsSince1970: civil.secondsSince1970)
    }

    /// "06 Nov 1994 08:49:37 GMT" and the obsolete "06-Nov-94 08:49:37 GMT".
    private static func commaForm(_ scanner: inout DigitScanner) -> CivilTime? {
        guard scanner.take(" "), let day = scanner.number(2) else { return nil }
        let isObsolete = scanner.take("-")
        guard isObsolete || scanner.take(" "), let month = month(&scanner) else { return nil }
        guard isObsolete ? scanner.take("-") : scanner.take(" ") else { return nil }
        guard var year = scanner.number(isObsolete ? 2 : 4) else { return nil }
        if isObsolete { year += year < 70 ? 2000 : 1900 }
        guard scanner.take(" "), let clock = clock(&scanner), scanner.take(" "), scanner.word() == "GMT" else {
            return nil
        }
        return CivilTime(year: year, month: month, day: day, hour: clock.0, minute: clock.1, second: clock.2)
    }

    /// "Nov  6 08:49:37 1994".
    private static func asctimeForm(_ scanner: inout DigitScanner) -> CivilTime? {
        guard scanner.take(" "), let month = month(&scanner), scanner.take(" ") else { return nil }
        guard let day = scanner.take(" ") ? scanner.number(1) : scanner.number(2) else { return nil }
        guard scanner.take(" "), let clock = clock(&scanner), scanner.take(" "), let year = scanner.number(4) else {
            return nil
        }
        return CivilTime(year: year, month: month, day: day, hour: clock.0, minute: clock.1, second: clock.2)
    }

    private static func month(_ scanner: inout DigitScanner) -> Int64? {
        let word = scanner.word()
        return months.firstIndex(of: word).map { Int64($0) + 1 }
    }

    private static func clock(_ scanner: inout DigitScanner) -> (Int64, Int64, Int64)? {
        guard let hour = scanner.number(2), scanner.take(":"), let minute = scanner.number(2), scanner.take(":"),
            let second = scanner.number(2)
        else { return nil }
        return (hour, minute, second)
    }
}
