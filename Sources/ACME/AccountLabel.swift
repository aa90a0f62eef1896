import PKI

/// The label that stands for an account in the record names of dns-account-01 (draft-ietf-acme-dns-account-label-03 §3):
/// `_` and the first ten octets of SHA-256 over the account's URL, in base32 and lower case.
///
/// Computed from the URL exactly as the server gave it, never from what an error message suggests: a label of the server's
/// choice could be one that proves a name to somebody else's account.
package struct AccountLabel: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    package init(accountURL: String) {
        text = "_" + Self.base32(Digest.sha256(Array(accountURL.utf8)).prefix(10))
    }

    /// One that was written down before; nil for any other text.
    package init?(_ text: String) {
        let alphabet = Set(Self.alphabet)
        guard text.utf8.count == 17, text.hasPrefix("_"), text.utf8.dropFirst().allSatisfy({ alphabet.contains($0) })
        else { return nil }
        self.text = text
    }

    package var description: String { text }

    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    /// RFC 4648 §6 without padding, which ten octets do not need.
    private static func base32(_ octets: some Sequence<UInt8>) -> String {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for octet in octets {
            bits = (bits << 8 | UInt32(octet)) & 0xFFFF
            count += 8
            while count >= 5 {
                count -= 5
                result.append(alphabet[Int(bits >> count & 0x1F)])
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
