import HTTPTransport
import HTTPTypes
import Wire

@testable import DNSProviders

/// Route 53, 2013-04-01 (docs.aws.amazon.com/Route53/latest/APIReference: ListHostedZonesByName, ListResourceRecordSets,
/// ChangeResourceRecordSets, CommonErrors): pages of 100 zones, batches that apply whole or not at all, a DELETE that must name
/// the set exactly, a CREATE that must not find one (InvalidChangeBatch), five requests a second. Signatures are worked out
/// again from what arrived; the working-out itself is held to AWS's published vectors in `SigV4Tests`.
struct FakeRoute53: FakeService {
    static let goodID = "AKIAIOSFODNN7EXAMPLE"
    static let readerID = "AKIAREADER0NLYEXAMPLE"
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "route53.amazonaws.com", request.scheme == "https" else {
            return failure(404, "NoSuchHost", "")
        }
        guard dns.admits() else { return failure(400, "Throttling", "Rate exceeded") }
        guard let id = signer(of: request) else {
            return failure(
                403, "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.")
        }
        switch (request.method, request.path.dropFirst().first, request.path.count) {
        case ("GET", "hostedzonesbyname", 2): return zones(request)
        case (_, "hostedzone", 4) where request.path[3] == "rrset":
            guard let zone = dns.zone(id: request.path[2]) else {
                return failure(404, "NoSuchHostedZone", "No hosted zone found with ID: \(request.path[2])")
            }
            if request.method == "GET" { return sets(request, zone) }
            guard id == Self.goodID else {
                return failure(
                    403, "AccessDenied",
                    "User: arn:aws:iam::123456789012:user/reader is not authorized to perform:"
                        + " route53:ChangeResourceRecordSets on resource: arn:aws:route53:::hostedzone/\(zone.id)")
            }
            return change(request, zone)
        default: return failure(404, "InvalidPath", request.rawPath)
        }
    }

    /// The access key whose secret makes the signature that came.
    private func signer(of request: FakeRequest) -> String? {
        guard let came = request[header: "Authorization"], let stamp = request[header: "X-Amz-Date"],
            let time = Timestamp(rfc3339: Self.rfc3339(stamp)), abs((time - dns.time.now()).components.seconds) < 300
        else { return nil }
        for (id, secret) in [(Self.goodID, FakeDNS.goodCredential), (Self.readerID, FakeDNS.restrictedCredential)] {
            var again = TransportRequest(
                url: "\(request.scheme)://\(request.host)\(request.rawPath)"
                    + (request.rawQuery.isEmpty ? "" : "?\(request.rawQuery)"),
                method: .init(rawValue: request.method) ?? .get, headers: request.headers,
                body: request.body.isEmpty ? nil : request.body)
            again.headers[.authorization] = nil
            let credentials = SigV4.Credentials(accessKeyID: id, secretAccessKey: Redacted(secret), sessionToken: nil)
            try? SigV4(service: "route53", region: "us-east-1").sign(&again, with: credentials, at: time)
            if again.headers[.authorization] == came { return id }
        }
        return nil
    }

    private static func rfc3339(_ stamp: String) -> String {
        guard stamp.utf8.count == 16 else { return "" }
        let d = Array(stamp)
        return
            "\(String(d[0..<4]))-\(String(d[4..<6]))-\(String(d[6..<8]))T\(String(d[9..<11])):\(String(d[11..<13])):\(String(d[13..<15]))Z"
    }

    private func zones(_ request: FakeRequest) -> Response {
        let all = dns.zones
        let start = request.query["hostedzoneid"].flatMap { id in all.firstIndex { $0.id == id } } ?? 0
        let count = min(Int(request.query["maxitems"] ?? "100") ?? 100, 100)
        let shown = FakeDNS.page(all, from: start, count: count)
        let isTruncated = start + count < all.count
        var xml = "<ListHostedZonesByNameResponse><HostedZones>"
        for zone in shown {
            // Each zone has a private twin, which nobody outside sees.
            for (id, isPrivate) in [("P\(zone.id)", true), (zone.id, false)] {
                xml +=
                    "<HostedZone><Id>/hostedzone/\(id)</Id><Name>\(zone.name).</Name><Config>"
                    + "<PrivateZone>\(isPrivate)</PrivateZone></Config></HostedZone>"
            }
        }
        xml += "</HostedZones><IsTruncated>\(isTruncated)</IsTruncated>"
        if isTruncated {
            xml +=
                "<NextDNSName>\(all[start + count].name).</NextDNSName><NextHostedZoneId>\(all[start + count].id)</NextHostedZoneId>"
        }
        return .text(xml + "<MaxItems>\(count)</MaxItems></ListHostedZonesByNameResponse>")
    }

    /// What stands under a name: the values and their TTL.
    private func set(_ name: String, _ zone: FakeDNS.Zone) -> (values: [String], ttl: Int)? {
        let records = dns.records(in: zone.name, at: name)
        return records.first.map { (records.map(\.value), $0.ttlSeconds) }
    }

    private func sets(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        let name = String((request.query["name"] ?? "").dropLast())
        var xml = "<?xml version=\"1.0\"?>\n<ListResourceRecordSetsResponse><ResourceRecordSets>"
        if let set = set(name, zone) { xml += Self.xml(name, set.values, set.ttl) }
        // The list goes on behind the name that was asked for.
        xml += Self.xml("zzz.\(zone.name)", ["another name"], 300)
        return .text(xml + "</ResourceRecordSets><IsTruncated>false</IsTruncated></ListResourceRecordSetsResponse>")
    }

    private static func xml(_ name: String, _ values: [String], _ ttl: Int) -> String {
        let records = values.map {
            "<ResourceRecord><Value>\(XMLElement.escaped(TXTText.quoted($0)))</Value></ResourceRecord>"
        }
        return "<ResourceRecordSet><Name>\(name).</Name><Type>TXT</Type><TTL>\(ttl)</TTL><ResourceRecords>"
            + records.joined() + "</ResourceRecords></ResourceRecordSet>"
    }

    private func change(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        guard let root = XMLElement(parsing: request.body), root.name == "ChangeResourceRecordSetsRequest",
            let changes = root.first("Changes")?.all("Change"), !changes.isEmpty
        else { return failure(400, "MalformedXML", "the request is malformed") }
        var after: [String: (values: [String], ttl: Int)?] = [:]
        for change in changes {
            guard let set = change["ResourceRecordSet"], set["Type"]?.text == "TXT", let dotted = set["Name"]?.text,
                let ttl = (set["TTL"]?.text).flatMap({ Int($0) })
            else { return failure(400, "InvalidInput", "the record set is malformed") }
            let name = dotted.hasSuffix(".") ? String(dotted.dropLast()) : dotted
            let values = (set["ResourceRecords"]?.all("ResourceRecord") ?? []).compactMap { $0["Value"]?.text }.map(
                TXTText.unquoted)
            let now = after[name] ?? self.set(name, zone)
            switch change["Action"]?.text {
            case "DELETE":
                guard let now, now.values == values, now.ttl == ttl else {
                    return invalid(
                        "Tried to delete resource record set [name='\(dotted)', type='TXT'] but the values provided do not match the current values"
                    )
                }
                after[name] = .some(nil)
            case "CREATE":
                guard now == nil else {
                    return invalid(
                        "Tried to create resource record set [name='\(dotted)', type='TXT'] but it already exists")
                }
                after[name] = (values, ttl)
            default: return failure(400, "InvalidInput", "the action is unknown")
            }
        }
        for (name, set) in after {
            dns.replace(name, in: zone.name, with: set?.values ?? [], ttlSeconds: set?.ttl ?? 0)
        }
        return .text(
            "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status></ChangeInfo>"
                + "</ChangeResourceRecordSetsResponse>")
    }

    private func invalid(_ message: String) -> Response { failure(400, "InvalidChangeBatch", "[\(message)]") }

    private func failure(_ status: Int, _ code: String, _ message: String) -> Response {
        .text(
            "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error><Type>Sender</Type>"
                + "<Code>\(code)</Code><Message>\(XMLElement.escaped(message))</Message></Error>"
                + "<RequestId>b25f48e8-84fd-11e6-80d9-574e0c4664cb</RequestId></ErrorResponse>", status: status)
    }
}

extension ContractSubject {
    private static func awsSecrets(_ id: String, _ secret: String) -> [String: [String: String]] {
        ["aws": ["id": id, "key": secret]]
    }

    static let route53 = ContractSubject(
        key: "route53",
        config: [
            "region": "us-east-1", "accessKeyIDSecretRef": reference("aws", "id"),
            "secretAccessKeySecretRef": reference("aws", "key"),
        ], secrets: awsSecrets(FakeRoute53.goodID, FakeDNS.goodCredential),
        wrongSecrets: awsSecrets(FakeRoute53.goodID, FakeDNS.wrongCredential),
        restrictedSecrets: awsSecrets(FakeRoute53.readerID, FakeDNS.restrictedCredential),
        permission: "route53:ChangeResourceRecordSets",
        calls: CallCounts(coldPresent: 5, warmPresent: 2, warmCleanUp: 2)
    ) { zones, time in
        let dns = FakeDNS(zones, time: time, limits: [.init(5, 1)])
        return FakeServer(dns: dns, service: FakeRoute53(dns: dns))
    }
}
