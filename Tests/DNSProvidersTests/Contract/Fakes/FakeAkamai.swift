import DNSProviders
import HTTPTransport
import HTTPTypes
import PKI
import Wire

/// Akamai's Edge DNS API, version 2 (techdocs.akamai.com/edge-dns/reference): pages of zones, a record set for each name, PUT
/// by which the last writer wins. Signatures are checked as techdocs.akamai.com/developer/docs/authenticate-with-edgegrid
/// says: the field is taken apart and the signature worked out from the request that arrived. Checked against Akamai's own
/// library (github.com/akamai/AkamaiOPEN-edgegrid-golang, pkg/edgegrid/signer.go and pkg/dns, 2025-08-05): what is signed, paths,
/// statuses (201, 200, 204), parts of records, zones and problems. Pages as techdocs.akamai.com/edge-dns/reference/use-pagination
/// has them; …/reference/429 names no number of requests.
struct FakeAkamai: FakeService {
    static let clientToken = "akab-client-k3yT0ken-0123456789"
    static let accessToken = "akab-access-k3yT0ken-0123456789"
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "akab-host.luna.akamaiapis.net", request.scheme == "https" else {
            return problem(404, "Not Found", "no such host")
        }
        let access = access(of: request)
        if access == .unknown {
            return problem(401, "Not authorized", "The signature does not match for \(Self.clientToken)")
        }
        guard request.path.starts(with: ["config-dns", "v2", "zones"]) else {
            return problem(404, "Not Found", "no such path")
        }
        if request.path.count == 3 { return zones(request) }
        guard request.path.count == 8, request.path[4] == "names", request.path[6] == "types", request.path[7] == "TXT"
        else { return problem(404, "Not Found", "no such path") }
        guard let zone = dns.zone(named: request.path[3]) else {
            return problem(404, "Zone not found", request.path[3])
        }
        return recordSet(request, zone, request.path[5], access)
    }

    private func recordSet(
        _ request: FakeRequest, _ zone: FakeDNS.Zone, _ name: String, _ access: FakeDNS.Access
    ) -> Response {
        let records = dns.records(in: zone.name, at: name)
        if request.method == "GET" {
            if records.isEmpty { return problem(404, "Record not found", "no TXT at \(name)") }
            return .json(json(name, records.map(\.value), records[0].ttlSeconds))
        }
        guard access == .full else { return problem(403, "Forbidden", "The client may only read this zone") }
        switch (request.method, records.isEmpty) {
        case ("POST", false): return problem(409, "Record already exists", name)
        case ("PUT", true), ("DELETE", true): return problem(404, "Record not found", name)
        case ("DELETE", false):
            dns.replace(name, in: zone.name, with: [], ttlSeconds: 0)
            return .text("", status: 204)
        case ("POST", true), ("PUT", false):
            guard let body = request.json, body["name"]?.stringValue == name, body["type"] == "TXT",
                let ttl = body["ttl"]?.intValue, let data = body["rdata"]?.arrayValue, !data.isEmpty,
                data.allSatisfy({ $0.stringValue?.hasPrefix("\"") == true })
            else { return problem(400, "Bad Request", "the record is malformed") }
            let values = data.compactMap(\.stringValue).map(TXTText.unquoted)
            dns.replace(name, in: zone.name, with: values, ttlSeconds: Int(ttl))
            return .json(json(name, values, Int(ttl)), status: request.method == "POST" ? 201 : 200)
        default: return problem(405, "Method Not Allowed", request.method)
        }
    }

    private func json(_ name: String, _ values: [String], _ ttl: Int) -> JSONValue {
        [
            "name": .string(name), "type": "TXT", "ttl": .integer(Int64(ttl)),
            "rdata": .array(values.map { .string(TXTText.quoted($0)) }),
        ]
    }

    private func zones(_ request: FakeRequest) -> Response {
        let count = min(Int(request.query["pageSize"] ?? "25") ?? 25, 100)
        let page = Int(request.query["page"] ?? "1") ?? 1
        let shown = FakeDNS.page(dns.zones, from: (page - 1) * count, count: count)
        return .json([
            "metadata": [
                "page": .integer(Int64(page)), "pageSize": .integer(Int64(count)), "showAll": false,
                "totalElements": .integer(Int64(dns.zones.count)),
            ],
            "zones": .array(shown.map { ["zone": .string($0.name), "type": "PRIMARY", "contractId": "1-2ABCDE"] }),
        ])
    }

    private func access(of request: FakeRequest) -> FakeDNS.Access {
        let header = request[header: "Authorization"] ?? ""
        guard header.hasPrefix("EG1-HMAC-SHA256 ") else { return .unknown }
        var fields: [String: String] = [:]
        for pair in header.dropFirst("EG1-HMAC-SHA256 ".count).split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        guard fields["client_token"] == Self.clientToken, fields["access_token"] == Self.accessToken,
            let stamp = fields["timestamp"], fields["nonce"]?.isEmpty == false, let signature = fields["signature"],
            let end = header.firstRange(of: "signature=")
        else { return .unknown }
        let hash =
            request.method == "POST" && !request.body.isEmpty
            ? Base64.encode(Digest.sha256(Array(request.body.prefix(131_072)))) : ""
        let target = request.rawPath + (request.rawQuery.isEmpty ? "" : "?\(request.rawQuery)")
        let data = [
            request.method, request.scheme, request.host, target, "", hash, String(header[..<end.lowerBound]),
        ].joined(separator: "\t")
        for (secret, access) in [
            (FakeDNS.goodCredential, FakeDNS.Access.full), (FakeDNS.restrictedCredential, .restricted),
        ] {
            guard let key = try? HMAC.sha256.authenticate(Array(stamp.utf8), key: Array(secret.utf8)),
                let wanted = try? HMAC.sha256.authenticate(Array(data.utf8), key: Array(Base64.encode(key).utf8))
            else { continue }
            if Base64.encode(wanted) == signature { return access }
        }
        return .unknown
    }

    private func problem(_ status: Int, _ title: String, _ detail: String) -> Response {
        .json(
            [
                "type": "https://problems.luna.akamaiapis.net/authoritative-dns/x", "title": .string(title),
                "detail": .string(detail), "status": .integer(Int64(status)), "requestId": "1f9c2a4b8d3e4f5a6b7c8d9e",
            ], status: status)
    }
}

extension ContractSubject {
    private static func akamaiSecrets(_ secret: String) -> [String: [String: String]] {
        ["akamai": ["ct": FakeAkamai.clientToken, "cs": secret, "at": FakeAkamai.accessToken]]
    }

    static let akamai = ContractSubject(
        key: "akamai",
        config: [
            "serviceConsumerDomain": "akab-host.luna.akamaiapis.net", "clientTokenSecretRef": reference("akamai", "ct"),
            "clientSecretSecretRef": reference("akamai", "cs"), "accessTokenSecretRef": reference("akamai", "at"),
        ], secrets: akamaiSecrets(FakeDNS.goodCredential), wrongSecrets: akamaiSecrets(FakeDNS.wrongCredential),
        restrictedSecrets: akamaiSecrets(FakeDNS.restrictedCredential), permission: "READ-WRITE", limits: [.overwrites],
        calls: CallCounts(coldPresent: 6, warmPresent: 3, warmCleanUp: 3)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time)
        return FakeServer(dns: dns, service: FakeAkamai(dns: dns))
    }
}
