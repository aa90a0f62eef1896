import HTTPServer
import HTTPTypes

/// What this program serves (RFC 8555 §8.3).
struct Challenge: Sendable {
    /// The longest token that is answered; those of CAs have 43 characters.
    static let longestToken = 512
    /// 128 bits in base64url.
    static let shortestToken = 22

    private enum Answer {
        case one(domain: String, token: String, key: String)
        /// Every token with the thumbprint of the account key: what is routed here decides which.
        case any(thumbprint: String)
        /// Whoever comes by TLS has seen what there is to see.
        case nothing
    }

    private static let folder = "/.well-known/acme-challenge/"
    private let served: Answer

    static var limits: ServerLimits {
        var limits = ServerLimits()
        limits.bodyBytes = 4096
        limits.headerBytes = 16 << 10
        limits.readTimeout = .seconds(32)
        limits.connections = 128
        return limits
    }

    init(_ flags: Flags) {
        switch flags.answer {
        case .one(let domain, let token, let key):
            served = .one(domain: Self.normalized(domain), token: token, key: key)
        case .any(let thumbprint): served = .any(thumbprint: thumbprint)
        case .tls: served = .nothing
        }
    }

    /// Says on standard error what it refuses, so that a misrouted validation can be seen in the pod's log.
    func answer(_ request: ServerRequest) -> ServerResponse {
        guard request.method == .get || request.method == .head else {
            return refuse(request, .methodNotAllowed, "only GET is answered")
        }
        if request.path == "/" || request.path == "/healthz" { return ServerResponse(.ok, text: "ok\n") }
        guard request.path.hasPrefix(Self.folder) else { return refuse(request, .notFound, "this path is not served") }
        let asked = String(request.path.dropFirst(Self.folder.count))
        switch served {
        case .one(let domain, let token, let key):
            guard asked == token else { return refuse(request, .notFound, "this path is not served") }
            guard Self.normalized(Self.withoutPort(request.host ?? "")) == domain else {
                return refuse(request, .notFound, "the challenge is for \(domain)")
            }
            return Self.response(key)
        case .any(let thumbprint):
            guard Self.isToken(asked) else { return refuse(request, .notFound, "that is no token") }
            return Self.response("\(asked).\(thumbprint)")
        case .nothing: return refuse(request, .notFound, "this path is not served")
        }
    }

    /// No browser is to take it for anything but text, whatever stands in it (RFC 8555 §8.3 warns of scripts).
    private static func response(_ key: String) -> ServerResponse {
        var response = ServerResponse(.ok, text: key, contentType: "text/plain")
        response.headers.append(HTTPField(name: .xContentTypeOptions, value: "nosniff"))
        return response
    }

    /// Whether a CA may have drawn it: base64url, at least 128 bits (RFC 8555 §8.3).
    static func isToken(_ text: String) -> Bool {
        (shortestToken...longestToken).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
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
