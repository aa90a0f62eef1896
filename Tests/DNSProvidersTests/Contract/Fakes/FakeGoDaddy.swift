import DNSProviders
import HTTPTransport
import HTTPTypes
import Wire

/// GoDaddy's domains, version 1 (developer.godaddy.com/doc/endpoint/domains): pages behind a marker, PATCH
/// that adds, PUT and DELETE of whole sets, a minimum TTL of 600, 60 requests a minute (developer.godaddy.com/getstarted), the
/// seconds to wait in the body ("ErrorLimit"). Sets that were emptied read as a record of one space, as lego has recorded it
/// (github.com/go-acme/lego, providers/dns/godaddy/internal/fixtures).
struct FakeGoDaddy: FakeService {
    static let key = "godaddy-key-0123456789"
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "api.godaddy.com", request.scheme == "https",
            request.path.starts(with: ["v1", "domains"])
        else { return failure(404, "NOT_FOUND", "no such path") }
        guard dns.admits() else {
            return .json(
                ["code": "TOO_MANY_REQUESTS", "message": "Too many requests", "retryAfterSec": 30], status: 429)
        }
        let header = request[header: "Authorization"] ?? ""
        let access = dns.access(String(header.dropFirst("sso-key \(Self.key):".count)))
        if access == .unknown || !header.hasPrefix("sso-key \(Self.key):") {
            return failure(401, "UNABLE_TO_AUTHENTICATE", "Unauthorized : Could not authenticate \(header)")
        }
        if request.path.count == 2 { return domains(request) }
        guard request.path.count >= 4, request.path[3] == "records", let zone = dns.zone(named: request.path[2]) else {
            return failure(404, "UNKNOWN_DOMAIN", "The given domain is not registered")
        }
        if request.method != "GET", access != .full {
            return failure(403, "ACCESS_DENIED", "Authenticated user is not allowed access")
        }
        if request.method == "PATCH", request.path.count == 4 { return add(request, zone) }
        guard request.path.count == 6, request.path[4] == "TXT" else {
            return failure(404, "NOT_FOUND", "no such path")
        }
        return set(request, zone, request.path[5] == "@" ? zone.name : "\(request.path[5]).\(zone.name)")
    }

    private func set(_ request: FakeRequest, _ zone: FakeDNS.Zone, _ name: String) -> Response {
        let records = dns.records(in: zone.name, at: name)
        switch request.method {
        case "GET":
            let wasEmptied = records.isEmpty && dns.version(of: zone.name) > 0
            let values = wasEmptied ? [" "] : records.map(\.value)
            return .json(
                .array(
                    values.map {
                        ["data": .string($0), "name": .string(request.path[5]), "ttl": 600, "type": "TXT"]
                    }))
        case "DELETE":
            if records.isEmpty { return failure(404, "NOT_FOUND", "no such record") }
            dns.replace(name, in: zone.name, with: [], ttlSeconds: 0)
            return .text("", status: 204)
        case "PUT":
            guard let sets = request.json?.arrayValue, !sets.isEmpty,
                sets.allSatisfy({ ($0["ttl"]?.intValue ?? 0) >= 600 && $0["data"]?.stringValue?.isEmpty == false })
            else { return failure(422, "INVALID_BODY", "Request body doesn't fulfill schema") }
            dns.replace(name, in: zone.name, with: sets.compactMap { $0["data"]?.stringValue }, ttlSeconds: 600)
            return .text("")
        default: return failure(405, "METHOD_NOT_ALLOWED", "no")
        }
    }

    private func add(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        for record in request.json?.arrayValue ?? [] {
            guard record["type"] == "TXT", let name = record["name"]?.stringValue,
                let data = record["data"]?.stringValue,
                (record["ttl"]?.intValue ?? 0) >= 600
            else { return failure(422, "INVALID_BODY", "Request body doesn't fulfill schema") }
            let full = name == "@" ? zone.name : "\(name).\(zone.name)"
            guard !dns.records(in: zone.name, at: full).contains(where: { $0.value == data }) else {
                return failure(422, "DUPLICATE_RECORD", "Another record with the same attributes already exists")
            }
            dns.add(data, at: full, in: zone.name, ttlSeconds: 600)
        }
        return .text("")
    }

    private func domains(_ request: FakeRequest) -> Response {
        let all = dns.zones
        let start =
            request.query["marker"].flatMap { marker in all.firstIndex { $0.name == marker } }.map { $0 + 1 } ?? 0
        let count = min(Int(request.query["limit"] ?? "100") ?? 100, 1000)
        return .json(
            .array(
                FakeDNS.page(all, from: start, count: count).map { ["domain": .string($0.name), "status": "ACTIVE"] }))
    }

    private func failure(_ status: Int, _ code: String, _ message: String) -> Response {
        .json(["code": .string(code), "message": .string(message)], status: status)
    }
}

extension ContractSubject {
    private static func goDaddySecrets(_ secret: String) -> [String: [String: String]] {
        ["godaddy": ["key": FakeGoDaddy.key, "secret": secret]]
    }

    static let goDaddy = ContractSubject(
        key: "godaddy", isOwn: true,
        config: ["keySecretRef": reference("godaddy", "key"), "secretSecretRef": reference("godaddy", "secret")],
        secrets: goDaddySecrets(FakeDNS.goodCredential), wrongSecrets: goDaddySecrets(FakeDNS.wrongCredential),
        restrictedSecrets: goDaddySecrets(FakeDNS.restrictedCredential), permission: "ten domains",
        limits: [.overwrites], calls: CallCounts(coldPresent: 4, warmPresent: 3, warmCleanUp: 3)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time, limits: [.init(60, 60)])
        return FakeServer(dns: dns, service: FakeGoDaddy(dns: dns))
    }
}
