package import KubeClient
package import KubeModel
package import KubeRuntime
package import PKI
import Synchronization
import Wire

/// All Secrets, as far as memory allows: facts of those that belong to Certificates, the bare existence of the others,
/// and the whole of the few that were read last.
package final class SecretStore: Sendable {
    /// Secrets with our label.
    package let facts: Cache<SecretFacts>
    /// All others.
    package let others: Cache<KubeModel.SecretMetadata>
    /// How large what Secrets hold may be.
    package let limits: PEMLimits
    private let client: KubeClient
    private let memo = Mutex(SecretMemo())

    package init(
        client: KubeClient, facts: Cache<SecretFacts>, others: Cache<KubeModel.SecretMetadata>,
        limits: PEMLimits = .default
    ) {
        self.limits = limits
        self.client = client
        self.facts = facts
        self.others = others
    }

    /// The version the caches know; nil when they know of no such Secret.
    package func version(of key: ObjectKey) -> String? {
        facts[key]?.metadata.resourceVersion ?? others[key]?.metadata.resourceVersion
    }

    /// The whole Secret, from memory where the caches know no newer one. Nil when there is none.
    package func read(_ key: ObjectKey) async throws(KubeError) -> Secret? {
        guard let version = version(of: key) else { return nil }
        if let known = memo.withLock({ $0.secret(key, version) }) { return known }
        guard let secret = try await client.find(Secret.self, key) else { return nil }
        memo.withLock { $0.keep(secret, key) }
        return secret
    }

    /// The whole Secret as it is now, whatever is remembered.
    package func readNow(_ key: ObjectKey) async throws(KubeError) -> Secret? {
        try await client.find(Secret.self, key)
    }

    /// Facts of any Secret without waiting: nil when there is none, or when it lacks our label and was not looked at
    /// (`look` does).
    package func knownFacts(_ key: ObjectKey) -> SecretFacts? {
        if let facts = facts[key] { return facts }
        guard let version = others[key]?.metadata.resourceVersion else { return nil }
        return memo.withLock { $0.facts(key, version) }
    }

    /// Facts of any Secret, asked of the API server where the caches have none. Nil when there is none.
    ///
    /// A decision takes what this answers: by the time it is made, the label may have come or gone, and `knownFacts` of a
    /// Secret that is between the two watches is nil.
    /// - Parameter isExpected: whether one should be there. Then the API server is asked where no cache has it: a Secret
    ///   whose label comes or goes leaves one watch before the other brings it, and is not to be made anew for that.
    @discardableResult
    package func look(at key: ObjectKey, isExpected: Bool = false) async throws(KubeError) -> SecretFacts? {
        if let known = knownFacts(key) { return known }
        guard isExpected || others[key] != nil else { return nil }
        let found = try await client.find(Secret.self, key).map { SecretFacts($0, limits: limits) }
        // What a watch has brought meanwhile has the field owners, too.
        if let known = facts[key] {
            guard let found, found.isNewer(than: known) else { return known }
            return found
        }
        memo.withLock { $0.keep(found, key) }
        return found
    }

    /// Asks the API server for the Secret and has the caches show it as it is now, there or not.
    package func refresh(_ key: ObjectKey) async throws(KubeError) {
        var request = KubeRequest.get(Secret.resource, key)
        request.limits = .default
        let answer: JSONValue
        do throws(KubeError) {
            answer = try await client.send(request)
        } catch {
            guard error.isNotFound else { throw error }
            if let gone = facts[key] { facts.recordDeletion(of: gone) }
            if let gone = others[key] { others.recordDeletion(of: gone) }
            return
        }
        do {
            let found = try CertificateCaches.secret(answer, limits: limits)
            facts.record(found)
            if facts[key] == nil { others.record(try CertificateCaches.other(answer)) }
        } catch {
            throw .decoding("\(error)")
        }
    }

    /// Takes over the answer to our own write.
    package func record(_ secret: SecretFacts) { facts.record(secret) }
    package func recordDeletion(of secret: SecretFacts) { facts.recordDeletion(of: secret) }
}

/// The Secrets read last. Few, because each may hold a megabyte.
private struct SecretMemo {
    private static let maximumSecrets = 16
    private static let maximumFacts = 512

    private var secrets: [(key: ObjectKey, secret: Secret)] = []
    private var factsByKey: [ObjectKey: SecretFacts] = [:]

    func secret(_ key: ObjectKey, _ version: String) -> Secret? {
        guard let found = secrets.first(where: { $0.key == key })?.secret else { return nil }
        // What was read may be newer than what the watch has brought.
        return isAsNew(found.metadata.resourceVersion, as: version) ? found : nil
    }

    mutating func keep(_ secret: Secret, _ key: ObjectKey) {
        secrets.removeAll { $0.key == key }
        if secrets.count == Self.maximumSecrets { secrets.removeFirst() }
        secrets.append((key, secret))
    }

    func facts(_ key: ObjectKey, _ version: String) -> SecretFacts? {
        guard let found = factsByKey[key], isAsNew(found.metadata.resourceVersion, as: version) else { return nil }
        return found
    }

    mutating func keep(_ facts: SecretFacts?, _ key: ObjectKey) {
        if factsByKey.count == Self.maximumFacts { factsByKey.removeAll() }
        factsByKey[key] = facts
    }
}

extension SecretFacts {
    fileprivate func isNewer(than other: SecretFacts) -> Bool {
        guard let other = other.metadata.resourceVersion else { return false }
        return metadata.resourceVersion != other && isAsNew(metadata.resourceVersion, as: other)
    }
}

/// Whether one version of an object is another, or came after it.
private func isAsNew(_ one: String?, as other: String) -> Bool {
    guard one != other else { return true }
    guard let one = one.flatMap({ UInt64($0) }), let other = UInt64(other) else { return false }
    return one > other
}
