import Diagnosis
import Wire

/// Times and numbers as the pages write them.
enum Words {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    static func month(_ time: CivilTime) -> String {
        let index = Int(time.month) - 1
        return months.indices.contains(index) ? months[index] : ""
    }

    /// "12 Dec 2026".
    static func date(_ time: Timestamp) -> String {
        let civil = CivilTime(time)
        return "\(civil.day) \(month(civil)) \(civil.year)"
    }

    /// "12 Dec 2026, 14:03 UTC".
    static func moment(_ time: Timestamp) -> String {
        let civil = CivilTime(time)
        return "\(date(time)), \(twoDigits(civil.hour)):\(twoDigits(civil.minute)) UTC"
    }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// "in 12d" or "3h ago".
    static func distance(_ time: Timestamp, _ now: Timestamp) -> String {
        time < now ? "\(HumanDuration.text(now - time)) ago" : "in \(HumanDuration.text(time - now))"
    }

    /// A moment for people and for programs, with how far it is from now.
    static func time(_ time: Timestamp?, _ now: Timestamp) -> HTML {
        guard let time else { return #"<span class="faint">–</span>"# }
        return """
            <time datetime="\(time.wholeSeconds.rfc3339)" title="\(moment(time))">\(distance(time, now))\
            <span class="date">\(date(time))</span></time>
            """
    }

    /// "1 certificate", "2 certificates".
    static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
        "\(grouped(number)) \(number == 1 ? one : many ?? one + "s")"
    }

    /// With a thin space between thousands.
    static func grouped(_ number: Int) -> String {
        var digits = String(abs(number))
        var parts: [String] = []
        while digits.count > 3 {
            parts.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (number < 0 ? "-" : "") + ([digits] + parts).joined(separator: "\u{202F}")
    }

    /// The first few of a list, and how many more there are.
    static func list(_ items: [String], most: Int = 3) -> HTML {
        let shown = items.prefix(most).map { HTML("<span class=\"name\">\($0.shortened(to: 80))</span>") }
        let more: HTML? = items.count > most ? "<span class=\"faint\">and \(items.count - most) more</span>" : nil
        return "\(shown)\(more)"
    }
}
