import CertificateAPI
import Controllers
import CurlTransport
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Operations
import PKI
import Wire

/// The controllers that were built, ready to run.
struct ControllerSet: Sendable {
    let selected: Set<ControllerName>
    let loops: [ControllerLoop]
    let acmeMetrics: ACMEMetrics
    /// What runs beside the loops for them.
    let helpers: [@Sendable () async throws -> Void]

    /// Ends, by cancellation or error, only when every loop has let go of what it was doing.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for loop in loops { group.addTask { try await loop.run() } }
            for helper in helpers { group.addTask { try await helper() } }
            try await group.waitForAll()
        }
    }
}

/// Builds the controllers from the flags: one method for each kind.
struct ControllerFloor {
    let flags: ControllerCommand
    let client: KubeClient
    let transport: CurlTransport
    let stores: Stores
    let events: EventRecorder
    let counters: Counters
    let time: any TimeSource
    let logger: Logger
    let resourceNamespace: String

    func build() throws -> ControllerSet {
        let selected = try ControllerName.selected(by: flags.controllers.controllers)
        let secrets = SecretStore(client: client, facts: stores.secretFacts, others: stores.otherSecrets)
        var instant: Set<IssuerLookup.InstantKind> = []
        if selected.contains(.requestsCA) { instant.insert(.ca) }
        if selected.contains(.requestsSelfSigned) { instant.insert(.selfSigned) }
        let lookup = IssuerLookup(
            issuers: stores.issuers, clusterIssuers: stores.clusterIssuers, clusterResourceNamespace: resourceNamespace,
            instantKinds: instant)
        let approval = ApprovalGate(client: client, isEnabled: selected.contains(.requestsApprover), time: time)
        let signer = InstantSigner(lookup: lookup, secrets: secrets, time: time)
        let claims = RequestClaims()
        var loops: [ControllerLoop] = []

        if selected.contains(.certificatesTrigger) {
            let reconciler = CertificateReconciler(
                client: client, certificates: stores.certificates, requests: stores.requests, secrets: secrets,
                approval: approval, signer: signer, claims: claims, events: events, settings: settings, time: time,
                logger: logger)
            let loop = makeLoop("certificates", reconciler, .init(minimum: .seconds(1), maximum: .seconds(30)))
            reconciler.connect { loop.enqueue($0) }
            loops.append(loop)
        }
        if !instant.isEmpty || approval.isEnabled {
            let reconciler = RequestReconciler(
                client: client, requests: stores.requests, lookup: lookup, approval: approval, signer: signer,
                claims: claims, events: events, time: time)
            let loop = makeLoop("certificaterequests", reconciler, .init(minimum: .seconds(1), maximum: .seconds(300)))
            reconciler.connect({ loop.enqueue($0) }, secrets: secrets)
            loops.append(loop)
        }
        return ControllerSet(selected: selected, loops: loops, acmeMetrics: ACMEMetrics(), helpers: [])
    }

    private func makeLoop(
        _ name: String, _ reconciler: any Reconciler, _ backoff: Backoff, workers: Int? = nil
    ) -> ControllerLoop {
        ControllerLoop(
            name: name, workers: workers ?? flags.controllers.concurrentWorkers, backoff: backoff,
            reconciler: reconciler, time: time, counters: counters, logger: logger, grace: .seconds(25))
    }

    private var settings: CertificateSettings {
        let given = flags.certificates
        var settings = CertificateSettings()
        settings.setsOwnerReference = given.enableCertificateOwnerRef
        settings.minimumBackoff = given.certificateRequestMinimumBackoffDuration.duration
        settings.maximumBackoff = given.certificateRequestMaximumBackoffDuration.duration
        settings.copiedAnnotations = AnnotationFilter(given.copiedAnnotationPrefixes)
        settings.limits = PEMLimits(
            certificate: given.maxCertificateSize, privateKey: given.maxPrivateKeySize,
            chain: given.maxCertificateChainLength, bundle: given.maxCertificateBundleSize)
        return settings
    }
}
