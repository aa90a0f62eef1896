/// Recurring times on a clock: minute, hour, day of month, month and day of week, as cron writes them.
///
/// It takes what the standard parser of robfig/cron takes (the one cert-manager uses): `*` and `?`, lists, ranges and
/// steps, the names of months and weekdays in any case, Sunday as 0, and `@yearly`, `@annually`, `@monthly`, `@weekly`,
/// `@daily`, `@midnight`, `@hourly`. Where both days are restricted either will do; where one is `*` the other counts.
/// It does not take `@every`, which begins at no time of the clock, nor a time zone in front.
package struct CronSchedule: Sendable, Hashable {
    private let minutes: UInt64
    private let hours: UInt64
    private let daysOfMonth: UInt64
    private let months: UInt64
    private let daysOfWeek: UInt64
    private let needsBothDays: Bool

    /// Why a text is no schedule, as a sentence's end.
    package struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    private static let shorthands = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    package init(_ text: String) throws(Malformed) {
        guard text.utf8.count <= 1024 else { throw Malformed(description: "must be no longer than 1024 bytes") }
        var text = text
        if text.hasPrefix("@") {
            guard let written = Self.shorthands[text] else {
                throw Malformed(description: "must be five fields, or one of \(Self.shorthandNames)")
            }
            text = written
        }
        let fields = text.split { $0 == " " || $0 == "\t" || $0.isNewline }
        guard fields.count == 5 else {
            throw Malformed(
                description: "must be five fields: minute, hour, day of month, month, day of week;"
                    + " there are \(fields.count)")
        }
        let minute = try CronField.minute.parse(fields[0])
        let hour = try CronField.hour.parse(fields[1])
        let dayOfMonth = try CronField.dayOfMonth.parse(fields[2])
        let month = try CronField.month.parse(fields[3])
        let dayOfWeek = try CronField.dayOfWeek.parse(fields[4])
        (minutes, hours, months) = (minute.bits, hour.bits, month.bits)
        (daysOfMonth, daysOfWeek) = (dayOfMonth.bits, dayOfWeek.bits)
        needsBothDays = dayOfMonth.isStar || dayOfWeek.isStar
    }

    private static var shorthandNames: String { shorthands.keys.sorted().joined(separator: ", ") }

    func hasMonth(_ month: Int64) -> Bool { months >> UInt64(month) & 1 == 1 }

    /// `weekday`: 0 is Sunday.
    func hasDay(ofMonth day: Int64, weekday: Int) -> Bool {
        let isDayOfMonth = daysOfMonth >> UInt64(day) & 1 == 1
        let isDayOfWeek = daysOfWeek >> UInt64(weekday) & 1 == 1
        return needsBothDays ? isDayOfMonth && isDayOfWeek : isDayOfMonth || isDayOfWeek
    }

    /// The first minute of the day (0..<1440) that is in the schedule, from one on.
    func firstMinute(from minute: Int64) -> Int64? {
        var hour = minute / 60
        var first = minute % 60
        while hour < 24 {
            if hours >> UInt64(hour) & 1 == 1 {
                let left = (minutes >> UInt64(first)) << UInt64(first)
                if left != 0 { return hour * 60 + Int64(left.trailingZeroBitCount) }
            }
            (hour, first) = (hour + 1, 0)
        }
        return nil
    }

    /// The last minute of the day that is in the schedule, up to one.
    func lastMinute(upTo minute: Int64) -> Int64? {
        var hour = minute / 60
        var last = minute % 60
        while hour >= 0 {
            if hours >> UInt64(hour) & 1 == 1 {
                let left = (minutes << UInt64(63 - last)) >> UInt64(63 - last)
                if left != 0 { return hour * 60 + Int64(63 - left.leadingZeroBitCount) }
            }
            (hour, last) = (hour - 1, 59)
        }
        return nil
    }
}

/// One of the five fields: its range, and the names that stand for numbers.
private struct CronField {
    let name: String
    let range: ClosedRange<Int>
    var names: [String] = []

    static let minute = CronField(name: "minute", range: 0...59)
    static let hour = CronField(name: "hour", range: 0...23)
    static let dayOfMonth = CronField(name: "day of month", range: 1...31)
    static let month = CronField(
        name: "month", range: 1...12,
        names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
    static let dayOfWeek = CronField(
        name: "day of week", range: 0...6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])

    struct Values {
        var bits: UInt64 = 0
        /// Whether it says nothing: `*` or `?`, without a step.
        var isStar = false
    }

    func parse(_ text: Substring) throws(CronSchedule.Malformed) -> Values {
        var values = Values()
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let (numbers, step, isStar) = try parse(part: part)
            for number in stride(from: numbers.lowerBound, through: numbers.upperBound, by: step) {
                values.bits |= 1 << UInt64(number)
            }
            values.isStar = values.isStar || isStar
        }
        return values
    }

    /// `*`, `?`, `n`, `n-m`, and any of these with `/step`; `n/step` goes on to the end of the range.
    private func parse(part: Substring) throws(CronSchedule.Malformed) -> (ClosedRange<Int>, step: Int, isStar: Bool) {
        let halves = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let span = halves.first, !span.isEmpty else { throw refusal(part, "is empty") }
        let step = halves.count == 1 ? 1 : try number(halves[1], named: false)
        guard step > 0 else { throw refusal(part, "has a step of 0") }
        if span == "*" || span == "?" { return (range, step, isStar: step == 1) }
        let ends = span.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let low = try number(ends[0])
        let high = ends.count == 2 ? try number(ends[1]) : halves.count == 2 ? range.upperBound : low
        guard range.contains(low), range.contains(high) else {
            throw refusal(part, "is not within \(range.lowerBound)-\(range.upperBound)")
        }
        guard low <= high else { throw refusal(part, "begins after its end") }
        return (low...high, step, isStar: false)
    }

    private func number(_ text: Substring, named: Bool = true) throws(CronSchedule.Malformed) -> Int {
        if named, let index = names.firstIndex(of: text.lowercased()) { return index + range.lowerBound }
        guard text.utf8.count <= 4, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text) else {
            throw refusal(text, "is no number")
        }
        return number
    }

    private func refusal(_ text: Substring, _ problem: String) -> CronSchedule.Malformed {
        CronSchedule.Malformed(description: "the \(name) \"\(text)\" \(problem)")
    }
}
