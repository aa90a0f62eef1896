package import PKI
package import Wire

/// The text of a TXT record at `_validation-persist` (draft-ietf-acme-dns-persist): it lets an account of a CA have
/// certificates for the name for as long as it stands.
package struct PersistentRecord: Sendable, Hashable {
    package static let label = "_validation-persist"

    package var issuerName: String
    package var accountURI: String
    /// Whether wildcards and every name below are covered, too.
    package var coversWildcard: Bool
    /// When it ends by itself; nil for never.
    package var until: Timestamp?

    package init(issuerName: String, accountURI: String, coversWildcard: Bool, until: Timestamp? = nil) {
        self.issuerName = issuerName
        self.accountURI = accountURI
        self.coversWildcard = coversWildcard
        self.until = until
    }

    /// What to write for a name.
    ///
    /// - Parameters:
    ///   - domain: where the record lives: without `*.` and the label.
    ///   - allowsWildcard: whether a wildcard may be covered at all.
    package init(
        for offer: PersistOffer, domain: String, isWildcard: Bool, allowsWildcard: Bool, accountURL: String,
        accountKey: PublicKey
    ) throws(PersistError) {
        guard !isWildcard || allowsWildcard else { throw .wildcardNotAllowed }
        guard let name = offer.issuerNames.first else { throw .names("there must be one to ten issuer domain names") }
        let uri: String
        switch offer.generation {
        case .plain: uri = accountURL
        case .hashed(let prefix):
            uri = try Self.hashedURI(
                prefix: prefix, domain: domain, thumbprint: accountKey.thumbprint, accountURL: accountURL)
        }
        guard PersistOffer.isValue(uri) else { throw .foreignAccount(uri) }
        self.init(issuerName: name, accountURI: uri, coversWildcard: isWildcard)
    }

    /// draft -02: SHA-256 over the length of the domain in one octet, the domain, the key's thumbprint and the account's
    /// URL. Computed here and never copied from the server.
    package static func hashedURI(
        prefix: String, domain: String, thumbprint: String, accountURL: String
    ) throws(PersistError) -> String {
        let name = Array(domain.utf8)
        guard (1...253).contains(name.count), domain == domain.lowercased(), !domain.hasSuffix(".") else {
            throw .domain(domain)
        }
        let input = [UInt8(name.count)] + name + Array(thumbprint.utf8) + Array(accountURL.utf8)
        return "\(prefix)sha-256/\(Base64.encodeURL(Digest.sha256(input)))"
    }

    package var text: String {
        var parts = [issuerName, "accounturi=\(accountURI)"]
        if coversWildcard { parts.append("policy=wildcard") }
        if let until { parts.append("persistUntil=\(until.wholeSeconds.secondsSince1970)") }
        return parts.joined(separator: "; ")
    }

    /// A record as it stands in DNS; nil for one that a CA would call malformed: an empty part, a tag twice, no account, a
    /// value with what cannot stand in one. Tags are compared without regard to case, and unknown ones passed over.
    package init?(_ text: String) {
        guard text.utf8.count <= 4096 else { return nil }
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        guard let name = parts.first, !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return nil
        }
        var values: [String: String] = [:]
        for part in parts.dropFirst() {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
            guard halves.count == 2, !halves[0].isEmpty, PersistOffer.isValue(halves[1]) else { return nil }
            guard values.updateValue(halves[1], forKey: halves[0].lowercased()) == nil else { return nil }
        }
        guard let uri = values["accounturi"], !uri.isEmpty else { return nil }
        var until: Timestamp?
        if let digits = values["persistuntil"] {
            guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let seconds = Int64(digits) else {
                return nil
            }
            // Beyond what a time can be is as good as never.
            until = seconds < 1 << 36 ? Timestamp(secondsSince1970: seconds) : nil
        }
        self.init(
            issuerName: Self.trimmedDot(name.lowercased()), accountURI: uri,
            coversWildcard: values["policy"]?.lowercased() == "wildcard", until: until)
    }

    /// Whether a CA that would take `wanted` takes this one for it as well, for some time yet.
    ///
    /// - Parameter issuerNames: any of which may stand in it.
    package func serves(_ wanted: PersistentRecord, issuerNames: [String], at now: Timestamp) -> Bool {
        guard issuerNames.contains(issuerName), accountURI == wanted.accountURI else { return false }
        if wanted.coversWildcard, !coversWildcard { return false }
        guard let until else { return true }
        return until > now + Self.shortest
    }

    /// One that ends sooner may be over before a CA has looked.
    static let shortest = Duration.seconds(3600)

    private static func trimmed(_ text: Substring) -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var text = text.drop(while: isSpace)
        while let last = text.last, isSpace(last) { text = text.dropLast() }
        return String(text)
    }

    private static func trimmedDot(_ text: String) -> String { text.hasSuffix(".") ? String(text.dropLast()) : text }
}
