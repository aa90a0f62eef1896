import HTTPTransport
import HTTPTypes
import PKI
import Wire

/// A user's own service as docs/dns/http.md describes it, signatures checked.
struct FakeHTTPService: FakeService {
    let dns: FakeDNS

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "dns.example.org", request.path == ["hook"], request.method == "POST" else {
            return .text("", status: 404)
        }
        guard let stamp = request[header: "Certwright-Timestamp"], let seconds = Int64(stamp),
            abs(seconds - dns.time.now().secondsSince1970) < 300,
            let wanted = try? HMAC.sha256.authenticate(
                Array("\(stamp).".utf8) + request.body, key: Array(FakeDNS.goodCredential.utf8)),
            request[header: "Certwright-Signature"] == "sha256=\(Hex.encode(wanted))"
        else { return .json(["error": "the signature is wrong"], status: 401) }
        guard let action = request.json?["action"]?.stringValue,
            let name = request.json?["fqdn"]?.stringValue?.dropLast(),
            let value = request.json?["value"]?.stringValue
        else { return .json(["error": "malformed"], status: 400) }
        let stored = dns.records(in: "all").filter { $0.name == String(name) && $0.value == value }
        if action == "present", stored.isEmpty { dns.add(value, at: String(name), in: "all") }
        if action == "cleanup" { for record in stored { dns.remove(id: record.id) } }
        return .json([:])
    }
}

extension ContractSubject {
    static let http = ContractSubject(
        key: "http", isOwn: true,
        config: ["url": "https://dns.example.org/hook", "hmacSecretRef": reference("key", "k")],
        secrets: secrets("key", "k", FakeDNS.goodCredential),
        wrongSecrets: secrets("key", "k", FakeDNS.wrongCredential),
        limits: [.noZones, .noRestriction], calls: CallCounts(coldPresent: 1, warmPresent: 1, warmCleanUp: 1)
    ) { _, time in
        let dns = FakeDNS(["example.com"], time: time)
        return FakeServer(dns: dns, service: FakeHTTPService(dns: dns))
    }
}
