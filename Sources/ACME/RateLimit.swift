/// What a limit that was hit also holds up (RFC 8555 §6.6 leaves that to the server's words).
package enum LimitScope: Sendable, Hashable {
    /// Every request to the server: it is overloaded, or counts requests by the second.
    case server
    /// Every new order of the account.
    case account
    /// Every order that names this domain or one beneath it.
    case domain(String)
    /// Every order that names exactly this.
    case name(String)
    /// Orders for the same set of names.
    case sameNames
    /// Nothing else that we know of.
    case request
}

extension Refusal {
    /// What the limit also holds up; nil when the refusal is not about one.
    package var limitScope: LimitScope? {
        guard isThrottling else { return nil }
        let words = problem.detail?.lowercased() ?? ""
        if problem.type != .rateLimited, status == 503 { return .server }
        if words.contains("exact set of") { return .sameNames }
        if let name = quotedName {
            if words.contains("failed authorizations") || words.contains("failed validations") { return .name(name) }
            if words.contains("certificates") { return .domain(name) }
        }
        if words.contains("new orders") || words.contains("this account") { return .account }
        return action == .authorizeOrder && !words.isEmpty ? .request : .server
    }

    /// The first name between double quotes, which is how Let's Encrypt names whom a limit is about.
    private var quotedName: String? {
        let parts = (problem.detail ?? "").split(separator: "\"", omittingEmptySubsequences: false)
        guard parts.count >= 3 else { return nil }
        return try? DNSIdentifier.normalised(String(parts[1]))
    }
}

extension LimitScope {
    /// Whether the limit, hit by an order for `others`, holds up one for `names`.
    package func covers(_ names: some Sequence<ACMEIdentifier>, hitBy others: Set<ACMEIdentifier>) -> Bool {
        switch self {
        case .server, .account: true
        case .domain(let domain): names.contains { $0.baseName == domain || $0.baseName.hasSuffix(".\(domain)") }
        case .name(let name): names.contains { $0.baseName == name || $0.value == name }
        case .sameNames: Set(names) == others
        case .request: false
        }
    }
}

extension ACMEIdentifier {
    /// The name without a wildcard's `*.`.
    fileprivate var baseName: String { isWildcard ? String(value.dropFirst(2)) : value }
}

/// The text that a scope is kept under in an annotation, and read back from.
extension LimitScope: RawRepresentable {
    package var rawValue: String {
        switch self {
        case .server: "server"
        case .account: "account"
        case .domain(let domain): "domain/\(domain)"
        case .name(let name): "name/\(name)"
        case .sameNames: "same-names"
        case .request: "request"
        }
    }

    package init?(rawValue: String) {
        let parts = rawValue.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        switch (parts[0], parts.count) {
        case ("server", 1): self = .server
        case ("account", 1): self = .account
        case ("domain", 2): self = .domain(String(parts[1]))
        case ("name", 2): self = .name(String(parts[1]))
        case ("same-names", 1): self = .sameNames
        case ("request", 1): self = .request
        default: return nil
        }
    }
}
