import PKI

/// What may stand in the names of a certificate and in the names of Kubernetes objects.
package enum NameRules {
    /// Why a name is refused, to follow "Invalid value".
    package struct Refusal: Error, Sendable, Hashable {
        package let detail: String
    }

    /// A DNS name as a certificate carries it (RFC 5280 §4.2.1.6): ASCII stays as written, Unicode labels become
    /// A-labels, a leading `*.` stays.
    package static func dnsName(_ name: String) throws(Refusal) -> String {
        guard !name.isEmpty else { throw Refusal(detail: "must not be empty") }
        guard let ascii = InternationalDomainName.toASCII(name) else {
            throw Refusal(detail: "must be a DNS name: labels of letters, digits and '-', or their ASCII form, xn--…")
        }
        let isASCII = name.utf8.allSatisfy { $0 < 0x80 }
        return isASCII ? name : ascii
    }

    /// Why this is not a DNS-1123 subdomain, the names Kubernetes gives most objects; nil when it is one.
    package static func subdomainProblem(_ name: String) -> String? {
        guard name.utf8.count <= 253 else { return "must be no more than 253 characters" }
        let legal = name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            isAlphanumeric(label.utf8.first, upper: false) && isAlphanumeric(label.utf8.last, upper: false)
                && label.utf8.allSatisfy { isAlphanumeric($0, upper: false) || $0 == UInt8(ascii: "-") }
        }
        guard !legal else { return nil }
        return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.',"
            + " and must start and end with an alphanumeric character"
    }

    /// Why this is not the key of a label or annotation; nil when it is one.
    package static func qualifiedNameProblem(_ key: String) -> String? {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let name = parts.last else { return "must be a name or prefix/name" }
        if parts.count == 2, let problem = subdomainProblem(String(parts[0])) { return "prefix part: \(problem)" }
        guard !name.isEmpty, isLabelText(name) else {
            return "name part must consist of at most 63 alphanumeric characters, '-', '_' or '.',"
                + " and must start and end with an alphanumeric character"
        }
        return nil
    }

    /// Why this is not the value of a label; nil when it is one.
    package static func labelValueProblem(_ value: String) -> String? {
        guard !value.isEmpty, !isLabelText(value[...]) else { return nil }
        return "a valid label must be empty or consist of at most 63 alphanumeric characters, '-', '_' or '.',"
            + " and must start and end with an alphanumeric character"
    }

    private static func isLabelText(_ text: Substring) -> Bool {
        text.utf8.count <= 63 && isAlphanumeric(text.utf8.first, upper: true)
            && isAlphanumeric(text.utf8.last, upper: true)
            && text.utf8.allSatisfy { isAlphanumeric($0, upper: true) || "-_.".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8?, upper: Bool) -> Bool {
        guard let byte else { return false }
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): return true
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): return upper
        default: return false
        }
    }

    /// Whether this is a bare mailbox, `local@domain` (RFC 5321 §4.1.2), in ASCII as rfc822Name demands.
    package static func isEmailAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.count <= 64, !parts[1].isEmpty else { return false }
        let atom = "!#$%&'*+-/=?^_`{|}~.".utf8
        guard parts[0].utf8.allSatisfy({ isAlphanumeric($0, upper: true) || atom.contains($0) }) else { return false }
        guard parts[0].first != ".", parts[0].last != ".", !parts[0].contains("..") else { return false }
        return parts[1].split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.utf8.allSatisfy { isAlphanumeric($0, upper: true) || $0 == UInt8(ascii: "-") }
        }
    }

    /// Whether this can be a uniformResourceIdentifier: ASCII with a scheme (RFC 5280 §4.2.1.6).
    package static func isURI(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), let colon = text.firstIndex(of: ":") else {
            return false
        }
        let scheme = text[..<colon]
        guard let first = scheme.first, first.isLetter, text.index(after: colon) < text.endIndex else { return false }
        return scheme.utf8.allSatisfy { isAlphanumeric($0, upper: true) || "+-.".utf8.contains($0) }
    }
}
