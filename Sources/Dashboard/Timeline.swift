import CertificateAPI
import Diagnosis
import Wire

/// When certificates run out and when they are renewed, in as many columns whatever their number is.
struct Timeline: Sendable {
    struct Column: Sendable, Equatable {
        var from: Timestamp
        var before: Timestamp
        /// Certificates that run out, by how they stand.
        var ending: [Standing: Int] = [:]
        var renewals = 0

        var endings: Int { ending.values.reduce(0, +) }
    }

    /// How far it looks, and how long a column is.
    enum Reach: CaseIterable {
        case weeks, quarter, year, decade

        var column: Duration {
            switch self {
            case .weeks: .seconds(8 * 3600)
            case .quarter: .seconds(2 * 86_400)
            case .year: .seconds(10 * 86_400)
            case .decade: .seconds(91 * 86_400)
            }
        }
        var count: Int { self == .weeks ? 42 : self == .quarter ? 46 : 40 }
        var length: Duration { column * count }
        var words: String {
            switch self {
            case .weeks: "two weeks"
            case .quarter: "three months"
            case .year: "thirteen months"
            case .decade: "ten years"
            }
        }
    }

    let now: Timestamp
    let reach: Reach
    let columns: [Column]
    /// Run out already.
    let ended: Int
    /// Those that run out after the last column.
    let later: Int
    /// Those that have no certificate yet.
    let none: Int

    init(_ rows: [View.Row], now: Timestamp) {
        self.now = now
        let ends = rows.compactMap(\.entry.notAfter).filter { $0 > now }
        // The shortest that has room for nine of ten.
        let reach =
            Reach.allCases.first { reach in
                ends.count { $0 < now + reach.length } * 10 >= ends.count * 9
            } ?? .decade
        var columns = (0..<reach.count).map { index in
            Column(from: now + reach.column * index, before: now + reach.column * (index + 1))
        }
        func place(_ time: Timestamp) -> Int? {
            guard time >= now else { return nil }
            let index = (time - now).components.seconds / max(1, reach.column.components.seconds)
            return index < Int64(reach.count) ? Int(index) : nil
        }
        var (ended, later, none) = (0, 0, 0)
        for row in rows {
            if let renewal = row.entry.renewalTime.flatMap(place) { columns[renewal].renewals += 1 }
            guard let end = row.entry.notAfter else {
                none += 1
                continue
            }
            if end <= now {
                ended += 1
            } else if let index = place(end) {
                columns[index].ending[row.standing, default: 0] += 1
            } else {
                later += 1
            }
        }
        self.reach = reach
        self.columns = columns
        (self.ended, self.later, self.none) = (ended, later, none)
    }

    /// What the picture shows, in a sentence.
    var sentence: String {
        let coming = columns.reduce(0) { $0 + $1.endings }
        let renewals = columns.reduce(0) { $0 + $1.renewals }
        var parts = [
            "Within \(reach.words) \(Words.count(coming, "certificate runs", "certificates run")) out, and"
                + " \(Words.count(renewals, "renewal is", "renewals are")) planned."
        ]
        if later > 0 { parts.append("\(Words.count(later, "certificate runs", "certificates run")) out later.") }
        if ended > 0 { parts.append("\(Words.count(ended, "has", "have")) run out already.") }
        if none > 0 { parts.append("\(Words.count(none, "has", "have")) no certificate yet.") }
        return parts.joined(separator: " ")
    }
}

// MARK: The picture

extension Timeline {
    private static let width = 960.0
    private static let plot = (left: 8.0, right: 952.0, top: 34.0, bottom: 206.0)
    /// What the dates take between what runs out and what is renewed.
    private static let axisHeight = 18.0

    private var step: Double { (Self.plot.right - Self.plot.left) / Double(columns.count) }

    /// How high one certificate is: the highest columns of both sides share the height.
    private var unit: Double {
        let heights = (columns.map(\.endings).max() ?? 0) + (columns.map(\.renewals).max() ?? 0)
        return min((Self.plot.bottom - Self.plot.top - Self.axisHeight - 14) / Double(max(1, heights)), 24)
    }

    private var axis: Double {
        let most = Double(columns.map(\.endings).max() ?? 0) * unit
        // Few certificates do not need the whole height, and stand in its middle.
        let rest = Double(columns.map(\.renewals).max() ?? 0) * unit
        let free = Self.plot.bottom - Self.plot.top - Self.axisHeight - 14 - most - rest
        return Self.plot.top + most + free / 2
    }

