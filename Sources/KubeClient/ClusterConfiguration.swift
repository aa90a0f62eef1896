package import HTTPTransport

/// How to reach one API server, and as whom.
package struct ClusterConfiguration: Sendable {
    /// The base URL, without a slash at its end.
    package var server: String
    package var tls: TLSOptions
    package var proxy: ProxyChoice
    package var credentials: any CredentialSource
    /// The namespace that the context names.
    package var namespace: String
    /// The file that the server's CA was read from; nil where it stood in the kubeconfig, or there is none.
    package var authorityFile: String?
    /// As whom to act, where the credential's owner may (kubectl's `--as`).
    package var impersonation: Impersonation?

    package init(
        server: String, tls: TLSOptions, proxy: ProxyChoice = .environment, credentials: any CredentialSource,
        namespace: String = "default"
    ) {
        self.server = server.hasSuffix("/") ? String(server.dropLast()) : server
        self.tls = tls
        self.proxy = proxy
        self.credentials = credentials
        self.namespace = namespace
    }
}

extension ClusterConfiguration {
    /// The CA that the server is trusted by, as its file has it now: rotated, the file has another before the server shows a
    /// certificate of it. What was there at the start counts while the file cannot be read. Nil where the system's CAs are
    /// trusted, or anybody.
    package var currentAuthority: [UInt8]? {
        switch tls.trust {
        case .only(let pem), .systemAnd(let pem):
            guard let authorityFile, let bytes = try? FileBytes.read(authorityFile), !bytes.isEmpty else { return pem }
            return bytes
        case .system, .insecure: return nil
        }
    }
}

/// Another user, whose rights count in place of the caller's own (Kubernetes: user impersonation).
package struct Impersonation: Sendable, Equatable {
    package var user: String
    package var uid: String?
    package var groups: [String]

    package init(user: String, uid: String? = nil, groups: [String] = []) {
        self.user = user
        self.uid = uid
        self.groups = groups
    }
}
