import DNSProviders
import HTTPTransport
import HTTPTypes
import Wire

/// DNSimple's API, version 2, as developer.dnsimple.com/v2 describes whoami, zones and zone records: pages of at most 100, errors
/// with a message, the scope that is missing among them; 2,400 requests an hour, and the moment from which there are more in
/// X-RateLimit-Reset. Checked against the pages' source (github.com/dnsimple/dnsimple-developer, content/v2.md,
/// content/v2/zones/records.md and content/v2/openapi.yml, 2026-07-21).
struct FakeDNSimple: FakeService {
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard dns.admits() else {
            let reset = dns.time.now().secondsSince1970 + 60
            return failure(429, "quota exceeded", [.init("X-RateLimit-Reset")!: "\(reset)"])  // a legal field name
        }
        guard request.host == "api.dnsimple.com", request.path.first == "v2" else { return failure(404, "Not found") }
        let token = request[header: "Authorization"] ?? ""
        let access = dns.access(String(token.dropFirst("Bearer ".count)))
        if access == .unknown { return failure(401, "Authentication failed for \(token)") }
        let route = Array(request.path.dropFirst())
        if route == ["whoami"] { return .json(["data": ["user": nil, "account": ["id": 1010]]]) }
        guard route.count >= 2, route[0] == "1010", route[1] == "zones" else { return failure(404, "Not found") }
        if route.count == 2 { return paged(dns.zones, request) { ["id": 1, "name": .string($0.name)] } }
        guard let zone = dns.zone(named: route[2]), route.count >= 4, route[3] == "records" else {
            return failure(404, "Zone `\(route[2])` not found")
        }
        if request.method == "GET" {
            let name = request.query["name"]
            let records = dns.records(in: zone.name).filter { name == nil || relative($0.name, zone) == name }
            return paged(records, request) { record in
                [
                    "id": .integer(Int64(record.id) ?? 0), "type": "TXT", "name": .string(relative(record.name, zone)),
                    "content": .string(TXTText.quoted(record.value)), "ttl": .integer(Int64(record.ttlSeconds)),
                ]
            }
        }
        guard access == .full else { return failure(403, "Permission Denied. Required Scope: zones:*:write") }
        if request.method == "DELETE", route.count == 5 {
            return dns.remove(id: route[4]) ? .text("", status: 204) : failure(404, "Record not found")
        }
        guard request.method == "POST", let body = request.json, body["type"] == "TXT",
            let name = body["name"]?.stringValue, let content = body["content"]?.stringValue,
            let ttl = body["ttl"]?.intValue, ttl >= 60
        else { return failure(400, "Validation failed") }
        let full = name.isEmpty ? zone.name : "\(name).\(zone.name)"
        let record = dns.add(TXTText.unquoted(content), at: full, in: zone.name, ttlSeconds: Int(ttl))
        return .json(["data": ["id": .integer(Int64(record.id) ?? 0)]], status: 201)
    }

    private func relative(_ name: String, _ zone: FakeDNS.Zone) -> String {
        name == zone.name ? "" : String(name.dropLast(zone.name.count + 1))
    }

    private func paged<Item>(_ items: [Item], _ request: FakeRequest, _ json: (Item) -> JSONValue) -> Response {
        let size = min(Int(request.query["per_page"] ?? "30") ?? 30, 100)
        let page = Int(request.query["page"] ?? "1") ?? 1
        return .json([
            "data": .array(FakeDNS.page(items, from: (page - 1) * size, count: size).map(json)),
            "pagination": [
                "current_page": .integer(Int64(page)), "per_page": .integer(Int64(size)),
                "total_entries": .integer(Int64(items.count)),
                "total_pages": .integer(Int64(max(1, (items.count + size - 1) / size))),
            ],
        ])
    }

    private func failure(_ status: Int, _ message: String, _ headers: HTTPFields = [:]) -> Response {
        .json(["message": .string(message)], status: status, headers: headers)
    }
}

extension ContractSubject {
    static let dnsimple = ContractSubject(
        key: "dnsimple", isOwn: true, config: ["tokenSecretRef": reference("token", "token")],
        secrets: secrets("token", "token", FakeDNS.goodCredential),
        wrongSecrets: secrets("token", "token", FakeDNS.wrongCredential),
        restrictedSecrets: secrets("token", "token", FakeDNS.restrictedCredential),
        permission: "full access to the zone",
        calls: CallCounts(coldPresent: 6, warmPresent: 2, warmCleanUp: 2)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time, limits: [.init(2400, 3600)])
        return FakeServer(dns: dns, service: FakeDNSimple(dns: dns))
    }
}
