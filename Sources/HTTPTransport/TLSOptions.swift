package import Wire

/// What a connection trusts and how it identifies itself.
///
/// Copies share one storage, so that passing it along, comparing a copy and hashing cost next to nothing.
package struct TLSOptions: Sendable, Hashable {
    /// Which roots a server's chain may end in.
    package enum Trust: Sendable, Hashable {
        case system
        /// The system's roots and these PEM certificates.
        case systemAnd(pem: [UInt8])
        /// These PEM certificates alone.
        case only(pem: [UInt8])
        /// Any certificate of any name.
        case insecure
    }

    /// A client certificate chain and its private key.
    package struct Identity: Sendable {
        package let certificatePEM: [UInt8]
        package let keyPEM: Redacted<[UInt8]>

        package init(certificatePEM: [UInt8], keyPEM: Redacted<[UInt8]>) {
            self.certificatePEM = certificatePEM
            self.keyPEM = keyPEM
        }
    }

    /// The system's roots and no identity.
    package static let system = TLSOptions(trust: .system)

    private let storage: Storage

    /// `serverName` is what the server's certificate must name, where that is not the URL's host.
    package init(trust: Trust, identity: Identity? = nil, serverName: String? = nil) {
        storage = Storage(trust: trust, identity: identity, serverName: serverName)
    }

    package var trust: Trust { storage.trust }
    package var identity: Identity? { storage.identity }
    package var serverName: String? { storage.serverName }
    /// Stable while any copy lives; equal options may still have different ones.
    package var storageIdentity: ObjectIdentifier { ObjectIdentifier(storage) }

    package static func == (a: TLSOptions, b: TLSOptions) -> Bool {
        a.storage === b.storage || a.storage.hasSameContent(as: b.storage)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(storage.digest)
    }
}

extension TLSOptions {
    private final class Storage: Sendable {
        let trust: Trust
        let identity: Identity?
        let serverName: String?
        let digest: Int

        init(trust: Trust, identity: Identity?, serverName: String?) {
            self.trust = trust
            self.identity = identity
            self.serverName = serverName
            var hasher = Hasher()
            hasher.combine(trust)
            hasher.combine(identity?.certificatePEM)
            hasher.combine(serverName)
            digest = hasher.finalize()
        }

        func hasSameContent(as other: Storage) -> Bool {
            digest == other.digest && serverName == other.serverName && trust == other.trust
                && identity?.certificatePEM == other.identity?.certificatePEM
                && identity?.keyPEM.reveal() == other.identity?.keyPEM.reveal()
        }
    }
}
