import CertificateAPI
package import KubeClient
package import KubeModel
package import KubeRuntime
package import Logging
package import PKI
import Synchronization
package import Wire

/// Keeps accounts and orders as ConfigMaps, and reads credentials from Secrets, of one namespace.
///
/// Reads come from caches that watches keep; what a cache does not have yet, because another replica has just made it, is
/// asked of the API server. Writes carry the version they were made from.
package final class ClusterStore: ServerStore {
    package let accounts = Cache<AccountRecord>(indexes: [
        "key": { [Index.key($0.account.key, $0.account.issuer)] }, "credential": { [$0.account.credential] },
    ])
    package let orders = Cache<OrderRecord>(indexes: ["account": { [$0.order.account] }])
    package let secrets = Cache<Secret>()
    package let namespace: String

    private let client: KubeClient
    private let logger: Logger
    private let misses: Mutex<MissBudget>
    private let time: any TimeSource

    /// `client` writes at any time: every replica answers.
    package init(client: KubeClient, namespace: String, time: any TimeSource = SystemTime(), logger: Logger) {
        self.client = client
        self.namespace = namespace
        self.time = time
        self.logger = logger
        misses = Mutex(MissBudget(at: time.elapsed()))
        accounts.divide(into: [namespace])
        orders.divide(into: [namespace])
        secrets.divide(into: [namespace])
    }

    /// What fills the caches: each to be run for as long as the process lives.
    package func informers(counters: Counters) -> [(name: String, run: @Sendable () async throws -> Void)] {
        func options(_ selector: String) -> ListOptions { ListOptions(namespace: namespace, labelSelector: selector) }
        let accounts = Informer(
            client: client, cache: accounts, options: options("\(Record.label)=account"), name: "acme accounts",
            counters: counters, logger: logger)
        let orders = Informer(
            client: client, cache: orders, options: options("\(Record.label)=order"), name: "acme orders",
            counters: counters, logger: logger)
        let secrets = Informer(
            client: client, cache: secrets, options: options("\(Credential.Key.label)=true"),
            name: "acme credentials", counters: counters, logger: logger)
        tellOfBadCredentials()
        return [
            ("informer of acme accounts", { try await accounts.run() }),
            ("informer of acme orders", { try await orders.run() }),
            ("informer of acme credentials", { try await secrets.run() }),
        ]
    }

    /// Which caches are not whole yet; a sentence, or nil when all are.
    package var missing: String? {
        guard accounts.isSynced, orders.isSynced, secrets.isSynced else {
            return "Still reading the accounts, orders and credentials of ACME from the API server."
        }
        return accounts.trouble ?? orders.trouble ?? secrets.trouble
    }

    /// The namespaces that credentials are bound to, where there may be requests of ours.
    package var boundNamespaces: Set<String> {
        Set(secrets.all().compactMap { $0.metadata.annotations?[Credential.Key.namespace] })
    }

    private func tellOfBadCredentials() {
        secrets.onChange { [logger] _, secret in
            guard let secret else { return }
            do throws(Credential.Problem) {
                _ = try Credential(secret)
            } catch {
                logger.error(
                    "A Secret is labelled as a credential for ACME accounts and is none",
                    metadata: ["secret": "\(secret.key)", "why": "\(error)"])
            }
        }
    }
}

extension ClusterStore {
    private enum Index {
        static func key(_ key: PublicKey, _ issuer: IssuerName) -> String { "\(issuer.path)/\(key.thumbprint)" }
    }

    package func account(_ id: String) async throws(KeepingError) -> ServerAccount? {
        try await read("account", id, accounts)?.account
    }

    package func account(of key: PublicKey, at issuer: IssuerName) async throws(KeepingError) -> ServerAccount? {
        if let known = accounts.matching(index: "key", value: Index.key(key, issuer)).first { return known.account }
        let first = try await account(ServerAccount.id(for: key, at: issuer))
        return first?.key == key ? first : nil
    }

    package func accountCount(of credential: String) -> Int {
        accounts.matching(index: "credential", value: credential).count
    }

