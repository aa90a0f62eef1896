import Wire

/// The rule of a zone for the years to come: the POSIX TZ string of its file, with the extensions of RFC 8536 §3.3.1.
struct ZoneRule: Sendable, Hashable {
    let standard: Int64
    let daylight: Daylight?

    struct Daylight: Sendable, Hashable {
        var offset: Int64
        var start: Edge
        var end: Edge
    }

    /// A moment of the year on the clocks as they go before it.
    struct Edge: Sendable, Hashable {
        enum Day: Sendable, Hashable {
            /// 1...365; February 29 is not counted.
            case julian(Int64)
            /// 0...365; February 29 is counted.
            case ordinal(Int64)
            /// The weekday (0 is Sunday) in the week (1...5, 5 is the last) of the month.
            case weekday(month: Int64, week: Int64, weekday: Int64)
        }
        var day: Day
        /// Seconds after midnight, up to 167 hours in either direction.
        var seconds: Int64

        /// As if the clocks showed UTC.
        func local(in year: Int64) -> Int64 { dayNumber(in: year) * 86400 + seconds }

        private func dayNumber(in year: Int64) -> Int64 {
            let first = CivilTime.daysSince1970(year: year, month: 1, day: 1)
            switch day {
            case .ordinal(let day): return first + day
            case .julian(let day):
                let isPastLeapDay = day >= 60 && CivilTime.days(in: 2, of: year) == 29
                return first + day - (isPastLeapDay ? 0 : 1)
            case .weekday(let month, let week, let weekday):
                let first = CivilTime.daysSince1970(year: year, month: month, day: 1)
                // 1970-01-01 was a Thursday.
                let firstWeekday = ((first + 4) % 7 + 7) % 7
                let day = (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
                return first + (day >= CivilTime.days(in: month, of: year) ? day - 7 : day)
            }
        }
    }

    func span(at moment: Int64) -> Zone.Span {
        guard let daylight else { return Zone.Span(offset: standard, start: nil, end: nil) }
        let year = CivilTime(Timestamp(secondsSince1970: moment + standard)).year
        // A year's edges may lie some days in its neighbours.
        let edges = ((year - 1)...(year + 1)).flatMap { year in
            [
                (moment: daylight.start.local(in: year) - standard, rank: 1, offset: daylight.offset),
                // Where one ends at the moment the next begins, summer never ends.
                (moment: daylight.end.local(in: year) - daylight.offset, rank: 0, offset: standard),
            ]
        }
        .sorted { ($0.moment, $0.rank) < ($1.moment, $1.rank) }
        let current = edges.last { $0.moment <= moment }
        return Zone.Span(
            offset: current?.offset ?? standard, start: current?.moment,
            end: edges.first { $0.moment > moment }?.moment)
    }
}

extension ZoneRule {
    /// Reads "CET-1CEST,M3.5.0,M10.5.0/3" and the like. Nil for what is no such rule.
    init?(_ text: some StringProtocol) {
        var scanner = RuleScanner(text)
        guard scanner.skipName(), let west = scanner.offset(limit: 24) else { return nil }
        standard = -west
        guard !scanner.isAtEnd else {
            daylight = nil
            return
        }
        guard scanner.skipName() else { return nil }
        var offset = -west + 3600
        var hasEdges = scanner.take(",")
        if !hasEdges, !scanner.isAtEnd {
            guard let west = scanner.offset(limit: 24) else { return nil }
            offset = -west
            hasEdges = scanner.take(",")
        }
        guard hasEdges else {
            guard scanner.isAtEnd else { return nil }
            // What POSIX leaves open, everybody reads as the rule of the United States.
            daylight = Daylight(
                offset: offset, start: Edge(day: .weekday(month: 3, week: 2, weekday: 0), seconds: 7200),
                end: Edge(day: .weekday(month: 11, week: 1, weekday: 0), seconds: 7200))
            return
        }
        guard let start = scanner.edge(), scanner.take(","), let end = scanner.edge(), scanner.isAtEnd else {
            return nil
        }
        daylight = Daylight(offset: offset, start: start, end: end)
    }
}

/// Takes a rule apart from left to right.
private struct RuleScanner {
    private var rest: ArraySlice<UInt8>

    init(_ text: some StringProtocol) { rest = Array(text.utf8)[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: scalar) else { return false }
        rest.removeFirst()
        return true
    }

    /// Three letters or more, or anything in angle brackets.
    mutating func skipName() -> Bool {
        if take("<") {
            guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
            rest = rest[rest.index(after: end)...]
            return true
        }
        let letters = rest.prefix { (0x41...0x5A).contains($0 & 0xDF) }
        rest = rest[letters.endIndex...]
        return letters.count >= 3
    }

    /// `[+-]hh[:mm[:ss]]` in seconds; hours beyond `limit` are refused.
    mutating func offset(limit: Int64) -> Int64? {
        let sign: Int64 = take("-") ? -1 : 1
        if sign == 1 { _ = take("+") }
        guard let hours = number(), hours <= limit else { return nil }
        var seconds = hours * 3600
        for unit: Int64 in [60, 1] where take(":") {
            guard let part = number(), part < 60 else { return nil }
            seconds += part * unit
        }
        return sign * seconds
    }

    mutating func edge() -> ZoneRule.Edge? {
        guard let day = day() else { return nil }
        guard take("/") else { return ZoneRule.Edge(day: day, seconds: 7200) }
        guard let seconds = offset(limit: 167) else { return nil }
        return ZoneRule.Edge(day: day, seconds: seconds)
    }

    private mutating func day() -> ZoneRule.Edge.Day? {
        if take("J") {
            guard let day = number(), (1...365).contains(day) else { return nil }
            return .julian(day)
        }
        guard take("M") else {
            guard let day = number(), day <= 365 else { return nil }
            return .ordinal(day)
        }
        guard let month = number(), (1...12).contains(month), take("."), let week = number(), (1...5).contains(week),
            take("."), let weekday = number(), weekday <= 6
        else { return nil }
        return .weekday(month: month, week: week, weekday: weekday)
    }

    private mutating func number() -> Int64? {
        var number: Int64?
        while let byte = rest.first, case 0x30...0x39 = byte {
            let next = (number ?? 0) * 10 + Int64(byte - 0x30)
            guard next < 1000 else { return nil }
            number = next
            rest.removeFirst()
        }
        return number
    }
}
