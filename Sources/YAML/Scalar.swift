import Wire

/// A scalar as it stands in the text; its type follows from its tag, its quotes and its spelling.
struct YAMLScalar: Equatable {
    var text: String
    /// Neither quoted nor a block: only then can it be anything but a string.
    var isPlain: Bool
    var tag: String?

    func value(at line: Int) throws(YAMLError) -> JSONValue {
        switch tag {
        case "tag:yaml.org,2002:str", "!", "tag:yaml.org,2002:binary": return .string(text)
        case nil: return isPlain ? try resolved(at: line) : .string(text)
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null":
            return try resolved(at: line)
        case .some(let tag): throw YAMLError(line: line, problem: "the tag \(tag) is not known here")
        }
    }

    private func resolved(at line: Int) throws(YAMLError) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y": return .bool(true)
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N": return .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN":
            throw YAMLError(line: line, problem: "\(text) has no place in JSON; quote it if it is text")
        default: break
        }
        guard let first = text.utf8.first, "+-.0123456789".utf8.contains(first) else { return .string(text) }
        if let integer = integer { return .integer(integer) }
        if let number = number { return .number(number) }
        return .string(text)
    }

    private var integer: Int64? {
        var digits = Substring(text.filter { $0 != "_" })
        let isNegative = digits.first == "-"
        if isNegative || digits.first == "+" { digits = digits.dropFirst() }
        var radix = 10
        for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.hasPrefix(prefix) {
            digits = digits.dropFirst(2)
            radix = base
        }
        if radix == 10, digits.count > 1, digits.first == "0" { radix = 8 }
        guard let first = digits.first, first != "-", first != "+" else { return nil }
        return Int64((isNegative ? "-" : "") + digits, radix: radix)
    }

    private var number: Double? {
        guard text.utf8.allSatisfy({ "+-.eE_0123456789".utf8.contains($0) }) else { return nil }
        guard text.utf8.contains(where: { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        guard let number = Double(text.filter { $0 != "_" }), number.isFinite else { return nil }
        return number
    }
}
