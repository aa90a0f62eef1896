import DNSProviders
import HTTPTransport
import HTTPTypes
import Wire

/// deSEC's API, version 1 (desec.readthedocs.io/en/latest/dns/domains.html, …/dns/rrsets.html, …/rate-limits.html): pages of 500
/// by linked cursors (of 100 here, so that there are some), bulk PATCH that makes, changes and removes, a minimum TTL, 429 with
/// Retry-After. Checked against deSEC's own source (github.com/desec-io/desec-stack, docs/rate-limits.rst, docs/dns/rrsets.rst,
/// api/api/settings.py, api/desecapi/throttling.py and pagination.py, 2026-08-18): reading is limited for an account, changing
/// for each domain, and everything for a day.
struct FakeDeSEC: FakeService {
    let dns: FakeDNS
    private static let pageSize = 100

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "desec.io", request.scheme == "https",
            request.path.starts(with: ["api", "v1", "domains"])
        else { return detail(404, "Not found.") }
        let token = request[header: "Authorization"] ?? ""
        let access = dns.access(String(token.dropFirst("Token ".count)))
        if access == .unknown || !token.hasPrefix("Token ") { return detail(401, "Invalid token: \(token)") }
        // The last slash belongs to every path.
        guard request.rawPath.hasSuffix("/") else { return .text("", status: 301) }
        if let pause = pause(request) {
            let seconds = pause.components.seconds + (pause.components.attoseconds > 0 ? 1 : 0)
            return .json(
                ["detail": .string("Request was throttled. Expected available in \(seconds) seconds.")], status: 429,
                headers: [.retryAfter: "\(seconds)"])
        }
        if request.path.count == 3 { return domains(request) }
        guard request.path.count >= 5, request.path[4] == "rrsets", let zone = dns.zone(named: request.path[3]) else {
            return detail(404, "Not found.")
        }
        if request.method == "PATCH", request.path.count == 5 {
            guard access == .full else { return detail(403, "Insufficient token permissions.") }
            return patch(request, zone)
        }
        guard request.method == "GET", request.path.count == 7, request.path[6] == "TXT" else {
            return detail(405, "no")
        }
        let name = request.path[5] == "@" ? zone.name : "\(request.path[5]).\(zone.name)"
        let records = dns.records(in: zone.name, at: name)
        guard let first = records.first else { return detail(404, "Not found.") }
        return .json([
            "domain": .string(zone.name), "subname": .string(request.path[5]), "name": .string("\(name)."),
            "type": "TXT",
            "ttl": .integer(Int64(first.ttlSeconds)),
            "records": .array(records.map { .string(TXTText.quoted($0.value)) }),
        ])
    }

    /// By scope; one request too many counts in none that comes later.
    private func pause(_ request: FakeRequest) -> Duration? {
        let isRead = request.method == "GET"
        let limits: [FakeDNS.Limit] =
            isRead
            ? [.init(10, 1), .init(50, 60)] : [.init(2, 1), .init(15, 60), .init(100, 3600), .init(300, 86_400)]
        return dns.pause(
            limits,
            of: isRead ? "dns_api_cheap" : "dns_api_per_domain_expensive \(request.path.dropFirst(3).first ?? "")")
            ?? dns.pause([.init(2000, 86_400)], of: "user")
    }

    private func domains(_ request: FakeRequest) -> Response {
        guard let cursor = request.query["cursor"] else {
            return detail(400, "Pagination required. You can query up to 500 items at a time.")
        }
        let start = Int(cursor.drop { !$0.isNumber }) ?? 0
        var headers: HTTPFields = [:]
        if start + Self.pageSize < dns.zones.count {
            headers[.init("Link")!]  // a legal field name
            =
                "<https://desec.io/api/v1/domains/?cursor=>; rel=\"first\", "
                + "<https://desec.io/api/v1/domains/?cursor=c%3A\(start + Self.pageSize)>; rel=\"next\""
        }
        return .json(
            .array(
                FakeDNS.page(dns.zones, from: start, count: Self.pageSize).map {
                    ["name": .string($0.name), "minimum_ttl": 3600]
                }), headers: headers)
    }

    private func patch(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        guard let sets = request.json?.arrayValue else { return detail(400, "Expected a list of items.") }
        for set in sets {
            guard let subname = set["subname"]?.stringValue, set["type"] == "TXT", let ttl = set["ttl"]?.intValue,
                let records = set["records"]?.arrayValue?.compactMap(\.stringValue)
            else { return detail(400, "This field is required.") }
            guard ttl >= 3600 else {
                return .json(["ttl": ["Ensure this value is greater than or equal to 3600."]], status: 400)
            }
            guard records.allSatisfy({ $0.hasPrefix("\"") && $0.hasSuffix("\"") }) else {
                return detail(400, "Data for TXT records must be given using quotation marks.")
            }
            let name = subname.isEmpty ? zone.name : "\(subname).\(zone.name)"
            dns.replace(name, in: zone.name, with: records.map(TXTText.unquoted), ttlSeconds: Int(ttl))
        }
        return .json(.array(sets))
    }

    private func detail(_ status: Int, _ text: String) -> Response { .json(["detail": .string(text)], status: status) }
}

extension ContractSubject {
    static let deSEC = ContractSubject(
        key: "desec", isOwn: true, config: ["tokenSecretRef": reference("token", "t")],
        secrets: secrets("token", "t", FakeDNS.goodCredential),
        wrongSecrets: secrets("token", "t", FakeDNS.wrongCredential),
        restrictedSecrets: secrets("token", "t", FakeDNS.restrictedCredential), permission: "token policy",
        limits: [.overwrites], calls: CallCounts(coldPresent: 6, warmPresent: 3, warmCleanUp: 3)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time)
        return FakeServer(dns: dns, service: FakeDeSEC(dns: dns))
    }
}
