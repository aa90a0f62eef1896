package import ACME
package import PKI
package import Wire

/// A certificate of ours, as far as its renewal is concerned (RFC 9773).
package struct RenewalSight: Sendable, Hashable {
    package var directory: String
    package var account: String
    package var names: [GeneralName]
    package var notBefore: Timestamp
    package var notAfter: Timestamp
    package var revokedAt: Timestamp?
    /// Whether another certificate was asked for in its place, and that has not failed.
    package var isReplaced: Bool

    package init(
        directory: String, account: String, names: [GeneralName], notBefore: Timestamp, notAfter: Timestamp,
        revokedAt: Timestamp? = nil, isReplaced: Bool = false
    ) {
        self.directory = directory
        self.account = account
        self.names = names
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.revokedAt = revokedAt
        self.isReplaced = isReplaced
    }
}

extension RenewalSight {
    private static let longestPause = Duration.seconds(6 * 3600)
    private static let shortestPause = Duration.seconds(60)

    var lifetime: Duration { max(.zero, notAfter - notBefore) }

    /// From two thirds of its life to three quarters; of one that was revoked, the hour before that, so that it is replaced
    /// at once (RFC 9773 §4.2).
    package var window: (start: Timestamp, end: Timestamp) {
        if let revokedAt { return ((revokedAt - .seconds(3600)).wholeSeconds, revokedAt.wholeSeconds) }
        // A window has a second at least, however short the life.
        let start = (notBefore + lifetime * 2 / 3).wholeSeconds
        return (start, max((notBefore + lifetime * 3 / 4).wholeSeconds, start + .seconds(1)))
    }

    /// When to ask again: so often that a revocation is noticed while it matters.
    package var pause: Duration { min(max(lifetime / 20, Self.shortestPause), Self.longestPause) }

    func shares(_ identifiers: [ACMEIdentifier]) -> Bool {
        names.contains { name in
            switch name {
            case .dns(let text): (try? ACMEIdentifier(dns: text)).map(identifiers.contains) ?? false
            case .ip(let address): identifiers.contains(.ip(address))
            case .uri, .email, .other, .unknown: false
            }
        }
    }
}

extension RenewalIdentifier {
    /// Nil for what has not the form of RFC 9773 §4.1, or is longer than any certificate makes it.
    package init?(reading text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 200, parts.count == 2,
            parts.allSatisfy({ !$0.isEmpty && !$0.contains("=") && Base64.decodeURL(String($0)) != nil })
        else { return nil }
        self.init(text: text)
    }
}
