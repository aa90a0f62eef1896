import HTTPTransport

/// The proxy variables of the environment, with the meaning Go gives them (golang.org/x/net/http/httpproxy), which
/// is what a cluster's operators expect: lower case or upper case, no proxy for `localhost` and loopback addresses.
struct ProxyEnvironment: Sendable {
    private let http: String?
    private let https: String?
    private let exceptions: [Exception]

    init(_ environment: [String: String]) {
        func value(_ name: String) -> String? {
            let value = environment[name.uppercased()] ?? environment[name]
            return value?.isEmpty == false ? value : environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        http = value("http_proxy")
        https = value("https_proxy")
        exceptions = (value("no_proxy") ?? "").split { $0 == "," || $0 == " " }.map { Exception(String($0)) }
    }

    /// The proxy's URL for a request to `address`, if it is to use one.
    func proxy(for address: HTTPAddress) -> String? {
        guard let proxy = address.scheme == .https ? https : http else { return nil }
        let ip = IPBits(address.host)
        if address.host == "localhost" || ip?.isLoopback == true { return nil }
        return exceptions.contains { $0.matches(address, ip: ip) } ? nil : proxy
    }
}

/// One entry of `NO_PROXY`.
private enum Exception: Sendable {
    case everything
    case network(IPBits, prefix: Int)
    case ip(IPBits, port: Int?)
    /// `name` starts with a dot where only names below it are meant.
    case domain(name: String, port: Int?)

    init(_ entry: String) {
        let entry = entry.lowercased()
        if entry == "*" {
            self = .everything
        } else if let (bits, prefix) = Self.network(entry) {
            self = .network(bits, prefix: prefix)
        } else {
            let (host, port) = Self.splitPort(entry)
            if let ip = IPBits(host) {
                self = .ip(ip, port: port)
            } else {
                self = .domain(name: host.hasPrefix("*.") ? String(host.dropFirst()) : host, port: port)
            }
        }
    }

    func matches(_ address: HTTPAddress, ip: IPBits?) -> Bool {
        switch self {
        case .everything: return true
        case .network(let bits, let prefix): return ip?.shares(prefix: prefix, with: bits) ?? false
        case .ip(let bits, let port): return ip == bits && (port ?? address.port) == address.port
        case .domain(let name, let port):
            guard (port ?? address.port) == address.port, ip == nil, !name.isEmpty else { return false }
            if name.hasPrefix(".") { return address.host.hasSuffix(name) }
            return address.host == name || address.host.hasSuffix("." + name)
        }
    }

    private static func network(_ entry: String) -> (IPBits, prefix: Int)? {
        let parts = entry.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let bits = IPBits(String(parts[0])), let prefix = Int(parts[1]),
            0...(bits.bytes.count * 8) ~= prefix
        else { return nil }
        return (bits, prefix)
    }

    private static func splitPort(_ entry: String) -> (host: String, port: Int?) {
        if entry.hasPrefix("["), let close = entry.firstIndex(of: "]") {
            let host = String(entry[entry.index(after: entry.startIndex)..<close])
            return (host, Int(entry[entry.index(after: close)...].drop { $0 == ":" }))
        }
        let parts = entry.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 2, let port = Int(parts[1]) { return (String(parts[0]), port) }
        return (entry, nil)
    }
}
