import DNSProviders
import HTTPTransport
import HTTPTypes
import Wire

/// Gandi's LiveDNS, version 5 (api.gandi.net/docs/livedns, "Domains" and "Records"): pages, whole record sets by PUT and DELETE,
/// a minimum TTL of 300, 1,000 requests a minute for each address (api.gandi.net/docs/reference). Paths, parts and pages checked
/// against github.com/octodns/octodns-gandi (2026-08-07) and github.com/go-acme/lego, providers/dns/gandiv5 (2026-07-21).
struct FakeGandi: FakeService {
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "api.gandi.net", request.scheme == "https",
            request.path.starts(with: ["v5", "livedns", "domains"])
        else { return failure(404, "HTTPNotFound", "The resource could not be found.") }
        guard dns.admits() else { return failure(429, "HTTPTooManyRequests", "Too many requests") }
        let token = String((request[header: "Authorization"] ?? "").dropFirst("Bearer ".count))
        let access = dns.access(token)
        if access == .unknown {
            return failure(401, "HTTPUnauthorized", "The server could not verify that \(token) is authorized.")
        }
        if request.path.count == 3 { return domains(request) }
        guard request.path.count == 7, request.path[4] == "records", request.path[6] == "TXT",
            let zone = dns.zone(named: request.path[3])
        else { return failure(404, "HTTPNotFound", "Can't find the domain") }
        let name = request.path[5] == "@" ? zone.name : "\(request.path[5]).\(zone.name)"
        let records = dns.records(in: zone.name, at: name)
        if request.method == "GET" {
            guard let first = records.first else { return failure(404, "dns-record", "Can't find the DNS record") }
            return .json([
                "rrset_name": .string(request.path[5]), "rrset_type": "TXT",
                "rrset_ttl": .integer(Int64(first.ttlSeconds)),
                "rrset_values": .array(records.map { .string(TXTText.quoted($0.value)) }),
            ])
        }
        guard access == .full else { return failure(403, "HTTPForbidden", "Access was denied to this resource.") }
        if request.method == "DELETE" {
            if records.isEmpty { return failure(404, "dns-record", "Can't find the DNS record") }
            dns.replace(name, in: zone.name, with: [], ttlSeconds: 0)
            return .text("", status: 204)
        }
        guard request.method == "PUT", let ttl = request.json?["rrset_ttl"]?.intValue, ttl >= 300,
            let values = request.json?["rrset_values"]?.arrayValue?.compactMap(\.stringValue), !values.isEmpty
        else { return failure(400, "HTTPBadRequest", "rrset_ttl must be at least 300") }
        dns.replace(name, in: zone.name, with: values.map(TXTText.unquoted), ttlSeconds: Int(ttl))
        return .json(["message": "DNS Record Created"], status: 201)
    }

    private func domains(_ request: FakeRequest) -> Response {
        let count = min(Int(request.query["per_page"] ?? "100") ?? 100, 100)
        let page = Int(request.query["page"] ?? "1") ?? 1
        return .json(
            .array(
                FakeDNS.page(dns.zones, from: (page - 1) * count, count: count).map {
                    [
                        "fqdn": .string($0.name),
                        "domain_href": .string("https://api.gandi.net/v5/livedns/domains/\($0.name)"),
                    ]
                }))
    }

    private func failure(_ status: Int, _ object: String, _ message: String) -> Response {
        .json(
            ["object": .string(object), "cause": "x", "code": .integer(Int64(status)), "message": .string(message)],
            status: status)
    }
}

extension ContractSubject {
    static let gandi = ContractSubject(
        key: "gandi", isOwn: true, config: ["tokenSecretRef": reference("token", "t")],
        secrets: secrets("token", "t", FakeDNS.goodCredential),
        wrongSecrets: secrets("token", "t", FakeDNS.wrongCredential),
        restrictedSecrets: secrets("token", "t", FakeDNS.restrictedCredential),
        permission: "Manage domain name technical configurations", limits: [.overwrites],
        calls: CallCounts(coldPresent: 6, warmPresent: 3, warmCleanUp: 3)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time, limits: [.init(1000, 60)])
        return FakeServer(dns: dns, service: FakeGandi(dns: dns))
    }
}
