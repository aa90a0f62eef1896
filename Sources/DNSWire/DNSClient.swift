package import NIOCore
package import Wire

/// Carries DNS messages over HTTPS; the room above has the HTTP.
package protocol DNSOverHTTPS: Sendable {
    /// Posts the octets of a query and gives back the octets of the answer (RFC 8484 §4.1).
    func exchange(_ query: [UInt8], url: String, timeout: Duration) async throws(DNSError) -> [UInt8]
}

/// Asks one server one thing. A value: it holds the event loops and no connection.
package struct DNSClient: Sendable {
    private let group: any EventLoopGroup
    private let https: (any DNSOverHTTPS)?
    /// How long one server has for one try.
    package var timeout: Duration

    package init(group: any EventLoopGroup, timeout: Duration = .seconds(3), https: (any DNSOverHTTPS)? = nil) {
        self.group = group
        self.timeout = timeout
        self.https = https
    }

    /// The server's answer, whatever its code. Goes on over TCP when the answer did not fit a datagram, and asks
    /// again without EDNS when the server is too old for it (RFC 6891 §7).
    package func query(
        _ name: DNSName, _ type: RecordType, at server: DNSServer, recursionDesired: Bool = true
    ) async throws(DNSError) -> DNSMessage {
        var query = DNSMessage.query(name, type, id: Self.freshID(), recursionDesired: recursionDesired)
        let answer = try await exchange(query, with: server)
        guard [.formatError, .notImplemented].contains(answer.responseCode), answer.edns == nil else { return answer }
        query.edns = nil
        query.id = Self.freshID()
        return try await exchange(query, with: server)
    }

    /// Sends a change to the server that holds the zone, signed when there is a key, and believes only an answer
    /// signed with the same key.
    package func update(
        _ update: UpdateMessage, at endpoint: Endpoint, over transport: DNSTransport = .udp, key: TSIGKey?,
        now: Timestamp
    ) async throws(DNSError) {
        let message = update.message(id: Self.freshID())
        let signed: TSIG.Signed?
        do {
            signed = try key.map { key throws(TSIGError) in try TSIG.sign(message, with: key, at: now) }
        } catch {
            throw .signature(server: endpoint.description, error)
        }
        let octets = signed?.octets ?? message.serialized()
        // A datagram beyond 512 octets may be lost on the way, and servers may not take it (RFC 2136 §2.1).
        let transport = octets.count > 512 ? .tcp : transport
        let (answer, answerOctets) = try await exchange(octets, of: message, with: endpoint, over: transport)
        if let key, let signed {
            do {
                try TSIG.verify(answer, octets: answerOctets, to: signed, key: key, at: now)
            } catch {
                throw .signature(server: endpoint.description, error)
            }
        }
        if answer.responseCode != .noError {
            throw .updateRefused(server: endpoint.description, zone: update.zone, answer.responseCode)
        }
    }

    private func exchange(_ query: DNSMessage, with server: DNSServer) async throws(DNSError) -> DNSMessage {
        switch server {
        case .https(let url): return try await exchangeOverHTTPS(query, url: url)
        case .plain(let endpoint):
            let octets = query.serialized()
            let (answer, _) = try await exchange(octets, of: query, with: endpoint, over: .udp)
            guard answer.isTruncated else { return answer }
            return try await exchange(octets, of: query, with: endpoint, over: .tcp).0
        }
    }

    private func exchange(
        _ octets: [UInt8], of query: DNSMessage, with endpoint: Endpoint, over transport: DNSTransport
    ) async throws(DNSError) -> (DNSMessage, [UInt8]) {
        let socket = SocketExchange(group: group, endpoint: endpoint, timeout: timeout)
        let answer = try await socket.send(octets, over: transport) { candidate in
            // What cannot be read, or answers something else, is not the answer.
            (try? DNSMessage(parsing: candidate))?.answers(query) ?? false
        }
        do {
            return (try DNSMessage(parsing: answer), answer)
        } catch {
            throw .malformed(server: endpoint.description, error)
        }
    }

    private func exchangeOverHTTPS(_ query: DNSMessage, url: String) async throws(DNSError) -> DNSMessage {
        guard let https else { throw .https(url: url, detail: "this resolver has no HTTP client") }
        var query = query
        query.id = 0  // so that caches on the way can work (RFC 8484 §4.1)
        let octets = try await https.exchange(query.serialized(), url: url, timeout: timeout)
        let answer: DNSMessage
        do {
            answer = try DNSMessage(parsing: octets)
        } catch {
            throw .malformed(server: url, error)
        }
        guard answer.answers(query) else { throw .https(url: url, detail: "it answered another question") }
        return answer
    }

    private static func freshID() -> UInt16 { UInt16.random(in: .min ... .max) }
}
