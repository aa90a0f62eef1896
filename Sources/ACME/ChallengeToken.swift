package import PKI
import Wire

/// A challenge's token (RFC 8555 §8.3, §8.4): at least 128 bits in base64url characters.
///
/// It becomes a URL path and a label, so nothing else is let through.
package struct ChallengeToken: Sendable, Hashable {
    package let text: String

    package init(_ raw: String) throws(ACMEError) {
        guard (22...512).contains(raw.utf8.count), raw.utf8.allSatisfy(isBase64URL) else {
            throw .malformed("the challenge's token is not at least 22 base64url characters")
        }
        text = raw
    }

    /// What shows that the account behind the token is ours (RFC 8555 §8.1).
    package func keyAuthorization(for account: PublicKey) -> KeyAuthorization {
        KeyAuthorization(text: "\(text).\(account.thumbprint)")
    }
}

/// A token joined to the account key's thumbprint. It prints as redacted.
package struct KeyAuthorization: Sendable {
    private let secret: Redacted<String>

    init(text: String) {
        secret = Redacted(text)
    }

    /// What an http-01 response holds.
    package func reveal() -> String { secret.reveal() }

    /// What a dns-01 record holds: the base64url SHA-256, 43 characters (RFC 8555 §8.4).
    package var dnsValue: String { Base64.encodeURL(Digest.sha256(Array(secret.reveal().utf8))) }
}
