/// What opens a keystore: text of at least one character. It never prints.
package struct KeystorePassword: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    let text: String

    /// Throws for octets that are no UTF-8, are empty, or hold a NUL, at which C programs would end the password.
    package init(_ octets: [UInt8]) throws(PKIError) {
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw .malformed(what: "the keystore's password", reason: "it is not UTF-8")
        }
        guard !text.isEmpty else { throw .malformed(what: "the keystore's password", reason: "it is empty") }
        guard !octets.contains(0) else { throw .malformed(what: "the keystore's password", reason: "it holds a NUL") }
        self.text = text
    }

    package var description: String { "redacted" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }

    /// As Java's `char`s, high octet first.
    var utf16: [UInt8] { text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } }
    /// As PKCS#12's own functions want it: a BMPString with two NULs at its end (RFC 7292 B.1).
    var terminatedUTF16: [UInt8] { utf16 + [0, 0] }
    /// As PBES2 and PBMAC1 want it (RFC 8018 §3, RFC 9579 §5).
    var utf8: [UInt8] { Array(text.utf8) }
}

/// What stands in a keystore, whatever its format.
package struct KeystoreContents: Sendable {
    /// Nil in a truststore.
    package var key: PrivateKey?
    /// The certificates of the key, leaf first.
    package var chain: [X509Certificate]
    /// Certificates that are trusted.
    package var authorities: [X509Certificate]

    package init(key: PrivateKey, chain: [X509Certificate], authorities: [X509Certificate]) {
        self.key = key
        self.chain = chain
        self.authorities = authorities
    }

    package init(trusting authorities: [X509Certificate]) {
        key = nil
        chain = []
        self.authorities = authorities
    }

    /// Whether both hold the same, private keys compared by their public halves.
    package func isSame(as other: KeystoreContents) -> Bool {
        key?.publicKey == other.key?.publicKey && chain == other.chain && authorities == other.authorities
    }
}
