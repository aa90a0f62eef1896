import Testing
import Wire

@testable import Calendar

@Suite("Time zones")
struct ZoneTests {
    /// Hours east of UTC.
    private func hours(_ zone: String, _ time: String) throws -> Double {
        Double(try ZoneDatabase.system.zone(zone).offset(at: try moment(time).secondsSince1970)) / 3600
    }

    @Test("offsets before, after and far beyond the changes that the files list")
    func offsets() throws {
        #expect(try hours("Europe/Berlin", "2026-01-15T12:00:00Z") == 1)
        #expect(try hours("Europe/Berlin", "2026-07-15T12:00:00Z") == 2)
        #expect(try hours("Europe/Berlin", "2026-03-29T00:59:59Z") == 1)
        #expect(try hours("Europe/Berlin", "2026-03-29T01:00:00Z") == 2)
        #expect(try hours("Europe/Berlin", "2026-10-25T00:59:59Z") == 2)
        #expect(try hours("Europe/Berlin", "2026-10-25T01:00:00Z") == 1)
        #expect(try hours("Europe/Berlin", "2093-07-15T12:00:00Z") == 2)
        #expect(try hours("America/New_York", "2093-01-15T12:00:00Z") == -5)
        #expect(try hours("Australia/Sydney", "2026-01-15T12:00:00Z") == 11)
        #expect(try hours("Australia/Sydney", "2093-07-15T12:00:00Z") == 10)
        #expect(try hours("Australia/Lord_Howe", "2093-01-15T12:00:00Z") == 11)
        #expect(try hours("Australia/Lord_Howe", "2093-07-15T12:00:00Z") == 10.5)
        #expect(try hours("Europe/Dublin", "2093-01-15T12:00:00Z") == 0)
        #expect(try hours("Europe/Dublin", "2093-07-15T12:00:00Z") == 1)
        #expect(try hours("Asia/Kolkata", "2093-07-15T12:00:00Z") == 5.5)
        #expect(try hours("Pacific/Apia", "2011-12-29T12:00:00Z") == -10)
        #expect(try hours("Pacific/Apia", "2011-12-31T12:00:00Z") == 14)
        #expect(try hours("UTC", "2026-07-15T12:00:00Z") == 0)
    }

