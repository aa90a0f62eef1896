package import CertificateAPI
package import DNSProviders
package import DNSWire

/// Whether a record is seen where the CA will look for it; the same places that the check of a challenge asks.
package struct RecordSight: Sendable {
    private let resolver: Resolver
    /// Servers that are asked in place of the zone's own.
    private let servers: [DNSServer]

    /// - Parameter onlyRecursive: the resolver's servers are asked for the record too, and not the zone's own.
    package init(resolver: Resolver, stanza: Solver.DNS01, onlyRecursive: Bool) {
        self.resolver = resolver
        let named = (stanza.nameservers ?? []).compactMap { DNSServer($0) }
        servers = named.isEmpty && onlyRecursive ? resolver.servers : named
    }

    /// Whether every server shows it. Throws where the zone's servers cannot be found.
    package func shows(_ record: TXTRecord) async throws(DNSError) -> Bool {
        let check = PropagationCheck(resolver: resolver) { $0.contains(record.value) }
        var sightings: [Sighting]
        if servers.isEmpty {
            let target = try await resolver.followAliases(from: record.name).target
            let zone = try await resolver.findZone(of: target)
            sightings = await check.sightings(of: target, at: try await resolver.authoritativeServers(of: zone))
        } else {
            sightings = await check.sightings(of: record.name, at: servers)
        }
        return !sightings.isEmpty && sightings.allSatisfy { $0.outcome == .shown }
    }
}
