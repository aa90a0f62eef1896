package import PKI
package import Wire

/// How a CA names one of its certificates when it is asked about its renewal (RFC 9773 §4.1).
package struct RenewalIdentifier: Sendable, Hashable {
    /// `keyIdentifier.serial`, both base64url without padding.
    package let text: String

    /// - Parameters:
    ///   - authorityKeyIdentifier: the `keyIdentifier` octets of the certificate's extension.
    ///   - serial: the content octets of its serial number, the zero that keeps it positive among them.
    package init(authorityKeyIdentifier: [UInt8], serial: [UInt8]) {
        text = "\(Base64.encodeURL(authorityKeyIdentifier)).\(Base64.encodeURL(serial))"
    }

    /// What ``text`` was of another one.
    package init(text: String) { self.text = text }

    /// Nil for a certificate that does not say whose key signed it.
    package init?(_ certificate: X509Certificate) {
        guard let authority = certificate.extensions.authorityKeyId, !authority.isEmpty else { return nil }
        self.init(authorityKeyIdentifier: authority, serial: certificate.serial)
    }
}

/// When a CA would like a certificate to be renewed (RFC 9773 §4.2).
package struct RenewalInformation: Sendable, Hashable {
    package let start: Timestamp
    package let end: Timestamp
    /// A page that says why, for people.
    package let explanationURL: String?
    /// When to ask again, as the server said it.
    package let retryAfter: Duration?

    /// A window that ends before it has begun is as if nothing had been said (RFC 9773 §4.2).
    package init(_ json: JSONValue, retryAfter: Duration? = nil) throws(ACMEError) {
        let window = json["suggestedWindow"]
        guard let start = window?["start"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) }),
            let end = window?["end"]?.stringValue.flatMap({ Timestamp(rfc3339: $0) })
        else { throw .malformed("the renewal information names no window") }
        guard start < end else { throw .malformed("the renewal window ends before it has begun") }
        self.start = start.wholeSeconds
        self.end = end.wholeSeconds
        explanationURL = json["explanationURL"]?.stringValue.flatMap { $0.isEmpty ? nil : Problem.presentable($0) }
        self.retryAfter = retryAfter
    }
}

extension ACMEServer {
    /// Asks when the certificate should be renewed; nil when the server does not say that of any certificate. The
    /// request is not signed (RFC 9773 §4.2).
    package func renewalInformation(
        for identifier: RenewalIdentifier
    ) async throws(ACMEError) -> RenewalInformation? {
        guard let base = try await directory().renewalInfo else { return nil }
        let answer = try await get("\(base)/\(identifier.text)", as: .getRenewalInfo)
        return try RenewalInformation(try answer.json(), retryAfter: answer.retryAfter)
    }
}
