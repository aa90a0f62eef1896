/// One link of a `Link` header (RFC 8288 §3).
struct LinkHeader: Sendable, Hashable {
    let target: String
    /// Relation types in lower case.
    let relations: [String]

    /// The targets with the relation, made absolute against the URL the header came from.
    static func targets(of relation: String, in headers: [String], base: String) -> [String] {
        headers.flatMap(parse).filter { $0.relations.contains(relation) }.compactMap { resolve($0.target, base: base) }
    }

    /// Several links may share one header; commas inside `<…>` and quotes separate nothing. What cannot be read is left out.
    static func parse(_ header: String) -> [LinkHeader] {
        split(header, at: ",").compactMap { text in
            let parts = split(text, at: ";").map { $0.trimmingWhitespace() }
            guard let first = parts.first, first.hasPrefix("<"), first.hasSuffix(">"), first.count > 2 else {
                return nil
            }
            let relation = parts.dropFirst().compactMap(relationValue).first ?? ""
            return LinkHeader(
                target: String(first.dropFirst().dropLast()),
                relations: relation.lowercased().split(separator: " ").map(String.init))
        }
    }

    private static func relationValue(_ parameter: String) -> String? {
        guard let equals = parameter.firstIndex(of: "=") else { return nil }
        let name = String(parameter[..<equals]).trimmingWhitespace()
        guard name.lowercased() == "rel" else { return nil }
        let value = String(parameter[parameter.index(after: equals)...]).trimmingWhitespace()
        guard value.hasPrefix("\""), value.hasSuffix("\""), value.count >= 2 else { return value }
        return String(value.dropFirst().dropLast())
    }

    private static func split(_ text: String, at separator: Character) -> [String] {
        var pieces: [String] = []
        var current = ""
        var isQuoted = false
        var isInTarget = false
        var isEscaped = false
        for character in text {
            if character == separator, !isQuoted, !isInTarget {
                pieces.append(current)
                current = ""
                continue
            }
            current.append(character)
            if isEscaped {
                isEscaped = false
                continue
            }
            switch character {
            case "\\" where isQuoted: isEscaped = true
            case "\"" where !isInTarget: isQuoted.toggle()
            case "<" where !isQuoted: isInTarget = true
            case ">" where !isQuoted: isInTarget = false
            default: break
            }
        }
        pieces.append(current)
        return pieces
    }

    /// A reference resolved against an absolute URL, for the forms servers use (RFC 3986 §5.2): absolute (`data:` terms
    /// of service too), `//host/…`, `/path`, and a path beside the base's.
    static func resolve(_ reference: String, base: String) -> String? {
        if hasScheme(reference) { return reference }
        guard let schemeEnd = base.firstRange(of: "://") else { return nil }
        let scheme = base[..<schemeEnd.lowerBound]
        if reference.hasPrefix("//") { return "\(scheme):\(reference)" }
        let afterScheme = base[schemeEnd.upperBound...]
        let origin = "\(scheme)://" + afterScheme.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if reference.hasPrefix("/") { return origin + reference }
        let path = base.dropFirst(origin.count).prefix { $0 != "?" && $0 != "#" }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "/"
        return origin + folder + reference
    }

    private static func hasScheme(_ reference: String) -> Bool {
        guard let colon = reference.firstIndex(of: ":"), let first = reference.first, first.isASCII, first.isLetter
        else { return false }
        return reference[..<colon].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    }
}
