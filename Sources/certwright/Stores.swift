import CertificateAPI
import Controllers
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import PKI
import Wire

/// The caches of everything the controllers look at, and what fills them.
struct Stores: Sendable {
    let certificates = CertificateCaches.certificates()
    let requests = CertificateCaches.requests()
    let orders = ACMECaches.orders()
    let challenges = ACMECaches.challenges()
    let issuers = ACMECaches.issuers()
    let ingresses = Cache<Ingress>(indexes: ShimIndex.ingresses)
    /// Nil where only some namespaces are watched: ClusterIssuers belong to whoever watches all.
    let clusterIssuers: Cache<ClusterIssuer>?
    /// What the Gateway API has, filled only where a flag says so and the cluster knows the kind: nobody waits for them.
    let gateways = Cache<Gateway>(indexes: ShimIndex.gateways)
    let listenerSets = Cache<ListenerSet>(indexes: ShimIndex.listenerSets())
    let experimentalListenerSets = Cache<ExperimentalListenerSet>(indexes: ShimIndex.listenerSets())
    /// Nobody waits for them but the approver: a cluster may not know the kind.
    let policies = PolicyBook()
    let secretFacts = CertificateCaches.secretFacts()
    let otherSecrets = CertificateCaches.otherSecrets()

    /// Empty for all namespaces.
    let namespaces: [String]

    init(namespaces: [String], resourceNamespace: String) {
        let namespaces = Set(namespaces).sorted()
        self.namespaces = namespaces
        clusterIssuers = namespaces.isEmpty ? ACMECaches.clusterIssuers(secretsIn: resourceNamespace) : nil
        certificates.divide(into: namespaces)
        requests.divide(into: namespaces)
        orders.divide(into: namespaces)
        challenges.divide(into: namespaces)
        issuers.divide(into: namespaces)
        ingresses.divide(into: namespaces)
        gateways.divide(into: namespaces)
        listenerSets.divide(into: namespaces)
        experimentalListenerSets.divide(into: namespaces)
        secretFacts.divide(into: namespaces)
        otherSecrets.divide(into: namespaces)
    }

    /// What each informer of a kind reads: all namespaces, or one of those named.
    var scopes: [String?] { namespaces.isEmpty ? [nil] : namespaces }

    /// What still has to be read before the caches are whole; a sentence, or nil when all are.
    var missing: String? {
        var names: [String] = []
        if !certificates.isSynced { names.append("certificates") }
        if !requests.isSynced { names.append("certificaterequests") }
        if !orders.isSynced { names.append("orders") }
        if !challenges.isSynced { names.append("challenges") }
        if !ingresses.isSynced { names.append("ingresses") }
        if !issuers.isSynced { names.append("issuers") }
        if let clusterIssuers, !clusterIssuers.isSynced { names.append("clusterissuers") }
        if !secretFacts.isSynced || !otherSecrets.isSynced { names.append("secrets") }
        return names.isEmpty ? nil : "Still reading \(names.joined(separator: ", ")) from the API server."
    }

    /// Why what the caches hold may be old; nil while the API server is heard.
    var trouble: String? {
        let troubles: [(kind: String, sentence: String?)] = [
            ("certificates", certificates.trouble), ("certificaterequests", requests.trouble),
            ("orders", orders.trouble), ("challenges", challenges.trouble), ("ingresses", ingresses.trouble),
            ("issuers", issuers.trouble), ("clusterissuers", clusterIssuers?.trouble),
            ("secrets", secretFacts.trouble ?? otherSecrets.trouble),
        ]
        let kinds = troubles.filter { $0.sentence != nil }.map(\.kind).joined(separator: ", ")
        guard let first = troubles.lazy.compactMap(\.sentence).first else { return nil }
        return "Waiting for the API server to tell of \(kinds): \(first)"
    }

    func waitUntilSynced() async throws {
        try await certificates.waitUntilSynced()
        try await requests.waitUntilSynced()
        try await orders.waitUntilSynced()
        try await challenges.waitUntilSynced()
        try await ingresses.waitUntilSynced()
        try await issuers.waitUntilSynced()
        try await clusterIssuers?.waitUntilSynced()
        try await secretFacts.waitUntilSynced()
        try await otherSecrets.waitUntilSynced()
    }

    func informers(
        client: KubeClient, selected: Set<ControllerName>, limits: PEMLimits = .default, counters: Counters,
        logger: Logger
    ) -> [Part] {
        let firstLists = ListTurn()
        func informer<Object: KubeObject>(
            _ cache: Cache<Object>, name: String? = nil, _ options: ListOptions,
            _ transform: Informer<Object>.Transform? = nil
        ) -> Part {
            let informer = Informer(
                client: client, cache: cache, options: options, name: name, transform: transform,
                onMalformed: { [logger] object in
                    logger.error("An object cannot be read and is left alone", metadata: ["object": "\(object)"])
                }, firstLists: firstLists, counters: counters, logger: logger)
            return Part("informer of \(name ?? Object.resource.plural)") { try await informer.run() }
        }
        var parts = scopes.flatMap { scope in
            let all = ListOptions(namespace: scope)
            return [
                informer(certificates, all), informer(requests, all, CertificateCaches.request),
                informer(orders, all, ACMECaches.order), informer(challenges, all), informer(issuers, all),
                informer(ingresses, all),
                informer(
                    secretFacts, name: "secrets with facts",
                    ListOptions(namespace: scope, labelSelector: CertificateCaches.factsSelector),
                    { try CertificateCaches.secret($0, limits: limits) }),
                informer(
                    otherSecrets, name: "other secrets",
                    ListOptions(namespace: scope, labelSelector: CertificateCaches.othersSelector, metadataOnly: true),
                    CertificateCaches.other),
            ]
        }
        if let clusterIssuers { parts.append(informer(clusterIssuers, ListOptions())) }
        return parts
    }

    /// Policies have no namespace: whoever serves one namespace reads them too.
    func policyInformers(
        client: KubeClient, selected: Set<ControllerName>, counters: Counters, logger: Logger, time: any TimeSource
    ) -> [Part] {
        guard selected.contains(.requestsApprover) else { return [] }
        let informer = Informer(
            client: client, cache: policies.cache, options: ListOptions(), counters: counters, logger: logger)
        let awaited = AwaitedInformer(client: client, informer: informer, logger: logger)
        let policies = policies
        return [
            Part("informer of certificatepolicies") { try await awaited.run() },
            Part("policies") {
                try await policies.settle(client, time: time)
                // The part lives as long as the program.
                while true { try await time.sleep(for: .seconds(3600)) }
            },
        ]
    }

    /// Kept apart from `informers`, because a kind of the Gateway API may be missing.
    func gatewayInformers(
        client: KubeClient, flags: GatewayFlags, selected: Set<ControllerName>, counters: Counters, logger: Logger
    ) -> [Part] {
        func parts<Object: KubeObject>(_ cache: Cache<Object>) -> [Part] {
            scopes.map { scope in
                let informer = Informer(
                    client: client, cache: cache, options: ListOptions(namespace: scope), counters: counters,
                    logger: logger)
                let awaited = AwaitedInformer(client: client, informer: informer, logger: logger)
                return Part("informer of \(Object.resource.plural)") { try await awaited.run() }
            }
        }
        guard flags.enableGatewayApi else { return [] }
        let hasListenerSets = flags.enableGatewayApiListenerset && selected.contains(.listenerSet)
        var all: [Part] = []
        if selected.contains(.gatewayShim) || hasListenerSets { all += parts(gateways) }
        if hasListenerSets { all += parts(listenerSets) + parts(experimentalListenerSets) }
        return all
    }
}
