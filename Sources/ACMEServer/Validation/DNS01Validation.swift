import ACME
import DNSWire
import HTTPTypes
import PKI
import Wire

/// Looks for the TXT record of RFC 8555 §8.4, along aliases.
struct DNS01Validation: Sendable {
    var resolver: Resolver
    /// What stands under one name beyond that is not read.
    private static let recordLimit = 100

    /// Nil where the record is there.
    func problem(of identifier: ACMEIdentifier, keyAuthorization: String) async -> ServerProblem? {
        let name = identifier.isWildcard ? String(identifier.value.dropFirst(2)) : identifier.value
        let wanted = Base64.encodeURL(Digest.sha256(Array(keyAuthorization.utf8)))
        do {
            var chain = AliasChain(try DNSName(name).prefixed(by: "_acme-challenge"))
            while true {
                let answer = try await resolver.query(chain.target, .txt)
                let hasMoved = try chain.extend(with: answer)
                let values = answer.answers(of: .txt, at: chain.target).prefix(Self.recordLimit).compactMap(\.data.text)
                if values.contains(wanted) { return nil }
                guard values.isEmpty, hasMoved else { return Self.missing(name, values.count) }
            }
        } catch {
            return ServerProblem(.dns, .badRequest, "The record of \(name) cannot be looked up: \(error).")
        }
    }

    private static func missing(_ name: String, _ count: Int) -> ServerProblem {
        let found = count == 0 ? "there is no TXT record" : "none of \(count) TXT records is the right one"
        return .unauthorized("Under _acme-challenge.\(name) \(found).")
    }
}
