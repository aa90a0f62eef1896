import DNSProviders
import HTTPTransport
import HTTPTypes
import Wire

/// Cloudflare's API, version 4, as developers.cloudflare.com/api/resources/zones and …/dns/subresources/records describe it:
/// pages of at most 50 zones, TXT content in quotes, error 81058 for a record that is there already, 9109 for a token
/// that nobody has, 10000 for one that may not; 1,200 requests in five minutes (…/fundamentals/api/reference/limits, which
/// says so too in 2026). Paths, heads and parts checked against github.com/go-acme/lego, providers/dns/cloudflare/internal
/// (2026-07-21); that content is quoted strings of at most 255 octets against cloudflare/cloudflare-typescript#1777.
struct FakeCloudflare: FakeService {
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard dns.admits() else {
            return failure(429, 971, "Please wait and consider throttling your request speed", [.retryAfter: "10"])
        }
        guard request.host == "api.cloudflare.com", request.scheme == "https",
            request.path.starts(with: ["client", "v4"])
        else { return failure(404, 7000, "No route for that URI") }
        let access = access(of: request)
        if access == .unknown { return failure(403, 9109, "Invalid access token: \(credential(of: request))") }
        let route = [request.method] + request.path.dropFirst(2)
        switch (route.first, route.count) {
        case ("GET", 2) where route[1] == "zones": return zones(request)
        case (_, 4) where route[1] == "zones" && route[3] == "dns_records",
            (_, 5) where route[1] == "zones" && route[3] == "dns_records":
            guard let zone = dns.zone(id: route[2]) else {
                return failure(
                    404, 7003, "Could not route to /zones/\(route[2]), perhaps your object identifier is invalid?")
            }
            if request.method == "GET" { return records(request, zone) }
            guard access == .full else { return failure(403, 10000, "Authentication error") }
            if request.method == "POST" { return create(request, zone) }
            guard request.method == "DELETE", let id = route.last else {
                return failure(405, 10405, "Method not allowed")
            }
            return dns.remove(id: id)
                ? success(["id": .string(id)]) : failure(404, 81044, "Record does not exist.")
        default: return failure(404, 7000, "No route for that URI")
        }
    }

    private func credential(of request: FakeRequest) -> String {
        request[header: "X-Auth-Key"] ?? String((request[header: "Authorization"] ?? "").dropFirst("Bearer ".count))
    }

    /// A token, or a key along with the address of its owner.
    private func access(of request: FakeRequest) -> FakeDNS.Access {
        if request[header: "X-Auth-Key"] != nil, request[header: "X-Auth-Email"] != "owner@example.com" {
            return .unknown
        }
        if request[header: "X-Auth-Key"] == nil, request[header: "Authorization"]?.hasPrefix("Bearer ") != true {
            return .unknown
        }
        return dns.access(credential(of: request))
    }

    private func zones(_ request: FakeRequest) -> Response {
        paged(dns.zones, request, most: 50) { ["id": .string($0.id), "name": .string($0.name), "status": "active"] }
    }

    private func records(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        guard request.query["type"] == "TXT" else { return failure(400, 9004, "the test asks for TXT only") }
        return paged(dns.records(in: zone.name, at: request.query["name"]), request, most: 5000) { record in
            [
                "id": .string(record.id), "name": .string(record.name), "type": "TXT",
                "content": .string(TXTText.quoted(record.value)), "ttl": .integer(Int64(record.ttlSeconds)),
            ]
        }
    }

    private func create(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        guard let body = request.json, body["type"] == "TXT", let name = body["name"]?.stringValue,
            let content = body["content"]?.stringValue, let ttl = body["ttl"]?.intValue
        else { return failure(400, 9005, "Content for TXT record is invalid.") }
        guard ttl == 1 || (60...86_400).contains(ttl) else { return failure(400, 9021, "Invalid TTL.") }
        guard name == zone.name || name.hasSuffix(".\(zone.name)") else {
            return failure(400, 9000, "DNS name is invalid.")
        }
        let value = TXTText.unquoted(content)
        if dns.records(in: zone.name, at: name).contains(where: { $0.value == value }) {
            return failure(400, 81058, "An identical record already exists.")
        }
        let record = dns.add(value, at: name, in: zone.name, ttlSeconds: Int(ttl))
        return success(["id": .string(record.id), "name": .string(name), "type": "TXT", "content": .string(content)])
    }

    private func paged<Item>(
        _ items: [Item], _ request: FakeRequest, most: Int, _ json: (Item) -> JSONValue
    ) -> Response {
        let count = min(Int(request.query["per_page"] ?? "20") ?? 20, most)
        let page = Int(request.query["page"] ?? "1") ?? 1
        let shown = FakeDNS.page(items, from: (page - 1) * count, count: count)
        return .json([
            "success": true, "errors": [], "messages": [], "result": .array(shown.map(json)),
            "result_info": [
                "page": .integer(Int64(page)), "per_page": .integer(Int64(count)),
                "count": .integer(Int64(shown.count)),
                "total_count": .integer(Int64(items.count)),
                "total_pages": .integer(Int64((items.count + count - 1) / count)),
            ],
        ])
    }

    private func success(_ result: JSONValue) -> Response {
        .json(["success": true, "errors": [], "messages": [], "result": result])
    }

    private func failure(_ status: Int, _ code: Int64, _ message: String, _ headers: HTTPFields = [:]) -> Response {
        .json(
            [
                "success": false, "errors": [["code": .integer(code), "message": .string(message)]], "messages": [],
                "result": nil,
            ], status: status, headers: headers)
    }
}

extension ContractSubject {
    static let cloudflare = ContractSubject(
        key: "cloudflare", config: ["apiTokenSecretRef": reference("token", "api-token")],
        secrets: secrets("token", "api-token", FakeDNS.goodCredential),
        wrongSecrets: secrets("token", "api-token", FakeDNS.wrongCredential),
        restrictedSecrets: secrets("token", "api-token", FakeDNS.restrictedCredential), permission: "Zone:DNS:Edit",
        calls: CallCounts(coldPresent: 6, warmPresent: 1, warmCleanUp: 2)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time, limits: [.init(1200, 300)])
        return FakeServer(dns: dns, service: FakeCloudflare(dns: dns))
    }
}
