package import KubeClient
package import KubeModel
package import KubeRuntime
import Synchronization
import Wire

/// What a life tells of itself, so that a test knows that its work is done without waiting for a silence.
///
/// A life is at rest when it says that it has nothing to do, and its caches hold all that the server has: then nothing that
/// could give it work is on its way to it.
package final class Pulse: Sendable {
    private struct State {
        var isAtRest: (@Sendable () -> Bool)?
        var caches: [@Sendable (KubeClient) async throws -> Bool] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// `isAtRest` says whether nothing is being done and nothing is due. Until this is called, the life has not begun.
    package func begins(isAtRest: @escaping @Sendable () -> Bool) {
        state.withLock { $0.isAtRest = isAtRest }
    }

    /// The life acts on what `cache` holds, which comes from the list and watch of those options.
    package func follows<Object: KubeObject>(_ cache: Cache<Object>, _ options: ListOptions) {
        var options = options
        options.metadataOnly = true
        let hasHeardAll: @Sendable (KubeClient) async throws -> Bool = { [options] client in
            let items = try await client.page(Object.resource, options).items
            let (seen, versions) = cache.progress
            var names: Set<ObjectKey> = []
            for item in items {
                guard let key = item.objectKey else { return false }
                names.insert(key)
                let version = item["metadata"]?["resourceVersion"]?.stringValue.flatMap { UInt64($0) } ?? .max
                guard version <= seen || versions[key] == version else { return false }
            }
            return versions.keys.allSatisfy(names.contains)
        }
        state.withLock { $0.caches.append(hasHeardAll) }
    }

    package var isAtRest: Bool { state.withLock { $0.isAtRest }?() ?? false }

    /// Asks the server, past the life's own transport, what it has.
    package func hasHeardAll(_ client: KubeClient) async throws -> Bool {
        for cache in state.withLock({ $0.caches }) {
            guard try await cache(client) else { return false }
        }
        return true
    }
}
