package import CertificateAPI
package import DNSWire

/// Writes challenge records into one DNS service.
///
/// One is made for each errand, so that credentials are read from their Secrets each time; what is worth keeping
/// longer is in the context's `memory`.
package protocol DNSProvider: Sendable {
    associatedtype Config: Decodable & Sendable
    /// The key under `dns01` in an Issuer, such as "cloudflare"; of a provider that the shared schema does not know,
    /// its `solverName`.
    static var key: String { get }
    static var home: RecordHome { get }
    static func problems(in config: Config, at path: FieldPath) -> [FieldProblem]
    init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError)
    /// Both succeed when there is nothing left to do: a record already there, a record already gone.
    func present(_ record: TXTRecord) async throws(DNSProviderError)
    func cleanUp(_ record: TXTRecord) async throws(DNSProviderError)
    /// Finds out, without writing, whether a TXT record of this name could be written.
    func probe(_ name: DNSName) async throws(DNSProviderError)
}

/// Where a service keeps records, and for how long.
package enum RecordHome: Sendable, Hashable {
    /// In a zone that takes any name, until they are removed.
    case zone
    /// In an account for each name, which keeps its last values and has none removed.
    case account
}

extension DNSProvider {
    package static var home: RecordHome { .zone }

    /// For services that tell nothing without writing: that the provider could be made is what is known.
    package func probe(_ name: DNSName) async throws(DNSProviderError) {}
}

/// The record that proves one challenge. Other values under the same name belong to others.
package struct TXTRecord: Sendable, Hashable {
    /// Where the record is written, aliases followed already.
    package var name: DNSName
    package var value: String

    package init(name: DNSName, value: String) {
        self.name = name
        self.value = value
    }
}
