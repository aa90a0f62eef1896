/// Encoding of Unicode labels as ASCII (RFC 3492).
enum Punycode {
    private static let base = 36
    private static let tMin = 1
    private static let tMax = 26
    private static let skew = 38
    private static let damp = 700

    /// The label without its `xn--`; nil where a number overflows, which no label of legal length does.
    static func encode(_ scalars: [Unicode.Scalar]) -> String? {
        let basic = scalars.filter(\.isASCII)
        var output = String(String.UnicodeScalarView(basic))
        if !basic.isEmpty { output += "-" }
        var state = State(handled: basic.count)
        while state.handled < scalars.count {
            guard let next = scalars.map({ Int($0.value) }).filter({ $0 >= state.code }).min() else { return nil }
            let (step, overflow) = (next - state.code).multipliedReportingOverflow(by: state.handled + 1)
            guard !overflow else { return nil }
            state.delta += step
            state.code = next
            for scalar in scalars {
                let value = Int(scalar.value)
                if value < state.code { state.delta += 1 }
                if value == state.code { output += state.emit(firstTime: state.handled == basic.count) }
            }
            state.delta += 1
            state.code += 1
        }
        return output
    }

    private struct State {
        var code = 128
        var delta = 0
        var bias = 72
        var handled: Int

        init(handled: Int) {
            self.handled = handled
        }

        /// Writes `delta` as a variable-length integer and adapts the bias (RFC 3492 §6.1).
        mutating func emit(firstTime: Bool) -> String {
            var text = ""
            var rest = delta
            var position = base
            while true {
                let threshold = min(max(position - bias, tMin), tMax)
                if rest < threshold { break }
                text.unicodeScalars.append(Self.digit(threshold + (rest - threshold) % (base - threshold)))
                rest = (rest - threshold) / (base - threshold)
                position += base
            }
            text.unicodeScalars.append(Self.digit(rest))
            adapt(firstTime: firstTime)
            delta = 0
            handled += 1
            return text
        }

        private mutating func adapt(firstTime: Bool) {
            var rest = firstTime ? delta / damp : delta / 2
            rest += rest / (handled + 1)
            var steps = 0
            while rest > ((base - tMin) * tMax) / 2 {
                rest /= base - tMin
                steps += base
            }
            bias = steps + (base - tMin + 1) * rest / (rest + skew)
        }

        private static func digit(_ value: Int) -> Unicode.Scalar {
            let code = value < 26 ? 0x61 + value : 0x30 + value - 26
            return Unicode.Scalar(UInt8(code))
        }
    }
}
