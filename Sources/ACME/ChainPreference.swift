import PKI
import Wire

/// Which of several chains a certificate is stored with (RFC 8555 §7.4.2).
package enum ChainPreference: Sendable, Hashable {
    /// Whatever the server gives first.
    case standard
    /// The chain whose last certificate was issued by this common name; what `preferredChain` means.
    case issuer(commonName: String)
    /// The chain that holds the certificate with this SHA-256 fingerprint.
    case holding(fingerprint: [UInt8])
    /// The chain whose last certificate names this key as its signer's; the root itself is seldom sent along.
    case root(keyIdentifier: [UInt8])
    /// The chain with the fewest bytes, for clients that count them.
    case smallest

    /// A root as tools print it, in hexadecimal digits with or without colons: 64 of them are a SHA-256 fingerprint, 40
    /// a subject key identifier. Nil for anything else.
    package init?(root text: String) {
        let digits = text.filter { $0 != ":" && !$0.isWhitespace }
        guard let octets = Hex.decode(digits) else { return nil }
        switch octets.count {
        case 32: self = .holding(fingerprint: octets)
        case 20: self = .root(keyIdentifier: octets)
        default: return nil
        }
    }

    /// Whether no other chain can be better.
    func isMet(by chain: ACMECertificateChain) -> Bool {
        switch self {
        case .standard: true
        case .issuer(let name): name.isEmpty || chain.leads(to: name)
        case .holding(let fingerprint): chain.certificates.contains { $0.fingerprintSHA256 == fingerprint }
        case .root(let identifier):
            chain.certificates.last.map { top in
                top.extensions.authorityKeyId == identifier || top.extensions.subjectKeyId == identifier
            } ?? false
        case .smallest: false
        }
    }
}
