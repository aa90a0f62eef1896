import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import PKI

/// Fetches a key authorization as the CA will (RFC 8555 §8.3).
struct HTTP01Check: Sendable {
    /// Successes in a row that count: behind a balancer the next answer may come from elsewhere.
    private static let needed = 3

    var transport: any HTTPTransport
    var options: HTTP01Options
    /// Resolves with the servers of the options; nil for the system's resolver.
    var resolver: Resolver?

    /// Nil when it can be seen, or else a sentence that says what was seen instead.
    func problem(of challenge: Challenge) async -> String? {
        let domain = challenge.spec.dnsName
        var request = TransportRequest(
            url: Self.url(for: challenge), tls: TLSOptions(trust: .insecure), deadline: .seconds(10),
            connectTimeout: .seconds(10),
            bodyLimit: 1 << 20, redirects: .follow(max: 10, schemes: ["http", "https"]))
        do throws(DNSError) {
            request.addressOverrides = try await overrides(for: domain)
        } catch {
            return "GET \(request.url): \(error)"
        }
        for _ in 0..<Self.needed {
            if let problem = await problem(fetching: request, expecting: challenge.spec.key) { return problem }
        }
        return nil
    }

    static func url(for challenge: Challenge) -> String {
        let domain = challenge.spec.dnsName
        let host = domain.contains(":") ? "[\(domain)]" : domain
        return "http://\(host)\(SolverObjects.path(for: challenge))"
    }

    private func problem(fetching request: TransportRequest, expecting key: String) async -> String? {
        do throws(TransportError) {
            let response = try await transport.send(request)
            let via = response.head.url == request.url ? "" : " (redirected to \(response.head.url))"
            guard response.head.status == .ok else {
                return "GET \(request.url)\(via) answers \(response.head.status.code) and not 200"
            }
            if response.body == Array(key.utf8) { return nil }
            return "GET \(request.url)\(via) answers another text, of \(response.body.count) bytes"
        } catch {
            return "GET \(request.url): \(error)"
        }
    }

    /// Where to connect for the domain, when not where the system's resolver says.
    private func overrides(for domain: String) async throws(DNSError) -> [String: String] {
        guard let address = try await address(of: domain) else { return [:] }
        return ["\(domain):80": address, "\(domain):443": address]
    }

    private func address(of domain: String) async throws(DNSError) -> String? {
        if let address = options.addressOverrides[domain] { return address }
        guard let resolver, IPAddress(domain) == nil else { return nil }
        guard let name = try? DNSName(domain) else { return nil }  // the transport will say what is wrong with it
        for type in [RecordType.a, .aaaa] {
            let answer = try await resolver.query(name, type)
            for record in answer.answers where record.type == type {
                if case .address(let octets) = record.data { return IPAddress(bytes: octets)?.text }
            }
        }
        throw .answered(
            server: resolver.servers.map(\.description).joined(separator: ", "), name: name, type: .a, .nameError)
    }
}