    private func x(_ time: Timestamp) -> Double {
        let share = Double((time - now).components.seconds) / Double(max(1, reach.length.components.seconds))
        return Self.plot.left + share * (Self.plot.right - Self.plot.left)
    }

    /// Certificates that run out above the axis, renewals below it, at one scale.
    var picture: HTML {
        let plot = Self.plot
        let bars = columns.enumerated().map { index, column in bar(column, plot.left + Double(index) * step) }
        return """
            <svg class="timeline" viewBox="0 0 960 220" role="img" aria-labelledby="timeline-title timeline-text">
            <title id="timeline-title">When certificates run out and are renewed</title>
            <desc id="timeline-text">\(sentence)</desc>
            \(Self.patterns)
            \(ticks)
            \(bars)
            <line class="axis" x1="\(plot.left)" x2="\(plot.right)" y1="\(axis)" y2="\(axis)"/>
            <line class="now" x1="\(plot.left)" x2="\(plot.left)" y1="8" y2="\(plot.bottom)"/>
            <text class="hint" x="\(plot.left + 5)" y="15">now</text>
            <text class="hint end" x="\(plot.right)" y="15">run out ↑</text>
            <text class="hint end" x="\(plot.right)" y="\(plot.bottom + 8)">renewals ↓</text>
            </svg>
            """
    }

    private func bar(_ column: Column, _ left: Double) -> HTML {
        let (x, width) = (left + 1.5, step - 3)
        var top = axis
        var parts: [HTML] = []
        for standing in Standing.allCases.reversed() {
            guard let count = column.ending[standing] else { continue }
            let height = Double(count) * unit
            top -= height
            parts.append(
                #"<rect class="s-\#(standing.rawValue)" x="\#(x)" y="\#(top)" width="\#(width)" height="\#(height)" fill="\#(Self.fill(standing))"/>"#
            )
        }
        if column.endings > 0 {
            parts.append(
                #"<text class="value" x="\#(x + width / 2)" y="\#(top - 4)">\#(Words.grouped(column.endings))</text>"#)
        }
        if column.renewals > 0 {
            let height = Double(column.renewals) * unit
            parts.append(
                """
                <rect class="renewals" x="\(x)" y="\(axis + Self.axisHeight)" width="\(width)" height="\(height)"/>\
                <text class="value" x="\(x + width / 2)" y="\(axis + Self.axisHeight + 11 + height)">\
                \(Words.grouped(column.renewals))</text>
                """)
        }
        return "\(parts)"
    }

    /// Ready is plain; what needs somebody is hatched, each in a way of its own.
    private static func fill(_ standing: Standing) -> String {
        standing == .ready ? "currentColor" : "url(#fill-\(standing.rawValue))"
    }

    private static let patterns: HTML = """
        <defs>
        <pattern id="fill-underWay" width="6" height="6" patternUnits="userSpaceOnUse"><g class="s-underWay">\
        <rect width="6" height="6" fill="currentColor"/><circle class="gap" cx="3" cy="3" r="1.3"/></g></pattern>
        <pattern id="fill-late" width="6" height="6" patternUnits="userSpaceOnUse"><g class="s-late">\
        <rect width="6" height="6" fill="currentColor"/><path class="cut" d="M0 6L6 0" stroke-width="1.4"/></g></pattern>
        <pattern id="fill-heldUp" width="6" height="6" patternUnits="userSpaceOnUse"><g class="s-heldUp">\
        <rect width="6" height="6" fill="currentColor"/><path class="cut" d="M0 0L6 6M0 6L6 0" stroke-width="1.2"/></g>\
        </pattern>
        <pattern id="fill-expired" width="6" height="6" patternUnits="userSpaceOnUse"><g class="s-expired">\
        <rect width="6" height="6" fill="currentColor"/><path class="cut" d="M0 3H6" stroke-width="1.4"/></g></pattern>
        </defs>
        """

    private var ticks: HTML {
        let marks = tickTimes.map { time, text -> HTML in
            let x = x(time)
            // The last would be cut off.
            guard x < Self.plot.right - 30, x > Self.plot.left + 12 else { return HTML.nothing }
            return """
                <line class="tick" x1="\(x)" x2="\(x)" y1="\(Self.plot.top - 8)" y2="\(axis + 4)"/>\
                <text class="date" x="\(x)" y="\(axis + 14)">\(text)</text>
                """
        }
        return "\(marks)"
    }

    /// Where the axis has a date, at round places of the calendar.
    private var tickTimes: [(Timestamp, String)] {
        let start = CivilTime(now)
        let midnight = Timestamp(secondsSince1970: now.secondsSince1970 / 86_400 * 86_400)
        switch reach {
        case .weeks, .quarter:
            let days = reach == .weeks ? 2 : 14
            return (1...8).map { index in
                let time = midnight + .seconds(86_400 * days * index)
                let civil = CivilTime(time)
                return (time, "\(civil.day) \(Words.month(civil))")
            }
        case .year:
            return (1...13).compactMap { index in
                let month = start.month - 1 + Int64(index)
                let year = start.year + month / 12
                guard index.isMultiple(of: 2),
                    let first = CivilTime(
                        year: year, month: month % 12 + 1, day: 1, hour: 0, minute: 0, second: 0)
                else { return nil }
                return (Timestamp(secondsSince1970: first.secondsSince1970), "\(Words.month(first)) \(year)")
            }
        case .decade:
            return (1...10).compactMap { index in
                CivilTime(year: start.year + Int64(index), month: 1, day: 1, hour: 0, minute: 0, second: 0)
                    .map { (Timestamp(secondsSince1970: $0.secondsSince1970), "\($0.year)") }
            }
        }
    }

    /// The same for whoever cannot see the picture, and with addresses to go on from.
    var table: HTML {
        let rows = columns.filter { $0.endings > 0 || $0.renewals > 0 }.map { column -> HTML in
            var query = Query()
            query.from = column.from
            query.before = column.before
            let words = Standing.allCases.compactMap { standing in
                column.ending[standing].map { "\($0) \(standing.word.lowercased())" }
            }
            return """
                <tr><th scope="row"><a href="\(query.address("/certificates"))">\(Words.moment(column.from))</a></th>\
                <td class="number">\(column.endings)</td><td>\(words.joined(separator: ", "))</td>\
                <td class="number">\(column.renewals)</td></tr>
                """
        }
        guard !rows.isEmpty else { return HTML.nothing }
        return """
            <details><summary>The same as a table</summary><div class="scroll" role="region" tabindex="0" \
            aria-label="Timeline as a table"><table><caption>Certificates that run out, and renewals, from each moment to \
            the next</caption><thead><tr><th scope="col">From</th><th scope="col" class="number">Run out</th>\
            <th scope="col">As they stand now</th><th scope="col" class="number">Renewals</th></tr></thead>\
            <tbody>\(rows)</tbody></table></div></details>
            """
    }
}

/// One certificate's time on a scale that it shares with the others of its list. What it shows stands beside it in words.
struct Lifetime: Sendable {
    let start: Timestamp
    let end: Timestamp
    let now: Timestamp

