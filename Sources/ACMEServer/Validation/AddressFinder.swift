import ACME
package import DNSWire
import HTTPTypes
import PKI

/// Finds where a name lives, and leaves out where we must not go. What it answers is what is connected to: nothing is
/// resolved a second time, when the answer could be another.
package struct AddressFinder: Sendable {
    package var resolver: Resolver
    package var rule: AddressRule
    /// More than that nobody needs to try.
    private static let limit = 4

    package init(resolver: Resolver, rule: AddressRule) {
        self.resolver = resolver
        self.rule = rule
    }

    /// IPv6 first, as CAs look. Never empty.
    func addresses(of host: String) async throws(ServerProblem) -> [IPAddress] {
        if let address = IPAddress(host) {
            guard rule.allows(address) else { throw Self.forbidden(host) }
            return [address]
        }
        var found: [IPAddress] = []
        do {
            let name = try DNSName(host)
            for type in [RecordType.aaaa, .a] {
                let answer = try await resolver.query(name, type)
                found += answer.answers.compactMap { record in
                    guard record.type == type, case .address(let octets) = record.data else { return nil }
                    return IPAddress(bytes: octets)
                }.prefix(Self.limit)
            }
        } catch {
            throw ServerProblem(.dns, .badRequest, "The addresses of \(host) cannot be looked up: \(error).")
        }
        if found.isEmpty { throw ServerProblem(.dns, .badRequest, "\(host) has no address.") }
        let allowed = found.filter(rule.allows)
        if allowed.isEmpty { throw Self.forbidden(host) }
        return allowed
    }

    private static func forbidden(_ host: String) -> ServerProblem {
        ServerProblem(
            .connection, .badRequest, "The address of \(host) is in a network where this server may not look.")
    }
}
