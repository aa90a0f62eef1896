package import KubeClient
package import KubeModel
package import Logging
package import Wire

/// Keeps a cache true of a kind that the cluster may not know: waits for its definition, saying so once, then works as
/// an `Informer`, and waits again when the definition is taken away. What the cache held by then stays in it.
package struct AwaitedInformer<Object: KubeObject>: Sendable {
    private let client: KubeClient
    private let informer: Informer<Object>
    private let pause: Duration
    private let time: any TimeSource
    private let logger: Logger

    /// - Parameter pause: between two looks for a definition that is missing; one that was there is looked for at a
    ///   sixth of that pace.
    package init(
        client: KubeClient, informer: Informer<Object>, pause: Duration = .seconds(10),
        time: any TimeSource = SystemTime(), logger: Logger
    ) {
        self.client = client
        self.informer = informer
        self.pause = pause
        self.time = time
        var logger = logger
        logger[metadataKey: "resource"] = "\(Object.resource.plural).\(Object.resource.group)"
        self.logger = logger
    }

    /// Works until cancelled.
    package func run() async throws {
        while true {
            try await waitForDefinition()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await informer.run() }
                group.addTask { try await waitForRemoval() }
                try await group.next()
                group.cancelAll()
            }
            try Task.checkCancellation()
        }
    }

    private func waitForDefinition() async throws {
        var hasSaid = false
        while try await !isServed(else: false) {
            if !hasSaid {
                logger.warning("The cluster does not know this kind; its definition is waited for")
                hasSaid = true
            }
            try await time.sleep(for: pause)
        }
        if hasSaid { logger.info("The cluster knows this kind now") }
    }

    private func waitForRemoval() async throws {
        repeat { try await time.sleep(for: pause * 6) } while try await isServed(else: true)
    }

    /// Where the server gives no answer, what held before still holds.
    private func isServed(else before: Bool) async throws -> Bool {
        do throws(KubeError) {
            return try await client.serves(Object.resource)
        } catch {
            if case .cancelled = error { throw CancellationError() }
            logger.debug("Asking for the kind failed", metadata: ["error": "\(error)"])
            return before
        }
    }
}
