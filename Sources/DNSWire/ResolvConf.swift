import Glibc

/// The servers that the system asks (resolv.conf(5)).
package struct ResolvConf: Sendable, Hashable {
    package var servers: [DNSServer]

    /// Public servers, for a system that names none.
    package static let fallback = ResolvConf(
        servers: ["8.8.8.8", "8.8.4.4"].map { .plain(Endpoint(host: $0, port: 53)) })

    package init(servers: [DNSServer]) { self.servers = servers }

    /// Reads the text of the file; lines that cannot be read are passed over, as the C library does.
    package init(parsing text: String) {
        servers = text.split(whereSeparator: \.isNewline).compactMap { line in
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver" else { return nil }
            // A scoped address (fe80::1%eth0) is asked without its scope.
            let address = words[1].split(separator: "%")[0]
            guard let endpoint = Endpoint(String(address)), endpoint.port == 53 else { return nil }
            return .plain(endpoint)
        }
    }

    /// The system's own, or the fallback when the file is missing or names no server.
    package static func system(path: String = "/etc/resolv.conf") -> ResolvConf {
        guard let text = read(path) else { return fallback }
        let conf = ResolvConf(parsing: text)
        return conf.servers.isEmpty ? fallback : conf
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var octets = [UInt8](repeating: 0, count: 65_536)
        let count = fread(&octets, 1, octets.count, file)
        return String(decoding: octets[..<count], as: UTF8.self)
    }
}
