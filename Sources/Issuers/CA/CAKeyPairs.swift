package import KubeModel
package import PKI
import Synchronization
package import Wire

/// The CA key pairs in use, each read once for every version of its Secret.
package final class CAKeyPairs: Sendable {
    private struct Entry {
        var version: String
        var keyPair: CAKeyPair
    }
    private let entries = Mutex<[ObjectKey: Entry]>([:])

    private let limits: PEMLimits

    package init(limits: PEMLimits = .default) {
        self.limits = limits
    }

    /// `secret` is nil where the cluster has none of that name; what was kept of it is then dropped.
    package func keyPair(
        _ name: ObjectKey, in secret: Secret?, at now: Timestamp
    ) throws(CAProblem) -> CAKeyPair {
        guard let secret else {
            entries.withLock { _ = $0.removeValue(forKey: name) }
            throw .secretMissing(name)
        }
        let version = secret.metadata.resourceVersion ?? ""
        let kept = entries.withLock { $0[name] }
        // An expired one is read again for the sentence that names the certificate.
        if let kept, kept.version == version, !version.isEmpty, now <= kept.keyPair.notAfter { return kept.keyPair }
        entries.withLock { _ = $0.removeValue(forKey: name) }
        let keyPair = try CAKeyPair(secret, limits: limits, at: now)
        entries.withLock { $0[name] = Entry(version: version, keyPair: keyPair) }
        return keyPair
    }
}
