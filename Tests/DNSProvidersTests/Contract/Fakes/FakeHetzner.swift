import DNSProviders
import HTTPTransport
import HTTPTypes
import Synchronization
import Wire

/// Hetzner's Cloud API (docs.hetzner.cloud/reference/cloud, "Zones", "Zone RRSets", "Zone RRSet Actions", "Actions"): pages of at
/// most 50 zones, records added and removed one by one, actions that run for a while, a set's TTL that adding cannot change,
/// 3,600 requests an hour. Checked against Hetzner's own library (github.com/hetznercloud/hcloud-go, hcloud/zone_rrset.go and
/// hcloud/error.go, 2026-08-18) and what was made of its published description (github.com/HenningHolmDE/hcloud-rust, 2026-01-04).
final class FakeHetzner: FakeService {
    let dns: FakeDNS
    /// Actions under way, by id, and how often they were looked at.
    private let looks = Mutex<[Int64: Int]>([:])

    init(dns: FakeDNS) { self.dns = dns }

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "api.hetzner.cloud", request.scheme == "https", request.path.first == "v1" else {
            return failure(404, "not_found", "no such path")
        }
        guard dns.admits() else {
            return failure(429, "rate_limit_exceeded", "limit of requests per hour reached", [.retryAfter: "10"])
        }
        let token = String((request[header: "Authorization"] ?? "").dropFirst("Bearer ".count))
        let access = dns.access(token)
        if access == .unknown { return failure(401, "unauthorized", "unable to authenticate with \(token)") }
        let path = Array(request.path.dropFirst())
        if path == ["zones"] { return zones(request) }
        if path.count == 2, path[0] == "actions", let id = Int64(path[1]) { return action(id) }
        guard path.count >= 5, path[0] == "zones", path[2] == "rrsets", path[4] == "TXT",
            let zone = dns.zones.first(where: { $0.id == "z\(path[1])" })
        else { return failure(404, "not_found", "zone not found") }
        let name = path[3] == "@" ? zone.name : "\(path[3]).\(zone.name)"
        if request.method == "GET" { return recordSet(name, zone) }
        guard access == .full else { return failure(403, "token_readonly", "token is readonly") }
        guard request.method == "POST", path.count == 7, path[5] == "actions",
            let records = request.json?["records"]?.arrayValue?.compactMap({ $0["value"]?.stringValue }),
            !records.isEmpty,
            records.allSatisfy({ $0.hasPrefix("\"") })
        else { return failure(422, "invalid_input", "invalid input in field 'records'") }
        return change(path[6], name, zone, records.map(TXTText.unquoted), ttl: request.json?["ttl"]?.intValue)
    }

    private func change(
        _ action: String, _ name: String, _ zone: FakeDNS.Zone, _ values: [String], ttl: Int64?
    ) -> Response {
        let now = dns.records(in: zone.name, at: name)
        switch action {
        case "add_records":
            guard values.allSatisfy({ value in !now.contains { $0.value == value } }) else {
                return failure(422, "invalid_input", "record already exists")
            }
            if let held = now.first?.ttlSeconds, let ttl, held != Int(ttl) {
                return failure(422, "invalid_input", "invalid input in field 'ttl': the RRSet has another")
            }
            for value in values { dns.add(value, at: name, in: zone.name, ttlSeconds: Int(ttl ?? 3600)) }
        case "remove_records":
            if now.isEmpty { return failure(404, "not_found", "rrset not found") }
            for record in now where values.contains(record.value) { dns.remove(id: record.id) }
        default: return failure(404, "not_found", "no such action")
        }
        let id = Int64(dns.version(of: zone.name) * 1000 + values.count)
        looks.withLock { $0[id] = 0 }
        return .json(["action": ["id": .integer(id), "status": "running", "progress": 0, "error": nil]], status: 201)
    }

    /// Done at the first look.
    private func action(_ id: Int64) -> Response {
        guard looks.withLock({ $0[id] }) != nil else { return failure(404, "not_found", "action not found") }
        return .json(["action": ["id": .integer(id), "status": "success", "progress": 100, "error": nil]])
    }

    private func recordSet(_ name: String, _ zone: FakeDNS.Zone) -> Response {
        let records = dns.records(in: zone.name, at: name)
        guard let first = records.first else { return failure(404, "not_found", "rrset not found") }
        return .json([
            "rrset": [
                "name": .string(name), "type": "TXT", "ttl": .integer(Int64(first.ttlSeconds)),
                "records": .array(records.map { ["value": .string(TXTText.quoted($0.value)), "comment": ""] }),
            ]
        ])
    }

    private func zones(_ request: FakeRequest) -> Response {
        let count = min(Int(request.query["per_page"] ?? "25") ?? 25, 50)
        let page = Int(request.query["page"] ?? "1") ?? 1
        let all = dns.zones
        let next: JSONValue = page * count < all.count ? .integer(Int64(page + 1)) : .null
        let shown = FakeDNS.page(all, from: (page - 1) * count, count: count)
        return .json([
            "zones": .array(
                shown.map {
                    ["id": .integer(Int64($0.id.dropFirst()) ?? 0), "name": .string($0.name), "mode": "primary"]
                }),
            "meta": [
                "pagination": ["page": .integer(Int64(page)), "per_page": .integer(Int64(count)), "next_page": next]
            ],
        ])
    }

    private func failure(_ status: Int, _ code: String, _ message: String, _ headers: HTTPFields = [:]) -> Response {
        .json(
            ["error": ["code": .string(code), "message": .string(message), "details": nil]], status: status,
            headers: headers)
    }
}

extension ContractSubject {
    static let hetzner = ContractSubject(
        key: "hetzner", isOwn: true, config: ["tokenSecretRef": reference("token", "t")],
        secrets: secrets("token", "t", FakeDNS.goodCredential),
        wrongSecrets: secrets("token", "t", FakeDNS.wrongCredential),
        restrictedSecrets: secrets("token", "t", FakeDNS.restrictedCredential), permission: "Read & Write",
        calls: CallCounts(coldPresent: 8, warmPresent: 3, warmCleanUp: 3)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time, limits: [.init(3600, 3600)])
        return FakeServer(dns: dns, service: FakeHetzner(dns: dns))
    }
}
