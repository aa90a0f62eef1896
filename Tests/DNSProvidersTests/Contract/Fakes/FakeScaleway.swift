import DNSProviders
import HTTPTransport
import HTTPTypes
import Wire

/// Scaleway's Domains and DNS, v2beta1, as www.scaleway.com/en/developers/api/domains-and-dns describes zones and records: pages of
/// at most 100, a PATCH with changes, data in quotes, errors with type and message. Checked against the provider's own library
/// (github.com/scaleway/scaleway-sdk-go, api/domain/v2beta1, 2026-08-20), which names no number of requests.
struct FakeScaleway: FakeService {
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "api.scaleway.com", request.path.starts(with: ["domain", "v2beta1", "dns-zones"]) else {
            return failure(404, "not_found", "resource is not found")
        }
        let key = request[header: "X-Auth-Token"] ?? ""
        let access = dns.access(key)
        if access == .unknown { return failure(401, "denied_authentication", "authentication is denied for \(key)") }
        let route = Array(request.path.dropFirst(3))
        if route.isEmpty {
            return paged(dns.zones, request, "dns_zones") { zone in
                let labels = zone.name.split(separator: ".")
                return [
                    "domain": .string(labels.suffix(2).joined(separator: ".")),
                    "subdomain": .string(labels.dropLast(2).joined(separator: ".")),
                ]
            }
        }
        guard let zone = dns.zone(named: route[0]), route.dropFirst() == ["records"] else {
            return failure(404, "not_found", "resource is not found")
        }
        if request.method == "GET" {
            let records = dns.records(in: zone.name).filter { record in
                request.query["name"].map { $0 == relative(record.name, zone) } ?? true
            }
            return paged(records, request, "records") { record in
                [
                    "id": .string(record.id), "type": "TXT", "name": .string(relative(record.name, zone)),
                    "data": .string(TXTText.quoted(record.value)), "ttl": .integer(Int64(record.ttlSeconds)),
                ]
            }
        }
        guard access == .full else { return failure(403, "permissions_denied", "insufficient permissions") }
        return change(request, zone)
    }

    private func change(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        guard request.method == "PATCH", let changes = request.json?["changes"]?.arrayValue else {
            return failure(400, "invalid_arguments", "changes is required")
        }
        guard request.json?["disallow_new_zone_creation"] == true else {
            return failure(400, "invalid_arguments", "the test wants no zone to be made by mistake")
        }
        for change in changes {
            for record in change["add"]?["records"]?.arrayValue ?? [] {
                guard record["type"] == "TXT", let name = record["name"]?.stringValue,
                    let data = record["data"]?.stringValue, let ttl = record["ttl"]?.intValue, ttl >= 60
                else { return failure(400, "invalid_arguments", "a record is not valid") }
                let full = name.isEmpty ? zone.name : "\(name).\(zone.name)"
                dns.add(TXTText.unquoted(data), at: full, in: zone.name, ttlSeconds: Int(ttl))
            }
            if let id = change["delete"]?["id"]?.stringValue, !dns.remove(id: id) {
                return failure(404, "not_found", "resource is not found")
            }
        }
        return .json(["records": []])
    }

    private func relative(_ name: String, _ zone: FakeDNS.Zone) -> String {
        name == zone.name ? "" : String(name.dropLast(zone.name.count + 1))
    }

    private func paged<Item>(
        _ items: [Item], _ request: FakeRequest, _ member: String, _ json: (Item) -> JSONValue
    ) -> Response {
        let size = min(Int(request.query["page_size"] ?? "20") ?? 20, 100)
        let page = Int(request.query["page"] ?? "1") ?? 1
        var body: JSONValue = ["total_count": .integer(Int64(items.count))]
        body[member] = .array(FakeDNS.page(items, from: (page - 1) * size, count: size).map(json))
        return .json(body)
    }

    private func failure(_ status: Int, _ type: String, _ message: String) -> Response {
        .json(["type": .string(type), "message": .string(message)], status: status)
    }
}

extension ContractSubject {
    static let scaleway = ContractSubject(
        key: "scaleway", isOwn: true, config: ["secretKeySecretRef": reference("key", "secret-key")],
        secrets: secrets("key", "secret-key", FakeDNS.goodCredential),
        wrongSecrets: secrets("key", "secret-key", FakeDNS.wrongCredential),
        restrictedSecrets: secrets("key", "secret-key", FakeDNS.restrictedCredential),
        permission: "DomainsDNSFullAccess",
        calls: CallCounts(coldPresent: 5, warmPresent: 2, warmCleanUp: 2)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time)
        return FakeServer(dns: dns, service: FakeScaleway(dns: dns))
    }
}
