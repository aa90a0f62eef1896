package import CertificateAPI
import DNSWire
import HTTPTransport
import HTTPTypes
import KubeModel
import Wire

/// acme-dns (github.com/joohoi/acme-dns, "API" in its README): a server that answers nothing but challenges.
///
/// The Secret holds the accounts by domain, as cert-manager and acme-dns clients keep them. A domain without one is
/// registered, and the account is added there. The server keeps the last two values of an account and removes none.
///
/// Least privilege: by design an account can change its own record and nothing else.
package struct ACMEDNS: DNSProvider {
    package static let key = "acmeDNS"
    package static let home = RecordHome.account

    /// The fields of `dns01.acmeDNS`.
    package struct Config: Decodable, Sendable, Hashable {
        package var host: String
        package var accountSecretRef: SecretKeySelector
    }

    private let config: Config
    private let context: ProviderContext
    private let accounts: AccountBook
    private let base: String

    package static func problems(in config: Config, at path: FieldPath) -> [FieldProblem] {
        guard url(config.host) == nil else { return [] }
        return [.invalid(path["host"], config.host, "must be an http or https URL, such as https://auth.example.org")]
    }

    /// cert-manager takes a bare host as well and speaks https to it.
    private static func url(_ host: String) -> String? {
        let url = host.contains("://") ? host : "https://\(host)"
        guard HTTPAddress(url: url) != nil, !url.contains("?"), !url.contains("#") else { return nil }
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    package init(_ config: Config, in context: ProviderContext) async throws(DNSProviderError) {
        guard let base = Self.url(config.host) else { throw .invalid(Self.problems(in: config, at: context.path)) }
        self.config = config
        self.context = context
        self.base = base
        accounts = try await AccountBook.read(config.accountSecretRef, in: context)
    }

    package func present(_ record: TXTRecord) async throws(DNSProviderError) {
        let domain = domain(of: record)
        var account = accounts.find(domain, target: record.name)
        if account == nil { account = try await register(domain) }
        guard let account else { return }
        try await checkAlias(of: record.name, to: account)
        let api = api(account)
        // One errand of an account at a time: a third value at the same moment would push out the first.
        try await context.memory.turns.run(api.account.text) { () async throws(DNSProviderError) in
            let answer = try await api.call(
                .post, "/update", ["subdomain": .string(account.subdomain), "txt": .string(record.value)],
                for: .init(
                    "set the record", needs: "an account of this server, and an address that its allowfrom lists"),
                accepting: [400, 401])
            try check(answer, api)
        }
    }

    /// The server has no way to remove a value; the next two push it out.
    package func cleanUp(_ record: TXTRecord) async throws(DNSProviderError) {}

    private func check(_ answer: APIAnswer, _ api: ProviderAPI) throws(DNSProviderError) {
        if answer.isSuccess {
            _ = try api.need(try answer.json()["txt"]?.stringValue, "txt")
            return
        }
        let said = (try? answer.json())?["error"]?.stringValue ?? answer.message ?? ""
        if answer.status == 401 { throw .wrongCredentials(provider: api.provider, detail: api.clean(said)) }
        throw .refused(provider: api.provider, detail: api.clean(said))
    }

    private func domain(of record: TXTRecord) -> String {
        if !context.challenge.dnsName.isEmpty { return context.challenge.dnsName }
        let name = record.name.text
        return name.hasPrefix("_acme-challenge.") ? String(name.dropFirst("_acme-challenge.".count)) : name
    }

    private func api(_ account: Account) -> ProviderAPI {
        ProviderAPI(
            "acme-dns", base: base, in: context, secrets: [account.username, account.password]
        ) { request in
            request.headers[.apiUser] = account.username.reveal()
            request.headers[.apiKey] = account.password.reveal()
        }
    }

    private func register(_ domain: String) async throws(DNSProviderError) -> Account {
        let open = ProviderAPI("acme-dns", base: base, in: context, secrets: []) { _ in }
        return try await context.memory.turns.run("acme-dns register \(base) \(domain)") {
            () async throws(DNSProviderError) in
            // Another errand may have done it meanwhile.
            let accounts = try await AccountBook.read(config.accountSecretRef, in: context)
            if let account = accounts.find(domain, target: nil) { return account }
            let answer = try await open.call(
                .post, "/register", [:],
                for: .init("register \(domain)", needs: "a server with registration switched on"))
            let account = try open.need(Account(try answer.json()), "account")
            try await accounts.add(account, for: domain, in: context)
            return account
        }
    }

    /// An alias that is plainly not there is said at once; where DNS says anything else, the check of the record tells.
    private func checkAlias(of name: DNSName, to account: Account) async throws(DNSProviderError) {
        guard let target = try? DNSName(account.fullDomain), target != name,
            let answer = try? await context.resolver.query(name, .txt), answer.answers.isEmpty
        else { return }
        throw .aliasMissing(provider: "acme-dns", name: name, target: target)
    }
}

extension HTTPField.Name {
    fileprivate static let apiUser = HTTPField.Name("X-Api-User")!  // a legal field name
    fileprivate static let apiKey = HTTPField.Name("X-Api-Key")!  // a legal field name
}
