import HTTPTransport
import HTTPTypes
import Synchronization
import Wire

/// acme-dns as its README ("Usage", "API") and source (github.com/joohoi/acme-dns, api.go) describe it: accounts with a password,
/// updates of exactly 43 characters, the last two values kept. Checked against that source (api.go, auth.go, validation.go,
/// 2024-12-15): statuses, words of errors, and no limit of requests.
final class FakeACMEDNS: FakeService, ContractServer {
    struct Account: Sendable {
        var password: String
        var subdomain: String
        /// The newest last.
        var values: [String] = []
    }

    private let accounts = Mutex<[String: Account]>([
        "user-www": Account(password: FakeDNS.goodCredential, subdomain: "d420c923-bbd7-4056-ab64-c3ca54c9b3cf")
    ])
    private let registered = Mutex(0)

    var transport: any HTTPTransport { FakeTransport(service: self) }
    var refusedCount: Int { 0 }
    func values(at name: String) async throws -> [String] {
        accounts.withLock { $0["user-www"]?.values.sorted() ?? [] }
    }
    func zone(holdingRecordsOf name: String) async throws -> [String] { [] }
    func add(_ value: String, at name: String) async throws {}
    func remove(_ value: String, at name: String) async throws {}
    var registrations: Int { registered.withLock { $0 } }
    func values(of subdomain: String) -> [String] {
        accounts.withLock { $0.values.first { $0.subdomain == subdomain }?.values ?? [] }
    }

    func answer(_ request: FakeRequest) -> Response {
        guard request.host == "auth.example.org", request.scheme == "https", request.method == "POST" else {
            return .text("Method Not Allowed", status: 405)
        }
        switch request.path {
        case ["register"]: return register()
        case ["update"]: return update(request)
        default: return .text("404 page not found", status: 404)
        }
    }

    private func register() -> Response {
        let number = registered.withLock { number in
            number += 1
            return number
        }
        let account = Account(password: "registered-k3yT0ken-\(number)", subdomain: "sub-\(number)")
        accounts.withLock { $0["user-\(number)"] = account }
        return .json(
            [
                "username": .string("user-\(number)"), "password": .string(account.password),
                "fulldomain": .string("sub-\(number).auth.example.org"), "subdomain": .string(account.subdomain),
                "allowfrom": [],
            ], status: 201)
    }

    private func update(_ request: FakeRequest) -> Response {
        let user = request[header: "X-Api-User"] ?? ""
        guard let account = accounts.withLock({ $0[user] }), account.password == request[header: "X-Api-Key"],
            account.subdomain == request.json?["subdomain"]?.stringValue
        else { return .json(["error": "forbidden"], status: 401) }
        guard let text = request.json?["txt"]?.stringValue, text.utf8.count == 43 else {
            return .json(["error": "bad_txt"], status: 400)
        }
        accounts.withLock { $0[user]?.values = Array((account.values + [text]).suffix(2)) }
        return .json(["txt": .string(text)])
    }
}

extension ContractSubject {
    private static func acmeDNSSecrets(_ password: String) -> [String: [String: String]] {
        let accounts: JSONValue = [
            "www.example.com": [
                "username": "user-www", "password": .string(password),
                "fulldomain": "d420c923-bbd7-4056-ab64-c3ca54c9b3cf.auth.example.org",
                "subdomain": "d420c923-bbd7-4056-ab64-c3ca54c9b3cf", "allowfrom": [],
            ]
        ]
        return ["acme-dns": ["accounts.json": accounts.description]]
    }

    static let acmeDNS = ContractSubject(
        key: "acmeDNS",
        config: ["host": "https://auth.example.org", "accountSecretRef": reference("acme-dns", "accounts.json")],
        secrets: acmeDNSSecrets(FakeDNS.goodCredential), wrongSecrets: acmeDNSSecrets(FakeDNS.wrongCredential),
        limits: [.noZones, .noRemoval, .twoValues, .noRestriction, .noLongValues],
        calls: CallCounts(coldPresent: 1, warmPresent: 1, warmCleanUp: 0)
    ) { _, _ in FakeACMEDNS() }
}
