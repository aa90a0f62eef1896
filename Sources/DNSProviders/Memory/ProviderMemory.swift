import PKI
import Wire

/// What one process remembers for all its providers: bounded in size and time, and nothing that a record's removal
/// would need.
package final class ProviderMemory: Sendable {
    let turns = KeyedTurns()
    let zones = ZoneMemory()
    let paces = PaceMemory()
    let tokens = TokenMemory()

    package init() {}
}

/// Whose zones, tokens and limits: a provider and its credentials. Only a digest of these is kept.
struct AccountKey: Sendable, Hashable {
    let text: String

    init(_ provider: String, _ credentials: [String]) {
        var octets: [UInt8] = []
        for part in [provider] + credentials {
            octets += Array(part.utf8)
            octets.append(0)
        }
        text = "\(provider) \(Hex.encode(Digest.sha256(octets).prefix(16)))"
    }
}
