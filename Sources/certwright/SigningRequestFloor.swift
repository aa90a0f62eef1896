import CertificateAPI
import Controllers
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Wire

/// Builds the controller of Kubernetes' own CertificateSigningRequests.
struct SigningRequestFloor {
    /// The controller that was built.
    struct Built: Sendable {
        let cache: Cache<CertificateSigningRequest>
        /// Runs within `run`.
        let loop: ControllerLoop
        /// Runs while this process leads.
        let run: @Sendable () async throws -> Void
    }

    /// Whether the controller runs.
    enum Mode: Equatable {
        case on
        case off
        /// As soon as the program has the rights it takes.
        case whereAllowed

        /// `gate` is what `--feature-gates` says; nil where it says nothing.
        init(gate: Bool?) {
            switch gate {
            case true: self = .on
            case false: self = .off
            case nil: self = .whereAllowed
            }
        }
    }

    let client: KubeClient
    let stores: Stores
    let events: EventRecorder
    let counters: Counters
    let time: any TimeSource
    let logger: Logger

    /// Nil where the controller is off or no kind of issuer is selected.
    func build(
        _ mode: Mode, selected: Set<ControllerName>, lookup: IssuerLookup, secrets: SecretStore, desk: RemoteDesk,
        copiedAnnotations: AnnotationFilter, makeLoop: (any Reconciler) -> ControllerLoop
    ) -> Built? {
        let kinds = Self.kinds(selected)
        guard mode != .off, !kinds.isEmpty else { return nil }
        let cache = SigningRequestReconciler.cache()
        let reconciler = SigningRequestReconciler(
            client: client, requests: cache, orders: stores.orders, lookup: lookup,
            signer: InstantSigner(lookup: lookup, secrets: secrets, time: time), desk: desk, kinds: kinds,
            copiedAnnotations: copiedAnnotations, events: events, time: time)
        let loop = makeLoop(reconciler)
        reconciler.connect({ loop.enqueue($0) }, secrets: secrets)
        let namespaces = Set(stores.namespaces)
        let informer = Informer(
            client: client, cache: cache,
            transform: { try SigningRequestReconciler.keep($0, namespaces: namespaces) }, counters: counters,
            logger: logger)
        let access = SigningRequestAccess(client: client, time: time, logger: logger)
        return Built(cache: cache, loop: loop) {
            if mode == .whereAllowed { try await access.wait() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await informer.run() }
                group.addTask { try await loop.run() }
                group.addTask { try await desk.run() }
                try await group.waitForAll()
            }
        }
    }

    private static func kinds(_ selected: Set<ControllerName>) -> Set<SigningRequestReconciler.Kind> {
        let names: [(ControllerName, SigningRequestReconciler.Kind)] = [
            (.signingRequestsACME, .acme), (.signingRequestsCA, .ca), (.signingRequestsSelfSigned, .selfSigned),
            (.signingRequestsVault, .vault), (.signingRequestsVenafi, .venafi),
        ]
        return Set(names.filter { selected.contains($0.0) }.map(\.1))
    }
}
