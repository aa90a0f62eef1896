import NIOPosix

/// Answers questions through a list of servers, each tried in turn.
package struct Resolver: Sendable {
    package var servers: [DNSServer]
    package var client: DNSClient
    /// How often the whole list is gone through before giving up.
    package var rounds: Int
    /// Where authoritative servers listen: 53 everywhere but in a laboratory.
    package var authoritativePort: UInt16

    /// Knows no server: for whoever is handed one and asks nothing.
    package static let nobody = Resolver(
        servers: [], client: DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(1)))

    package init(servers: [DNSServer], client: DNSClient, rounds: Int = 2, authoritativePort: UInt16 = 53) {
        self.servers = servers
        self.client = client
        self.rounds = rounds
        self.authoritativePort = authoritativePort
    }

    /// The first usable answer: one that says what there is, or that there is nothing (NXDOMAIN).
    package func query(_ name: DNSName, _ type: RecordType) async throws(DNSError) -> DNSMessage {
        var failure = DNSError.noServers
        for _ in 0..<max(rounds, 1) {
            for server in servers {
                do throws(DNSError) {
                    let answer = try await client.query(name, type, at: server)
                    if [.noError, .nameError].contains(answer.responseCode) { return answer }
                    failure = .answered(server: server.description, name: name, type: type, answer.responseCode)
                } catch {
                    failure = error
                }
                if Task.isCancelled { throw .cancelled }
            }
        }
        throw failure
    }

    /// The end of the chain of CNAME records that starts at `name`, and the names on the way, both ends included.
    package func followAliases(from name: DNSName) async throws(DNSError) -> AliasChain {
        var chain = AliasChain(name)
        while true {
            let answer = try await query(chain.target, .cname)
            guard try chain.extend(with: answer) else { return chain }
        }
    }
}

/// Names connected by CNAME records, the first one asked about, the last one the target.
package struct AliasChain: Sendable, Hashable {
    package private(set) var names: [DNSName]
    package var target: DNSName { names[names.count - 1] }  // never empty: `init` puts one in

    /// Long enough for every delegation that people build, short enough to end.
    private static let limit = 10

    package init(_ name: DNSName) { names = [name] }

    /// Walks on along the CNAME records in `answer`; false when it has none for the present target.
    package mutating func extend(with answer: DNSMessage) throws(DNSError) -> Bool {
        var moved = false
        while let next = answer.alias(of: target) {
            if names.contains(next) { throw .aliasLoop(names + [next]) }
            names.append(next)
            if names.count > Self.limit + 1 { throw .longAliasChain(names) }
            moved = true
        }
        return moved
    }
}

extension DNSMessage {
    func alias(of name: DNSName) -> DNSName? {
        for record in answers(of: .cname, at: name) {
            if case .name(let target) = record.data { return target }
        }
        return nil
    }
}
