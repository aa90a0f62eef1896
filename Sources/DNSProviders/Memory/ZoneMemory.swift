package import DNSWire
import Synchronization

/// A zone as a service names it.
package struct ProviderZone: Sendable, Hashable {
    package var name: DNSName
    /// What stands for the zone in the service's URLs; for many the name.
    package var id: String

    package init(name: DNSName, id: String) {
        self.name = name
        self.id = id
    }
}

/// The lists of zones that were read last, by account.
final class ZoneMemory: Sendable {
    /// How long a list is used: as long as a zone made meanwhile may go unseen where another one holds the name too.
    static let lifetime = Duration.seconds(300)
    /// A list without a match is read again once it is older than this.
    static let shortLifetime = Duration.seconds(15)
    static let maximumAccounts = 64
    static let maximumZones = 20_000

    enum Answer: Hashable {
        case zone(ProviderZone)
        /// The list is fresh, and none of its zones holds the name.
        case none
        case unknown
    }

    private struct Listing {
        var ids: [DNSName: String]
        var readAt: Duration
    }

    private let listings = Mutex<[AccountKey: Listing]>([:])

    func find(_ name: DNSName, of account: AccountKey, now: Duration) -> Answer {
        listings.withLock { listings in
            guard let listing = listings[account], now - listing.readAt < Self.lifetime else { return .unknown }
            if let zone = Self.longestMatch(name, in: listing.ids) { return .zone(zone) }
            return now - listing.readAt < Self.shortLifetime ? .none : .unknown
        }
    }

    func keep(_ zones: [ProviderZone], of account: AccountKey, now: Duration) {
        guard zones.count <= Self.maximumZones else { return }
        listings.withLock { listings in
            listings[account] = nil
            while listings.count >= Self.maximumAccounts,
                let oldest = listings.min(by: { $0.value.readAt < $1.value.readAt })
            {
                listings[oldest.key] = nil
            }
            listings[account] = Listing(ids: Self.ids(of: zones), readAt: now)
        }
    }

    func forget(_ account: AccountKey) { listings.withLock { $0[account] = nil } }

    /// The zone that holds `name`: of several, the one with the longest name.
    static func longestMatch(_ name: DNSName, in ids: [DNSName: String]) -> ProviderZone? {
        var candidate: DNSName? = name
        while let zone = candidate, !zone.isRoot {
            if let id = ids[zone] { return ProviderZone(name: zone, id: id) }
            candidate = zone.parent
        }
        return nil
    }

    /// Of two zones of one name, the first that the service lists.
    static func ids(of zones: [ProviderZone]) -> [DNSName: String] {
        Dictionary(zones.map { ($0.name, $0.id) }, uniquingKeysWith: { first, _ in first })
    }
}
