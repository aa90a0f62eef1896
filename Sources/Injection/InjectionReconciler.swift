package import KubeClient
package import KubeModel
package import KubeRuntime
package import Logging
package import Wire

/// Keeps the CA bundles of the targets of one kind.
package final class InjectionReconciler<Target: InjectionTarget>: Reconciler {
    private let client: KubeClient
    private let targets: Cache<TargetIdentity<Target>>
    private let authorities: Authorities
    private let settings: InjectionSettings
    private let dependencies = Dependencies()
    private let events: EventRecorder
    private let time: any TimeSource
    private let logger: Logger

    package init(
        client: KubeClient, targets: Cache<TargetIdentity<Target>>, settings: InjectionSettings, events: EventRecorder,
        time: any TimeSource, logger: Logger
    ) {
        self.client = client
        self.targets = targets
        authorities = Authorities(client: client)
        self.settings = settings
        self.events = events
        self.time = time
        self.logger = logger
    }

    package func reconcile(_ key: ObjectKey) async throws -> Requeue {
        guard targets[key] != nil, let object = try await read(key),
            let wish = CAWish.read(object.metadata.annotations ?? [:])
        else {
            dependencies.keep([], of: key)
            return .onChange
        }
        guard let view = try await observe(object, wish) else { return .onChange }
        var requeue = Requeue.onChange
        // A file tells nobody that it has changed.
        if case .success(.apiServer) = wish { requeue = .at(time.now() + .seconds(60)) }
        for action in Injection.decide(view) {
            switch action {
            case .write(let places): try await write(places, to: object)
            case .lookAgain(let moment): requeue = requeue.sooner(moment)
            case .complain(let problem): tell(problem, object)
            }
        }
        return requeue
    }

    /// The targets that were made from that source, or want to be.
    package func targets(of source: InjectionSource) -> Set<ObjectKey> { dependencies.targets(of: source) }

    /// Has `enqueue` called for every target that appears or changes, by whomever. Call it before the informer runs.
    package func connect(_ enqueue: @escaping @Sendable (ObjectKey) -> Void) {
        targets.onChange { old, new in
            if let key = (new ?? old)?.key { enqueue(key) }
        }
    }

    // MARK: Observing

    /// A target, while it is worked on.
    private struct Whole {
        var metadata: ObjectMeta
        var places: [BundlePlace]
    }

    private func read(_ key: ObjectKey) async throws(KubeError) -> Whole? {
        do throws(KubeError) {
            let value = try await client.send(.get(Target.resource, key))
            let identity: TargetIdentity<Target>
            do throws(ValueDecodingError) {
                identity = try value.decode(TargetIdentity<Target>.self)
            } catch {
                throw KubeError.decoding("\(error)")
            }
            return Whole(metadata: identity.metadata, places: Target.places(in: value))
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    /// Nil where the flags leave the source to somebody else.
    private func observe(
        _ object: Whole, _ wish: Result<CAWish, InjectionProblem>
    ) async throws(KubeError) -> InjectionView? {
        let key = ObjectKey(name: object.metadata.name)
        var noted: Set<InjectionSource> = []
        defer { dependencies.keep(noted, of: key) }
        switch wish {
        case .failure(let problem):
            return InjectionView(places: object.places, authority: .failure(problem), source: "", now: time.now())
        case .success(let wish):
            guard settings.covers(wish) else {
                logger.debug("A target's source is outside of what the flags select", metadata: metadata(key))
                return nil
            }
            let authority = try await authorities.read(wish) { source in
                noted.insert(source)
                dependencies.add(source, to: key)
            }
            return InjectionView(
                places: object.places, authority: authority, source: wish.description, now: time.now())
        }
    }

    // MARK: Acting

    /// A JSON patch of that version of the target only: the places are true of no other. Server-side apply would do as
    /// well, but API servers before 1.22 cannot apply an APIService.
    private func write(_ places: [BundlePlace], to object: Whole) async throws {
        let key = ObjectKey(name: object.metadata.name)
        var steps: [JSONValue] = places.map { place in
            ["op": "add", "path": .string(place.path), "value": .string(place.bundle ?? "")]
        }
        if let version = object.metadata.resourceVersion {
            steps.append(["op": "replace", "path": "/metadata/resourceVersion", "value": .string(version)])
        }
        do throws(KubeError) {
            _ = try await client.jsonPatch(steps, of: TargetIdentity<Target>.self, key)
        } catch {
            guard error.isInvalid else { throw error }
            tell(.refused(error.status?.message ?? "\(error)"), object)
            throw ReconcileError.terminal(error)
        }
        logger.info("A CA bundle was injected", metadata: metadata(key))
    }

    private func tell(_ problem: InjectionProblem, _ object: Whole) {
        let key = ObjectKey(name: object.metadata.name)
        logger.info(
            "A CA bundle cannot be injected",
            metadata: metadata(key).merging(["reason": "\(problem.message)"]) { own, _ in own })
        events.record(
            problem.kind, reason: problem.reason, message: problem.message,
            on: ObjectReference(to: TargetIdentity<Target>(metadata: object.metadata)),
            component: InjectionComponent.name)
    }

    private func metadata(_ key: ObjectKey) -> Logger.Metadata {
        ["kind": "\(Target.resource.kind)", "name": "\(key.name)"]
    }
}

/// What injection is called in `managedFields`, Events and user agents.
package enum InjectionComponent {
    package static let name = "cert-manager-cainjector"
}

extension CAWish: CustomStringConvertible {
    package var description: String {
        switch self {
        case .secret(let key): "the Secret \"\(key)\""
        case .certificate(let key): "the Certificate \"\(key)\""
        case .apiServer: "the API server's CA"
        }
    }
}
