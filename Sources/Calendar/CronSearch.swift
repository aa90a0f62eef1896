package import Wire

/// Finds the moments at which a schedule's times come on the clocks of a zone.
///
/// A time comes as often as the clocks show it: twice where they go back over it in autumn. One that they skip in spring
/// comes at the moment they skip it. No search goes further than 60 years, within which every schedule comes that ever
/// does, so a search takes some milliseconds at most.
extension CronSchedule {
    private static let farthest: Int64 = 60 * 366 * 86400

    /// The first moment after `moment` and before `limit`; nil where there is none.
    package func first(after moment: Timestamp, before limit: Timestamp, in zone: Zone) -> Timestamp? {
        let limit = Self.inRange(limit).secondsSince1970
        let begin = Self.inRange(moment).secondsSince1970 + 1
        let end = min(limit, begin + Self.farthest)
        var now = begin
        while now < end {
            let span = zone.span(at: now)
            let spanEnd = min(span.end ?? end, end)
            if let local = firstLocal(from: now + span.offset, before: spanEnd + span.offset) {
                return Timestamp(secondsSince1970: local - span.offset)
            }
            guard let change = span.end, change < end else { return nil }
            let skippedTo = change + zone.offset(at: change)
            if firstLocal(from: change + span.offset, before: skippedTo) != nil {
                return Timestamp(secondsSince1970: change)
            }
            now = change
        }
        return nil
    }

    /// The last moment up to `moment`, and not before `floor`; nil where there is none.
    package func last(upTo moment: Timestamp, notBefore floor: Timestamp, in zone: Zone) -> Timestamp? {
        var now = Self.inRange(moment).secondsSince1970
        let floor = max(Self.inRange(floor).secondsSince1970, now - Self.farthest)
        while now >= floor {
            let span = zone.span(at: now)
            let spanStart = max(span.start ?? floor, floor)
            if let local = lastLocal(upTo: now + span.offset, notBefore: spanStart + span.offset) {
                return Timestamp(secondsSince1970: local - span.offset)
            }
            guard let change = span.start, change >= floor else { return nil }
            let skippedFrom = change + zone.offset(at: change - 1)
            if firstLocal(from: skippedFrom, before: change + span.offset) != nil {
                return Timestamp(secondsSince1970: change)
            }
            now = change - 1
        }
        return nil
    }

    /// Four-digit years, with room for an offset at both ends.
    private static func inRange(_ time: Timestamp) -> Timestamp {
        min(max(time, Timestamp(secondsSince1970: -62_000_000_000)), Timestamp(secondsSince1970: 253_400_000_000))
    }

    // MARK: On the clock

    /// Seconds as if the clock showed UTC.
    private func firstLocal(from start: Int64, before end: Int64) -> Int64? {
        guard start < end else { return nil }
        let minute = Self.floorDivide(start + 59, 60)
        var day = Self.floorDivide(minute, 1440)
        var minuteOfDay = minute - day * 1440
        while day * 86400 < end {
            let date = CivilTime(Timestamp(secondsSince1970: day * 86400))
            if !hasMonth(date.month) {
                day += CivilTime.days(in: date.month, of: date.year) - date.day + 1
            } else {
                if hasDay(ofMonth: date.day, weekday: date.weekday), let found = firstMinute(from: minuteOfDay) {
                    let local = day * 86400 + found * 60
                    return local < end ? local : nil
                }
                day += 1
            }
            minuteOfDay = 0
        }
        return nil
    }

    private func lastLocal(upTo start: Int64, notBefore end: Int64) -> Int64? {
        let minute = Self.floorDivide(start, 60)
        var day = Self.floorDivide(minute, 1440)
        var minuteOfDay = minute - day * 1440
        while day * 86400 + 86399 >= end {
            let date = CivilTime(Timestamp(secondsSince1970: day * 86400))
            if !hasMonth(date.month) {
                day -= date.day
            } else {
                if hasDay(ofMonth: date.day, weekday: date.weekday), let found = lastMinute(upTo: minuteOfDay) {
                    let local = day * 86400 + found * 60
                    return local >= end ? local : nil
                }
                day -= 1
            }
            minuteOfDay = 1439
        }
        return nil
    }

    private static func floorDivide(_ number: Int64, _ divisor: Int64) -> Int64 {
        number >= 0 ? number / divisor : (number - divisor + 1) / divisor
    }
}
