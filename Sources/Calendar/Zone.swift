import Wire

/// A time zone: how far its clocks are from UTC at each moment, as its file in the IANA database tells it.
package struct Zone: Sendable, Hashable {
    package let name: String
    /// Moments at which the offset changes, ascending; `offsets` has the offset from each on.
    private let changes: [Int64]
    private let offsets: [Int64]
    /// Before the first change.
    private let earliest: Int64
    /// After the last change; nil when the last offset stays.
    private let rule: ZoneRule?

    package static let utc = Zone(name: "UTC", earliest: 0)

    /// `changes` must ascend, and `offsets` be as long.
    init(name: String, earliest: Int64, changes: [Int64] = [], offsets: [Int64] = [], rule: ZoneRule? = nil) {
        self.name = name
        self.earliest = earliest
        self.changes = changes
        self.offsets = offsets
        self.rule = rule
    }

    /// A time during which the offset stays the same.
    struct Span: Sendable, Hashable {
        /// Seconds to add to UTC.
        var offset: Int64
        /// Nil where it has always been so.
        var start: Int64?
        /// Not in the span any more; nil where it never ends.
        var end: Int64?
    }

    /// Seconds to add to UTC at a moment given in seconds since 1970.
    package func offset(at moment: Int64) -> Int64 { span(at: moment).offset }

    func span(at moment: Int64) -> Span {
        let count = changesUpTo(moment)
        guard count == changes.count else {
            return Span(
                offset: count == 0 ? earliest : offsets[count - 1], start: count == 0 ? nil : changes[count - 1],
                end: changes[count])
        }
        guard let rule else { return Span(offset: offsets.last ?? earliest, start: changes.last, end: nil) }
        var span = rule.span(at: moment)
        if let last = changes.last { span.start = max(span.start ?? last, last) }
        return span
    }

    /// How many changes have been by then.
    private func changesUpTo(_ moment: Int64) -> Int {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle] <= moment { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
