/// An element of an XML document: as much of XML as the interfaces of providers use. Document types are refused.
struct XMLElement: Sendable, Hashable {
    var name: String
    var attributes: [String: String] = [:]
    var children: [XMLElement] = []
    /// All text right inside it.
    var text = ""

    /// Nil for what is no such document, and for one that is nested deeper than 32.
    init?(parsing bytes: [UInt8]) {
        var parser = XMLParser(bytes: bytes)
        guard let root = parser.document() else { return nil }
        self = root
    }

    fileprivate init(name: String) { self.name = name }

    /// The first child of the name.
    subscript(_ name: String) -> XMLElement? { children.first { $0.name == name } }
    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// The first element of the name, at any depth.
    func first(_ name: String) -> XMLElement? {
        for child in children {
            if child.name == name { return child }
            if let found = child.first(name) { return found }
        }
        return nil
    }

    /// `text` as it may stand between tags and in attributes.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

private struct XMLParser {
    let bytes: [UInt8]
    private var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() -> XMLElement? {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
        guard skipProlog(), let root = element(depth: 0), skipProlog(), at == bytes.count else { return nil }
        return root
    }

    private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func take(_ text: String) -> Bool {
        guard bytes[at...].starts(with: text.utf8) else { return false }
        at += text.utf8.count
        return true
    }

    private mutating func skip(past end: String) -> Bool {
        guard let range = bytes[at...].firstRange(of: Array(end.utf8)) else { return false }
        at = range.upperBound
        return true
    }

    private mutating func skipSpace() {
        while let octet = next, [0x20, 0x09, 0x0A, 0x0D].contains(octet) { at += 1 }
    }

    /// Declarations, comments and space. False where one does not end.
    private mutating func skipProlog() -> Bool {
        while true {
            skipSpace()
            if take("<?") {
                guard skip(past: "?>") else { return false }
            } else if take("<!--") {
                guard skip(past: "-->") else { return false }
            } else {
                return true
            }
        }
    }

    private mutating func element(depth: Int) -> XMLElement? {
        guard depth < 32, take("<"), let name = name() else { return nil }
        var element = XMLElement(name: name)
        while true {
            skipSpace()
            if take("/>") { return element }
            if take(">") { break }
            guard let key = self.name() else { return nil }
            skipSpace()
            guard take("=") else { return nil }
            skipSpace()
            guard let value = quoted() else { return nil }
            element.attributes[key] = value
        }
        return content(of: &element, depth: depth) ? element : nil
    }

    /// Everything up to the end tag, which is taken too.
    private mutating func content(of element: inout XMLElement, depth: Int) -> Bool {
        while let octet = next {
            if octet != UInt8(ascii: "<") {
                let start = at
                while let octet = next, octet != UInt8(ascii: "<") { at += 1 }
                guard let text = Self.unescaped(bytes[start..<at]) else { return false }
                element.text += text
            } else if take("<!--") {
                guard skip(past: "-->") else { return false }
            } else if take("<![CDATA[") {
                let start = at
                guard skip(past: "]]>") else { return false }
                element.text += String(decoding: bytes[start..<(at - 3)], as: UTF8.self)
            } else if take("</") {
                guard name() == element.name else { return false }
                skipSpace()
                return take(">")
            } else {
                guard let child = self.element(depth: depth + 1) else { return false }
                element.children.append(child)
            }
        }
        return false
    }

    /// A name without its prefix.
    private mutating func name() -> String? {
        let start = at
        while let octet = next, !" \t\n\r/>=<\"'".utf8.contains(octet) { at += 1 }
        guard at > start, bytes[start] != UInt8(ascii: "!"), bytes[start] != UInt8(ascii: "?") else { return nil }
        return String(decoding: bytes[start..<at], as: UTF8.self).split(separator: ":").last.map(String.init)
    }

    private mutating func quoted() -> String? {
        guard let quote = next, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return nil }
        at += 1
        let start = at
        while let octet = next, octet != quote { at += 1 }
        guard next == quote else { return nil }
        defer { at += 1 }
        return Self.unescaped(bytes[start..<at])
    }

    private static func unescaped(_ octets: ArraySlice<UInt8>) -> String? {
        guard octets.contains(UInt8(ascii: "&")) else { return String(decoding: octets, as: UTF8.self) }
        var result = ""
        for (index, part) in String(decoding: octets, as: UTF8.self).split(
            separator: "&", omittingEmptySubsequences: false
        ).enumerated() {
            if index == 0 {
                result += part
                continue
            }
            guard let end = part.firstIndex(of: ";"), let scalar = scalar(part[..<end]) else { return nil }
            result.unicodeScalars.append(scalar)
            result += part[part.index(after: end)...]
        }
        return result
    }

    private static func scalar(_ entity: Substring) -> Unicode.Scalar? {
        switch entity {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard entity.hasPrefix("#") else { return nil }
            let digits = entity.dropFirst()
            let number = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
            return number.flatMap(Unicode.Scalar.init)
        }
    }
}
