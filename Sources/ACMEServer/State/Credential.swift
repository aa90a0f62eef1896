package import ACME
package import CertificateAPI
package import KubeModel
import PKI
import Wire

/// The ways to show control of a name that this server knows.
package enum ChallengeKind: String, Sendable, Hashable, CaseIterable {
    case http01 = "http-01"
    case dns01 = "dns-01"
    case tlsALPN01 = "tls-alpn-01"

    /// Wildcards take DNS alone, and addresses have no record to show (RFC 8555 §7.1.3, RFC 8738 §7).
    package func suits(_ identifier: ACMEIdentifier) -> Bool {
        switch identifier {
        case .dns: !identifier.isWildcard || self == .dns01
        case .ip: self != .dns01
        case .other: false
        }
    }
}

/// A key for external account bindings, and what its bearer may have: a Secret in the server's own namespace.
package struct Credential: Sendable, Hashable {
    package typealias Key = Names.ACMECredential

    /// The key ID: the name of the Secret.
    package let id: String
    let hmacKey: Redacted<[UInt8]>
    /// Where its CertificateRequests are made.
    package let namespace: String
    /// `ClusterIssuer/NAME` or `Issuer/NAME`, the latter in ``namespace``; names may be patterns.
    let issuers: [PolicyPattern]
    let names: [PolicyPattern]
    let addresses: [IPRange]
    let allowsWildcards: Bool
    package let challenges: [ChallengeKind]
    package let duration: String?
    package let accountLimit: Int
    package let ordersPerHour: Int

    package static let defaultAccountLimit = 100
    package static let defaultOrdersPerHour = 300
    /// HMAC-SHA-256 wants a key of its own length (RFC 7518 §3.2); shorter ones can be guessed.
    private static let shortestKey = 16

    /// Why a Secret is no credential; a sentence for the log, without anything of the key.
    package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    package init(_ secret: Secret) throws(Problem) {
        let annotations = secret.metadata.annotations ?? [:]
        func list(_ key: String) -> [String] {
            (annotations[key] ?? "").split { $0 == "," || $0.isWhitespace }.map(String.init)
        }
        func number(_ key: String, _ fallback: Int) throws(Problem) -> Int {
            guard let text = annotations[key] else { return fallback }
            guard let number = Int(text), number >= 0 else {
                throw Problem(description: "\(key) must be a number and is \"\(text.prefix(40))\"")
            }
            return number
        }
        id = secret.metadata.name
        hmacKey = try Self.hmacKey(secret)
        guard let namespace = annotations[Key.namespace], !namespace.isEmpty else {
            throw Problem(description: "the annotation \(Key.namespace) is missing: it names where requests are made")
        }
        self.namespace = namespace
        issuers = list(Key.issuers).map { PolicyPattern($0, separator: .slash) }
        names = list(Key.names).map { PolicyPattern($0.lowercased(), separator: .dot) }
        var ranges: [IPRange] = []
        for text in list(Key.addresses) {
            let cidr = text.contains("/") ? text : text + (text.contains(":") ? "/128" : "/32")
            guard let range = IPRange(cidr) else {
                throw Problem(
                    description: "\(Key.addresses) names \"\(text.prefix(60))\", which is no address or range")
            }
            ranges.append(range)
        }
        addresses = ranges
        allowsWildcards = annotations[Key.wildcards] == "true"
        var kinds: [ChallengeKind] = []
        for text in list(Key.challenges) {
            guard let kind = ChallengeKind(rawValue: text) else {
                throw Problem(description: "\(Key.challenges) names \"\(text.prefix(60))\", which is no challenge here")
            }
            kinds.append(kind)
        }
        challenges = kinds.isEmpty ? ChallengeKind.allCases : kinds
        duration = annotations[Key.duration]
        if let duration, GoDuration(duration) == nil {
            throw Problem(description: "\(Key.duration) must be a duration such as 720h")
        }
        accountLimit = try number(Key.accounts, Self.defaultAccountLimit)
        ordersPerHour = try number(Key.orders, Self.defaultOrdersPerHour)
    }

    /// As clients are given it: base64url, with or without padding, or plain base64.
    private static func hmacKey(_ secret: Secret) throws(Problem) -> Redacted<[UInt8]> {
        guard let bytes = secret[Key.hmac] else {
            throw Problem(description: "it has no data named \(Key.hmac), which is to hold the HMAC key in base64url")
        }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        guard let key = Base64.decodeURL(text, padding: .allowed) ?? Base64.decode(text) else {
            throw Problem(description: "its \(Key.hmac) is not base64url text")
        }
        guard key.count >= shortestKey else {
            throw Problem(description: "its \(Key.hmac) is shorter than \(shortestKey) bytes: make one of 32")
        }
        return Redacted(key)
    }

    /// Whether accounts of it may use that issuer's directory. An Issuer must live where the requests are made.
    package func allows(_ issuer: IssuerName) -> Bool {
        if let place = issuer.namespace, place != namespace { return false }
        let text = "\(issuer.namespace == nil ? "ClusterIssuer" : "Issuer")/\(issuer.name)"
        return issuers.contains { $0.matches(text) }
    }

    /// Nil where its accounts may ask for that name; else a sentence.
    package func objection(to identifier: ACMEIdentifier) -> String? {
        switch identifier {
        case .dns(let name):
            if identifier.isWildcard, !allowsWildcards { return "This account may have no wildcard names." }
            guard names.contains(where: { $0.matches(name) }) else {
                return "This account may not have a certificate for \(name)."
            }
        case .ip(let address):
            guard addresses.contains(where: { $0.contains(address) }) else {
                return "This account may not have a certificate for \(address)."
            }
        case .other: return "Names of this type cannot be had."
        }
        guard challenges.contains(where: { $0.suits(identifier) }) else {
            return "No challenge that this account may use can prove \(identifier)."
        }
        return nil
    }
}
