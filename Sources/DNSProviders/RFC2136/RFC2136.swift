import CertificateAPI
package import DNSWire
import KubeModel
import Wire

/// Dynamic updates (RFC 2136), signed by TSIG: BIND, Knot, PowerDNS, and others who speak the standard.
///
/// Least privilege: a key that may change TXT records of the challenge names and nothing else, as in BIND's
/// `update-policy { grant KEY name _acme-challenge.example.com. TXT; };` or Knot's `acl` with `update-owner-name` and
/// `update-type: TXT`.
package struct RFC2136: DNSProvider {
    package static let key = "rfc2136"

    /// Short, so that a name checked too early is soon checked again.
    private static let ttlSeconds: UInt32 = 60

    private let server: Endpoint
    private let transport: DNSTransport
    private let tsig: TSIGKey?
    private let context: ProviderContext

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let path = context.path
        guard let server = Endpoint(config.nameserver) else {
            throw .invalid([.invalid(path["nameserver"], config.nameserver, "must be a host or IP address")])
        }
        self.server = server
        transport = config.protocol.nonEmpty.flatMap(DNSTransport.init(rawValue:)) ?? .udp
        tsig = try await Self.tsig(of: config, at: path, in: context)
        self.context = context
    }

    package func present(_ record: TXTRecord) async throws(DNSProviderError) {
        try await change(record) { .insert($0) }
    }

    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) {
        try await change(record) { .remove($0) }
    }

    /// An update that changes nothing shows whether the server holds the zone and takes the key.
    package func probe(_ name: DNSName) async throws(DNSProviderError) {
        do throws(DNSError) {
            try await send(UpdateMessage(zone: try await zone(of: name), changes: []))
        } catch {
            throw .dns(error)
        }
    }

    private func change(
        _ record: TXTRecord, _ change: (ResourceRecord) -> UpdateMessage.Change
    ) async throws(DNSProviderError) {
        let resource = ResourceRecord.txt(record.name, record.value, ttlSeconds: Self.ttlSeconds)
        do throws(DNSError) {
            let update = UpdateMessage(zone: try await zone(of: record.name), changes: [change(resource)])
            try await send(update)
        } catch {
            throw .dns(error)
        }
    }

    /// Once more when a datagram got lost: a change that was made already changes nothing.
    private func send(_ update: UpdateMessage) async throws(DNSError) {
        let client = context.resolver.client
        do throws(DNSError) {
            return try await client.update(
                update, at: server, over: transport, key: tsig, now: context.time.now())
        } catch .timedOut {
            try await client.update(update, at: server, over: transport, key: tsig, now: context.time.now())
        }
    }

    /// The zone as the server to be changed knows it, since it may show others another one; a server that answers no
    /// questions leaves it to the recursive ones.
    private func zone(of name: DNSName) async throws(DNSError) -> DNSName {
        var resolver = context.resolver
        resolver.servers = [.plain(server)]
        do throws(DNSError) {
            return try await resolver.findZone(of: name)
        } catch .zoneNotFound, .answered {
            return try await context.resolver.findZone(of: name)
        }
    }

    private static func tsig(
        of config: Config, at path: FieldPath, in context: ProviderContext
    ) async throws(DNSProviderError) -> TSIGKey? {
        guard let keyName = config.tsigKeyName.nonEmpty, let reference = config.tsigSecretSecretRef else { return nil }
        guard let algorithm = TSIGAlgorithm(configured: config.tsigAlgorithm.nonEmpty ?? "HMACMD5"),
            let name = try? DNSName(keyName)  // `problems` has said what is wrong with it
        else { throw .invalid(problems(in: config, at: path)) }
        let text = try await context.value(of: reference, at: path["tsigSecretSecretRef"])
        guard let secret = decode(text) else {
            throw .secretNotBase64(
                ObjectKey(namespace: context.namespace, name: reference.name), dataKey: reference.key ?? "")
        }
        return TSIGKey(name: name, algorithm: algorithm, secret: secret)
    }

    /// The key's octets: servers hand it out in base64, and people leave a line's end behind it.
    private static func decode(_ text: Redacted<[UInt8]>) -> Redacted<[UInt8]>? {
        let characters = text.reveal().filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard let octets = Base64.decode(bytes: characters), !octets.isEmpty else { return nil }
        return Redacted(octets)
    }
}
