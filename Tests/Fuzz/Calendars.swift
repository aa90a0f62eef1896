import Calendar
import Wire

extension FuzzTarget {
    /// When something comes again.
    static let calendars: [FuzzTarget] = [
        FuzzTarget(
            "cron",
            dictionary: ["*", "?", "*/", "-", ",", "JAN", "sun", "@daily", "@every 1h", "31 2 *", "29 2 MON", " "]
        ) {
            texts("0 2 * * SAT,SUN", "*/15 0-6/2 1,15 JAN-MAR ?", "30 2 29 2 *", "@weekly")
        } run: { bytes throws(Violation) in
            guard let schedule = try? CronSchedule(String(decoding: bytes, as: UTF8.self)) else { return }
            let start = Timestamp(secondsSince1970: 1_767_225_600)
            let end = Timestamp(secondsSince1970: 253_402_300_799)
            guard let found = schedule.first(after: start, before: end, in: .utc) else { return }
            let back = schedule.last(upTo: found, notBefore: start, in: .utc)
            try expect(back == found, "it comes at \(found) forwards, and not backwards")
        },
        FuzzTarget(
            "zone", dictionary: ["TZif2", "TZif", "\nCET-1CEST,M3.5.0,M10.5.0/3\n", "\u{0}\u{0}\u{0}\u{1}", "<+03>-3"]
        ) {
            [zone(version: "2", footer: "\nCET-1CEST,M3.5.0,M10.5.0/3\n"), zone(version: "3", footer: "\n\n")]
        } run: { bytes throws(Violation) in
            guard let zone = try? ZoneFile.parse(bytes, name: "fuzz") else { return }
            let start = Timestamp(secondsSince1970: 946_684_800)
            guard let schedule = try? CronSchedule("30 2 * * *"),
                let found = schedule.first(after: start, before: start + .seconds(1 << 32), in: zone)
            else { return }
            try expect(abs(zone.offset(at: found.secondsSince1970)) < 100_000, "an offset of more than a day")
        },
    ]

    /// A file with one change in each of its blocks.
    private static func zone(version: Unicode.Scalar, footer: String) -> [UInt8] {
        func block(_ time: [UInt8]) -> [UInt8] {
            let counts: [UInt8] = [0, 0, 0, 1, 2, 4].flatMap { [0, 0, 0, $0] }
            let types: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0x0E, 0x10, 1, 0]
            return Array("TZif".utf8) + [UInt8(ascii: version)] + [UInt8](repeating: 0, count: 15) + counts + time + [1]
                + types + Array("UTC\0".utf8)
        }
        return block([0, 0, 3, 232]) + block([0, 0, 0, 0, 0, 0, 3, 232]) + Array(footer.utf8)
    }
}
