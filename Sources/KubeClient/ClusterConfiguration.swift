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
