import Calendar
import Testing
import Wire

func moment(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

@Suite("Cron schedules")
struct CronScheduleTests {
    /// The first moments from the start of 2026 on, in UTC.
    private func firsts(_ text: String, _ count: Int, after start: String = "2025-12-31T23:59:59Z") throws -> [String] {
        let schedule = try CronSchedule(text)
        var now = try moment(start)
        var found: [String] = []
        while found.count < count, let next = schedule.first(after: now, before: now + .seconds(1 << 40), in: .utc) {
            found.append(next.rfc3339)
            now = next
        }
        return found
    }

    @Test("fields of numbers, lists, ranges, steps and names")
    func fields() throws {
        #expect(try firsts("30 2 * * *", 2) == ["2026-01-01T02:30:00Z", "2026-01-02T02:30:00Z"])
        #expect(
            try firsts("0,30 9-10 * * *", 4) == [
                "2026-01-01T09:00:00Z", "2026-01-01T09:30:00Z", "2026-01-01T10:00:00Z", "2026-01-01T10:30:00Z",
            ])
        #expect(
            try firsts("*/25 0 1 * ?", 3) == ["2026-01-01T00:00:00Z", "2026-01-01T00:25:00Z", "2026-01-01T00:50:00Z"])
        #expect(try firsts("0 0 1 Jul-SEP/2 *", 3).map { $0.prefix(7) } == ["2026-07", "2026-09", "2027-07"])
        #expect(try firsts("0 4 * * Mon,wed", 3).map { $0.prefix(10) } == ["2026-01-05", "2026-01-07", "2026-01-12"])
        #expect(try firsts("50/4 23 31 12 *", 3).map { $0.dropFirst(11).prefix(5) } == ["23:50", "23:54", "23:58"])
        #expect(try firsts("  5\t0   *  * *  ", 1) == ["2026-01-01T00:05:00Z"])
    }

    @Test("two restricted days: either will do; one that is free leaves the other to decide")
    func days() throws {
        #expect(
            try firsts("0 0 13 * FRI", 3).map { $0.prefix(10) } == ["2026-01-02", "2026-01-09", "2026-01-13"])
        #expect(try firsts("0 0 13 * *", 2).map { $0.prefix(10) } == ["2026-01-13", "2026-02-13"])
        // A step makes a star restrict, as robfig/cron has it.
        #expect(try firsts("0 0 */10 * MON", 3).map { $0.prefix(10) } == ["2026-01-01", "2026-01-05", "2026-01-11"])
        #expect(try firsts("0 0 */1 * MON", 2).map { $0.prefix(10) } == ["2026-01-05", "2026-01-12"])
    }

    @Test(
        "words for whole schedules",
        arguments: [
            ("@yearly", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"), ("@monthly", "0 0 1 * *"), ("@weekly", "0 0 * * 0"),
            ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@hourly", "0 * * * *"),
        ])
    func shorthands(word: String, fields: String) throws { #expect(try CronSchedule(word) == CronSchedule(fields)) }

    @Test("days that come seldom, and one that never does")
    func rareDays() throws {
        #expect(try firsts("0 0 29 2 *", 2).map { $0.prefix(10) } == ["2028-02-29", "2032-02-29"])
        // A leap day on a Monday across the year 2100, which has none.
        let schedule = try CronSchedule("0 0 29 FEB ?")
        let found = schedule.first(
            after: try moment("2096-03-01T00:00:00Z"), before: try moment("2200-01-01T00:00:00Z"), in: .utc)
        #expect(found == (try moment("2104-02-29T00:00:00Z")))
        let never = try CronSchedule("0 0 31 2 *")
        let (start, end) = (try moment("0001-01-01T00:00:00Z"), try moment("9999-12-31T23:59:59Z"))
        #expect(never.first(after: start, before: end, in: .utc) == nil)
        #expect(never.last(upTo: end, notBefore: start, in: .utc) == nil)
    }

    @Test("the search ends before the limit, and finds the last one backwards")
    func limits() throws {
        let schedule = try CronSchedule("0 3 * * *")
        let three = try moment("2026-05-05T03:00:00Z")
        #expect(schedule.first(after: three - .seconds(1), before: three, in: .utc) == nil)
        #expect(schedule.first(after: three - .seconds(1), before: three + .seconds(1), in: .utc) == three)
        #expect(schedule.first(after: three, before: three + .seconds(86400), in: .utc) == nil)
        #expect(schedule.last(upTo: three, notBefore: three, in: .utc) == three)
        #expect(schedule.last(upTo: three - .nanoseconds(1), notBefore: three - .seconds(86399), in: .utc) == nil)
        #expect(
            schedule.last(upTo: three + .seconds(80000), notBefore: three - .seconds(86400), in: .utc) == three)
        let odd = try CronSchedule("7-11/2 5,17 10-12 * *")
        #expect(
            odd.last(upTo: try moment("2026-06-01T00:00:00Z"), notBefore: three, in: .utc)
                == (try moment("2026-05-12T17:11:00Z")))
    }

    @Test("every moment that is found forwards is found backwards")
    func bothWays() throws {
        let zone = try ZoneDatabase.system.zone("Europe/Berlin")
        for text in ["*/17 * * * *", "30 2 * * *", "0 3 29 2 *", "15 1,2,3 * 3,10 SUN"] {
            let schedule = try CronSchedule(text)
            var now = try moment("2026-01-01T00:00:00Z")
            for _ in 0..<200 {
                let next = try #require(schedule.first(after: now, before: now + .seconds(1 << 33), in: zone))
                #expect(schedule.last(upTo: next, notBefore: now, in: zone) == next)
                if let before = schedule.last(upTo: next - .seconds(1), notBefore: now, in: zone) {
                    #expect(before == now)
                }
                now = next
            }
        }
    }

    @Test(
        "what is no schedule is refused with a reason",
        arguments: [
            ("", "must be five fields: minute, hour, day of month, month, day of week; there are 0"),
            ("* * * *", "must be five fields: minute, hour, day of month, month, day of week; there are 4"),
            ("0 * * * * *", "must be five fields: minute, hour, day of month, month, day of week; there are 6"),
            ("60 * * * *", "the minute \"60\" is not within 0-59"),
            ("* 24 * * *", "the hour \"24\" is not within 0-23"),
            ("* * 0 * *", "the day of month \"0\" is not within 1-31"),
            ("* * * 13 *", "the month \"13\" is not within 1-12"),
            ("* * * * 7", "the day of week \"7\" is not within 0-6"),
            ("5-1 * * * *", "the minute \"5-1\" begins after its end"),
            ("*/0 * * * *", "the minute \"*/0\" has a step of 0"),
            ("1,,2 * * * *", "the minute \"\" is empty"), ("-1 * * * *", "the minute \"\" is no number"),
            ("1--2 * * * *", "the minute \"-2\" is no number"), ("1/2/3 * * * *", "the minute \"2/3\" is no number"),
            ("99999999999999999999 * * * *", "the minute \"99999999999999999999\" is no number"),
            ("* * * Foo *", "the month \"Foo\" is no number"),
            ("* * * * */mon", "the day of week \"mon\" is no number"),
            (
                "@every 1h",
                "must be five fields, or one of @annually, @daily, @hourly, @midnight, @monthly, @weekly, @yearly"
            ),
            (
                "CRON_TZ=Asia/Tokyo 0 3 * * *",
                "must be five fields: minute, hour, day of month, month, day of week; there are 6"
            ),
        ])
    func refusals(text: String, reason: String) {
        #expect(throws: CronSchedule.Malformed.self) { try CronSchedule(text) }
        do { _ = try CronSchedule(text) } catch { #expect(error.description == reason) }
    }

    @Test("no text traps or takes long")
    func malformed() throws {
        let parts = [
            "*", "?", "0", "5", "31", "29", "2", "*/7", "1-5", "mon", "JAN", "-", "/", ",", "@", "\u{e9}", "\n", "60",
        ]
        var generator = SeededGenerator(state: 42)
        let (start, end) = (try moment("2026-01-01T00:00:00Z"), try moment("9999-12-31T00:00:00Z"))
        var legal = 0
        for _ in 0..<4000 {
            let fields = (0..<5).map { _ in
                (0...Int.random(in: 0...1, using: &generator)).compactMap { _ in parts.randomElement(using: &generator)
                }
                .joined()
            }
            // A refusal is an answer too.
            guard let schedule = try? CronSchedule(fields.joined(separator: " ")) else { continue }
            legal += 1
            if let found = schedule.first(after: start, before: end, in: .utc) {
                #expect(schedule.last(upTo: found, notBefore: start, in: .utc) == found)
            }
        }
        #expect(legal > 0)
    }
}

/// The same numbers on every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
