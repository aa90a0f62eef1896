package import Logging
package import Wire

/// Takes away what has expired. Every replica does: what one has deleted, the next finds gone.
package struct ClusterSweep: Sendable {
    private let store: ClusterStore
    private let desk: ClusterDesk
    private let time: any TimeSource
    private let logger: Logger
    private let pause: Duration

    package init(
        store: ClusterStore, desk: ClusterDesk, pause: Duration = .seconds(3600), time: any TimeSource = SystemTime(),
        logger: Logger
    ) {
        self.store = store
        self.desk = desk
        self.time = time
        self.logger = logger
        self.pause = pause
    }

    /// Works until cancelled.
    package func run() async throws {
        while !Task.isCancelled {
            try await time.sleep(for: pause)
            do {
                try await store.sweep(at: time.now())
                try await desk.sweep(at: time.now())
            } catch {
                // The next time is soon enough.
                logger.warning("What has expired of ACME cannot be deleted", metadata: ["error": "\(error)"])
            }
        }
    }
}
