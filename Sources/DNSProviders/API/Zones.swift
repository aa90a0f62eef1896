import DNSWire
import PKI
import Wire

extension ProviderAPI {
    /// The zone that holds `name`, the longest of those that `list` brings. The list is kept for some minutes. `needs`:
    /// the right without which a zone is not listed.
    func zone(
        of name: DNSName, needs: String, _ list: () async throws(DNSProviderError) -> [ProviderZone]
    ) async throws(DNSProviderError) -> ProviderZone {
        if let zone = try known(name, needs) { return zone }
        return try await context.memory.turns.run("zones \(account.text)") { () async throws(DNSProviderError) in
            if let zone = try known(name, needs) { return zone }
            let zones = try await list()
            context.memory.zones.keep(zones, of: account, now: context.time.elapsed())
            guard let zone = ZoneMemory.longestMatch(name, in: ZoneMemory.ids(of: zones)) else {
                throw .zoneNotFound(provider: provider, name: name, needs: needs)
            }
            return zone
        }
    }

    /// Goes through the pages of a list; `page` answers with what stands on it, and where the next one is.
    func pages<Item, Cursor>(
        from first: Cursor, _ page: (Cursor) async throws(DNSProviderError) -> (items: [Item], next: Cursor?)
    ) async throws(DNSProviderError) -> [Item] {
        var items: [Item] = []
        var cursor: Cursor? = first
        for _ in 0..<Self.maximumPages {
            guard let here = cursor else { return items }
            let (more, next) = try await page(here)
            items += more
            cursor = next
        }
        guard cursor != nil else { return items }
        throw malformed("a list of more than \(Self.maximumPages) pages")
    }

    private static let maximumPages = 500

    /// What was known of the zones is wrong: one that was listed is gone.
    func forgetZones() { context.memory.zones.forget(account) }

    /// The service knows no zone where its list had one.
    func goneZone(of name: DNSName, needs: String) -> DNSProviderError {
        forgetZones()
        return .zoneNotFound(provider: provider, name: name, needs: needs)
    }

    private func known(_ name: DNSName, _ needs: String) throws(DNSProviderError) -> ProviderZone? {
        switch context.memory.zones.find(name, of: account, now: context.time.elapsed()) {
        case .zone(let zone): return zone
        case .none: throw .zoneNotFound(provider: provider, name: name, needs: needs)
        case .unknown: return nil
        }
    }
}

extension ProviderZone {
    /// Nil for what is no domain name. Names of other alphabets become what DNS has of them.
    init?(_ name: String, id: String? = nil) {
        let isASCII = name.utf8.allSatisfy { $0 < 0x80 }
        guard let ascii = isASCII ? name : InternationalDomainName.toASCII(name), !ascii.isEmpty,
            let parsed = try? DNSName(ascii), !parsed.isRoot  // what is no name holds no challenge
        else { return nil }
        self.init(name: parsed, id: id ?? parsed.text)
    }

    /// `name` without the zone's own labels; empty for the zone itself.
    func relative(_ name: DNSName) -> String {
        let own = name.text
        guard name != self.name, own.hasSuffix("." + self.name.text) else { return "" }
        return String(own.dropLast(self.name.text.count + 1))
    }
}
