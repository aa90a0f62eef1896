/// What PKI could not do. `description` is a sentence that names what was attempted and never quotes key material.
package enum PKIError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The input is not what it claims to be. `what` is such as "the certificate".
    case malformed(what: String, reason: String)
    /// The input is longer than the caller allows.
    case tooLarge(what: String, bytes: Int, limit: Int)
    /// Well formed, but of a kind this program does not handle.
    case unsupported(what: String, reason: String)
    /// A name, OID or subject cannot be put into a certificate.
    case invalidName(String, reason: String)
    /// A subject text (RFC 4514) that cannot be read; the sentence says why.
    case invalidSubject(String)
    /// The signature does not belong to the data and the key.
    case invalidSignature(what: String)
    /// Two things that must belong together do not: a key and a certificate, an algorithm and a key.
    case mismatch(String)
    /// The certificates do not make one chain.
    case chain(reason: String)
    /// A keystore was made with another password, or is damaged where only the password could tell.
    case wrongPassword(of: String)
    /// OpenSSL refused. `reason` is the text of its error queue.
    case openSSL(attempt: String, reason: String)
    /// The task was cancelled before the work began.
    case cancelled

    package var description: String {
        switch self {
        case .malformed(let what, let reason): "\(what) is malformed: \(reason)"
        case .tooLarge(let what, let bytes, let limit):
            "\(what) is too large: \(bytes) bytes, and at most \(limit) are accepted"
        case .unsupported(let what, let reason): "\(what) is not supported: \(reason)"
        case .invalidName(let name, let reason): "\"\(name)\" cannot be used in a certificate: \(reason)"
        case .invalidSubject(let sentence): sentence
        case .invalidSignature(let what): "the signature of \(what) does not match its content and key"
        case .mismatch(let sentence): sentence
        case .chain(let reason): "the certificates do not form a chain: \(reason)"
        case .wrongPassword(let what): "\(what) cannot be opened with this password"
        case .openSSL(let attempt, let reason): "could not \(attempt): \(reason)"
        case .cancelled: "cancelled before the work began"
        }
    }
}

/// The largest PEM inputs accepted, in bytes. The defaults are those of cert-manager's flags.
package struct PEMLimits: Sendable, Hashable {
    package var certificate: Int
    package var privateKey: Int
    package var chain: Int
    package var bundle: Int

    package init(certificate: Int = 36_500, privateKey: Int = 13_000, chain: Int = 95_000, bundle: Int = 330_000) {
        self.certificate = certificate
        self.privateKey = privateKey
        self.chain = chain
        self.bundle = bundle
    }
    package static let `default` = PEMLimits()
}
