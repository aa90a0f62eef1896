import Wire

/// What one run measured, printed as lines for people; `--json` prints the same as one JSON object.
struct Report {
    private(set) var rows: [(name: String, value: String)] = []

    mutating func add(_ name: String, _ value: String) { rows.append((name, value)) }

    mutating func add(_ name: String, seconds: Duration) { add(name, "\(seconds.secondsText) s") }

    mutating func add(_ name: String, _ tally: AuditLog.Tally, per count: Int) {
        let lines = tally.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }
        let text = lines.map { "\($0.key) \(Double($0.value) / Double(max(count, 1)), digits: 2)" }
        add(name, text.joined(separator: ", "))
    }

    var text: String {
        let width = rows.map(\.name.count).max() ?? 0
        return rows.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value
        }.joined(separator: "\n")
    }

    var json: String {
        var object = JSONObject()
        for (name, value) in rows { object[name] = .string(value) }
        return String(decoding: JSONValue.object(object).serialized(pretty: true), as: UTF8.self)
    }
}

extension Duration {
    var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }

    var secondsText: String { "\(seconds, digits: 2)" }
}

extension DefaultStringInterpolation {
    /// A number with a fixed count of digits behind the point.
    mutating func appendInterpolation(_ value: Double, digits: Int) {
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        guard value.isFinite, let scaled = Int(exactly: (value * Double(scale)).rounded()) else {
            appendInterpolation(value)
            return
        }
        let fraction = String(abs(scaled) % scale)
        let padding = String(repeating: "0", count: max(0, digits - fraction.count))
        appendLiteral("\(scaled < 0 ? "-" : "")\(abs(scaled) / scale)\(digits > 0 ? "." + padding + fraction : "")")
    }
}
