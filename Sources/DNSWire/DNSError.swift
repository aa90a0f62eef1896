/// Why a question to DNS, or a change of it, came to nothing. Each case says itself in a sentence.
package enum DNSError: Error, Sendable, Hashable, CustomStringConvertible {
    case timedOut(server: String)
    case unreachable(server: String, detail: String)
    case unknownHost(String)
    case malformed(server: String, DNSParseError)
    /// The server answered, but with a code that ends the matter.
    case answered(server: String, name: DNSName, type: RecordType, ResponseCode)
    case updateRefused(server: String, zone: DNSName, ResponseCode)
    case signature(server: String, TSIGError)
    case https(url: String, detail: String)
    case illegalName(String, DNSNameError)
    case noServers
    case aliasLoop([DNSName])
    case longAliasChain([DNSName])
    case zoneNotFound(DNSName)
    case noNameServers(zone: DNSName)
    case cancelled

    package var description: String {
        switch self {
        case .timedOut(let server): "the DNS server \(server) did not answer in time"
        case .unreachable(let server, let detail): "the DNS server \(server) cannot be reached: \(detail)"
        case .unknownHost(let host): "the host name \(host) of a DNS server has no address"
        case .malformed(let server, let error): "the DNS server \(server) sent a message that cannot be read: \(error)"
        case .answered(let server, let name, let type, let code):
            "the DNS server \(server) answered \(code) when asked for \(type) of \(name.text)"
        case .updateRefused(let server, let zone, let code):
            "the DNS server \(server) refused to change the zone \(zone.text): \(Self.meaning(of: code))"
        case .signature(let server, let error): "exchange with the DNS server \(server): \(error)"
        case .https(let url, let detail): "the DNS server \(url) cannot be asked: \(detail)"
        case .illegalName(let text, let error): "\"\(text)\" is no DNS name: \(error)"
        case .noServers: "there is no DNS server to ask"
        case .aliasLoop(let chain): "the CNAME records form a loop: \(Self.path(chain))"
        case .longAliasChain(let chain): "the chain of CNAME records is too long: \(Self.path(chain))"
        case .zoneNotFound(let name): "no DNS zone was found that holds \(name.text)"
        case .noNameServers(let zone): "no name server with an address was found for the zone \(zone.text)"
        case .cancelled: "the exchange was called off"
        }
    }

    /// Whether asking the same server once more may help.
    package var isTransient: Bool {
        switch self {
        case .timedOut, .unreachable, .unknownHost, .malformed, .https, .noNameServers: true
        case .answered(_, _, _, let code), .updateRefused(_, _, let code): code == .serverFailure
        case .signature, .illegalName, .noServers, .aliasLoop, .longAliasChain, .zoneNotFound, .cancelled: false
        }
    }

    private static func path(_ chain: [DNSName]) -> String { chain.map(\.text).joined(separator: " -> ") }

    private static func meaning(of code: ResponseCode) -> String {
        switch code {
        case .refused: "REFUSED, the key or this address may not change that record"
        case .notAuthoritative: "NOTAUTH, the server does not hold this zone or did not accept the key"
        case .notZone: "NOTZONE, the record lies outside the zone"
        default: code.description
        }
    }
}
