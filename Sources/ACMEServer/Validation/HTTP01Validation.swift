import ACME
import HTTPTransport
import HTTPTypes
import PKI
import Wire

/// Fetches a key authorization (RFC 8555 §8.3): plain GETs without credentials, to addresses that were checked, along a
/// bounded chain of redirects. Nothing of what comes back is told to anybody.
struct HTTP01Validation: Sendable {
    /// Let's Encrypt follows as many.
    private static let longestChain = 10
    /// A key authorization has about 90 bytes.
    private static let bodyLimit = 4 << 10
    private static let redirects: Set<Int> = [301, 302, 303, 307, 308]

    var transport: any HTTPTransport
    var finder: AddressFinder
    /// 80 everywhere but in a laboratory.
    var port: Int
    /// For the whole chain.
    var limit: Duration
    var time: any TimeSource

    /// Nil where it is there.
    func problem(of identifier: ACMEIdentifier, token: String, keyAuthorization: String) async -> ServerProblem? {
        do throws(ServerProblem) {
            let host = identifier.value.contains(":") ? "[\(identifier.value)]" : identifier.value
            let place = port == 80 ? host : "\(host):\(port)"
            let response = try await fetch("http://\(place)/.well-known/acme-challenge/\(token)", for: identifier)
            guard response.status == .ok else {
                throw Self.refused(identifier, "answers \(response.status.code) and not 200")
            }
            // RFC 8555 §8.3: white space at the end counts for nothing.
            let text = String(decoding: response.body, as: UTF8.self)
            let answer = text.reversed().drop { $0.isWhitespace }.reversed()
            guard answer.elementsEqual(keyAuthorization) else {
                throw Self.refused(identifier, "answers another text than the key authorization")
            }
            return nil
        } catch {
            return error
        }
    }

    private func fetch(_ start: String, for identifier: ACMEIdentifier) async throws(ServerProblem) -> Response {
        let end = time.elapsed() + limit
        var url = start
        for _ in 0...Self.longestChain {
            guard let address = HTTPAddress(url: url) else {
                throw Self.refused(identifier, "redirects to what is no http or https URL")
            }
            let response = try await get(url, address, until: end, for: identifier)
            guard Self.redirects.contains(response.status.code), let location = response.headers[.location] else {
                return response
            }
            url = try next(location, from: address, for: identifier)
        }
        throw Self.refused(identifier, "leads through more than \(Self.longestChain) redirects")
    }

    /// Tries each address until one can be connected to.
    private func get(
        _ url: String, _ place: HTTPAddress, until end: Duration, for identifier: ACMEIdentifier
    ) async throws(ServerProblem) -> Response {
        var failure = "could not be asked"
        for address in try await finder.addresses(of: place.host) {
            let left = end - time.elapsed()
            guard left > .zero else { break }
            var request = TransportRequest(
                url: url, tls: TLSOptions(trust: .insecure), proxy: .none, deadline: min(left, .seconds(10)),
                connectTimeout: min(left, .seconds(5)), bodyLimit: Self.bodyLimit, redirects: .refuse)
            request.addressOverrides = ["\(place.bracketedHost):\(place.port)": address.text]
            do {
                return try await send(request)
            } catch {
                failure = "could not be asked: \(error)"
                guard let error = error as? TransportError, !error.mayHaveReachedServer else { break }
            }
        }
        throw ServerProblem(.connection, .badRequest, "\(place.host) \(failure).")
    }

    /// Takes a body that only the end of the connection ends, as small servers of HTTP/1.0 send it: one that was cut short
    /// is not the whole key authorization, and passes no more than another text.
    private func send(_ request: TransportRequest) async throws -> Response {
        try await transport.withResponse(to: request) { head, body in
            guard head.status == .ok else { return Response(head: head, body: []) }
            var bytes: [UInt8] = []
            do {
                for try await chunk in body {
                    bytes += chunk
                    guard bytes.count <= Self.bodyLimit else { throw TransportError.tooLarge(limit: Self.bodyLimit) }
                }
            } catch TransportError.truncated where !bytes.isEmpty {
                return Response(head: head, body: bytes)
            }
            return Response(head: head, body: bytes)
        }
    }

    /// To names only, on the ports of the web: whoever answers for a name may send us on to another of its names, and not
    /// to what we could reach and strangers could not. An address may be sent to itself.
    private func next(
        _ location: String, from base: HTTPAddress, for identifier: ACMEIdentifier
    ) throws(ServerProblem) -> String {
        let origin = "\(base.scheme.rawValue)://\(base.bracketedHost):\(base.port)"
        var url = location
        if location.hasPrefix("//") {
            url = "\(base.scheme.rawValue):\(location)"
        } else if location.hasPrefix("/") {
            url = origin + location
        }
        guard url.utf8.count <= 2048, let target = HTTPAddress(url: url) else {
            throw Self.refused(identifier, "redirects to what is no http or https URL")
        }
        guard [80, 443, port].contains(target.port) else {
            throw Self.refused(identifier, "redirects to a port other than 80 and 443")
        }
        guard IPAddress(target.host) == nil || target.host == identifier.value else {
            throw Self.refused(identifier, "redirects to an address and not to a name")
        }
        return url
    }

    private static func refused(_ identifier: ACMEIdentifier, _ what: String) -> ServerProblem {
        ServerProblem(.unauthorized, .forbidden, "\(identifier) \(what).")
    }
}
