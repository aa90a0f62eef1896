import HTTPTransport

/// A URL cut around its authority, so that this part can be replaced and every other byte kept.
struct URLText {
    let scheme: Substring
    let authority: Substring
    let rest: Substring

    init?(_ url: String) {
        let utf8 = url.utf8
        guard let colon = utf8.firstIndex(of: UInt8(ascii: ":")), utf8[colon...].starts(with: "://".utf8) else {
            return nil
        }
        let start = utf8.index(colon, offsetBy: 3)
        let end = utf8[start...].firstIndex { "/?#".utf8.contains($0) } ?? utf8.endIndex
        scheme = url[..<colon]
        authority = url[start..<end]
        rest = url[end...]
    }
}

/// What libcurl is told so that it connects where the request says and checks the name the request says.
///
/// libcurl takes the name in TLS from the URL. So a request that wants another name gets a URL with that name, and an
/// order to connect to the real host instead; the `Host` header is set apart.
struct ConnectionTarget: Equatable {
    let url: String
    /// For `CURLOPT_CONNECT_TO`: `host:port:connect-to-host:connect-to-port`.
    let connections: [String]
    /// What `Host` must say, where the URL's name is not the one the request gave.
    let hostHeader: String?

    init(_ request: TransportRequest, _ address: HTTPAddress) {
        var connections = request.addressOverrides.sorted { $0.key < $1.key }.map { hostPort, ip in
            "\(hostPort):\(Self.bracketed(ip)):"
        }
        guard let name = request.tls.serverName, !name.isEmpty, name.lowercased() != address.host,
            let text = URLText(request.url)
        else {
            url = request.url
            hostHeader = nil
            self.connections = connections
            return
        }
        let real = request.addressOverrides["\(address.bracketedHost):\(address.port)"] ?? address.host
        let authority = "\(Self.bracketed(name)):\(address.port)"
        url = "\(text.scheme)://\(authority)\(text.rest)"
        connections.insert("\(authority):\(Self.bracketed(real)):\(address.port)", at: 0)
        self.connections = connections
        hostHeader = String(text.authority)
    }

    private static func bracketed(_ host: String) -> String {
        host.utf8.contains(UInt8(ascii: ":")) && !host.hasPrefix("[") ? "[\(host)]" : host
    }
}
