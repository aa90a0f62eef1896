import CertificateAPI
import HTTPServer
import PKI

/// What a CA would make of what a listener shows it (RFC 8737 §3).
enum TLSALPN01Check {
    /// Nil when it would be satisfied; otherwise the end of a sentence about the listener.
    static func problem(with sight: ValidationSight, of challenge: Challenge) -> String? {
        guard sight.applicationProtocol == "acme-tls/1" else {
            let spoken = sight.applicationProtocol.map { "speaks \($0)" } ?? "speaks no application protocol"
            return "\(spoken) and not acme-tls/1; what is in front of the solver must pass TLS on unread"
        }
        let wanted = identifierExtension(for: challenge.spec.key)
        guard sight.certificate.contains(wanted) else {
            return "shows a certificate that is none of this challenge's"
        }
        return nil
    }

    /// The extension acmeIdentifier, critical, with the digest of the key authorization, in DER.
    static func identifierExtension(for keyAuthorization: String) -> [UInt8] {
        let identifier: [UInt8] = [0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1F]
        let value: [UInt8] = [0x04, 0x22, 0x04, 0x20]
        return identifier + [0x01, 0x01, 0xFF] + value + Digest.sha256(Array(keyAuthorization.utf8))
    }
}
