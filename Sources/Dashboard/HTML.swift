/// Markup in which every value is escaped: the literal parts are trusted, and what is interpolated into them is text.
///
/// Names, messages and everything else that comes from a cluster reaches a page by interpolation alone, in the content of
/// an element or between the double quotes of an attribute.
package struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
    package private(set) var text: String

    package init(stringLiteral literal: String) { text = literal }
    package init(stringInterpolation interpolation: Interpolation) { text = interpolation.text }

    static let nothing: HTML = ""

    package struct Interpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 16)
        }

        package mutating func appendLiteral(_ literal: String) { text += literal }
        package mutating func appendInterpolation(_ value: some StringProtocol) { text += HTML.escaped(value) }
        package mutating func appendInterpolation(_ number: Int) { text += String(number) }
        package mutating func appendInterpolation(_ length: Double) { text += HTML.decimal(length) }
        package mutating func appendInterpolation(_ markup: HTML?) { if let markup { text += markup.text } }
        package mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { text += part.text } }
    }

    /// The text with what markup is made of replaced, without control characters, and with what would turn the direction
    /// of the text around made visible.
    static func escaped(_ value: some StringProtocol) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            default: result.unicodeScalars.append(isShown(scalar) ? scalar : "\u{FFFD}")
            }
        }
        return result
    }

    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0: false
        // Overrides and isolates of the direction, and separators of lines.
        case 0x200E, 0x200F, 0x061C, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: false
        default: true
        }
    }

    /// With one digit after the point, as coordinates need.
    private static func decimal(_ length: Double) -> String {
        guard length.isFinite, abs(length) < 1e9 else { return "0" }
        let tenths = Int((length * 10).rounded())
        if tenths.isMultiple(of: 10) { return String(tenths / 10) }
        return (tenths < 0 ? "-" : "") + "\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }
}

extension String {
    /// No more than that many characters, with a sign that something was left out.
    func shortened(to limit: Int) -> String { count > limit ? prefix(limit - 1) + "…" : self }
}
