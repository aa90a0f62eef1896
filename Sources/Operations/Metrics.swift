import Synchronization

/// Everything a scrape of `/metrics` asks: parts of the program add a source, a scrape calls them all.
///
/// Nothing is computed between scrapes, so a cluster with many certificates costs nothing while nobody looks.
package final class Metrics: Sendable {
    private let sources = Mutex<[@Sendable () -> [MetricFamily]]>([])

    package init() {}

    package func add(_ source: @escaping @Sendable () -> [MetricFamily]) {
        sources.withLock { $0.append(source) }
    }

    package func text() -> String {
        let current = sources.withLock { $0 }
        return MetricFamily.text(of: current.flatMap { $0() })
    }
}

/// A counter told apart by the values of fixed labels. The number of distinct values is bounded by the caller's labels.
package final class LabelledCounter: Sendable {
    private let name: String
    private let help: String
    private let labelNames: [String]
    private let counts = Mutex<[[String]: Double]>([:])

    package init(_ name: String, help: String, labels: [String]) {
        self.name = name
        self.help = help
        self.labelNames = labels
    }

    /// Adds to the count of these label values, given in the order of the label names.
    package func add(_ amount: Double, _ values: [String]) {
        counts.withLock { $0[values, default: 0] += amount }
    }

    package var family: MetricFamily {
        let all = counts.withLock { $0 }
        let samples = all.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { values, count in
            MetricFamily.Sample(count, labels: Array(zip(labelNames, values)).map { (name: $0.0, value: $0.1) })
        }
        return MetricFamily(name, .counter, help: help, samples: samples)
    }
}

/// A summary without quantiles: how often, and how long in all.
package final class LabelledSummary: Sendable {
    private struct Total {
        var count = 0.0
        var sum = 0.0
    }
    private let name: String
    private let help: String
    private let labelNames: [String]
    private let totals = Mutex<[[String]: Total]>([:])

    package init(_ name: String, help: String, labels: [String]) {
        self.name = name
        self.help = help
        self.labelNames = labels
    }

    package func observe(_ value: Double, _ values: [String]) {
        totals.withLock {
            $0[values, default: Total()].count += 1
            $0[values, default: Total()].sum += value
        }
    }

    package var family: MetricFamily {
        let all = totals.withLock { $0 }
        let samples = all.sorted { $0.key.lexicographicallyPrecedes($1.key) }.flatMap { values, total in
            let labels = Array(zip(labelNames, values)).map { (name: $0.0, value: $0.1) }
            return [
                MetricFamily.Sample(total.sum, labels: labels, suffix: "_sum"),
                MetricFamily.Sample(total.count, labels: labels, suffix: "_count"),
            ]
        }
        return MetricFamily(name, .summary, help: help, samples: samples)
    }
}

/// How many values lay in each of fixed buckets, and their sum.
package final class Histogram: Sendable {
    private struct Totals {
        /// One more than there are bounds: the last holds what lies beyond all of them.
        var counts: [Double]
        var sum = 0.0
    }
    private let name: String
    private let help: String
    private let bounds: [Double]
    private let totals: Mutex<Totals>

    /// - Parameter bounds: upper ones, rising; a value on a bound lies below it.
    package init(_ name: String, help: String, bounds: [Double]) {
        self.name = name
        self.help = help
        self.bounds = bounds
        totals = Mutex(Totals(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    package func observe(_ value: Double) {
        let place = bounds.firstIndex { value <= $0 } ?? bounds.count
        totals.withLock {
            $0.counts[place] += 1  // a place of the bounds, or the one more
            $0.sum += value
        }
    }

    package var family: MetricFamily {
        let totals = totals.withLock { $0 }
        var below = 0.0
        var samples = zip(bounds, totals.counts).map { bound, count in
            below += count
            return MetricFamily.Sample(below, labels: [(name: "le", value: bound.metricText)], suffix: "_bucket")
        }
        let all = totals.counts.reduce(0, +)
        samples += [
            MetricFamily.Sample(all, labels: [(name: "le", value: "+Inf")], suffix: "_bucket"),
            MetricFamily.Sample(totals.sum, suffix: "_sum"), MetricFamily.Sample(all, suffix: "_count"),
        ]
        return MetricFamily(name, .histogram, help: help, samples: samples)
    }
}
