import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import PKI

/// Fetches a key authorization as the CA will (RFC 8555 §8.3).
///
/// CAs take IPv6 first and IPv4 where that does not connect. So both are looked at where the name has both, and an answer
/// that is wrong over one of them counts, while one that cannot be reached from here does not.
struct HTTP01Check: Sendable {
    /// Successes in a row that count: behind a balancer the next answer may come from elsewhere.
    private static let needed = 3
    /// Let's Encrypt follows as many.
    private static let longestChain = 10
    private static let redirects: Set<Int> = [301, 302, 303, 307, 308]

    var transport: any HTTPTransport
    var addresses: NameAddresses

    /// How to get to the name.
    fileprivate enum Way: Sendable, Hashable {
        case family(AddressFamily)
        /// At this address, whatever else resolves.
        case address(String)
        /// At this address and port of the cluster's own; redirects lead out again.
        case service(String)
    }

    private enum Sight {
        case right
        /// The CA will see that, too.
        case wrong(String)
        /// Nobody was there to answer.
        case unreachable(String)
    }

    /// Nil when it can be seen, or else a sentence that says what was seen instead.
    func problem(of challenge: Challenge) async -> String? {
        do throws(DNSError) {
            return await problem(of: challenge, over: try await ways(to: challenge.spec.dnsName))
        } catch {
            return "GET \(Self.url(for: challenge)): \(error)"
        }
    }

    /// The same, seen at the solver's Service or pod, whose address this is.
    func problem(of challenge: Challenge, insideAt address: String) async -> String? {
        await problem(of: challenge, over: [.service(address)])
    }

    private func problem(of challenge: Challenge, over ways: [Way]) async -> String? {
        var isSeen = false
        var problem: String?
        for way in ways {
            switch await look(for: challenge, way) {
            case .right: isSeen = true
            case .wrong(let sentence): return sentence
            case .unreachable(let sentence): problem = sentence
            }
        }
        return isSeen ? nil : problem
    }

    static func url(for challenge: Challenge, port: Int? = nil) -> String {
        let domain = challenge.spec.dnsName
        let host = domain.contains(":") ? "[\(domain)]" : domain
        return "http://\(host)\(port.map { ":\($0)" } ?? "")\(SolverObjects.path(for: challenge))"
    }

    private func look(for challenge: Challenge, _ way: Way) async -> Sight {
        for _ in 0..<Self.needed {
            let sight = await fetch(challenge, way)
            guard case .right = sight else { return sight }
        }
        return .right
    }

    private func fetch(_ challenge: Challenge, _ way: Way) async -> Sight {
        let start = Self.url(for: challenge, port: way.isInside ? SolverObjects.port : nil)
        var url = start
        for hop in 0...Self.longestChain {
            let via = hop == 0 ? "" : " (redirected to \(url))"
            let response: Response
            do throws(TransportError) {
                response = try await transport.send(request(for: url, of: challenge, way))
            } catch {
                let sentence = "GET \(start)\(via): \(error)"
                return hop == 0 && !error.mayHaveReachedServer ? .unreachable(sentence) : .wrong(sentence)
            }
            guard !way.isInside, Self.redirects.contains(response.status.code),
                let location = response.headers[.location]
            else { return Self.judge(response, of: challenge, "GET \(start)\(via)") }
            switch Redirect.target(of: location, from: url, for: challenge.spec.dnsName) {
            case .success(let next): url = next
            case .failure(let refusal): return .wrong("GET \(start)\(via) \(refusal.reason)")
            }
        }
        return .wrong("GET \(start) leads through more than \(Self.longestChain) redirects")
    }

    private static func judge(_ response: Response, of challenge: Challenge, _ attempt: String) -> Sight {
        guard response.status == .ok else {
            return .wrong("\(attempt) answers \(response.status.code) and not 200")
        }
        if response.body == Array(challenge.spec.key.utf8) { return .right }
        // Not how long it is: a page that differs each time is one cause.
        return .wrong("\(attempt) answers another text")
    }

    /// Whether somebody did answer, by the sentence that `problem` gives.
    static func isAnswer(_ problem: String) -> Bool { problem.contains(" answers ") }

    /// Certificates are not looked at: it is what they are to be had for. A key authorization is short, and what is longer
    /// is the page of somebody else.
    private func request(for url: String, of challenge: Challenge, _ way: Way) -> TransportRequest {
        var request = TransportRequest(
            url: url, tls: TLSOptions(trust: .insecure), deadline: .seconds(10), connectTimeout: .seconds(10),
            bodyLimit: 64 << 10, redirects: .refuse)
        let domain = challenge.spec.dnsName
        let host = domain.contains(":") ? "[\(domain)]" : domain
        switch way {
        case .family(let family): request.addressFamily = family
        case .address(let address):
            request.addressOverrides = ["\(host):80": address, "\(host):443": address]
        case .service(let address):
            request.addressOverrides = ["\(host):\(SolverObjects.port)": address]
            request.proxy = .none
        }
        return request
    }

    /// By which addresses to look for the domain.
    private func ways(to domain: String) async throws(DNSError) -> [Way] {
        if let addresses = try await addresses.find(domain) { return addresses.map { .address($0) } }
        return IPAddress(domain) == nil ? [.family(.ipv6), .family(.ipv4)] : [.family(.any)]
    }
}

extension HTTP01Check.Way {
    fileprivate var isInside: Bool {
        if case .service = self { true } else { false }
    }
}
