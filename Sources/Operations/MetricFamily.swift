/// A set of samples that share a name, a help text and a type, as Prometheus scrapes them.
///
/// Source: Prometheus text exposition format 0.0.4.
package struct MetricFamily: Sendable, Equatable {
    package enum Kind: String, Sendable { case counter, gauge, histogram, summary, untyped }

    package struct Sample: Sendable, Equatable {
        /// Appended to the family's name, such as `_sum`; empty for plain samples.
        package var suffix: String
        /// In the order they are written.
        package var labels: [(name: String, value: String)]
        package var value: Double

        package init(_ value: Double, labels: [(name: String, value: String)] = [], suffix: String = "") {
            self.suffix = suffix
            self.labels = labels
            self.value = value
        }

        package static func == (one: Self, other: Self) -> Bool {
            one.suffix == other.suffix && one.value == other.value && one.labels.elementsEqual(other.labels, by: ==)
        }
    }

    package var name: String
    package var help: String
    package var kind: Kind
    package var samples: [Sample]

    package init(_ name: String, _ kind: Kind, help: String, samples: [Sample] = []) {
        self.name = name
        self.help = help
        self.kind = kind
        self.samples = samples
    }

    /// Writes families in the text format, sorted by name, each with its help and type; families without samples are left out.
    package static func text(of families: [MetricFamily]) -> String {
        var text = ""
        for family in families.sorted(by: { $0.name < $1.name }) where !family.samples.isEmpty {
            text += "# HELP \(family.name) \(family.help.escapedHelp)\n# TYPE \(family.name) \(family.kind.rawValue)\n"
            for sample in family.samples { text += family.line(for: sample) }
        }
        return text
    }

    private func line(for sample: Sample) -> String {
        var line = name + sample.suffix
        if !sample.labels.isEmpty {
            line += "{" + sample.labels.map { "\($0.name)=\"\($0.value.escapedLabel)\"" }.joined(separator: ",") + "}"
        }
        return line + " " + sample.value.metricText + "\n"
    }
}

extension Double {
    /// Whole numbers without a fraction, as other exporters print them.
    var metricText: String {
        if isNaN { return "NaN" }
        if isInfinite { return self < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: self) { return String(whole) }
        return description
    }
}

extension String {
    fileprivate var escapedLabel: String {
        reduce(into: "") { text, character in
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
    }
    fileprivate var escapedHelp: String {
        reduce(into: "") { text, character in
            switch character {
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
    }
}
