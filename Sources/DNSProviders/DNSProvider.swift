package import CertificateAPI
package import DNSWire
package import HTTPTransport
package import KubeModel
package import Wire

/// Writes challenge records into one DNS service.
package protocol DNSProvider: Sendable {
    associatedtype Config: Decodable & Sendable
    /// The key under `dns01` in an Issuer, such as "cloudflare".
    static var key: String { get }
    static func problems(in config: Config, at path: FieldPath) -> [FieldProblem]
    init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError)
    /// Both succeed when there is nothing left to do: a record already there, a record already gone.
    func present(_ record: TXTRecord) async throws(DNSProviderError)
    func cleanUp(_ record: TXTRecord) async throws(DNSProviderError)
    /// Finds out, without writing, whether a TXT record of this name could be written.
    func probe(_ name: DNSName) async throws(DNSProviderError)
}

extension DNSProvider {
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

/// What a provider may use of the world.
package struct ProviderContext: Sendable {
    package var secrets: any SecretSource
    /// Where the Secrets live that the configuration names.
    package var namespace: String
    /// Asks recursive servers.
    package var resolver: Resolver
    package var http: any HTTPTransport
    package var time: any TimeSource
    /// Whether the credentials that the machine itself has may be used.
    package var allowsAmbientCredentials: Bool

    package init(
        secrets: any SecretSource, namespace: String, resolver: Resolver, http: any HTTPTransport,
        time: any TimeSource, allowsAmbientCredentials: Bool
    ) {
        self.secrets = secrets
        self.namespace = namespace
        self.resolver = resolver
        self.http = http
        self.time = time
        self.allowsAmbientCredentials = allowsAmbientCredentials
    }
}

/// Reads Secrets for providers; the room above knows the cache and the client.
package protocol SecretSource: Sendable {
    /// Nil when the cluster has none of that name. Throws when that cannot be told.
    func secret(_ key: ObjectKey) async throws -> Secret?
}

extension ProviderContext {
    /// The octets that a reference in the configuration names. `path` is the reference's own, for the error.
    package func value(
        of reference: SecretKeySelector, at path: FieldPath
    ) async throws(DNSProviderError) -> Redacted<[UInt8]> {
        guard let dataKey = reference.key.nonEmpty else { throw .invalid([.required(path["key"])]) }
        let key = ObjectKey(namespace: namespace, name: reference.name)
        let secret: Secret?
        do {
            secret = try await secrets.secret(key)
        } catch {
            throw .secretUnreadable(key, detail: "\(error)")
        }
        guard let secret else { throw .secretMissing(key) }
        guard let octets = secret[dataKey], !octets.isEmpty else { throw .secretLacks(key, dataKey: dataKey) }
        return Redacted(octets)
    }
}
