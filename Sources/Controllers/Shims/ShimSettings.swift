package import CertificateAPI

/// What the flags say about Ingresses, Gateways and ListenerSets.
package struct ShimSettings: Sendable, Hashable {
    /// For Ingresses that name no issuer (`--default-issuer-name`, `-kind`, `-group`); nil when no name is set.
    package var defaultIssuer: IssuerReference?
    /// Annotations of Ingresses that ask for a certificate by saying `true` (`--auto-certificate-annotations`).
    package var automaticAnnotations: [String]
    /// Annotations copied on to Certificates (`--extra-certificate-annotations`).
    package var copiedAnnotations: [String]
    /// Protocols of listeners that terminate TLS, beside HTTPS and TLS (`--gateway-api-extra-protocols`).
    package var extraProtocols: Set<String>

    package init(
        defaultIssuer: IssuerReference? = nil, automaticAnnotations: [String] = [Names.Annotation.tlsACME],
        copiedAnnotations: [String] = [], extraProtocols: Set<String> = []
    ) {
        self.defaultIssuer = defaultIssuer
        self.automaticAnnotations = automaticAnnotations
        self.copiedAnnotations = copiedAnnotations
        self.extraProtocols = extraProtocols
    }
}

/// Why an object, or a part of it, gets no Certificate. The text goes into an event, so it says what to change.
struct BadConfiguration: Error, Sendable, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
