import DNSWire
import PKI

/// Where self-checks look for a domain: as a CA would, or as the flags say.
struct NameAddresses: Sendable {
    /// An address for a domain, whatever DNS says.
    var overrides: [String: String]
    /// Resolves with the servers of the flags; nil for the system's resolver.
    var resolver: Resolver?

    /// IPv6 first, as CAs take them; nil where it is the system that resolves. Throws where the servers know none, too.
    func find(_ domain: String) async throws(DNSError) -> [String]? {
        if let address = overrides[domain] { return [address] }
        // Whoever connects will say what is wrong with a name that is none.
        guard IPAddress(domain) == nil, let resolver, let name = try? DNSName(domain) else { return nil }
        var addresses: [String] = []
        for type in [RecordType.aaaa, .a] {
            let answer = try await resolver.query(name, type)
            let address = answer.answers.lazy.compactMap { record -> String? in
                guard record.type == type, case .address(let octets) = record.data else { return nil }
                return IPAddress(bytes: octets)?.text
            }.first
            if let address { addresses.append(address) }
        }
        if !addresses.isEmpty { return addresses }
        throw .answered(
            server: resolver.servers.map(\.description).joined(separator: ", "), name: name, type: .a, .nameError)
    }
}
