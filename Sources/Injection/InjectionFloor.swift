import CertificateAPI
package import KubeClient
import KubeModel
package import KubeRuntime
package import Logging
package import Wire

/// All of CA injection, put together: loops to run while leading, informers to run always.
///
/// A kind that the API server does not have, or that may not be read, stops none of the others: its informer goes on
/// asking, and its loop has nothing to do.
package struct InjectionFloor: Sendable {
    package typealias Work = @Sendable () async throws -> Void

    private struct Line: Sendable {
        var loop: ControllerLoop
        var name: String
        var informer: Work
        var targets: @Sendable (InjectionSource) -> Set<ObjectKey>
    }

    private let client: KubeClient
    private let settings: InjectionSettings
    private let events: EventRecorder
    private let counters: Counters
    private let time: any TimeSource
    private let logger: Logger
    private var lines: [Line] = []

    package init(
        client: KubeClient, settings: InjectionSettings, events: EventRecorder, counters: Counters,
        time: any TimeSource = SystemTime(), logger: Logger
    ) {
        self.client = client
        self.settings = settings
        self.events = events
        self.counters = counters
        self.time = time
        self.logger = logger
        lines = InjectionKind.allCases.filter { settings.kinds.contains($0) }.map { kind in
            switch kind {
            case .validatingWebhookConfigurations: line(ValidatingWebhooks.self)
            case .mutatingWebhookConfigurations: line(MutatingWebhooks.self)
            case .customResourceDefinitions: line(CustomResourceDefinitions.self)
            case .apiServices: line(APIServices.self)
            }
        }
    }

    /// Whether anything is due: Events wait for that.
    package var isBusy: Bool { lines.contains { $0.loop.isBusy } }

    /// Works until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for line in lines { group.addTask { try await line.loop.run() } }
            try await group.waitForAll()
        }
    }

    /// Has the targets made from that source looked at again. Any thread may call it, for any object at all.
    package func changed(_ source: InjectionSource) {
        for line in lines {
            for target in line.targets(source) { line.loop.enqueue(target) }
        }
    }

    /// The informers of the targets.
    package var targetInformers: [(name: String, run: Work)] { lines.map { ($0.name, $0.informer) } }

    /// Informers that watch the metadata of sources and keep that of the few which targets name: for a process that does
    /// not watch Secrets and Certificates anyway.
    package var sourceInformers: [(name: String, run: Work)] {
        var informers = sources(SourceSecret.self, name: "source secrets") { .secret($0) }
        if settings.usesCertificates {
            informers += sources(SourceCertificate.self, name: "source certificates") { .certificate($0) }
        }
        return informers
    }

    // MARK: Building

    private func line<Target: InjectionTarget>(_ type: Target.Type) -> Line {
        let cache = Cache<TargetIdentity<Target>>()
        let reconciler = InjectionReconciler<Target>(
            client: client, targets: cache, settings: settings, events: events, time: time, logger: logger)
        // One at a time: a definition may have a megabyte.
        let loop = ControllerLoop(
            name: "cainjector-\(Target.resource.plural)", workers: 1,
            backoff: Backoff(minimum: .seconds(1), maximum: .seconds(60)), reconciler: reconciler, time: time,
            counters: counters, logger: logger, grace: .seconds(10))
        reconciler.connect { loop.enqueue($0) }
        let informer = Informer(
            client: client, cache: cache, options: ListOptions(metadataOnly: true),
            transform: { try TargetIdentity<Target>($0) }, counters: counters, logger: logger)
        return Line(
            loop: loop, name: "informer of \(Target.resource.plural)", informer: { try await informer.run() },
            targets: { reconciler.targets(of: $0) })
    }

    private func sources<Object: SourceObject>(
        _ type: Object.Type, name: String, _ source: @escaping @Sendable (ObjectKey) -> InjectionSource
    ) -> [(name: String, run: Work)] {
        let cache = Cache<Object>()
        let places = settings.namespaces.sorted()
        cache.divide(into: places)
        let floor = self
        cache.onChange { old, new in
            if let key = (new ?? old)?.key { floor.changed(source(key)) }
        }
        let scopes: [String?] = places.isEmpty ? [nil] : places
        return scopes.map { scope in
            let informer = Informer(
                client: client, cache: cache, options: ListOptions(namespace: scope, metadataOnly: true), name: name,
                transform: { value in
                    let object = try value.decode(Object.self)
                    guard floor.lines.contains(where: { !$0.targets(source(object.key)).isEmpty }) else { return nil }
                    return object.slim
                }, counters: counters, logger: logger)
            return ("informer of \(name)", { try await informer.run() })
        }
    }
}

/// An object of which only the metadata is watched, as a source of CAs.
private protocol SourceObject: KubeObject {
    init(metadata: ObjectMeta)
}

extension SourceObject {
    /// Without labels, annotations and owners.
    var slim: Self {
        var slim = ObjectMeta(name: metadata.name, namespace: metadata.namespace)
        slim.uid = metadata.uid
        slim.resourceVersion = metadata.resourceVersion
        return Self(metadata: slim)
    }
}

private struct SourceSecret: SourceObject {
    static let resource = Secret.resource
    var metadata: ObjectMeta
}

private struct SourceCertificate: SourceObject {
    static let resource = Certificate.resource
    var metadata: ObjectMeta
}
