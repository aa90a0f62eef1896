@_spi(_Unicode) import Swift

/// Domain names in letters of any script, as people write them, and in the ASCII that DNS and certificates carry.
package enum InternationalDomainName {
    /// Each label that is not ASCII in lower case, normal form C and Punycode (RFC 5891 §4); ASCII labels in lower
    /// case. A first label "*" and a trailing dot stay. Nil when the result is no name DNS could carry.
    package static func toASCII(_ name: String) -> String? {
        // Nearly every name, so that a start beside thousands of certificates does not take Unicode's long way.
        if name.utf8.allSatisfy({ $0 < 0x80 }) { return lowercasedASCII(name) }
        // RFC 3490 §3.1: these full stops of other scripts separate labels too.
        let dots: Set<Unicode.Scalar> = [".", "\u{3002}", "\u{FF0E}", "\u{FF61}"]
        let labels = name.unicodeScalars.split(omittingEmptySubsequences: false) { dots.contains($0) }
        var output: [String] = []
        for (index, label) in labels.enumerated() {
            if label.isEmpty, index == labels.count - 1, index > 0 {
                output.append("")
                continue
            }
            guard let ascii = asciiLabel(String(String.UnicodeScalarView(label)), isFirst: index == 0) else {
                return nil
            }
            output.append(ascii)
        }
        let text = output.joined(separator: ".")
        return text.utf8.count - (text.hasSuffix(".") ? 1 : 0) <= 253 ? text : nil
    }

    private static func lowercasedASCII(_ name: String) -> String? {
        let octets = name.utf8.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }
        var labels = octets.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        let length = labels.reduce(labels.count - 1) { $0 + $1.count }
        guard length <= 253 else { return nil }
        for (index, label) in labels.enumerated() where index > 0 || !label.elementsEqual("*".utf8) {
            guard let first = label.first, let last = label.last, label.count <= 63,
                first != UInt8(ascii: "-"), last != UInt8(ascii: "-"), label.allSatisfy(isHostOctet)
            else { return nil }
        }
        return String(decoding: octets, as: UTF8.self)
    }

    private static func asciiLabel(_ label: String, isFirst: Bool) -> String? {
        if label == "*" { return isFirst ? label : nil }
        let lower = Array(label.lowercased()._nfc)
        guard !lower.isEmpty, lower.first != "-", lower.last != "-" else { return nil }
        if lower.allSatisfy(\.isASCII) {
            let text = String(String.UnicodeScalarView(lower))
            guard text.utf8.count <= 63, text.utf8.allSatisfy(isHostOctet) else { return nil }
            return text
        }
        // RFC 5891 §4.2.3: no "--" in third place, no mark in front, and only letters, marks and digits.
        guard lower.count < 4 || lower[2] != "-" || lower[3] != "-", let first = lower.first, !isMark(first),
            lower.allSatisfy({ $0.isASCII ? isHostOctet(UInt8($0.value)) : isLetterMarkOrDigit($0) }),
            let encoded = Punycode.encode(lower), encoded.utf8.count <= 59
        else { return nil }
        return "xn--" + encoded
    }

    private static func isHostOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x61...0x7A, 0x30...0x39, 0x2D, 0x5F: true  // "_" stands in names of services
        default: false
        }
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    /// Close to what RFC 5892 §2 allows; the contextual joiners and dots of its appendix A are let through as well.
    private static func isLetterMarkOrDigit(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xB7, 0x375, 0x5F3, 0x5F4, 0x30FB, 0x200C, 0x200D: return true
        default: break
        }
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .otherLetter, .modifierLetter, .nonspacingMark, .spacingMark, .decimalNumber: return true
        default: return false
        }
    }
}

/// RFC 3492 with the parameters of its §5.
enum Punycode {
    private static let base = 36
    private static let tMin = 1
    private static let tMax = 26

    /// Nil when the numbers overflow, which only absurdly long input can cause.
    static func encode(_ scalars: [Unicode.Scalar]) -> String? {
        var output = scalars.filter(\.isASCII).map { UInt8($0.value) }
        let basicCount = output.count
        if basicCount > 0 { output.append(UInt8(ascii: "-")) }
        var handled = basicCount
        var code: UInt32 = 0x80
        var delta = 0
        var bias = 72
        while handled < scalars.count {
            guard let next = scalars.lazy.map(\.value).filter({ $0 >= code }).min() else { return nil }
            delta += Int(next - code) * (handled + 1)
            guard delta < 1 << 31 else { return nil }
            code = next
            for scalar in scalars {
                if scalar.value < code { delta += 1 }
                guard scalar.value == code else { continue }
                output += variableLength(delta, bias)
                bias = adapt(delta, count: handled + 1, isFirst: handled == basicCount)
                delta = 0
                handled += 1
            }
            delta += 1
            code += 1
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func variableLength(_ delta: Int, _ bias: Int) -> [UInt8] {
        var output: [UInt8] = []
        var rest = delta
        var k = base
        while true {
            let threshold = min(max(k - bias, tMin), tMax)
            if rest < threshold { break }
            output.append(digit(threshold + (rest - threshold) % (base - threshold)))
            rest = (rest - threshold) / (base - threshold)
            k += base
        }
        return output + [digit(rest)]
    }

    private static func digit(_ value: Int) -> UInt8 { UInt8(value < 26 ? 0x61 + value : 0x30 + value - 26) }

    /// RFC 3492 §6.1: skew 38, damp 700.
    private static func adapt(_ delta: Int, count: Int, isFirst: Bool) -> Int {
        var delta = isFirst ? delta / 700 : delta / 2
        delta += delta / count
        var k = 0
        while delta > (base - tMin) * tMax / 2 {
            delta /= base - tMin
            k += base
        }
        return k + (base - tMin + 1) * delta / (delta + 38)
    }
}