    package func create(_ account: ServerAccount) async throws(KeepingError) -> ServerAccount {
        do throws(KeepingError) {
            return try await create(AccountRecord(account, namespace: namespace), accounts).account
        } catch .exists {
            // Another replica has just made it, from a request sent twice; or its key was changed since, and the key is
            // used anew, for which there is no place of its own.
            guard let made = try await self.account(account.id), made.key == account.key else { throw .exists }
            return made
        }
    }

    package func replace(_ account: ServerAccount) async throws(KeepingError) -> ServerAccount {
        try await replace(AccountRecord(account, namespace: namespace), accounts).account
    }

    package func order(_ id: String) async throws(KeepingError) -> ServerOrder? {
        try await read("order", id, orders)?.order
    }

    package func latestOrder(_ id: String) async throws(KeepingError) -> ServerOrder? {
        try await ask(key("order", id), orders)?.order
    }

    package func orders(of account: String) -> [ServerOrder] {
        orders.matching(index: "account", value: account).map(\.order).sorted {
            ($1.createdAt, $1.id) < ($0.createdAt, $0.id)
        }
    }

    package var orderCount: Int { orders.count }

    package func create(_ order: ServerOrder) async throws(KeepingError) -> ServerOrder {
        try await create(OrderRecord(order, namespace: namespace), orders).order
    }

    package func replace(_ order: ServerOrder) async throws(KeepingError) -> ServerOrder {
        try await replace(OrderRecord(order, namespace: namespace), orders).order
    }

    package func credential(_ id: String) -> Credential? {
        guard let secret = secrets[ObjectKey(namespace: namespace, name: id)] else { return nil }
        return try? Credential(secret)  // what is wrong with it was logged when it came
    }

    /// Deletes what has expired: orders only, since accounts are their owners'.
    package func sweep(at now: Timestamp) async throws {
        for record in orders.all() where record.order.isExpired(at: now) {
            try await client.delete(
                OrderRecord.self, record.key, preconditions: Preconditions(uid: record.metadata.uid))
        }
    }
}

extension ClusterStore {
    private func read<T: KubeObject>(
        _ kind: String, _ id: String, _ cache: Cache<T>
    ) async throws(KeepingError) -> T? {
        let key = key(kind, id)
        if let known = cache[key] { return known }
        return try await ask(key, cache)
    }

    private func key(_ kind: String, _ id: String) -> ObjectKey {
        ObjectKey(namespace: namespace, name: "acme-\(kind)-\(id)")
    }

    private func ask<T: KubeObject>(_ key: ObjectKey, _ cache: Cache<T>) async throws(KeepingError) -> T? {
        // Anybody can ask for what is not there: that must not become a question to the API server each time.
        guard misses.withLock({ $0.take(at: time.elapsed()) }) else { return nil }
        do throws(KubeError) {
            guard let found = try await client.find(T.self, key) else { return nil }
            cache.record(found)
            return found
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private func create<T: KubeObject>(_ object: T, _ cache: Cache<T>) async throws(KeepingError) -> T {
        do throws(KubeError) {
            let made = try await client.create(object)
            cache.record(made)
            return made
        } catch {
            throw error.isAlreadyExists ? .exists : .unavailable("\(error)")
        }
    }

    /// After a conflict the cache has what the server has.
    private func replace<T: KubeObject>(_ object: T, _ cache: Cache<T>) async throws(KeepingError) -> T {
        do throws(KubeError) {
            let written = try await client.replace(object)
            cache.record(written)
            return written
        } catch {
            guard error.isConflict else { throw .unavailable("\(error)") }
        }
        do throws(KubeError) {
            if let current = try await client.find(T.self, object.key) { cache.record(current) }
        } catch {
            throw .unavailable("\(error)")
        }
        throw .conflict
    }
}

/// How often what no cache has may be asked for: some at once, and ten a second.
struct MissBudget: Sendable {
    private static let most = 50.0
    private static let perSecond = 10.0
    private var left = Self.most
    private var last: Duration

    init(at now: Duration) { last = now }

    mutating func take(at now: Duration) -> Bool {
        let passed = Double((now - last).components.seconds) + Double((now - last).components.attoseconds) / 1e18
        left = min(Self.most, left + max(0, passed) * Self.perSecond)
        last = now
        guard left >= 1 else { return false }
        left -= 1
        return true
    }
}
