package import CertificateAPI
import Synchronization

/// Every kind of issuer that is asked over the network: one line each.
package final class RemoteIssuers: Sendable {
    private let context: IssuerContext
    private let vault = Sessions<VaultSessionKey>()
    private let venafi = VenafiSessions()
    private let doubted = Mutex<Set<String>>([])

    package init(_ context: IssuerContext) { self.context = context }

    /// Nil for a spec of another kind.
    package func issuer(_ spec: IssuerSpec, _ identity: IssuerIdentity) -> (any RemoteIssuer)? {
        if let vault = spec.vault { return VaultSigner(vault, identity, context, sessions: self.vault) }
        if let venafi = spec.venafi { return VenafiSigner(venafi, identity, context, sessions: self.venafi) }
        return nil
    }

    /// The issuer is gone, or has become another.
    package func drop(issuer uid: String) {
        vault.drop(issuer: uid)
        venafi.drop(issuer: uid)
        trust(issuer: uid)
    }

    /// A request could not be signed for the issuer's sake: it is to be looked at again.
    package func doubt(issuer uid: String) { doubted.withLock { _ = $0.insert(uid) } }
    package func trust(issuer uid: String) { doubted.withLock { _ = $0.remove(uid) } }
    package func isDoubted(issuer uid: String) -> Bool { doubted.withLock { $0.contains(uid) } }
}

extension IssuerSpec {
    /// Whether the issuer is one of those that are asked over the network (ACME, which has objects of its own, is not).
    package var isRemote: Bool { vault != nil || venafi != nil }
}
