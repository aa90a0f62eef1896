import HTTPTransport
package import Wire

/// What kubectl's connection flags say in place of the kubeconfig.
package struct KubeconfigOverrides: Sendable {
    /// The names of entries of the kubeconfig, in place of those that the context names.
    package var cluster: String?
    package var user: String?
    /// A bearer token, in place of the user's credentials.
    package var token: Redacted<String>?
    package var insecureSkipTLSVerify = false
    /// Paths of PEM files.
    package var certificateAuthority: String?
    package var clientCertificate: String?
    package var clientKey: String?
    package var tlsServerName: String?
    package var impersonation: Impersonation?

    package init() {}

    /// Puts everything but the names of entries into `configuration`. Throws with the flag that cannot be used.
    func apply(to configuration: inout ClusterConfiguration) throws(KubeconfigError) {
        try applyTLS(to: &configuration)
        if let token { configuration.credentials = FixedCredential(Authorization(header: "Bearer \(token.reveal())")) }
        if let impersonation { configuration.impersonation = impersonation }
    }

    private func applyTLS(to configuration: inout ClusterConfiguration) throws(KubeconfigError) {
        var trust = configuration.tls.trust
        if let certificateAuthority {
            if insecureSkipTLSVerify {
                throw KubeconfigError(
                    file: certificateAuthority,
                    problem: "--certificate-authority and --insecure-skip-tls-verify cannot be used together.")
            }
            trust = .only(pem: try Self.read(certificateAuthority, flag: "--certificate-authority"))
        } else if insecureSkipTLSVerify {
            trust = .insecure
        }
        var identity = configuration.tls.identity
        switch (clientCertificate, clientKey) {
        case (nil, nil): break
        case (let certificate?, let key?):
            identity = TLSOptions.Identity(
                certificatePEM: try Self.read(certificate, flag: "--client-certificate"),
                keyPEM: Redacted(try Self.read(key, flag: "--client-key")))
            configuration.credentials = FixedCredential(Authorization())
        case (let path?, nil), (nil, let path?):
            throw KubeconfigError(
                file: path, problem: "--client-certificate and --client-key must be given together.")
        }
        if token != nil { identity = nil }
        configuration.tls = TLSOptions(
            trust: trust, identity: identity, serverName: tlsServerName ?? configuration.tls.serverName)
    }

    private static func read(_ path: String, flag: String) throws(KubeconfigError) -> [UInt8] {
        do throws(FileBytes.Unreadable) {
            return try FileBytes.read(path)
        } catch {
            throw KubeconfigError(file: path, problem: "\(flag) names a file that cannot be read: \(error.reason).")
        }
    }
}
