import CertificateAPI
import Controllers
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import TestSupport
import Wire

/// The controllers of Certificates and their requests as the program assembles them, for one namespace.
struct CertificateLife: Sendable {
    var settings = CertificateSettings()
    /// Off stands for an approver outside, or for rights that are missing.
    var approves = true
    /// Off makes the way of issuers that take their time: key, request and answer apart.
    var signsAtOnce = true
    var time: any TimeSource = SystemTime()

    func run(_ client: KubeClient, _ namespace: String, _ pulse: Pulse = Pulse()) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let counters = Counters()
        let (certificates, requests) = (CertificateCaches.certificates(), CertificateCaches.requests())
        let issuers = Cache<Issuer>()
        let secrets = SecretStore(
            client: client, facts: CertificateCaches.secretFacts(), others: CertificateCaches.otherSecrets())
        let lookup = IssuerLookup(issuers: issuers, clusterIssuers: nil, clusterResourceNamespace: "")
        let approval = ApprovalGate(client: client, isEnabled: approves, time: time)
        let signer = InstantSigner(lookup: lookup, secrets: secrets, time: time)
        let (claims, events) = (RequestClaims(), EventRecorder(client: client, counters: counters, logger: logger))
        let certificateReconciler = CertificateReconciler(
            client: client, certificates: certificates, requests: requests, secrets: secrets,
            approval: signsAtOnce ? approval : ApprovalGate(client: client, isEnabled: false, time: time),
            policies: .none, signer: signer, claims: claims, events: events, settings: settings, time: time,
            logger: logger)
        let requestReconciler = RequestReconciler(
            client: client, requests: requests, lookup: lookup, approval: approval, policies: .none, signer: signer,
            claims: claims,
            events: events, time: time)
        func loop(_ name: String, _ reconciler: any Reconciler) -> ControllerLoop {
            ControllerLoop(
                name: name, workers: 5, backoff: Backoff(minimum: .milliseconds(100), maximum: .seconds(1)),
                reconciler: reconciler, time: time, counters: counters, logger: logger)
        }
        let certificateLoop = loop("certificates", certificateReconciler)
        let requestLoop = loop("certificaterequests", requestReconciler)
        certificateReconciler.connect { certificateLoop.enqueue($0) }
        requestReconciler.connect({ requestLoop.enqueue($0) }, secrets: secrets)

        @Sendable func options(_ selector: String? = nil, managedFields: Bool = false) -> ListOptions {
            var options = ListOptions(namespace: namespace, labelSelector: selector)
            options.keepsManagedFields = managedFields
            return options
        }
        func informer<T>(
            _ cache: Cache<T>, _ options: ListOptions, _ transform: (@Sendable (JSONValue) throws -> T?)? = nil
        ) -> @Sendable () async throws -> Void {
            let informer = Informer(
                client: client, cache: cache, options: options, transform: transform, counters: counters, logger: logger
            )
            return { try await informer.run() }
        }
        var othersOnly = options(CertificateCaches.othersSelector)
        othersOnly.metadataOnly = true
        let others = othersOnly
        let parts: [@Sendable () async throws -> Void] = [
            informer(certificates, options()),
            informer(issuers, options()) { value in
                // The controller of issuers is not part of this: every one counts as ready.
                var issuer = try value.decode(Issuer.self)
                issuer.status = IssuerStatus()
                issuer.status?.conditions = [Condition(type: Condition.Kind.ready, status: .yes)]
                return issuer
            },
            informer(requests, options()) { try CertificateCaches.request($0) },
            informer(secrets.facts, options(CertificateCaches.factsSelector, managedFields: true)) {
                try CertificateCaches.secret($0)
            },
            informer(secrets.others, others) { try CertificateCaches.other($0) },
            { try await events.run() },
            {
                try await certificates.waitUntilSynced()
                try await requests.waitUntilSynced()
                try await issuers.waitUntilSynced()
                try await secrets.facts.waitUntilSynced()
                try await secrets.others.waitUntilSynced()
                pulse.follows(certificates, options())
                pulse.follows(requests, options())
                pulse.follows(issuers, options())
                pulse.follows(secrets.facts, options(CertificateCaches.factsSelector))
                pulse.follows(secrets.others, others)
                pulse.begins { [certificateLoop, requestLoop].allSatisfy { $0.isAtRest(for: .seconds(60)) } }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await certificateLoop.run() }
                    group.addTask { try await requestLoop.run() }
                    try await group.waitForAll()
                }
            },
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for part in parts { group.addTask { try await part() } }
            try await group.waitForAll()
        }
    }
}

extension Cluster {
    /// Has the controllers live while `body` runs.
    func live(_ life: CertificateLife = CertificateLife(), _ body: () async throws -> Void) async throws {
        let client = client(over: transport)
        let namespace = namespace
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await life.run(client, namespace)
                } catch {
                    guard Task.isCancelled else { throw error }
                }
            }
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}
