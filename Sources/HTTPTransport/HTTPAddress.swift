/// The parts of an `http` or `https` URL that decide where a request goes. Path and query are not looked at.
package struct HTTPAddress: Sendable, Hashable {
    package enum Scheme: String, Sendable, Hashable {
        case http, https
    }

    package let scheme: Scheme
    /// Lower case; an IPv6 address is without its brackets.
    package let host: String
    package let port: Int

    /// Nil for anything but an absolute URL of these schemes with a host. User and password are refused, since
    /// they would end up in logs, and so is every byte that may not stand in a URL.
    package init?(url: String) {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }),
            let (scheme, rest) = Self.splitScheme(url.utf8)
        else { return nil }
        let authority = rest.prefix { !"/?#".utf8.contains($0) }
        guard !authority.contains(UInt8(ascii: "@")), let (host, port) = Self.splitPort(authority) else { return nil }
        if let port, !port.isEmpty {
            guard let number = UInt16(port), number > 0 else { return nil }
            self.port = Int(number)
        } else {
            self.port = scheme == .https ? 443 : 80
        }
        self.scheme = scheme
        self.host = host.lowercased()
    }

    /// The host as a URL writes it, with brackets around an IPv6 address.
    package var bracketedHost: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host }

    private static func splitScheme(_ url: String.UTF8View) -> (Scheme, Substring.UTF8View)? {
        guard let colon = url.firstIndex(of: UInt8(ascii: ":")),
            let scheme = Scheme(rawValue: String(url[..<colon])!.lowercased()),
            url[colon...].starts(with: "://".utf8)
        else { return nil }
        return (scheme, url[url.index(colon, offsetBy: 3)...])
    }

    private static func splitPort(_ authority: Substring.UTF8View) -> (host: Substring, port: Substring?)? {
        guard let text = Substring(authority) as Substring?, !text.isEmpty else { return nil }
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { return nil }
            let host = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            guard host.contains(":"), rest.isEmpty || rest.hasPrefix(":") else { return nil }
            return (host, rest.isEmpty ? nil : rest.dropFirst())
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard !parts[0].isEmpty else { return nil }
        if parts.count == 1 { return (parts[0], nil) }
        return parts[1].contains(":") ? nil : (parts[0], parts[1])
    }
}
