import HTTPTransport
import HTTPTypes
import Wire

/// Porkbun's API, version 3, as porkbun.com/api/json/v3/documentation describes it: everything is a POST with both keys in the
/// body, lists of 1,000 domains, `status` SUCCESS or ERROR with a message, mostly a code, and the HTTP status 400. Checked
/// against the provider's own description (porkbun.com/api/json/v3/spec, version 3.0 of 2026-05: authentication, error codes,
/// listAll, retrieveByNameType, create, delete), which names no number of requests for any of these.
struct FakePorkbun: FakeService {
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "api.porkbun.com", request.path.starts(with: ["api", "json", "v3"]),
            request.method == "POST"
        else { return failure("METHOD_NOT_ALLOWED", "Invalid endpoint.") }
        let body = request.json ?? [:]
        let key = body["apikey"]?.stringValue ?? ""
        let access = dns.access(key)
        guard access != .unknown, body["secretapikey"] == "Secret-k3yT0ken-4714-zyxwvu" else {
            return failure("INVALID_API_KEYS_001", "Invalid API key. (\(key))")
        }
        let route = Array(request.path.dropFirst(3))
        if route == ["domain", "listAll"] {
            let start = Int(body["start"]?.stringValue ?? "0") ?? 0
            let domains = FakeDNS.page(dns.zones, from: start, count: 1000)
            return success(["domains": .array(domains.map { ["domain": .string($0.name), "status": "ACTIVE"] })])
        }
        guard route.count >= 3, route[0] == "dns", let zone = dns.zone(named: route[2]) else {
            return failure("INVALID_DOMAIN", "Invalid domain.")
        }
        guard access == .full else { return failure(nil, "Domain is not opted in to API access.") }
        switch route[1] {
        case "retrieveByNameType" where route.count >= 4 && route[3] == "TXT":
            let name = route.count > 4 ? "\(route[4]).\(zone.name)" : zone.name
            return success([
                "records": .array(
                    dns.records(in: zone.name, at: name).map { record in
                        [
                            "id": .string(record.id), "name": .string(record.name), "type": "TXT",
                            "content": .string(record.value), "ttl": "600",
                        ]
                    })
            ])
        case "create":
            guard body["type"] == "TXT", let name = body["name"]?.stringValue,
                let content = body["content"]?.stringValue
            else { return failure("INVALID_TYPE", "Create error: We were unable to create the DNS record.") }
            let full = name.isEmpty ? zone.name : "\(name).\(zone.name)"
            return success(["id": .string(dns.add(content, at: full, in: zone.name, ttlSeconds: 600).id)])
        case "delete" where route.count == 4:
            return dns.remove(id: route[3]) ? success([:]) : failure("INVALID_RECORD_ID", "That record is not there.")
        default: return failure("METHOD_NOT_ALLOWED", "Invalid endpoint.")
        }
    }

    private func success(_ body: JSONValue) -> Response {
        var body = body
        body["status"] = "SUCCESS"
        return .json(body)
    }

    private func failure(_ code: String?, _ message: String) -> Response {
        var body: JSONValue = ["status": "ERROR", "message": .string(message)]
        if let code { body["code"] = .string(code) }
        return .json(body, status: 400)
    }
}

extension ContractSubject {
    private static func porkbunSecrets(_ key: String) -> [String: [String: String]] {
        ["porkbun": ["key": key, "secret": "Secret-k3yT0ken-4714-zyxwvu"]]
    }

    static let porkbun = ContractSubject(
        key: "porkbun", isOwn: true,
        config: [
            "apiKeySecretRef": reference("porkbun", "key"), "secretAPIKeySecretRef": reference("porkbun", "secret"),
        ], secrets: porkbunSecrets(FakeDNS.goodCredential), wrongSecrets: porkbunSecrets(FakeDNS.wrongCredential),
        restrictedSecrets: porkbunSecrets(FakeDNS.restrictedCredential), permission: "API access",
        calls: CallCounts(coldPresent: 3, warmPresent: 2, warmCleanUp: 2)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time)
        return FakeServer(dns: dns, service: FakePorkbun(dns: dns))
    }
}
