import DNSProviders
import HTTPTransport
import HTTPTypes
import Wire

/// DigitalOcean's API, version 2, as docs.digitalocean.com/reference/api describes "Domains", "Domain Records" and "Rate
/// Limits": pages of at most 200, `links.pages.next` on all but the last, records asked for by their full name and told by
/// the relative one, duplicates allowed, 250 requests a minute and 5,000 an hour, `ratelimit-reset` as a moment. Checked
/// against the provider's own description (github.com/digitalocean/openapi, specification/resources/domains and
/// specification/shared, 2026-08-07).
struct FakeDigitalOcean: FakeService {
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard dns.admits() else {
            let reset = dns.time.now().secondsSince1970 + 30
            return failure(
                429, "too_many_requests", "API rate limit exceeded.",
                [.init("ratelimit-reset")!: "\(reset)"])  // a legal field name
        }
        guard request.host == "api.digitalocean.com", request.scheme == "https" else {
            return failure(404, "not_found", "no such host")
        }
        let token = String((request[header: "Authorization"] ?? "").dropFirst("Bearer ".count))
        let access = dns.access(token)
        if access == .unknown { return failure(401, "unauthorized", "Unable to authenticate you with \(token)") }
        guard request.path.starts(with: ["v2", "domains"]) else { return notFound }
        if request.path.count == 2 {
            return page(request, "domains", dns.zones.map { ["name": .string($0.name), "ttl": 1800] })
        }
        guard request.path.count >= 4, request.path[3] == "records", let zone = dns.zone(named: request.path[2]) else {
            return notFound
        }
        if request.method == "GET" { return records(request, zone) }
        guard access == .full else {
            return failure(403, "forbidden", "You are not authorized to perform this operation")
        }
        if request.method == "POST" { return create(request, zone) }
        guard request.method == "DELETE", request.path.count == 5 else { return failure(405, "not_allowed", "no") }
        return dns.remove(id: request.path[4]) ? .text("", status: 204) : notFound
    }

    private func records(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        let records = dns.records(in: zone.name, at: request.query["name"])
        return page(
            request, "domain_records",
            records.map { record in
                [
                    "id": .integer(Int64(record.id) ?? 0), "type": "TXT", "name": .string(relative(record.name, zone)),
                    "data": .string(record.value), "ttl": .integer(Int64(record.ttlSeconds)),
                ]
            })
    }

    private func relative(_ name: String, _ zone: FakeDNS.Zone) -> String {
        name == zone.name ? "@" : String(name.dropLast(zone.name.count + 1))
    }

    private func create(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        guard let body = request.json, body["type"] == "TXT", let name = body["name"]?.stringValue,
            let data = body["data"]?.stringValue, let ttl = body["ttl"]?.intValue, ttl >= 30
        else { return failure(422, "unprocessable_entity", "Data is invalid.") }
        let full = name == "@" ? zone.name : "\(name).\(zone.name)"
        let record = dns.add(TXTText.unquoted(data), at: full, in: zone.name, ttlSeconds: Int(ttl))
        return .json(["domain_record": ["id": .integer(Int64(record.id) ?? 0), "type": "TXT"]], status: 201)
    }

    private func page(_ request: FakeRequest, _ member: String, _ items: [JSONValue]) -> Response {
        let count = min(Int(request.query["per_page"] ?? "20") ?? 20, 200)
        let page = Int(request.query["page"] ?? "1") ?? 1
        let shown = FakeDNS.page(items, from: (page - 1) * count, count: count)
        var pages: JSONValue = [:]
        if page * count < items.count {
            pages["next"] = .string("https://api.digitalocean.com\(request.rawPath)?page=\(page + 1)&per_page=\(count)")
        }
        return .json([
            member: .array(shown), "links": ["pages": pages], "meta": ["total": .integer(Int64(items.count))],
        ])
    }

    private var notFound: Response { failure(404, "not_found", "The resource you were accessing could not be found.") }

    private func failure(_ status: Int, _ id: String, _ message: String, _ headers: HTTPFields = [:]) -> Response {
        .json(
            ["id": .string(id), "message": .string(message), "request_id": "4d9d8375-3c56-4925-a3e7-eb137fed17e9"],
            status: status, headers: headers)
    }
}

extension ContractSubject {
    static let digitalOcean = ContractSubject(
        key: "digitalocean", config: ["tokenSecretRef": reference("token", "t")],
        secrets: secrets("token", "t", FakeDNS.goodCredential),
        wrongSecrets: secrets("token", "t", FakeDNS.wrongCredential),
        restrictedSecrets: secrets("token", "t", FakeDNS.restrictedCredential), permission: "domain:create",
        calls: CallCounts(coldPresent: 4, warmPresent: 2, warmCleanUp: 2)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time, limits: [.init(250, 60), .init(5000, 3600)])
        return FakeServer(dns: dns, service: FakeDigitalOcean(dns: dns))
    }
}
