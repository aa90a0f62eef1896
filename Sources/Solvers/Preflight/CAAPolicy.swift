package import DNSWire

/// Whether CAA records let a CA certify a name (RFC 8659), for this account and by this method (RFC 8657).
package struct CAAPolicy: Sendable, Hashable {
    /// The domains that the CA calls itself by, from its directory.
    package var identities: [String]
    package var accountURL: String

    package init(identities: [String], accountURL: String) {
        self.identities = identities.map { $0.lowercased() }
        self.accountURL = accountURL
    }

    /// Why the CA may not issue.
    package enum Objection: Sendable, Hashable {
        /// A property that no CA knows, marked as one that must be known.
        case critical(tag: String)
        /// Only these may, which is nobody where the list is empty.
        case otherCAs([String])
        /// The record is for another account.
        case otherAccount(String)
        /// The record allows these methods alone.
        case otherMethods([String], wanted: String)
        /// A parameter stands there twice or cannot be read: no CA may follow such a record.
        case unsatisfiable(String)
    }

    /// Tags that CAs know, or that say nothing about these certificates (RFC 8659, 9495, and the registry of CAA tags).
    private static let known: Set<String> = [
        "issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone",
    ]

    /// Nil when the CA may issue by what `records` say, which are those that count for the name.
    ///
    /// - Parameter method: how the name will be proved, such as `dns-01`; nil when that is not known.
    package func objection(
        in records: [CAARecord], isWildcard: Bool, method: String?
    ) -> Objection? {
        if let critical = records.first(where: { $0.isCritical && !Self.known.contains($0.tag) }) {
            return .critical(tag: critical.tag)
        }
        let wild = records.filter { $0.tag == "issuewild" }
        let relevant = isWildcard && !wild.isEmpty ? wild : records.filter { $0.tag == "issue" }
        guard !relevant.isEmpty else { return nil }
        let values = relevant.map { IssueValue($0.value) }
        let ours = values.filter { identities.contains($0.domain) }
        guard !ours.isEmpty else { return .otherCAs(values.map(\.domain).filter { !$0.isEmpty }) }
        // One that lets us is enough; else the objection against the first.
        var first: Objection?
        for value in ours {
            guard let objection = objection(to: value, method: method) else { return nil }
            first = first ?? objection
        }
        return first
    }

    private func objection(to value: IssueValue, method: String?) -> Objection? {
        for tag in ["accounturi", "validationmethods"] where value.parameters.count(where: { $0.tag == tag }) > 1 {
            return .unsatisfiable("\(tag) is there more than once")
        }
        if let account = value["accounturi"], account != accountURL { return .otherAccount(account) }
        if let text = value["validationmethods"], let method {
            let methods = text.split(separator: ",").map(String.init)
            if !methods.contains(method) { return .otherMethods(methods, wanted: method) }
        }
        return nil
    }
}

/// The value of an `issue` or `issuewild` property (RFC 8659 §4.2).
struct IssueValue: Sendable, Hashable {
    /// Lower case; empty when nobody is named, or when the value cannot be read, which lets nobody issue either.
    let domain: String
    let parameters: [Parameter]

    struct Parameter: Sendable, Hashable {
        var tag: String
        var value: String
    }

    init(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        let name = parts.first ?? ""
        let isName = name.utf8.allSatisfy { Self.isAlphanumeric($0) || $0 == 0x2D || $0 == 0x2E }
        var parameters: [Parameter] = []
        // A semicolon may close the list.
        for part in parts.dropFirst() where !part.isEmpty {
            guard let parameter = Self.parameter(part) else {
                domain = ""
                self.parameters = []
                return
            }
            parameters.append(parameter)
        }
        domain = isName ? name.lowercased() : ""
        self.parameters = parameters
    }

    subscript(tag: String) -> String? { parameters.first { $0.tag == tag }?.value }

    private static func parameter(_ text: String) -> Parameter? {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let tag = trimmed(text[..<equals])
        let value = trimmed(text[text.index(after: equals)...])
        guard let first = tag.utf8.first, isAlphanumeric(first),
            tag.utf8.allSatisfy({ isAlphanumeric($0) || $0 == 0x2D }),
            value.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        return Parameter(tag: tag.lowercased(), value: value)
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }

    private static func isAlphanumeric(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}

/// Finds the CAA records that count for names: those of the closest name at or above each that has any (RFC 8659 §3).
struct CAAClimb: Sendable {
    /// What is known of each name: its records, or why they could not be had.
    var found: [DNSName: Result<[CAARecord], DNSError>] = [:]

    /// The name and every name above it but the root.
    static func path(from name: DNSName) -> [DNSName] {
        var path: [DNSName] = []
        var next: DNSName? = name
        while let name = next, !name.isRoot {
            path.append(name)
            next = name.parent
        }
        return path
    }

    /// The records that count for `name` and where they stand; without records nobody has said anything.
    func relevant(to name: DNSName) -> Result<(owner: DNSName, records: [CAARecord]), DNSError> {
        for candidate in Self.path(from: name) {
            switch found[candidate] {
            case .success(let records) where !records.isEmpty: return .success((candidate, records))
            case .failure(let error): return .failure(error)
            case .success, nil: continue
            }
        }
        return .success((name, []))
    }
}