    @Test(
        "a rule gives the changes that a file lists",
        arguments: ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
    func ruleAgrees(name: String) throws {
        let rules = [
            "Europe/Berlin": "CET-1CEST,M3.5.0,M10.5.0/3", "America/New_York": "EST5EDT,M3.2.0,M11.1.0",
            "Australia/Sydney": "AEST-10AEDT,M10.1.0,M4.1.0/3",
        ]
        let zone = try ZoneDatabase.system.zone(name)
        let rule = try #require(ZoneRule(rules[name] ?? ""))
        var now = try moment("2010-01-01T00:00:00Z").secondsSince1970
        let end = try moment("2036-01-01T00:00:00Z").secondsSince1970
        while now < end {
            let (listed, ruled) = (zone.span(at: now), rule.span(at: now))
            #expect(listed.offset == ruled.offset && listed.end == ruled.end)
            now = try #require(listed.end)
        }
    }

    @Test("rules of every form")
    func rules() throws {
        func offset(_ text: String, _ time: String) throws -> Int64 {
            try #require(ZoneRule(text)).span(at: try moment(time).secondsSince1970).offset
        }
        #expect(try offset("<+0330>-3:30", "2026-07-01T00:00:00Z") == 12_600)
        #expect(try offset("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z") == -7200)
        #expect(try offset("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z") == -3600)
        // Summer all year, in the form of RFC 8536 §3.3.1.
        for day in ["2026-01-01T04:00:00Z", "2026-06-01T00:00:00Z", "2026-12-31T23:59:59Z", "2027-01-01T05:00:00Z"] {
            #expect(try offset("EST5EDT,0/0,J365/25", day) == -14_400)
        }
        #expect(try offset("AAA0BBB,J60,J300", "2028-02-29T12:00:00Z") == 0)
        #expect(try offset("AAA0BBB,J60,J300", "2028-03-01T12:00:00Z") == 3600)
        #expect(try offset("AAA0BBB,59,300", "2028-02-29T12:00:00Z") == 3600)
        #expect(try offset("EST5EDT", "2026-03-08T07:00:00Z") == -14_400)
        let illegal = [
            "", "A1", "CET", "CET-25", "CET-1CEST,", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,M3.5.0", "<CET-1",
        ]
        for text in illegal + ["CET-1CEST,M3.5.0,M10.5.0/168", "CET-1CEST,J0,J1", "CET-1CEST,M3.5.0,M10.5.0x"] {
            #expect(ZoneRule(text) == nil, "\(text)")
        }
    }

    @Test("every zone of the system is read, and its spans meet")
    func everyZone() throws {
        for name in [
            "Africa/Casablanca", "America/Nuuk", "America/St_Johns", "Antarctica/Troll", "Asia/Tehran", "Europe/London",
        ] {
            let zone = try ZoneDatabase.system.zone(name)
            var now = try moment("1990-01-01T00:00:00Z").secondsSince1970
            let end = try moment("2100-01-01T00:00:00Z").secondsSince1970
            while now < end {
                let span = zone.span(at: now)
                guard let next = span.end else { break }
                #expect(next > now && zone.span(at: next - 1) == span && zone.span(at: next).start == next, "\(name)")
                now = next
            }
        }
    }

    @Test(
        "names that are no zone are refused, and lead nowhere else",
        arguments: [
            "Europe/Nowhere", "../../../etc/passwd", "/etc/passwd", "Europe//Berlin", "Europe", "tzdata.zi", "a b",
            "Local",
        ])
    func unknown(name: String) {
        #expect(throws: ZoneDatabase.Unknown.self) { try ZoneDatabase.system.zone(name) }
    }

    @Test("a machine without the database knows UTC alone, and says what is missing")
    func noDatabase() throws {
        let database = ZoneDatabase(folder: "/nonexistent/zoneinfo")
        #expect(try database.zone("") == .utc && database.zone("UTC") == .utc)
        do {
            _ = try database.zone("Europe/Berlin")
            Issue.record("found")
        } catch {
            #expect(
                error.description
                    == "is not in the time zone database at /nonexistent/zoneinfo: No such file or directory; use a name"
                    + " such as Europe/Berlin, and see that the package tzdata is installed")
        }
    }

    /// Version 1 or 2, one change in each block.
    private func file(version: Unicode.Scalar, offset: Int32 = 3600, footer: String = "\nCET-1\n") -> [UInt8] {
        func big(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
        func block(_ time: [UInt8]) -> [UInt8] {
            var bytes = Array("TZif".utf8) + [UInt8(ascii: version)] + [UInt8](repeating: 0, count: 15)
            for count: UInt32 in [0, 0, 0, 1, 2, 4] { bytes += big(count) }
            bytes += time + [1] + big(Int32(0)) + [0, 0] + big(offset) + [0, 0] + Array("UTC\0".utf8)
            return bytes
        }
        let first = block(big(Int32(1000)))
        return version == "\0" ? first : first + block(big(Int64(1000))) + Array(footer.utf8)
    }

    @Test("both versions of the file are read, and what is cut or wrong is refused")
    func files() throws {
        for version: Unicode.Scalar in ["\0", "2", "3"] {
            let zone = try ZoneFile.parse(file(version: version), name: "a")
            #expect(zone.offset(at: 999) == 0 && zone.offset(at: 1000) == 3600 && zone.offset(at: 1 << 40) == 3600)
            let bytes = file(version: version)
            for count in 0..<bytes.count {
                #expect(throws: ZoneFile.Malformed.self) { try ZoneFile.parse(Array(bytes.prefix(count)), name: "a") }
            }
            // Any octet may be anything: it is read or refused.
            for index in bytes.indices {
                for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
                    var changed = bytes
                    changed[index] = value
                    if let zone = try? ZoneFile.parse(changed, name: "a") { _ = zone.span(at: 1 << 33) }
                }
            }
        }
        #expect(throws: ZoneFile.Malformed(reason: "it has an offset of 100000 seconds")) {
            try ZoneFile.parse(file(version: "2", offset: 100_000), name: "a")
        }
        #expect(throws: ZoneFile.Malformed(reason: "its last line is no rule: CET")) {
            try ZoneFile.parse(file(version: "2", footer: "\nCET\n"), name: "a")
        }
    }
}

