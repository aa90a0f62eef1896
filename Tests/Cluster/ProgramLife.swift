import ArgumentParser
import Controllers
import HTTPTransport
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Synchronization
import TestSupport
import Wire

@testable import certwright

/// All controllers as the program assembles them, in this process and for one namespace.
struct ProgramLife: Sendable {
    var flags: [String] = []
    /// How everything but the API server is reached.
    var outside: any HTTPTransport
    var time: any TimeSource = SystemTime()

    /// How long nothing may be due for the work to count as done.
    private static let horizon = Duration.seconds(60)

    func run(_ client: KubeClient, _ namespace: String, _ pulse: Pulse = Pulse()) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let counters = Counters()
        let stores = Stores(namespaces: [namespace], resourceNamespace: namespace)
        let events = EventRecorder(client: client, counters: counters, logger: logger)
        let floor = ControllerFloor(
            flags: try command(in: namespace), client: client, transport: outside, stores: stores, events: events,
            counters: counters, time: time, logger: logger, resourceNamespace: namespace)
        let controllers = try floor.build()
        events.holdWhile { controllers.loops.contains { $0.isBusy } }
        let informers =
            stores.informers(client: client, selected: controllers.selected, counters: counters, logger: logger)
            + stores.policyInformers(
                client: client, selected: controllers.selected, counters: counters, logger: logger, time: SystemTime())
            + stores.gatewayInformers(
                client: client, flags: floor.flags.gateway, selected: controllers.selected, counters: counters,
                logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for informer in informers { group.addTask { try await informer.run() } }
            group.addTask { try await events.run() }
            group.addTask {
                try await stores.waitUntilSynced()
                stores.tell(pulse, of: namespace)
                if floor.flags.gateway.enableGatewayApi { stores.tellOfGateways(pulse, of: namespace) }
                if let requests = controllers.signingRequests?.cache {
                    pulse.follows(requests, ListOptions(labelSelector: World.label(namespace)))
                }
                pulse.begins { controllers.isAtRest(for: Self.horizon) }
                try await controllers.run()
            }
            try await group.waitForAll()
        }
    }

    /// The flags, read once for all lives with the same: a third of a second each time in a debug build, where
    /// argument-parser examines all that can be said.
    private func command(in namespace: String) throws -> ControllerCommand {
        var command = try Self.commands.withLock { commands in
            if let known = commands[flags] { return known }
            let read = try ControllerCommand.parse(flags)
            commands[flags] = read
            return read
        }
        command.cluster.namespaces = [namespace]
        command.cluster.clusterResourceNamespace = namespace
        return command
    }

    private static let commands = Mutex<[[String]: ControllerCommand]>([:])

    /// Lives in the namespace of `cluster`, through its transport or another, while `body` runs.
    func live(
        in cluster: Cluster, over transport: (any HTTPTransport)? = nil, _ body: () async throws -> Void
    ) async throws {
        let client = cluster.client(over: transport ?? cluster.transport)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (life, namespace) = (self, cluster.namespace)
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

extension Stores {
    /// The caches, and what fills them.
    fileprivate func tell(_ pulse: Pulse, of namespace: String) {
        let all = ListOptions(namespace: namespace)
        pulse.follows(certificates, all)
        pulse.follows(requests, all)
        pulse.follows(orders, all)
        pulse.follows(challenges, all)
        pulse.follows(issuers, all)
        pulse.follows(ingresses, all)
        pulse.follows(secretFacts, ListOptions(namespace: namespace, labelSelector: CertificateCaches.factsSelector))
        pulse.follows(otherSecrets, ListOptions(namespace: namespace, labelSelector: CertificateCaches.othersSelector))
    }

    fileprivate func tellOfGateways(_ pulse: Pulse, of namespace: String) {
        let all = ListOptions(namespace: namespace)
        pulse.follows(gateways, all)
        pulse.follows(listenerSets, all)
        pulse.follows(experimentalListenerSets, all)
    }
}
