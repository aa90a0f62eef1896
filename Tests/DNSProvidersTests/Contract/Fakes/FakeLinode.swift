import DNSProviders
import HTTPTransport
import HTTPTypes
import Wire

/// Linode's API, version 4, as techdocs.akamai.com/linode-api/reference describes domains and their records: pages of 25 to
/// 500, X-Filter, errors as a list of reasons, 200 list requests a minute and 1,600 others ("Rate limits", 2026-09-15).
/// That a token without the scope is told so with 401 is in github.com/linode/linode-cli/issues/142.
struct FakeLinode: FakeService {
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "api.linode.com", request.path.first == "v4" else { return failure(404, "Not found") }
        let token = request[header: "Authorization"] ?? ""
        let access = dns.access(String(token.dropFirst("Bearer ".count)))
        if access == .unknown { return failure(401, "Invalid Token: \(token)") }
        let limit = request.method == "GET" ? FakeDNS.Limit(200, 60) : .init(1600, 60)
        if dns.pause([limit], of: request.method == "GET" ? "lists" : "others") != nil {
            return failure(429, "Too many requests", [.retryAfter: "30"])
        }
        let route = Array(request.path.dropFirst())
        guard route.first == "domains" else { return failure(404, "Not found") }
        if route.count == 1 {
            return paged(dns.zones, request) {
                ["id": .integer(number($0.id)), "domain": .string($0.name), "type": "master"]
            }
        }
        guard let zone = dns.zones.first(where: { "\(number($0.id))" == route[1] }), route.count >= 3 else {
            return failure(404, "Not found")
        }
        switch (request.method, route.count) {
        case ("GET", 3):
            let filter = (try? JSONValue(parsing: Array((request[header: "X-Filter"] ?? "{}").utf8))) ?? [:]
            let name = filter["name"]?.stringValue
            let records = dns.records(in: zone.name).filter { name == nil || relative($0.name, zone) == name }
            return paged(records, request) { record in
                [
                    "id": .integer(Int64(record.id) ?? 0), "type": "TXT", "name": .string(relative(record.name, zone)),
                    "target": .string(record.value), "ttl_sec": .integer(Int64(record.ttlSeconds)),
                ]
            }
        case ("POST", 3):
            guard access == .full else { return noScope }
            return create(request, zone)
        case ("DELETE", 4):
            guard access == .full else { return noScope }
            return dns.remove(id: route[3]) ? .json([:]) : failure(404, "Not found")
        default: return failure(405, "Method Not Allowed")
        }
    }

    private func create(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        guard let body = request.json, body["type"] == "TXT", let name = body["name"]?.stringValue,
            let target = body["target"]?.stringValue, let ttl = body["ttl_sec"]?.intValue,
            [0, 30, 120, 300, 3600].contains(ttl)
        else { return failure(400, "target is not valid") }
        let full = name.isEmpty ? zone.name : "\(name).\(zone.name)"
        return .json(["id": .integer(Int64(dns.add(target, at: full, in: zone.name).id) ?? 0)])
    }

    private var noScope: Response { failure(401, "Your OAuth token is not authorized to use this endpoint.") }

    private func number(_ id: String) -> Int64 { Int64(id.dropFirst()) ?? 0 }
    private func relative(_ name: String, _ zone: FakeDNS.Zone) -> String {
        name == zone.name ? "" : String(name.dropLast(zone.name.count + 1))
    }

    private func paged<Item>(_ items: [Item], _ request: FakeRequest, _ json: (Item) -> JSONValue) -> Response {
        let size = min(max(Int(request.query["page_size"] ?? "100") ?? 100, 25), 500)
        let page = Int(request.query["page"] ?? "1") ?? 1
        return .json([
            "data": .array(FakeDNS.page(items, from: (page - 1) * size, count: size).map(json)),
            "page": .integer(Int64(page)), "pages": .integer(Int64(max(1, (items.count + size - 1) / size))),
            "results": .integer(Int64(items.count)),
        ])
    }

    private func failure(_ status: Int, _ reason: String, _ headers: HTTPFields = [:]) -> Response {
        .json(["errors": [["reason": .string(reason)]]], status: status, headers: headers)
    }
}

extension ContractSubject {
    static let linode = ContractSubject(
        key: "linode", isOwn: true, config: ["tokenSecretRef": reference("token", "pat")],
        secrets: secrets("token", "pat", FakeDNS.goodCredential),
        wrongSecrets: secrets("token", "pat", FakeDNS.wrongCredential),
        restrictedSecrets: secrets("token", "pat", FakeDNS.restrictedCredential), permission: "domains:read_write",
        calls: CallCounts(coldPresent: 3, warmPresent: 2, warmCleanUp: 2)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time)
        return FakeServer(dns: dns, service: FakeLinode(dns: dns))
    }
}
