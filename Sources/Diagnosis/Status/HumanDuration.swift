package import Wire

/// A length of time in at most two units, as kubectl prints ages: "45s", "3m20s", "5h", "12d", "2y30d".
package enum HumanDuration {
    package static func text(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        if seconds < 0 { return "-" + text(.zero - duration) }
        let minutes = seconds / 60
        let hours = minutes / 60
        let days = hours / 24
        switch seconds {
        case ..<120: return "\(seconds)s"
        case ..<600: return pair(minutes, "m", seconds % 60, "s")
        case ..<10_800: return "\(minutes)m"
        case ..<28_800: return pair(hours, "h", minutes % 60, "m")
        case ..<172_800: return "\(hours)h"
        case ..<691_200: return pair(days, "d", hours % 24, "h")
        case ..<63_072_000: return "\(days)d"
        default: return pair(days / 365, "y", days % 365, "d")
        }
    }

    /// From `start` to `now`; "<unknown>" where nobody knows when it began.
    package static func age(_ start: Timestamp?, _ now: Timestamp) -> String {
        start.map { text(now - $0) } ?? "<unknown>"
    }

    /// Reads "30d", "2w", "1d12h", and what Go reads: "720h", "90m".
    package static func parse(_ text: String) -> Duration? {
        var total = Duration.zero
        var rest = text[...]
        while let end = rest.firstIndex(where: { $0 == "d" || $0 == "w" }) {
            guard let count = Int64(rest[..<end]), (0...100_000).contains(count) else { return nil }
            total += .seconds(count * (rest[end] == "w" ? 604_800 : 86_400))
            rest = rest[rest.index(after: end)...]
        }
        if rest.isEmpty { return text.isEmpty ? nil : total }
        guard let tail = GoDuration(rest) else { return nil }
        return total + tail.duration
    }

    private static func pair(_ first: Int64, _ unit: String, _ second: Int64, _ smaller: String) -> String {
        second == 0 ? "\(first)\(unit)" : "\(first)\(unit)\(second)\(smaller)"
    }
}