    /// A sixth of what is to come is kept for what has been.
    init(_ rows: [View.Row], now: Timestamp) {
        self.now = now
        // One that runs for years must not make the others' bars too small to read: it ends at the edge.
        let ends = rows.compactMap(\.entry.notAfter).sorted()
        let last = ends.isEmpty ? now : ends[(ends.count - 1) * 9 / 10]
        let future = max(.seconds(86_400), last - now)
        start = now - .seconds(future.components.seconds / 5)
        end = now + future
    }

    private func x(_ time: Timestamp) -> Double {
        let share = Double((time - start).components.seconds) / Double(max(1, (end - start).components.seconds))
        return 1 + min(max(share, 0), 1) * 158
    }

    func bar(_ row: View.Row) -> HTML {
        guard let notAfter = row.entry.notAfter else { return HTML.nothing }
        let from = x(row.certificate.status?.notBefore ?? row.entry.createdAt ?? start)
        let to = max(x(notAfter), from + 2)
        let tick: HTML? = row.entry.renewalTime.map { time in
            #"<path class="renewal" d="M\#(x(time)) 1v14"/>"#
        }
        return """
            <svg class="lifetime s-\(row.standing.rawValue)" viewBox="0 0 160 16" aria-hidden="true">\
            <rect class="track" x="0" y="6" width="160" height="4" rx="2"/>\
            <rect x="\(from)" y="4" width="\(to - from)" height="8" rx="2" fill="currentColor"/>\
            \(tick)<path class="now" d="M\(x(now)) 0v16"/></svg>
            """
    }
}
