import CertificateAPI
package import KubeClient
package import KubeModel
package import Logging
import PKI
import Synchronization
package import Wire

/// Keeps a listener in certificates: a CA that all replicas share in a Secret, and a leaf of this replica's own.
///
/// It runs on every replica, whoever leads. Any of them may make the CA; the API server lets only one win, and the
/// others take over what is there.
package final class ServingAuthority: Sendable {
    package struct Settings: Sendable {
        /// The Secret of the CA.
        package var secret: ObjectKey
        package var dnsNames: [String]
        package var leafLifetime = Duration.seconds(168 * 3600)
        /// The webhook configurations that this program keeps in the CA bundle itself; nil leaves that to others.
        package var injectsInto: String?
        /// How often everything is looked at even if nothing is heard of a change.
        package var lookEvery = Duration.seconds(600)
        /// The same for where nothing can be heard, because a right to watch is missing.
        package var lookUnwatchedEvery = Duration.seconds(15)

        package init(secret: ObjectKey, dnsNames: [String]) {
            self.secret = secret
            self.dnsNames = dnsNames
        }
    }

    private struct State {
        var leaf: Leaf?
        var isInjected = false
        var failure: String?
    }

    private let client: KubeClient
    private let settings: Settings
    private let time: any TimeSource
    private let logger: Logger
    private let onLeaf: @Sendable (Leaf) throws -> Void
    private let state = Mutex(State())

    /// `client` must write whether or not this replica leads. `onLeaf` is told of each new leaf before it is counted on.
    package init(
        client: KubeClient, settings: Settings, time: any TimeSource = SystemTime(), logger: Logger,
        onLeaf: @escaping @Sendable (Leaf) throws -> Void
    ) {
        self.client = client
        self.settings = settings
        self.time = time
        self.logger = logger
        self.onLeaf = onLeaf
    }

    /// Why nobody should be sent here yet; a sentence, or nil when all is well.
    package var missing: String? {
        state.withLock { state in
            let detail = state.failure.map { " (\($0))" } ?? ""
            if state.leaf == nil { return "There is no serving certificate yet\(detail)." }
            if settings.injectsInto != nil, !state.isInjected {
                return "The API server does not trust the serving certificate yet\(detail)."
            }
            return nil
        }
    }

    /// Works until cancelled, through every failure.
    package func run() async throws {
        var failures = 0
        while !Task.isCancelled {
            do {
                let surroundings = try await Surroundings(settings, client)
                try await step()
                failures = 0
                await surroundings.waitForChange(client, time)
            } catch is CancellationError {
                return
            } catch KubeError.cancelled {
                return
            } catch {
                if failures == 3 {
                    logger.error(
                        "The serving certificate cannot be kept",
                        metadata: ["secret": "\(settings.secret)", "error": "\(error)"])
                }
                failures += 1
                state.withLock { $0.failure = "\(error)" }
                try await time.sleep(for: .milliseconds(200 << min(failures, 6)))
            }
        }
    }

    /// One look at everything; throws where another look is needed soon.
    func step() async throws {
        let authority = try await authority()
        if let name = settings.injectsInto {
            // Before a leaf of a new CA is shown, the API server is told to trust it.
            try await BundleInjection.inject(authority.bundle, into: name, client)
            state.withLock { $0.isInjected = true }
        }
        let now = time.now()
        let leaf = state.withLock { $0.leaf }
        if Leaf.mustMake(leaf, under: authority, names: settings.dnsNames, now: now) {
            let leaf = try await Minting.leaf(
                of: authority, names: settings.dnsNames, lifetime: settings.leafLifetime, now: now)
            try onLeaf(leaf)
            state.withLock { $0.leaf = leaf }
            logger.info(
                "A new serving certificate is in use", metadata: ["notAfter": "\(leaf.certificate.notAfter.rfc3339)"])
        }
        state.withLock { $0.failure = nil }
    }

    private func authority() async throws -> Authority {
        // Each turn that ends without an answer lost a race to another replica, which then has made the CA.
        for _ in 0..<5 {
            let secret = try await client.find(Secret.self, settings.secret)
            let view = AuthorityView(
                secret: secret, mine: state.withLock { $0.leaf?.authority }, leafLifetime: settings.leafLifetime,
                now: time.now())
            let wanted: Authority
            switch AuthorityDecision.decide(view) {
            case .use(let authority): return authority
            case .issue(let reason, let older):
                logger.info(
                    "Making a CA for serving certificates",
                    metadata: ["secret": "\(settings.secret)", "why": "\(reason)"])
                wanted = try await Minting.authority(keeping: older, now: view.now)
            case .rewriteBundle(let authority, let bundle):
                wanted = Authority(certificate: authority.certificate, key: authority.key, bundle: bundle)
            }
            if try await store(wanted, over: secret) { return wanted }
        }
        throw ServingFailure(description: "other replicas change the Secret \(settings.secret) all the time")
    }

    /// False when somebody else was faster.
    private func store(_ authority: Authority, over old: Secret?) async throws -> Bool {
        var secret =
            old ?? Secret(metadata: ObjectMeta(name: settings.secret.name, namespace: settings.secret.namespace))
        secret.metadata.annotations = (secret.metadata.annotations ?? [:]).merging(
            [Names.Annotation.allowDirectInjection: "true"]) { $1 }
        secret.data = (secret.data ?? [:]).merging([
            Names.SecretKey.certificate: Base64Data(utf8: authority.certificate.pem),
            Names.SecretKey.privateKey: Base64Data(try authority.key.pem(.pkcs8)),
            Names.SecretKey.ca: Base64Data(utf8: authority.bundlePEM),
        ]) { $1 }
        do throws(KubeError) {
            _ = old == nil ? try await client.create(secret) : try await client.replace(secret)
            return true
        } catch {
            guard error.isConflict || error.isAlreadyExists || error.isNotFound else { throw error }
            return false
        }
    }
}

struct ServingFailure: Error, CustomStringConvertible {
    var description: String
}
