/// A server that holds a zone, under each of its addresses.
package struct NameServer: Sendable, Hashable {
    package var host: DNSName
    /// IPv4 first, since fewer networks lack it. Empty when none was found.
    package var addresses: [Endpoint]
    /// Why an address may be missing.
    package var lookupFailure: DNSError?

    package init(host: DNSName, addresses: [Endpoint], lookupFailure: DNSError? = nil) {
        self.host = host
        self.addresses = addresses
        self.lookupFailure = lookupFailure
    }
}

extension Resolver {
    /// The zone that holds `name`: the closest name at or above it that has a SOA record of its own.
    ///
    /// The name is taken as it stands. Where it is an alias, its own zone counts and not the target's.
    package func findZone(of name: DNSName) async throws(DNSError) -> DNSName {
        var walk = ZoneWalk(name)
        while let candidate = walk.next {
            if let zone = try walk.learn(from: try await query(candidate, .soa), about: candidate) { return zone }
        }
        throw .zoneNotFound(name)
    }

    /// Every server that the zone's NS records name; throws when not one of them has an address.
    package func authoritativeServers(of zone: DNSName) async throws(DNSError) -> [NameServer] {
        let answer = try await query(zone, .ns)
        let hosts = answer.answers(of: .ns, at: zone).compactMap { record -> DNSName? in
            if case .name(let host) = record.data { host } else { nil }
        }
        let servers = await withTaskGroup(of: NameServer.self) { group in
            for host in hosts { group.addTask { await nameServer(host) } }
            var found: [DNSName: NameServer] = [:]
            for await server in group { found[server.host] = server }
            return hosts.compactMap { found[$0] }
        }
        if servers.allSatisfy(\.addresses.isEmpty) { throw .noNameServers(zone: zone) }
        return servers
    }

    private func nameServer(_ host: DNSName) async -> NameServer {
        var server = NameServer(host: host, addresses: [])
        for type in [RecordType.a, .aaaa] {
            do throws(DNSError) {
                server.addresses += try await query(host, type).answers.compactMap { record in
                    guard record.type == type, case .address(let octets) = record.data else { return nil }
                    return Endpoint(address: octets, port: authoritativePort)
                }
            } catch {
                server.lookupFailure = error
            }
        }
        return server
    }
}

/// The walk from a name up to the zone that holds it, fed with the answers to SOA questions.
struct ZoneWalk: Sendable {
    /// What to ask about next; nil when the walk has passed every name but the root.
    private(set) var next: DNSName?

    init(_ name: DNSName) { next = name.isRoot ? nil : name }

    /// The zone, when the answer about `candidate` settles it; else the walk has moved up.
    mutating func learn(from answer: DNSMessage, about candidate: DNSName) throws(DNSError) -> DNSName? {
        if !answer.answers(of: .soa, at: candidate).isEmpty { return candidate }
        next = candidate.parent.flatMap { $0.isRoot ? nil : $0 }
        // A negative answer carries the SOA of the zone that lacks the name (RFC 2308 §3): a short cut, taken only
        // when no alias leads the answer into somebody else's zone, and checked by asking about it.
        if answer.alias(of: candidate) == nil, let zone = answer.startOfAuthority?.name, !zone.isRoot,
            zone != candidate, candidate.isWithin(zone)
        {
            next = zone
        }
        return nil
    }
}