@Suite("Schedules on the clocks of a zone")
struct ScheduleInZoneTests {
    /// The moments at which a schedule comes between two times, in UTC.
    private func moments(_ cron: String, _ zone: String, _ from: String, _ to: String) throws -> [String] {
        let (schedule, zone) = (try CronSchedule(cron), try ZoneDatabase.system.zone(zone))
        let end = try moment(to)
        var now = try moment(from)
        var found: [String] = []
        while let next = schedule.first(after: now, before: end, in: zone) {
            found.append(next.rfc3339)
            now = next
        }
        // The way back sees the same.
        var back: [String] = []
        var later = end - .seconds(1)
        while let last = schedule.last(upTo: later, notBefore: try moment(from) + .seconds(1), in: zone) {
            back.insert(last.rfc3339, at: 0)
            later = last - .seconds(1)
        }
        #expect(back == found)
        return found
    }

    @Test("Berlin in spring: a time inside the hour that is skipped comes as the clocks skip it")
    func berlinSpring() throws {
        #expect(
            try moments("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z") == [
                "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z",
            ])
        #expect(
            try moments("0 3 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z") == [
                "2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z",
            ])
    }

    @Test("Berlin in autumn: a time in the hour that the clocks show twice comes twice")
    func berlinAutumn() throws {
        #expect(
            try moments("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z") == [
                "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z",
            ])
        #expect(
            try moments("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25T03:30:00Z") == [
                "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z",
            ])
    }

    @Test("New York across both changes")
    func newYork() throws {
        #expect(
            try moments("15 2 * 3 SUN", "America/New_York", "2026-03-01T00:00:00Z", "2026-03-16T00:00:00Z") == [
                "2026-03-01T07:15:00Z", "2026-03-08T07:00:00Z", "2026-03-15T06:15:00Z",
            ])
        #expect(
            try moments("0 1 1 NOV *", "America/New_York", "2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z") == [
                "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z",
            ])
    }

    @Test("the southern hemisphere: Sydney, and Lord Howe with its half hour")
    func south() throws {
        #expect(
            try moments("30 2 * * *", "Australia/Sydney", "2026-10-02T18:00:00Z", "2026-10-05T00:00:00Z") == [
                "2026-10-03T16:00:00Z", "2026-10-04T15:30:00Z",
            ])
        #expect(
            try moments("30 2 * * *", "Australia/Sydney", "2026-04-04T00:00:00Z", "2026-04-06T00:00:00Z") == [
                "2026-04-04T15:30:00Z", "2026-04-04T16:30:00Z", "2026-04-05T16:30:00Z",
            ])
        #expect(
            try moments("15 2 4 10 *", "Australia/Lord_Howe", "2026-10-01T00:00:00Z", "2026-10-10T00:00:00Z") == [
                "2026-10-03T15:30:00Z"
            ])
        #expect(
            try moments("45 1 5 4 *", "Australia/Lord_Howe", "2026-04-01T00:00:00Z", "2026-04-10T00:00:00Z") == [
                "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z",
            ])
    }

    @Test("a whole day that an island skipped, and years beyond the files' lists")
    func skippedDay() throws {
        #expect(
            try moments("0 12 * * *", "Pacific/Apia", "2011-12-28T12:00:00Z", "2012-01-01T12:00:00Z") == [
                "2011-12-28T22:00:00Z", "2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z",
                "2011-12-31T22:00:00Z",
            ])
        #expect(
            try moments("30 2 * 3 SUN", "Europe/Berlin", "2092-03-25T00:00:00Z", "2092-04-01T00:00:00Z") == [
                "2092-03-30T01:00:00Z"
            ])
    }
}
