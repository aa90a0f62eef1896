package import PKI
package import Wire

/// A name an order asks for (RFC 8555 §7.1.4, RFC 8738), in the one spelling that is sent and compared.
package enum ACMEIdentifier: Sendable, Hashable {
    /// Lower case A-labels without a trailing dot; a wildcard keeps its `*.`.
    case dns(String)
    case ip(IPAddress)
    /// A kind this client does not order, kept because a server may name one in an answer.
    case other(type: String, value: String)

    /// A DNS name as users write it: any case, perhaps in Unicode, perhaps with a trailing dot.
    package init(dns raw: String) throws(IdentifierError) {
        self = .dns(try DNSIdentifier.normalised(raw))
    }

    package init(ip raw: String) throws(IdentifierError) {
        guard let address = IPAddress(raw) else { throw .address(raw) }
        self = .ip(address)
    }

    /// The `type` member of an identifier object.
    package var type: String {
        switch self {
        case .dns: "dns"
        case .ip: "ip"
        case .other(let type, _): type
        }
    }

    /// The `value` member of an identifier object; an IPv6 address in the text of RFC 5952.
    package var value: String {
        switch self {
        case .dns(let name): name
        case .ip(let address): address.text
        case .other(_, let value): value
        }
    }

    /// Whether the DNS name begins with `*.`.
    package var isWildcard: Bool { type == "dns" && value.hasPrefix("*.") }

    package var json: JSONValue { ["type": .string(type), "value": .string(value)] }

    /// What a server wrote, read leniently: a name we would refuse to order still compares as itself.
    init?(_ json: JSONValue) {
        guard let type = json["type"]?.stringValue, let value = json["value"]?.stringValue else { return nil }
        switch type.lowercased() {
        case "dns": self = .dns((try? DNSIdentifier.normalised(value)) ?? value)
        case "ip": self = IPAddress(value).map { .ip($0) } ?? .other(type: type, value: value)
        default: self = .other(type: type, value: value)
        }
    }
}

extension ACMEIdentifier: Comparable {
    /// DNS names first, each kind in the order of its bytes, so that one set of names always makes one request.
    package static func < (left: Self, right: Self) -> Bool {
        (left.type, left.value) < (right.type, right.value)
    }
}

extension ACMEIdentifier: CustomStringConvertible {
    package var description: String { value }
}

package enum IdentifierError: Error, Sendable, Hashable {
    case address(String)
    case addressAsName(String)
    case character(String)
    case empty
    case label(String)
    case length(String)
    case wildcard(String)
}

extension IdentifierError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .address(let text): "“\(text)” is not an IP address"
        case .addressAsName(let text): "“\(text)” is an IP address and belongs in ipAddresses, not dnsNames"
        case .character(let text): "“\(text)” holds a character that a DNS name cannot have"
        case .empty: "a DNS name is empty"
        case .label(let text): "a label of “\(text)” is empty or longer than 63 octets"
        case .length(let text): "“\(text.prefix(40))…” is longer than 253 octets"
        case .wildcard(let text): "“\(text)” has a wildcard elsewhere than in a leading “*.”"
        }
    }
}

/// The spelling of DNS names in orders: RFC 8555 §7.1.4 asks for A-labels, CAs for lower case and no trailing dot.
enum DNSIdentifier {
    static func normalised(_ raw: String) throws(IdentifierError) -> String {
        var text = raw
        if text.hasSuffix(".") { text.removeLast() }
        guard !text.isEmpty else { throw .empty }
        if IPAddress(text) != nil { throw .addressAsName(raw) }
        guard let name = InternationalDomainName.toASCII(text) else { throw reason(against: text) }
        // toASCII leaves a dot that was doubled at the end, and a lone asterisk names nothing.
        guard !name.hasSuffix(".") else { throw .label(raw) }
        guard name != "*" else { throw .wildcard(raw) }
        return name
    }

    private static func reason(against text: String) -> IdentifierError {
        if text.utf8.count > 253 { return .length(text) }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        if labels.contains(where: { $0.isEmpty || $0.utf8.count > 63 }) { return .label(text) }
        let starred = text.hasPrefix("*.") ? text.dropFirst(2) : text[...]
        return starred.contains("*") ? .wildcard(text) : .character(text)
    }
}
