import Testing
import Wire

@Suite("times")
struct TimestampTests {
    @Test(
        "RFC 3339 in every offset",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, 0), ("2026-01-01T00:00:00Z", 1_767_225_600, 0),
            ("2026-01-01t02:30:00+02:30", 1_767_225_600, 0), ("2025-12-31T23:00:00-01:00", 1_767_225_600, 0),
            ("2024-02-29T12:00:00.5Z", 1_709_208_000, 500_000_000), ("1969-12-31T23:59:59.25Z", -1, 250_000_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800, 0), ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
            ("2016-12-31T23:59:60Z", 1_483_228_800, 0),
            ("2026-01-01T00:00:00.1234567891234Z", 1_767_225_600, 123_456_789),
        ] as [(String, Int64, Int32)])
    func reading(text: String, seconds: Int64, nanoseconds: Int32) {
        #expect(Timestamp(rfc3339: text) == Timestamp(secondsSince1970: seconds, nanoseconds: nanoseconds))
    }

    @Test(
        "what is no time is refused",
        arguments: [
            "", "2026", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
            "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00Zx",
            "2026-01-01 00:00:00Z", "+026-01-01T00:00:00Z", "2026-01-01T00:00:00+24:00",
        ])
    func malformed(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test("every day from 1899 to 2101 is written as it is read")
    func everyDay() {
        for day in Int64(-25_600)..<47_900 {
            let time = Timestamp(secondsSince1970: day * 86400 + 86399)
            #expect(Timestamp(rfc3339: time.rfc3339) == time)
        }
    }

    @Test("the fraction is written only where there is one, and always for MicroTime")
    func writing() {
        let time = Timestamp(secondsSince1970: 1_136_214_245, nanoseconds: 120_000_000)
        #expect(time.rfc3339 == "2006-01-02T15:04:05.12Z")
        #expect(time.wholeSeconds.rfc3339 == "2006-01-02T15:04:05Z")
        #expect(time.rfc3339Micro == "2006-01-02T15:04:05.120000Z")
        #expect(Timestamp(secondsSince1970: .max).rfc3339 == "9999-12-31T23:59:59Z")
        #expect(Timestamp(secondsSince1970: .min).rfc3339 == "0000-01-01T00:00:00Z")
    }

    @Test("sums carry, go back and stop at the ends")
    func arithmetic() {
        let time = Timestamp(secondsSince1970: 10, nanoseconds: 600_000_000)
        #expect(time + .milliseconds(500) == Timestamp(secondsSince1970: 11, nanoseconds: 100_000_000))
        #expect(time - .milliseconds(700) == Timestamp(secondsSince1970: 9, nanoseconds: 900_000_000))
        #expect(time - .seconds(20) == Timestamp(secondsSince1970: -10, nanoseconds: 600_000_000))
        #expect((time + .seconds(3)) - time == .seconds(3))
        #expect(time - (time + .milliseconds(1)) == .milliseconds(-1))
        #expect((Timestamp(secondsSince1970: .max) + .seconds(5)).secondsSince1970 == .max)
        #expect(time < time + .nanoseconds(1))
    }

    @Test(
        "all three forms of HTTP dates mean the same moment",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        ])
    func httpDates(text: String) {
        let time = Timestamp(httpDate: text)
        #expect(time == Timestamp(secondsSince1970: 784_111_777))
        #expect(time?.httpDate == "Sun, 06 Nov 1994 08:49:37 GMT")
    }

    @Test(
        "what is no HTTP date is refused",
        arguments: [
            "", "Sun", "Sun,", "Sun, 06 Nov 1994", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
        ])
    func notHTTPDates(text: String) {
        #expect(Timestamp(httpDate: text) == nil)
    }
}

@Suite("Go durations")
struct GoDurationTests {
    @Test(
        "texts are read and written as Go does",
        arguments: [
            ("0", 0, "0s"), ("2160h", 7_776_000_000_000_000, "2160h0m0s"), ("1h30m", 5_400_000_000_000, "1h30m0s"),
            ("1.5s", 1_500_000_000, "1.5s"), ("-1.5h", -5_400_000_000_000, "-1h30m0s"), ("+5s", 5_000_000_000, "5s"),
            ("100ms", 100_000_000, "100ms"), ("1.5ms", 1_500_000, "1.5ms"), ("1us", 1000, "1µs"), ("1µs", 1000, "1µs"),
            ("1μs", 1000, "1µs"), ("7ns", 7, "7ns"), (".5s", 500_000_000, "500ms"), ("1.s", 1_000_000_000, "1s"),
            ("3m0.000000001s", 180_000_000_001, "3m0.000000001s"),
            ("9223372036854775807ns", .max, "2562047h47m16.854775807s"),
            ("-9223372036854775808ns", .min, "-2562047h47m16.854775808s"),
            ("0.3333333333333333333h", 1_200_000_000_000, "20m0s"),
        ] as [(String, Int64, String)])
    func goldens(text: String, nanoseconds: Int64, written: String) {
        let duration = GoDuration(text)
        #expect(duration?.nanoseconds == nanoseconds)
        #expect(duration?.description == written)
        #expect(duration.flatMap { GoDuration($0.description) } == duration)
    }

    @Test(
        "what Go refuses is refused",
        arguments: [
            "", "1", "-", "+", "s", ".", ".s", "1d", "1 h", "1h ", "-.s", "1h-5m", "9223372036854775808ns", "3000000h",
            "9223372036854ms775us808ns1ns", "99999999999999999999s", "1hs", "٣s",
        ])
    func malformed(text: String) {
        #expect(GoDuration(text) == nil)
    }

    @Test("a Duration outside Go's range is held at its end")
    func clamped() {
        #expect(GoDuration(.seconds(Int64.max)).nanoseconds == .max)
        #expect(GoDuration(.seconds(Int64.min)).nanoseconds == .min)
        #expect(GoDuration(.milliseconds(1500)).duration == .milliseconds(1500))
    }
}
