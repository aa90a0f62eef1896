package import DNSWire

/// What one server shows for the record of a challenge.
package struct Sighting: Sendable, Hashable {
    package enum Outcome: Sendable, Hashable {
        case shown
        /// TXT records, none of them ours.
        case others(count: Int)
        case nothing(ResponseCode)
        case silent(DNSError)
    }
    package var server: String
    package var outcome: Outcome

    package init(server: String, outcome: Outcome) {
        self.server = server
        self.outcome = outcome
    }
}

/// The verdict on what the servers showed.
package enum Propagation {
    /// How long a server that cannot be reached from here is waited for while the others show the record: it may be
    /// one that only the CA can reach.
    static let patience = Duration.seconds(60)

    package static func decide(
        _ name: DNSName, _ sightings: [Sighting], waited: Duration, again: Duration
    ) -> SelfCheck {
        let shown = sightings.filter { $0.outcome == .shown }
        let silent = sightings.filter(\.isSilent)
        let record = "the TXT record of \(name.text)"
        if !shown.isEmpty, shown.count == sightings.count {
            return .visible("\(list(shown.map(\.server))) \(shown.count == 1 ? "shows" : "show") \(record)")
        }
        if !shown.isEmpty, shown.count + silent.count == sightings.count, waited >= patience {
            return .visible(
                "\(list(shown.map(\.server))) \(shown.count == 1 ? "shows" : "show") \(record); "
                    + "not counted: \(silent.map(\.sentence).joined(separator: "; "))")
        }
        if sightings.isEmpty { return .notYet("no DNS server could be asked for \(record)", again: again) }
        return .notYet("\(record): \(sightings.map(\.sentence).joined(separator: "; "))", again: again)
    }

    private static func list(_ names: [String]) -> String {
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " and " + last
    }
}

extension Sighting {
    fileprivate var isSilent: Bool {
        if case .silent = outcome { true } else { false }
    }

    fileprivate var sentence: String {
        switch outcome {
        case .shown: "\(server) shows it"
        case .others(let count): "\(server) shows \(count) other TXT \(count == 1 ? "record" : "records")"
        case .nothing(let code): "\(server) shows none (\(code))"
        case .silent(let error): "\(server): \(error)"
        }
    }
}

/// Gathers sightings: asks everybody at once.
struct PropagationCheck: Sendable {
    var resolver: Resolver
    /// Whether one of the values that a server shows under the name is what is looked for.
    var shows: @Sendable (_ values: [String]) -> Bool

    /// What each of these servers shows, resolving included.
    func sightings(of name: DNSName, at servers: [DNSServer]) async -> [Sighting] {
        await gather(servers) { server in
            Sighting(server: server.description, outcome: await outcome(of: name, at: server, recursionDesired: true))
        }
    }

    /// What each authoritative server shows, under the first of its addresses that answers.
    func sightings(of name: DNSName, at servers: [NameServer]) async -> [Sighting] {
        let sorted = servers.sorted { $0.host.description < $1.host.description }
        return await gather(sorted) { server in
            var outcome = Sighting.Outcome.silent(server.lookupFailure ?? .unknownHost(server.host.text))
            for address in server.addresses {
                outcome = await self.outcome(of: name, at: .plain(address), recursionDesired: false)
                guard case .silent = outcome else { break }
            }
            return Sighting(server: server.host.text, outcome: outcome)
        }
    }

    private func gather<Server: Sendable>(
        _ servers: [Server], _ look: @escaping @Sendable (Server) async -> Sighting
    ) async -> [Sighting] {
        await withTaskGroup(of: (Int, Sighting).self) { group in
            for (index, server) in servers.enumerated() { group.addTask { (index, await look(server)) } }
            var found: [Int: Sighting] = [:]
            for await (index, sighting) in group { found[index] = sighting }
            return servers.indices.compactMap { found[$0] }
        }
    }

    /// Asks, and asks on where the server answers with an alias and not with what stands there.
    private func outcome(
        of name: DNSName, at server: DNSServer, recursionDesired: Bool
    ) async -> Sighting.Outcome {
        do throws(DNSError) {
            var chain = AliasChain(name)
            while true {
                let target = chain.target
                let answer = try await ask(target, at: server, recursionDesired: recursionDesired)
                let moved = try chain.extend(with: answer)
                let values = answer.answers(of: .txt, at: chain.target).compactMap(\.data.text)
                if shows(values) { return .shown }
                if !values.isEmpty { return .others(count: values.count) }
                if !moved { return .nothing(answer.responseCode) }
            }
        } catch {
            return .silent(error)
        }
    }

    /// A datagram may get lost; once more before the server counts as silent.
    private func ask(
        _ name: DNSName, at server: DNSServer, recursionDesired: Bool
    ) async throws(DNSError) -> DNSMessage {
        do throws(DNSError) {
            return try await resolver.client.query(name, .txt, at: server, recursionDesired: recursionDesired)
        } catch .timedOut {
            return try await resolver.client.query(name, .txt, at: server, recursionDesired: recursionDesired)
        }
    }
}
