/// What a TLS listener demands of those who connect.
package struct TLSServerOptions: Sendable, Hashable {
    package enum Version: Sendable, Hashable {
        case tls12, tls13

        /// As Kubernetes programs name it in `--tls-min-version`. Older versions are never spoken (RFC 8996).
        package init?(flag: String) {
            switch flag {
            case "VersionTLS12": self = .tls12
            case "VersionTLS13": self = .tls13
            default: return nil
            }
        }
    }

    package var minimumVersion = Version.tls12
    /// By their IANA names, those of TLS 1.3 included; of a version without any here, OpenSSL's defaults are spoken.
    package var cipherSuites: [String] = []
    /// PEM of the authorities that clients' certificates must come from; nil where clients need none.
    package var clientAuthorities: [UInt8]?
    /// Of these a client's certificate must have one, as its common name or a DNS name. Empty for any.
    package var clientNames: [String] = []

    package init() {}
}

/// Why a TLS listener cannot be set up, or a connection was ended.
package enum TLSServerError: Error, Sendable, Hashable, CustomStringConvertible {
    case certificate(reason: String)
    case privateKey(reason: String)
    case clientAuthorities(reason: String)
    case unknownCipherSuite(String)
    /// What is to be validated is neither a DNS name nor an address.
    case illegalName(String)
    /// OpenSSL refused; `reason` is from its error queue.
    case openSSL(attempt: String, reason: String)
    /// A client whose certificate has none of the names that are let in.
    case unwelcomeClient
    /// More bytes than a handshake needs, and no end of it.
    case handshakeTooLong

    package var description: String {
        switch self {
        case .certificate(let reason): "the serving certificate cannot be used: \(reason)"
        case .privateKey(let reason): "the serving certificate's private key cannot be used: \(reason)"
        case .clientAuthorities(let reason): "the authorities of clients' certificates cannot be used: \(reason)"
        case .unknownCipherSuite(let name): "\"\(name)\" is not the IANA name of a cipher suite that OpenSSL has"
        case .illegalName(let name): "\"\(name)\" is neither a DNS name nor an IP address"
        case .openSSL(let attempt, let reason): "could not \(attempt): \(reason)"
        case .unwelcomeClient: "the client's certificate has none of the names that are let in"
        case .handshakeTooLong: "the client sent more than a handshake needs"
        }
    }
}

/// TLS on a listener: whose certificate is shown is asked anew for each connection.
package struct TLSServing: Sendable {
    /// Nil while there is no certificate yet; such connections are closed.
    package var identity: @Sendable () -> ServerIdentity?
    package var handshakeTimeout = Duration.seconds(10)

    package init(identity: @escaping @Sendable () -> ServerIdentity?) {
        self.identity = identity
    }
}
