import HTTPTransport
import HTTPTypes
import Synchronization
import Wire

@testable import DNSProviders

/// Namecheap's interface (www.namecheap.com/support/api/methods/domains/get-list, …/domains-dns/get-hosts, …/set-hosts,
/// …/support/api/error-codes): pages of 100 domains, all records of a domain read and written at once, every error with the
/// status 200 but one too many, which is not looked at (405), addresses that must be listed. Checked against Namecheap's own
/// library (github.com/namecheap/go-namecheap-sdk, 2026-08-14): the parts of both commands, the attributes that writing takes
/// and reading alone has, error 500000's other form, 20 requests a minute; its page on limits has 700 an hour and 8,000 a day.
final class FakeNamecheap: FakeService {
    static let address = "192.0.2.10"
    let dns: FakeDNS
    /// Records of other types, which each write must repeat: by zone, as the attributes of `host`.
    let others: Mutex<[String: [[String: String]]]>

    init(dns: FakeDNS) {
        self.dns = dns
        let records = [
            ["Name": "@", "Type": "A", "Address": "192.0.2.80", "MXPref": "10", "TTL": "1799"],
            ["Name": "@", "Type": "MX", "Address": "mail.example.net.", "MXPref": "20", "TTL": "1800"],
        ]
        others = Mutex(Dictionary(dns.zones.map { ($0.name, records) }, uniquingKeysWith: { first, _ in first }))
    }

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "api.namecheap.com", request.scheme == "https", request.path == ["xml.response"],
            request.method == "POST", request.rawQuery.isEmpty
        else { return .text("not found", status: 404) }
        guard dns.admits() else { return .text("Method Not Allowed", status: 405) }
        let form = request.form
        let access = dns.access(form["ApiKey"] ?? "")
        guard access != .unknown, form["ApiUser"] == "owner", form["UserName"] == "owner" else {
            return failure("1011102", "API Key \(form["ApiKey"] ?? "") is invalid or API access has not been enabled")
        }
        guard form["ClientIp"] == Self.address else {
            return failure("1011150", "Invalid request IP: \(form["ClientIp"] ?? "")")
        }
        if form["Command"] == "namecheap.domains.getList" { return list(form) }
        guard let zone = dns.zone(named: "\(form["SLD"] ?? "").\(form["TLD"] ?? "")") else {
            return failure("2019166", "Domain not found")
        }
        switch form["Command"] {
        case "namecheap.domains.dns.getHosts": return hosts(zone)
        case "namecheap.domains.dns.setHosts":
            guard access == .full else { return failure("1017150", "User may not perform this action from this IP") }
            return set(form, zone)
        default: return failure("1010104", "Parameter Command is invalid")
        }
    }

    private func list(_ form: [String: String]) -> Response {
        let count = min(Int(form["PageSize"] ?? "20") ?? 20, 100)
        let page = Int(form["Page"] ?? "1") ?? 1
        let domains = FakeDNS.page(dns.zones, from: (page - 1) * count, count: count).map {
            "<Domain ID=\"1\" Name=\"\($0.name)\" User=\"owner\" IsExpired=\"false\" IsOurDNS=\"true\" />"
        }
        return success(
            "<DomainGetListResult>\(domains.joined())</DomainGetListResult><Paging><TotalItems>\(dns.zones.count)</TotalItems>"
                + "<CurrentPage>\(page)</CurrentPage><PageSize>\(count)</PageSize></Paging>")
    }

    private func hosts(_ zone: FakeDNS.Zone) -> Response {
        var all = others.withLock { $0[zone.name] ?? [] }
        for record in dns.records(in: zone.name) {
            let relative = record.name == zone.name ? "@" : String(record.name.dropLast(zone.name.count + 1))
            all.append([
                "Name": relative, "Type": "TXT", "Address": record.value, "MXPref": "10", "TTL": "\(record.ttlSeconds)",
            ])
        }
        let elements = all.enumerated().map { index, host in
            "<host HostId=\"\(index)\" "
                + host.map { "\($0.key)=\"\(XMLElement.escaped($0.value))\"" }.joined(separator: " ")
                + " AssociatedAppTitle=\"\" FriendlyName=\"\" IsActive=\"true\" IsDDNSEnabled=\"false\" />"
        }
        return success(
            "<DomainDNSGetHostsResult Domain=\"\(zone.name)\" EmailType=\"MX\" IsUsingOurDNS=\"true\">\(elements.joined())"
                + "</DomainDNSGetHostsResult>")
    }

    /// What is not repeated is gone.
    private func set(_ form: [String: String], _ zone: FakeDNS.Zone) -> Response {
        var kept: [[String: String]] = []
        var texts: [(String, String)] = []
        var number = 1
        while let type = form["RecordType\(number)"], let name = form["HostName\(number)"],
            let value = form["Address\(number)"]
        {
            if type == "TXT" {
                texts.append((name == "@" ? zone.name : "\(name).\(zone.name)", value))
            } else {
                kept.append([
                    "Name": name, "Type": type, "Address": value, "MXPref": form["MXPref\(number)"] ?? "10",
                    "TTL": form["TTL\(number)"] ?? "1800",
                ])
            }
            number += 1
        }
        guard form["EmailType"] == "MX" else { return failure("2015280", "EmailType is lost") }
        others.withLock { $0[zone.name] = kept }
        for name in Set(dns.records(in: zone.name).map(\.name) + texts.map(\.0)) {
            dns.replace(name, in: zone.name, with: texts.filter { $0.0 == name }.map(\.1), ttlSeconds: 60)
        }
        return success("<DomainDNSSetHostsResult Domain=\"\(zone.name)\" IsSuccess=\"true\" />")
    }

    private func success(_ inside: String) -> Response {
        .text(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><ApiResponse Status=\"OK\" xmlns=\"http://api.namecheap.com/xml.response\">"
                + "<Errors /><CommandResponse>\(inside)</CommandResponse><Server>PHX01</Server></ApiResponse>")
    }

    private func failure(_ number: String, _ message: String) -> Response {
        .text(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><ApiResponse Status=\"ERROR\" xmlns=\"http://api.namecheap.com/xml.response\">"
                + "<Errors><Error Number=\"\(number)\">\(XMLElement.escaped(message))</Error></Errors></ApiResponse>")
    }
}

extension ContractSubject {
    static let namecheap: ContractSubject = {
        var subject = ContractSubject(
            key: "namecheap", isOwn: true,
            config: [
                "apiUser": "owner", "clientIP": .string(FakeNamecheap.address),
                "apiKeySecretRef": reference("key", "k"),
            ], secrets: secrets("key", "k", FakeDNS.goodCredential),
            wrongSecrets: secrets("key", "k", FakeDNS.wrongCredential),
            restrictedSecrets: secrets("key", "k", FakeDNS.restrictedCredential), permission: "whitelisted",
            limits: [.overwrites], calls: CallCounts(coldPresent: 6, warmPresent: 3, warmCleanUp: 3)
        ) { zones, time in
            let dns = FakeDNS(zones, time: time, limits: [.init(20, 60), .init(700, 3600), .init(8000, 86_400)])
            return FakeServer(dns: dns, service: FakeNamecheap(dns: dns))
        }
        subject.throttled = .text(
            "<ApiResponse Status=\"ERROR\"><Errors><Error Number=\"500000\">Too many requests</Error></Errors></ApiResponse>"
        )
        subject.throttledFor = .seconds(60)
        return subject
    }()
}
