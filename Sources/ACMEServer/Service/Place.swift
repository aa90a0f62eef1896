import HTTPServer
import HTTPTransport

/// What a request is about: a resource of the directory of one issuer.
enum Resource: Sendable, Equatable {
    case directory, newNonce, newAccount, newOrder, revokeCert, keyChange
    /// Of a certificate; empty where its own URL begins.
    case renewalInfo(String)
    case account(String)
    case orders(String)
    case order(String)
    case finalize(String)
    case certificate(String)
    case authorization(order: String, index: Int)
    case challenge(order: String, index: Int, ChallengeKind)

    /// For counting.
    var name: String {
        switch self {
        case .directory: "directory"
        case .newNonce: "newNonce"
        case .newAccount: "newAccount"
        case .newOrder: "newOrder"
        case .revokeCert: "revokeCert"
        case .keyChange: "keyChange"
        case .renewalInfo: "renewalInfo"
        case .account: "account"
        case .orders: "orders"
        case .order: "order"
        case .finalize: "finalize"
        case .certificate: "certificate"
        case .authorization: "authorization"
        case .challenge: "challenge"
        }
    }
}

/// Where resources lie: URLs are made of it, and read by it.
struct Place: Sendable, Equatable {
    /// Scheme and host, as the client reaches us.
    let origin: String
    let issuer: IssuerName

    var base: String { "\(origin)/acme/\(issuer.path)" }

    func url(_ resource: Resource) -> String { base + "/" + Self.path(resource) }

    /// The id in the URL of an account; nil for one that is not here.
    func accountID(_ url: String) -> String? {
        let prefix = base + "/account/"
        guard url.hasPrefix(prefix) else { return nil }
        let id = String(url.dropFirst(prefix.count))
        return Self.isID(id) ? id : nil
    }

    private static func path(_ resource: Resource) -> String {
        switch resource {
        case .directory: "directory"
        case .newNonce: "new-nonce"
        case .newAccount: "new-account"
        case .newOrder: "new-order"
        case .revokeCert: "revoke-cert"
        case .keyChange: "key-change"
        case .renewalInfo(let id): "renewal-info" + (id.isEmpty ? "" : "/\(id)")
        case .account(let id): "account/\(id)"
        case .orders(let id): "account/\(id)/orders"
        case .order(let id): "order/\(id)"
        case .finalize(let id): "order/\(id)/finalize"
        case .certificate(let id): "order/\(id)/certificate"
        case .authorization(let order, let index): "authorization/\(order)/\(index)"
        case .challenge(let order, let index, let kind): "challenge/\(order)/\(index)/\(kind.rawValue)"
        }
    }

    /// Reads the path of a request; nil where nothing lies.
    static func read(path: Substring) -> (IssuerName, Resource)? {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)[...]
        guard parts.count <= 9, parts.popFirst() == "", parts.popFirst() == "acme" else { return nil }
        let count = parts.first == "issuer" ? 3 : 2
        guard let issuer = IssuerName(path: parts.prefix(count).joined(separator: "/")),
            let resource = resource(Array(parts.dropFirst(count)))
        else { return nil }
        return (issuer, resource)
    }

    private static func resource(_ parts: [String]) -> Resource? {
        if parts.count == 2, parts[0] == "renewal-info" { return .renewalInfo(parts[1]) }
        for part in parts.dropFirst().prefix(1) where !isID(part) { return nil }
        switch (parts.count, parts.first) {
        case (0, _), (1, "directory"): return .directory
        case (1, "new-nonce"): return .newNonce
        case (1, "new-account"): return .newAccount
        case (1, "new-order"): return .newOrder
        case (1, "revoke-cert"): return .revokeCert
        case (1, "key-change"): return .keyChange
        case (2, "account"): return .account(parts[1])
        case (3, "account") where parts[2] == "orders": return .orders(parts[1])
        case (2, "order"): return .order(parts[1])
        case (3, "order") where parts[2] == "finalize": return .finalize(parts[1])
        case (3, "order") where parts[2] == "certificate": return .certificate(parts[1])
        case (3, "authorization"):
            guard let index = index(parts[2]) else { return nil }
            return .authorization(order: parts[1], index: index)
        case (4, "challenge"):
            guard let index = index(parts[2]), let kind = ChallengeKind(rawValue: parts[3]) else { return nil }
            return .challenge(order: parts[1], index: index, kind)
        default: return nil
        }
    }

    /// Ids are ours: 32 hexadecimal digits.
    static func isID(_ text: String) -> Bool {
        text.utf8.count == 32
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func index(_ text: String) -> Int? {
        guard text.utf8.count <= 3, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }

    /// The origin that the client used, by its `Host`; nil where that is no host.
    static func origin(of request: ServerRequest) -> String? {
        guard let host = request.host, host.utf8.count <= 300, let address = HTTPAddress(url: "https://\(host)"),
            !host.contains("/"), !host.contains("?"), !host.contains("#")
        else { return nil }
        return "https://\(address.bracketedHost)" + (address.port == 443 ? "" : ":\(address.port)")
    }
}
