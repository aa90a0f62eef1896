import DNSProviders
import HTTPTransport
import HTTPTypes
import Wire

/// Azure DNS, 2018-05-01 (learn.microsoft.com/rest/api/dns/record-sets, …/zones/list-by-resource-group), or Azure Private DNS,
/// 2020-06-01 (…/rest/api/dns/privatedns/record-sets, …/private-zones/list-by-resource-group), where other members have other
/// letters: pages by nextLink, ETags with If-Match and If-None-Match (412 PreconditionFailed), values as lists of strings of at
/// most 255 octets; 500 reads and 1,000 changes in five minutes (github.com/MicrosoftDocs/azure-docs,
/// articles/azure-resource-manager/management/request-limits-and-throttling.md). Its tokens are those of
/// login.microsoftonline.com for a client's secret (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
struct FakeAzureDNS: FakeService {
    let dns: FakeDNS
    var isPrivate = false

    private var kind: String { isPrivate ? "privateDnsZones" : "dnsZones" }
    private var version: String { isPrivate ? "2020-06-01" : "2018-05-01" }
    private var ttl: String { isPrivate ? "ttl" : "TTL" }
    private var texts: String { isPrivate ? "txtRecords" : "TXTRecords" }
    private var group: [String] {
        ["subscriptions", "sub-1", "resourceGroups", "rg-1", "providers", "Microsoft.Network", kind]
    }

    func answer(_ request: FakeRequest) -> Response {
        if request.host == "login.microsoftonline.com" { return token(request) }
        guard request.host == "management.azure.com", request.scheme == "https" else {
            return failure(404, "NotFound", "host")
        }
        let limit = request.method == "GET" ? FakeDNS.Limit(500, 300) : .init(1000, 300)
        if dns.pause([limit], of: request.method == "GET" ? "reads" : "changes") != nil {
            return failure(429, "TooManyRequests", "The request is being throttled.", [.retryAfter: "17"])
        }
        let token = String((request[header: "Authorization"] ?? "").dropFirst("Bearer ".count))
        let access = dns.access(token)
        if access == .unknown {
            return failure(401, "InvalidAuthenticationToken", "The access token is invalid: \(token)")
        }
        guard request.path.starts(with: group), request.query["api-version"] == version else {
            return failure(404, "ResourceGroupNotFound", "Resource group 'rg-2' could not be found.")
        }
        if request.path.count == 7 { return zones(request) }
        guard request.path.count == 10, request.path[8] == "TXT", let zone = dns.zone(named: request.path[7]) else {
            return failure(404, "ParentResourceNotFound", "Can not perform requested operation on nested resource.")
        }
        let name = request.path[9] == "@" ? zone.name : "\(request.path[9]).\(zone.name)"
        if request.method != "GET", access != .full {
            return failure(
                403, "AuthorizationFailed",
                "The client 'x' does not have authorization to perform action 'Microsoft.Network/\(kind)/TXT/write'")
        }
        return recordSet(request, zone, name)
    }

    private func recordSet(_ request: FakeRequest, _ zone: FakeDNS.Zone, _ name: String) -> Response {
        let records = dns.records(in: zone.name, at: name)
        let etag = "\(records.map(\.id).joined(separator: "-"))"
        switch request.method {
        case "GET":
            if records.isEmpty { return failure(404, "NotFound", "The resource record '\(name)' does not exist") }
            return .json(json(name, records.map(\.value), records[0].ttlSeconds, etag))
        case "PUT", "DELETE":
            if request[header: "If-None-Match"] == "*", !records.isEmpty { return changed }
            if let match = request[header: "If-Match"], match != etag || records.isEmpty { return changed }
            if request.method == "DELETE" {
                dns.replace(name, in: zone.name, with: [], ttlSeconds: 0)
                return .text("")
            }
            let properties = request.json?["properties"]
            guard let sets = properties?[texts]?.arrayValue, let ttl = properties?[ttl]?.intValue else {
                return failure(400, "BadRequest", "The record set is malformed")
            }
            let pieces = sets.map { ($0["value"]?.arrayValue ?? []).compactMap(\.stringValue) }
            guard pieces.allSatisfy({ $0.allSatisfy { $0.utf8.count <= 255 } && !$0.isEmpty }) else {
                return failure(400, "BadRequest", "A string of a TXT record has at most 255 characters")
            }
            dns.replace(name, in: zone.name, with: pieces.map { $0.joined() }, ttlSeconds: Int(ttl))
            return .json(json(name, pieces.map { $0.joined() }, Int(ttl), "new"), status: records.isEmpty ? 201 : 200)
        default: return failure(405, "MethodNotAllowed", "no")
        }
    }

