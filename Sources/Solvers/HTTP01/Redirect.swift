import HTTPTransport
import PKI

/// Where a redirect of a self-check leads, if a CA would go there and we may.
///
/// Let's Encrypt follows to `http` and `https` on their own ports, and to names only (Boulder, va/http.go). From inside a
/// cluster a redirect could also lead to what strangers must not reach, so names of the cluster's own are refused as well.
enum Redirect {
    struct Refusal: Error, Sendable, Hashable {
        /// The rest of a sentence about the request.
        var reason: String
    }

    /// - Parameter domain: what is validated: an address may redirect to itself.
    static func target(of location: String, from url: String, for domain: String) -> Result<String, Refusal> {
        guard let base = HTTPAddress(url: url), let next = absolute(location, base),
            let address = HTTPAddress(url: next)
        else { return .failure(Refusal(reason: "redirects to what is no http or https URL")) }
        let place = "\(address.scheme.rawValue)://\(address.bracketedHost):\(address.port)"
        if address.port != 80, address.port != 443 {
            return .failure(Refusal(reason: "redirects to \(place), and CAs follow to ports 80 and 443 only"))
        }
        if address.host == domain.lowercased() { return .success(next) }
        if IPAddress(address.host) != nil {
            return .failure(Refusal(reason: "redirects to \(place), and CAs follow to names only"))
        }
        if isInside(address.host) {
            return .failure(Refusal(reason: "redirects to \(place), which no CA can reach"))
        }
        return .success(next)
    }

    /// RFC 9110 §10.2.2: a Location may be relative.
    private static func absolute(_ location: String, _ base: HTTPAddress) -> String? {
        let origin = "\(base.scheme.rawValue)://\(base.bracketedHost):\(base.port)"
        if location.hasPrefix("//") { return "\(base.scheme.rawValue):\(location)" }
        if location.hasPrefix("/") { return origin + location }
        return HTTPAddress(url: location) == nil ? nil : location
    }

    private static func isInside(_ host: String) -> Bool {
        let host = host.hasSuffix(".") ? String(host.dropLast()) : host
        guard host.contains(".") else { return true }
        return [".localhost", ".svc", ".local", ".internal"].contains { host.hasSuffix($0) }
    }
}
