import KubeClient
import KubeModel
import Wire

/// The objects that a serving certificate depends on, as they were before they were looked at: what happens to them from
/// then on wakes whoever waits, one's own writes included.
struct Surroundings: Sendable {
    private struct Place: Sendable {
        var resource: ResourceType
        var key: ObjectKey
        /// Of the list; nil where the object may not be listed.
        var version: String?
    }

    private let places: [Place]
    private let limit: Duration
    private let unwatchedLimit: Duration

    init(_ settings: ServingAuthority.Settings, _ client: KubeClient) async throws(KubeError) {
        var places = [Place(resource: Secret.resource, key: settings.secret)]
        if let name = settings.injectsInto {
            places += BundleInjection.kinds.map { Place(resource: $0, key: ObjectKey(name: name)) }
        }
        for index in places.indices {
            places[index].version = try await Self.version(of: places[index], client)
        }
        self.places = places
        let isHeard = places.allSatisfy { $0.version != nil }
        unwatchedLimit = min(settings.lookEvery, settings.lookUnwatchedEvery)
        limit = isHeard ? settings.lookEvery : unwatchedLimit
    }

    private static func version(of place: Place, _ client: KubeClient) async throws(KubeError) -> String? {
        do throws(KubeError) {
            return try await client.page(place.resource, ListOptions(one: place.key), limit: 1).resourceVersion
        } catch {
            guard error.isForbidden else { throw error }
            return nil
        }
    }

    /// Returns when one of them has changed, or when it is time to look in any case.
    func waitForChange(_ client: KubeClient, _ time: any TimeSource) async {
        let (places, limit, unwatchedLimit) = (places, limit, unwatchedLimit)
        _ = await withTimeLimit(limit, time: time) {
            await withTaskGroup(of: Bool.self) { group in
                for place in places {
                    guard let version = place.version else { continue }
                    group.addTask {
                        await client.waitForChange(of: place.resource, place.key, since: version, atMost: limit)
                    }
                }
                defer { group.cancelAll() }
                if let hasChanged = await group.next(), hasChanged { return }
                // One of them ended without a word, so that its object is not heard of.
                try? await time.sleep(for: unwatchedLimit)  // cancellation ends the waiting, too
            }
        }
    }
}