    private var changed: Response {
        failure(
            412, "PreconditionFailed", "The condition '' in the If-Match header was not satisfied. The current was 'x'")
    }

    private func json(_ name: String, _ values: [String], _ seconds: Int, _ etag: String) -> JSONValue {
        var properties: JSONValue = ["metadata": [:], "fqdn": .string("\(name).")]
        properties[ttl] = .integer(Int64(seconds))
        properties[texts] = .array(values.map { ["value": .array(TXTText.pieces($0).map { .string($0) })] })
        return [
            "name": .string(name), "type": .string("Microsoft.Network/\(kind)/TXT"), "etag": .string(etag),
            "properties": properties,
        ]
    }

    private func zones(_ request: FakeRequest) -> Response {
        let start = Int(request.query["$skiptoken"] ?? "0") ?? 0
        let count = min(Int(request.query["$top"] ?? "100") ?? 100, 100)
        var body: JSONValue = [
            "value": .array(
                FakeDNS.page(dns.zones, from: start, count: count).map {
                    ["name": .string($0.name), "location": "global"]
                })
        ]
        if start + count < dns.zones.count {
            body["nextLink"] = .string(
                "https://management.azure.com/\(group.joined(separator: "/"))?api-version=\(version)&$top=\(count)"
                    + "&$skiptoken=\(start + count)")
        }
        return .json(body)
    }

    private func token(_ request: FakeRequest) -> Response {
        let form = request.form
        guard request.path == ["tenant-1", "oauth2", "v2.0", "token"], form["grant_type"] == "client_credentials",
            form["scope"] == "https://management.azure.com/.default", form["client_id"] == "client-1",
            dns.access(form["client_secret"] ?? "") != .unknown, let secret = form["client_secret"]
        else {
            return .json(
                [
                    "error": "invalid_client",
                    "error_description": .string(
                        "AADSTS7000215: Invalid client secret provided: '\(form["client_secret"] ?? "")'. Trace ID: "
                            + "0b9b0b4e-55a1-4f0a-8c4b-5f0d8f3a2c00 Correlation ID: 9f6b Timestamp: 2026-11-26 01:02:03Z"
                    ),
                ], status: 401)
        }
        return .json(["token_type": "Bearer", "expires_in": 3599, "access_token": .string(secret)])
    }

    private func failure(_ status: Int, _ code: String, _ message: String, _ headers: HTTPFields = [:]) -> Response {
        .json(
            ["error": ["code": .string(code), "message": .string(message)]], status: status, headers: headers)
    }
}

extension ContractSubject {
    static let azureDNS = ContractSubject(
        key: "azureDNS",
        config: [
            "clientID": "client-1", "tenantID": "tenant-1", "subscriptionID": "sub-1", "resourceGroupName": "rg-1",
            "clientSecretSecretRef": reference("azure", "secret"),
        ], secrets: secrets("azure", "secret", FakeDNS.goodCredential),
        wrongSecrets: secrets("azure", "secret", FakeDNS.wrongCredential),
        restrictedSecrets: secrets("azure", "secret", FakeDNS.restrictedCredential),
        permission: "Microsoft.Network/dnsZones/TXT/write",
        calls: CallCounts(coldPresent: 6, warmPresent: 2, warmCleanUp: 2)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time)
        return FakeServer(dns: dns, service: FakeAzureDNS(dns: dns))
    }

    static let azurePrivateDNS: ContractSubject = {
        var subject = azureDNS
        subject.variant = "private zones"
        subject.config["zoneType"] = "AzurePrivateZone"
        subject.permission = "Microsoft.Network/privateDnsZones/TXT/write"
        subject.serve = { zones, time in
            let dns = FakeDNS(zones, time: time)
            return FakeServer(dns: dns, service: FakeAzureDNS(dns: dns, isPrivate: true))
        }
        return subject
    }()
}
