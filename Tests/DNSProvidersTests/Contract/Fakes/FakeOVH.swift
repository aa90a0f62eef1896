import DNSProviders
import HTTPTransport
import HTTPTypes
import PKI
import Synchronization
import Wire

/// OVHcloud's API, version 1.0, as api.ovh.com/console describes /domain/zone, and help.ovhcloud.com ("First steps with the OVHcloud
/// APIs") the signature: targets in quotes, lists of ids, nothing published before a refresh, errors with a code. Endpoints and
/// signature checked against OVH's own library (github.com/ovh/go-ovh, ovh/ovh.go, 2025-08-25), codes of errors against what
/// people were answered (acmesh-official/acme.sh#1145, rmbolger/Posh-ACME#537); neither names a number of requests.
final class FakeOVH: FakeService {
    static let application = "App-k3y-4715-mnbvcx"
    static let secret = "AppS3cret-k3yT0ken-4716-lkjhgf"
    let dns: FakeDNS
    /// Zones that were changed and not refreshed.
    private let unpublished = Mutex<Set<String>>([])

    init(dns: FakeDNS) { self.dns = dns }

    var hasUnpublished: Bool { unpublished.withLock { !$0.isEmpty } }

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "eu.api.ovh.com", request.path.first == "1.0" else {
            return failure(404, "NOT_FOUND", "Got an invalid (or empty) URL")
        }
        let consumer = request[header: "X-Ovh-Consumer"] ?? ""
        let access = dns.access(consumer)
        guard request[header: "X-Ovh-Application"] == Self.application else {
            return failure(403, "INVALID_KEY", "This application key is invalid")
        }
        guard access != .unknown else {
            return failure(403, "INVALID_CREDENTIAL", "This credential is not valid: \(consumer)")
        }
        guard let time = request[header: "X-Ovh-Timestamp"], let seconds = Int64(time),
            abs(seconds - dns.time.now().secondsSince1970) < 30
        else { return failure(400, "QUERY_TIME_OUT", "Query out of time") }
        guard request[header: "X-Ovh-Signature"] == signature(request, consumer, time) else {
            return failure(400, "INVALID_SIGNATURE", "Invalid signature")
        }
        return route(request, Array(request.path.dropFirst()), access)
    }

    private func signature(_ request: FakeRequest, _ consumer: String, _ time: String) -> String {
        let url = "https://\(request.host)\(request.rawPath)" + (request.rawQuery.isEmpty ? "" : "?\(request.rawQuery)")
        let body = String(decoding: request.body, as: UTF8.self)
        let text = "\(Self.secret)+\(consumer)+\(request.method)+\(url)+\(body)+\(time)"
        return "$1$" + Hex.encode(Digest.sha1(Array(text.utf8)))
    }

    private func route(_ request: FakeRequest, _ path: [String], _ access: FakeDNS.Access) -> Response {
        guard path.starts(with: ["domain", "zone"]) else { return failure(404, "NOT_FOUND", "Got an invalid URL") }
        if path.count == 2 { return .json(.array(dns.zones.map { .string($0.name) })) }
        guard let zone = dns.zone(named: path[2]), path.count >= 4 else {
            return failure(404, "NOT_FOUND", "This service does not exist")
        }
        if request.method != "GET", access != .full {
            return failure(403, "NOT_GRANTED_CALL", "This call has not been granted")
        }
        switch (request.method, path[3], path.count) {
        case ("POST", "refresh", 4):
            unpublished.withLock { _ = $0.remove(zone.name) }
            return .json(.null)
        case ("GET", "record", 4):
            let name = request.query["subDomain"] ?? ""
            let full = name.isEmpty ? zone.name : "\(name).\(zone.name)"
            return .json(.array(dns.records(in: zone.name, at: full).map { .integer(Int64($0.id) ?? 0) }))
        case ("GET", "record", 5):
            guard let record = dns.record(id: path[4]), record.zone == zone.name else {
                return failure(404, "NOT_FOUND", "This service does not exist")
            }
            return .json([
                "id": .integer(Int64(record.id) ?? 0), "fieldType": "TXT", "zone": .string(zone.name),
                "target": .string(TXTText.quoted(record.value)), "ttl": .integer(Int64(record.ttlSeconds)),
            ])
        case ("POST", "record", 4): return create(request, zone)
        case ("DELETE", "record", 5):
            guard dns.remove(id: path[4]) else { return failure(404, "NOT_FOUND", "This service does not exist") }
            unpublished.withLock { _ = $0.insert(zone.name) }
            return .json(.null)
        default: return failure(404, "NOT_FOUND", "Got an invalid URL")
        }
    }

    private func create(_ request: FakeRequest, _ zone: FakeDNS.Zone) -> Response {
        guard let body = request.json, body["fieldType"] == "TXT", let name = body["subDomain"]?.stringValue,
            let target = body["target"]?.stringValue, let ttl = body["ttl"]?.intValue, ttl >= 60
        else { return failure(400, "INVALID_ARGUMENT", "a field is not valid") }
        let full = name.isEmpty ? zone.name : "\(name).\(zone.name)"
        let record = dns.add(TXTText.unquoted(target), at: full, in: zone.name, ttlSeconds: Int(ttl))
        unpublished.withLock { _ = $0.insert(zone.name) }
        return .json(["id": .integer(Int64(record.id) ?? 0)])
    }

    private func failure(_ status: Int, _ code: String, _ message: String) -> Response {
        .json(
            [
                "class": .string(status == 403 ? "Client::Forbidden" : "Client::BadRequest"),
                "errorCode": .string(code),
                "message": .string(message), "httpCode": .string("\(status)"),
            ], status: status)
    }
}

extension ContractSubject {
    static func ovhSecrets(_ consumer: String) -> [String: [String: String]] {
        ["ovh": ["application": FakeOVH.application, "secret": FakeOVH.secret, "consumer": consumer]]
    }

    static let ovh = ContractSubject(
        key: "ovh", isOwn: true,
        config: [
            "applicationKeySecretRef": reference("ovh", "application"),
            "applicationSecretSecretRef": reference("ovh", "secret"),
            "consumerKeySecretRef": reference("ovh", "consumer"),
        ], secrets: ovhSecrets(FakeDNS.goodCredential), wrongSecrets: ovhSecrets(FakeDNS.wrongCredential),
        restrictedSecrets: ovhSecrets(FakeDNS.restrictedCredential), permission: "/domain/zone/ZONE/record*",
        calls: CallCounts(coldPresent: 4, warmPresent: 4, warmCleanUp: 5), callsToCleanUpAlone: 4
    ) { zones, time in
        let dns = FakeDNS(zones, time: time)
        return FakeServer(dns: dns, service: FakeOVH(dns: dns))
    }
}
