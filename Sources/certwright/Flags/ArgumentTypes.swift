import ArgumentParser
import Operations
import Wire

extension GoDuration: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
    package var defaultValueDescription: String { description }
}

extension LogFormat: ExpressibleByArgument {
    package init?(argument: String) { self.init(rawValue: argument) }
}

/// A list given as `a,b,c`; giving the flag again adds to it.
enum CommaList {
    @Sendable static func parse(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmed }.filter { !$0.isEmpty }
    }
}

/// `host:port`, with IPv6 in brackets; an empty host means every address, and `0` alone that nothing is served.
struct ListenAddress: Equatable {
    var host: String
    var port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    static let off = ListenAddress(host: "", port: 0)

    init?(_ text: String) {
        if text == "0" {
            self = .off
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port)
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.init(host: host.isEmpty ? "0.0.0.0" : host, port: port)
    }
}

extension ListenAddress: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
    var defaultValueDescription: String { self == .off ? "0" : "\(host):\(port)" }
}

extension Substring {
    fileprivate var trimmed: String {
        String(self.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
