package import HTTPTransport

/// What a request shows the API server to say who sends it.
package struct Authorization: Sendable {
    /// The value of the `Authorization` field; never printed.
    package var header: String?
    /// A client certificate that takes the place of the configured one.
    package var identity: TLSOptions.Identity?

    package init(header: String? = nil, identity: TLSOptions.Identity? = nil) {
        self.header = header
        self.identity = identity
    }

    /// Whether both show the same; the key belongs to its certificate.
    func isSame(as other: Authorization) -> Bool {
        header == other.header && identity?.certificatePEM == other.identity?.certificatePEM
    }
}

extension Authorization: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "redacted" }
    package var debugDescription: String { "redacted" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// Where the credential comes from. Asked for each request, so that it can rotate; answers from memory nearly always.
package protocol CredentialSource: Sendable {
    /// Throws `KubeError.credentials` with what is missing, never with the credential.
    func authorization() async throws(KubeError) -> Authorization
    /// The API server answered 401 to this; true when asking again may get something else. Of many requests refused at
    /// once only the first has it fetched anew: the others find that what they showed is no longer what is kept.
    func wasRefused(_ authorization: Authorization) async -> Bool
}

/// A credential that stays what it is.
package struct FixedCredential: CredentialSource {
    private let value: Authorization

    package init(_ value: Authorization) { self.value = value }

    package func authorization() async throws(KubeError) -> Authorization { value }
    package func wasRefused(_ authorization: Authorization) async -> Bool { false }
}
