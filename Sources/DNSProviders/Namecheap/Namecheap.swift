package import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// Namecheap (www.namecheap.com/support/api/methods, "domains" and "domains.dns").
///
/// The interface knows only all records of a domain at once: each write repeats them all, every attribute included, is
/// refused where reading gave none or other name servers are in use, and is looked after (`SharedEdit`).
///
/// There is no least privilege: a key may do everything in the account, from addresses that are listed there. Better to lead
/// `_acme-challenge` elsewhere by a CNAME.
package struct Namecheap: OwnDNSProvider {
    package static let key = "namecheap"
    package static let fields = ["apiUser", "apiKeySecretRef", "clientIP", "sandbox"]

    package struct Config: Decodable, Sendable, Hashable {
        package var apiUser: String
        package var apiKeySecretRef: SecretKeySelector
        /// The IPv4 address that requests come from, which the account lists.
        package var clientIP: String
        package var sandbox: Bool?
    }

    /// 20 requests a minute, 700 an hour and 8,000 a day for each key: the lowest of what Namecheap's own library
    /// (github.com/namecheap/go-namecheap-sdk) and its pages (…/support/knowledgebase/article.aspx/9739) say.
    private static let paces = [
        Pace(20, per: .seconds(60)), Pace(700, per: .seconds(3600)), Pace(8000, per: .seconds(86_400)),
    ]
    private static let pauseWhenLimited = Duration.seconds(60)
    static let ttlSeconds = 60

    private let api: ProviderAPI
    private let context: ProviderContext
    private let common: [(String, String)]

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if config.apiUser.isEmpty { problems.append(.required(path["apiUser"])) }
        let parts = config.clientIP.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count != 4 || !parts.allSatisfy({ UInt8($0) != nil }) {
            problems.append(
                .invalid(path["clientIP"], config.clientIP, "must be the IPv4 address that requests come from"))
        }
        return problems + config.apiKeySecretRef.problems(at: path["apiKeySecretRef"])
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        let key = try await context.text(of: config.apiKeySecretRef, in: "apiKeySecretRef")
        self.context = context
        common = [
            ("ApiUser", config.apiUser), ("ApiKey", key.reveal()), ("UserName", config.apiUser),
            ("ClientIp", config.clientIP),
        ]
        api = ProviderAPI(
            "Namecheap", base: "https://api.\(config.sandbox == true ? "sandbox." : "")namecheap.com/xml.response",
            in: context, secrets: [key], scope: [config.apiUser], paces: Self.paces
        ) { _ in }
    }

    package func present(_ record: TXTRecord) async throws(DNSProviderError) {
        try await edit(record.name) { hosts, relative in
            if hosts.contains(where: { $0.isTXT(relative, record.value) }) { return nil }
            return hosts + [NamecheapHost(name: relative, txt: record.value)]
        }
    }

    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) {
        try await edit(record.name) { hosts, relative in
            let rest = hosts.filter { !$0.isTXT(relative, record.value) }
            return rest.count == hosts.count ? nil : rest
        }
    }

    /// One errand at a time, and again where others wrote at the same moment.
    private func edit(
        _ name: DNSName, _ change: @Sendable ([NamecheapHost], String) -> [NamecheapHost]?
    ) async throws(DNSProviderError) {
        let zone = try await zone(of: name)
        let relative = zone.relative(name).isEmpty ? "@" : zone.relative(name)
        // The account, not the domain: so few requests are allowed that errands of other domains would come between
        // reading and writing.
        let edit = SharedEdit(
            turn: api.account.text, noticesConflicts: false, provider: api.provider, context: context,
            turnToWrite: api.turnToWrite())
        try await edit.run(
            read: { () async throws(DNSProviderError) in try await read(zone) },
            change: { (held) throws(DNSProviderError) in
                guard let wanted = change(held.hosts, relative) else { return nil }
                guard !held.hosts.isEmpty else {
                    throw .refused(
                        provider: api.provider,
                        detail:
                            "\(zone.name.text) has no records at all, as far as the interface tells; writing one could"
                            + " remove what it does not tell. Make one record by hand first")
                }
                return wanted
            },
            write: { (wanted, held) async throws(DNSProviderError) in try await write(wanted, held.mail, zone) })
    }

    private func zone(of name: DNSName) async throws(DNSProviderError) -> ProviderZone {
        let needs = "an account that holds the domain"
        return try await api.zone(of: name, needs: needs) { () async throws(DNSProviderError) in
            try await api.pages(from: 1) { page throws(DNSProviderError) in
                let answer = try await call(
                    "namecheap.domains.getList", [("PageSize", "100"), ("Page", String(page))], "list the domains")
                let domains = try api.need(answer.first("DomainGetListResult"), "DomainGetListResult").all("Domain")
                let total = (answer.first("Paging")?["TotalItems"]?.text).flatMap { Int($0) } ?? 0
                let zones = domains.compactMap { $0.attributes["Name"].flatMap { ProviderZone($0) } }
                return (zones, page * 100 < total ? page + 1 : nil)
            }
        }
    }

    private func read(_ zone: ProviderZone) async throws(DNSProviderError) -> (hosts: [NamecheapHost], mail: String) {
        let answer = try await call("namecheap.domains.dns.getHosts", split(zone), "read the records")
        let result = try api.need(answer.first("DomainDNSGetHostsResult"), "DomainDNSGetHostsResult")
        guard result.attributes["IsUsingOurDNS"]?.lowercased() == "true" else {
            throw .refused(
                provider: api.provider,
                detail: "\(zone.name.text) does not use Namecheap's name servers (BasicDNS or PremiumDNS)")
        }
        let hosts = result.children.filter { $0.name.lowercased() == "host" }
        return (hosts.map { NamecheapHost(attributes: $0.attributes) }, result.attributes["EmailType"] ?? "")
    }

    private func write(
        _ hosts: [NamecheapHost], _ mail: String, _ zone: ProviderZone
    ) async throws(DNSProviderError) {
        var fields = split(zone)
        if !mail.isEmpty { fields.append(("EmailType", mail)) }
        for (index, host) in hosts.enumerated() { fields += host.fields(number: index + 1) }
        let answer = try await call(
            "namecheap.domains.dns.setHosts", fields, "write the records", hasTurn: true)
        guard answer.first("DomainDNSSetHostsResult")?.attributes["IsSuccess"]?.lowercased() == "true" else {
            throw .refused(provider: api.provider, detail: "the records were not written")
        }
    }

    private func split(_ zone: ProviderZone) -> [(String, String)] {
        let name = zone.name.text
        let label = name.prefix { $0 != "." }
        return [("SLD", String(label)), ("TLD", String(name.dropFirst(label.count + 1)))]
    }

    /// Everything goes in the body, so that no proxy writes the key down.
    private func call(
        _ command: String, _ fields: [(String, String)], _ doing: String, hasTurn: Bool = false
    ) async throws(DNSProviderError) -> XMLElement {
        let form = (common + [("Command", command)] + fields).map { "\($0.0)=\($0.1.escapedForPath)" }
            .joined(separator: "&")
        let answer = try await api.send(
            TransportRequest(
                url: api.base, method: .post, headers: [.contentType: "application/x-www-form-urlencoded"],
                body: Array(form.utf8)), hasTurn: hasTurn)
        let purpose = ProviderAPI.Purpose(
            doing, needs: "API access, and this address among the account's whitelisted IPs")
        // Where the interface does not even look at a request, it answers so.
        if answer.status == 405 { throw api.limited(for: Self.pauseWhenLimited) }
        guard answer.isSuccess else { throw api.failure(answer, for: purpose) }
        let root = try api.need(XMLElement(parsing: answer.body), "XML")
        guard root.name == "ApiResponse" else { throw api.malformed("the element \(root.name)") }
        guard root.attributes["Status"] == "OK" else { throw failure(root, purpose) }
        return root
    }

    /// Numbers of errors (…/support/api/error-codes): all of them come with the status 200.
    private func failure(_ root: XMLElement, _ purpose: ProviderAPI.Purpose) -> DNSProviderError {
        let error = root["Errors"]?["Error"]
        let said = api.clean(error?.text ?? "")
        switch error?.attributes["Number"] {
        case "1010101", "1010102", "1011102", "1011101", "1010104":
            return .wrongCredentials(provider: api.provider, detail: said)
        case "1011150", "1011148", "1010105", "1017150", "1017105":
            return .missingPermission(
                provider: api.provider, doing: purpose.doing, needs: purpose.needs, detail: said)
        case "500000": return api.limited(for: Self.pauseWhenLimited)
        case "5050900", "5050169", "5019169", "3050900", "3031510":
            return .unreachable(provider: api.provider, detail: said)
        default: return .refused(provider: api.provider, detail: said)
        }
    }
}

/// A record of a domain with everything that writing it again needs.
struct NamecheapHost: Sendable, Hashable {
    var attributes: [String: String]

    init(attributes: [String: String]) { self.attributes = attributes }

    init(name: String, txt: String) {
        attributes = ["Name": name, "Type": "TXT", "Address": txt, "TTL": "\(Namecheap.ttlSeconds)"]
    }

    func isTXT(_ name: String, _ value: String) -> Bool {
        attributes["Type"] == "TXT" && attributes["Name"]?.lowercased() == name
            && TXTText.unquoted(attributes["Address"] ?? "") == value
    }

    /// As setHosts wants it (…/support/api/methods/domains-dns/set-hosts).
    func fields(number: Int) -> [(String, String)] {
        var fields = [
            ("HostName\(number)", attributes["Name"] ?? ""), ("RecordType\(number)", attributes["Type"] ?? ""),
            ("Address\(number)", attributes["Address"] ?? ""), ("TTL\(number)", attributes["TTL"] ?? "1800"),
        ]
        if let preference = attributes["MXPref"], !preference.isEmpty { fields.append(("MXPref\(number)", preference)) }
        return fields
    }
}
