import HTTPServer
import HTTPTypes

/// The one thing this program serves (RFC 8555 §8.3).
struct Challenge: Sendable {
    private let domain: String
    private let path: String
    private let key: String

    static var limits: ServerLimits {
        var limits = ServerLimits()
        limits.bodyBytes = 4096
        limits.headerBytes = 16 << 10
        limits.readTimeout = .seconds(32)
        limits.connections = 128
        return limits
    }

    init(_ flags: Flags) {
        domain = Self.normalized(flags.domain)
        path = "/.well-known/acme-challenge/\(flags.token)"
        key = flags.key
    }

    /// Says on standard error what it refuses, so that a misrouted validation can be seen in the pod's log.
    func answer(_ request: ServerRequest) -> ServerResponse {
        guard request.method == .get || request.method == .head else {
            return refuse(request, .methodNotAllowed, "only GET is answered")
        }
        if request.path == "/" || request.path == "/healthz" { return ServerResponse(.ok, text: "ok\n") }
        guard request.path == path else { return refuse(request, .notFound, "this path is not served") }
        let host = request.host ?? ""
        guard Self.normalized(Self.withoutPort(host)) == domain else {
            return refuse(request, .notFound, "the challenge is for \(domain)")
        }
        return ServerResponse(.ok, text: key, contentType: "text/plain")
    }

    private func refuse(_ request: ServerRequest, _ status: HTTPResponse.Status, _ reason: String) -> ServerResponse {
        let what =
            "\(request.method.rawValue) \(Self.printable(request.target)) for host \(Self.printable(request.host ?? "-"))"
        complain("Refused \(what) from \(request.peer ?? "unknown"): \(reason).")
        return ServerResponse(status, text: "\(status.code) \(status.reasonPhrase)\n")
    }

    /// Lower case, without the root's dot and the brackets of an IPv6 address.
    private static func normalized(_ host: String) -> String {
        var host = host.lowercased()[...]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        if host.hasSuffix(".") { host = host.dropLast() }
        return String(host)
    }

    private static func withoutPort(_ host: String) -> String {
        guard let colon = host.lastIndex(of: ":"), host[host.index(after: colon)...].allSatisfy(\.isNumber) else {
            return host
        }
        let name = host[..<colon]
        let isWholeAddress = name.contains(":") && !name.hasPrefix("[")
        return isWholeAddress ? host : String(name)
    }

    /// At most 200 characters, without those that could forge a log line.
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(200).map { 0x21...0x7E ~= $0.value ? $0 : "?" }))
    }
}
