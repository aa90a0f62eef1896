import HTTPTransport

/// Lets at most `limit` requests of the shared lane run per host; the others wait in order.
///
/// libcurl's own limit on connections per host would count watches too: once they hold every connection, a lease
/// renewal waits until the lease is lost.
struct LaneQueue<Item: AnyObject> {
    private struct Host {
        var running = 0
        var waiting: [Item] = []
    }

    private let limit: Int
    private var hosts: [HTTPAddress: Host] = [:]

    init(limit: Int) {
        self.limit = limit
    }

    /// True when `item` may start now; else it waits.
    mutating func arrived(_ item: Item, for host: HTTPAddress, lane: Lane) -> Bool {
        if lane == .express { return true }
        if hosts[host, default: Host()].running >= limit {
            hosts[host]!.waiting.append(item)  // at the limit, so it is there
            return false
        }
        hosts[host, default: Host()].running += 1
        return true
    }

    /// A running request has ended; the answer may start in its place.
    mutating func ended(for host: HTTPAddress, lane: Lane) -> Item? {
        guard lane == .shared, var entry = hosts[host] else { return nil }
        if entry.waiting.isEmpty {
            entry.running -= 1
            hosts[host] = entry.running == 0 ? nil : entry
            return nil
        }
        hosts[host] = nil  // so that the array below is not copied
        let next = entry.waiting.removeFirst()
        hosts[host] = entry
        return next
    }

    func forEachWaiting(_ body: (Item) -> Void) {
        for entry in hosts.values { entry.waiting.forEach(body) }
    }

    /// Takes back the waiting items that `isGone` picks.
    mutating func withdraw(where isGone: (Item) -> Bool) -> [Item] {
        var gone: [Item] = []
        for (host, entry) in hosts where !entry.waiting.isEmpty {
            let leaving = entry.waiting.filter(isGone)
            if leaving.isEmpty { continue }
            gone += leaving
            hosts[host]!.waiting.removeAll(where: isGone)  // `host` comes from the dictionary
        }
        return gone
    }

    /// Takes back `item` if it waits.
    mutating func withdraw(_ item: Item, for host: HTTPAddress) -> Bool {
        guard let index = hosts[host]?.waiting.firstIndex(where: { $0 === item }) else { return false }
        hosts[host]!.waiting.remove(at: index)  // found there
        return true
    }
}
