import NIOCore
import NIOPosix

/// Where a DNS server listens: an IP address or a host name, and a port.
package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// An IP address without brackets, or a host name.
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// The address of an A or AAAA record; nil when there are neither four octets nor sixteen.
    package init?(address: [UInt8], port: UInt16) {
        guard let text = try? SocketAddress(packedIPAddress: ByteBuffer(bytes: address), port: 0).ipAddress else {
            return nil  // the one way this fails is the wrong number of octets
        }
        self.init(host: text, port: port)
    }

    /// Reads `host`, `host:port`, `[v6]`, `[v6]:port` and a bare IPv6 address.
    package init?(_ text: String, defaultPort: UInt16 = 53) {
        guard let (host, port) = Self.split(text) else { return nil }
        var number = defaultPort
        if let port {
            guard let parsed = UInt16(port), parsed > 0, port.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return nil
            }
            number = parsed
        }
        guard Self.isHost(host) else { return nil }
        self.init(host: host, port: number)
    }

    private static func split(_ text: String) -> (host: String, port: String?)? {
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { return nil }
            let host = String(text[text.index(after: text.startIndex)..<close])
            guard host.contains(":"), isAddress(host) else { return nil }
            let rest = text[text.index(after: close)...]
            if rest.isEmpty { return (host, nil) }
            return rest.first == ":" ? (host, String(rest.dropFirst())) : nil
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return (text, nil)
        case 2: return (String(parts[0]), String(parts[1]))
        default: return isAddress(text) ? (text, nil) : nil
        }
    }

    private static func isAddress(_ text: String) -> Bool {
        (try? SocketAddress(ipAddress: text, port: 0)) != nil  // only asks whether it parses
    }

    private static func isHost(_ text: String) -> Bool {
        if text.isEmpty || text.utf8.count > 253 { return false }
        if isAddress(text) { return true }
        return text.utf8.allSatisfy { octet in
            switch octet {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The socket address; a host name is looked up by the system's resolver, on a thread that may block.
    func resolved() async throws(DNSError) -> SocketAddress {
        if let address = try? SocketAddress(ipAddress: host, port: Int(port)) { return address }  // else a host name
        do {
            return try await NIOThreadPool.singleton.runIfActive { [host, port] in
                try SocketAddress.makeAddressResolvingHost(host, port: Int(port))
            }
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw .unknownHost(host)
        }
    }
}

/// A server that answers questions: by plain DNS, or over HTTPS (RFC 8484).
package enum DNSServer: Sendable, Hashable, CustomStringConvertible {
    case plain(Endpoint)
    case https(url: String)

    package init?(_ text: String) {
        if text.hasPrefix("https://") {
            guard text.utf8.count > 8, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
            self = .https(url: text)
        } else {
            guard let endpoint = Endpoint(text) else { return nil }
            self = .plain(endpoint)
        }
    }

    package var description: String {
        switch self {
        case .plain(let endpoint): endpoint.description
        case .https(let url): url
        }
    }
}
