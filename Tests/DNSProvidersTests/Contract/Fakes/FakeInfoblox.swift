import DNSProviders
import HTTPTransport
import HTTPTypes
import Synchronization
import Wire

/// Infoblox NIOS as its WAPI documentation describes record:txt: a reference for each object, paging with _page_id, an error text and
/// code, the zone found by the grid. It has two views, and only one is looked into. Pages checked against Infoblox' own library
/// (github.com/infobloxopen/infoblox-client, infoblox_client/connector.py, 2024-12-18), errors against what grids have answered
/// (Infoblox-Development/Infoblox-API-Python#30, infobloxopen/terraform-provider-infoblox#517). A grid has no limit of requests.
struct FakeInfoblox: FakeService {
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "grid.example.com", request.path.starts(with: ["wapi", "v2.10"]), request.path.count >= 3
        else { return .text("<html>Not Found</html>", status: 404) }
        let basic = request[header: "Authorization"] ?? ""
        let pair = Base64.decode(String(basic.dropFirst("Basic ".count))).map { String(decoding: $0, as: UTF8.self) }
        let password = String((pair ?? "").dropFirst("certwright:".count))
        let access = dns.access(password)
        guard access != .unknown, pair?.hasPrefix("certwright:") == true else {
            return .text("<html>Authorization Required</html>", status: 401)
        }
        let route = Array(request.path.dropFirst(2))
        guard route[0] == "record:txt" else { return failure(400, "Client.Ibap.Proto", "Unknown object type") }
        switch request.method {
        case "GET": return list(request)
        case _ where access != .full:
            return failure(
                403, "Client.Ibap.Data",
                "AdmConProtoError: Write permission for the TXT record is required for this operation.")
        case "POST": return create(request)
        case "DELETE" where route.count == 2:
            return dns.remove(id: route[1])
                ? .json(.string("record:txt/\(route[1])"))
                : failure(404, "Client.Ibap.Data.NotFound", "AdmConDataNotFoundError: Reference not found")
        default: return failure(400, "Client.Ibap.Proto", "Unknown request")
        }
    }

    private func list(_ request: FakeRequest) -> Response {
        guard request.query["view"] == "internal", let name = request.query["name"] else {
            return .json(["result": []])
        }
        let records = dns.state.withLock { $0.records.filter { $0.name == name } }
        let size = Int(request.query["_max_results"] ?? "1000") ?? 1000
        let start = Int(request.query["_page_id"] ?? "0") ?? 0
        var body: JSONValue = [
            "result": .array(
                FakeDNS.page(records, from: start, count: size).map { record in
                    [
                        "_ref": .string("record:txt/\(record.id):\(record.name)/internal"),
                        "text": .string(TXTText.quoted(record.value)),
                    ]
                })
        ]
        if start + size < records.count { body["next_page_id"] = .string("\(start + size)") }
        return .json(body)
    }

    private func create(_ request: FakeRequest) -> Response {
        guard let body = request.json, let name = body["name"]?.stringValue, let text = body["text"]?.stringValue,
            body["view"] == "internal", body["use_ttl"] == true, let ttl = body["ttl"]?.intValue
        else { return failure(400, "Client.Ibap.Proto", "AdmConProtoError: Field is required") }
        let value = TXTText.unquoted(text)
        guard value.utf8.count <= 512 else { return failure(400, "Client.Ibap.Data", "The text is too long") }
        guard let zone = dns.zone(holding: name) else {
            return failure(
                400, "Client.Ibap.Data.Conflict",
                "AdmConDataError: None (IBDataConflictError: IB.Data.Conflict:The action is not allowed. A parent was not found.)"
            )
        }
        if dns.records(in: zone.name, at: name).contains(where: { $0.value == value }) {
            return failure(
                400, "Client.Ibap.Data.Conflict",
                "AdmConDataError: None (IBDataConflictError: IB.Data.Conflict:The record '\(name)' already exists.)")
        }
        let record = dns.add(value, at: name, in: zone.name, ttlSeconds: Int(ttl))
        return .json(.string("record:txt/\(record.id):\(name)/internal"), status: 201)
    }

    private func failure(_ status: Int, _ code: String, _ text: String) -> Response {
        .json(["Error": .string(text), "code": .string(code), "text": .string(text)], status: status)
    }
}

extension ContractSubject {
    private static func infobloxSecrets(_ password: String) -> [String: [String: String]] {
        ["grid": ["username": "certwright", "password": password]]
    }

    static let infoblox = ContractSubject(
        key: "infoblox", isOwn: true,
        config: [
            "host": "grid.example.com", "view": "internal", "usernameSecretRef": reference("grid", "username"),
            "passwordSecretRef": reference("grid", "password"),
        ], secrets: infobloxSecrets(FakeDNS.goodCredential), wrongSecrets: infobloxSecrets(FakeDNS.wrongCredential),
        restrictedSecrets: infobloxSecrets(FakeDNS.restrictedCredential), permission: "Read/Write on TXT records",
        limits: [.noZones],
        calls: CallCounts(coldPresent: 2, warmPresent: 2, warmCleanUp: 2)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time)
        return FakeServer(dns: dns, service: FakeInfoblox(dns: dns))
    }
}
