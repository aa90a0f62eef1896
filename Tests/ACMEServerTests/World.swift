import ACME
import ACMEServer
import CertificateAPI
import HTTPServer
import HTTPTransport
import HTTPTypes
import KubeModel
import Logging
import PKI
import Synchronization
import TestSupport
import Testing
import Wire

/// The service with a store that keeps versions as the API server does, a CA that signs at once, and whatever answer to
/// challenges a test wants; asked by our own client, in this process.
final class World: Sendable {
    static let origin = "https://acme.test"
    static let issuer = IssuerName(namespace: nil, name: "ca")
    static let hmac = Array("0123456789abcdef0123456789abcdef".utf8)

    let clock = ManualClock()
    let store = MemoryStore()
    let issuers = IssuerTable()
    let desk: TestDesk
    let validator = TestValidator()
    private let services = Mutex<[ACMEService]>([])

    init(replicas: Int = 1, settings: ACMEService.Settings = .init()) async throws {
        desk = try await TestDesk(clock)
        store.add(try Self.credential())
        issuers.set(World.issuer, .ready)
        for _ in 0..<replicas { addService(settings) }
    }

    var replicas: [ACMEService] { services.withLock { $0 } }

    /// Another replica over the same store.
    func addService(_ settings: ACMEService.Settings = .init()) {
        let service = ACMEService(
            settings: settings, store: store, issuers: issuers, desk: desk, renewals: desk, validator: validator,
            time: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        services.withLock { $0.append(service) }
    }

    static func credential(
        _ name: String = "web", _ annotations: [String: String] = [:], key: [UInt8] = World.hmac
    ) throws -> Credential {
        var metadata = ObjectMeta(name: name, namespace: "acme")
        metadata.annotations = [
            Credential.Key.namespace: "machines", Credential.Key.issuers: "ClusterIssuer/ca",
            Credential.Key.names: "*.example.com", Credential.Key.addresses: "192.0.2.0/24",
            Credential.Key.wildcards: "true",
        ].merging(annotations) { $1 }
        return try Credential(
            Secret(metadata: metadata, data: [Credential.Key.hmac: Base64Data(utf8: Base64.encodeURL(key))]))
    }

    /// The directory as the client sees it, through the replica of each request's turn.
    func server(_ issuer: IssuerName = World.issuer, through replicas: [Int] = [0]) -> ACMEServer {
        ACMEServer(
            settings: .init(
                directoryURL: "\(Self.origin)/acme/\(issuer.path)/directory", userAgent: "test libcurl/7.88.1"),
            transport: ServiceTransport(services.withLock { $0 }, turns: replicas), time: clock)
    }

    static func binding(_ keyID: String = "web", key: [UInt8] = World.hmac) -> ExternalAccountBinding {
        ExternalAccountBinding(keyID: keyID, key: Redacted(key))
    }

    func account(
        key: PrivateKey? = nil, through replicas: [Int] = [0], issuer: IssuerName = World.issuer
    ) async throws -> ACMEClient {
        let ownKey: PrivateKey
        if let key { ownKey = key } else { ownKey = try await PrivateKey.generate(.ecdsa(.p256)) }
        let server = server(issuer, through: replicas)
        let account = try await server.newAccount(
            NewACMEAccount(contact: ["mailto:a@example.com"], binding: Self.binding()), key: ownKey)
        return ACMEClient(server: server, accountURL: account.url, key: ownKey)
    }

    /// All challenges of that kind answered, the order ready.
    func readyOrder(
        _ names: [ACMEIdentifier], by client: ACMEClient, _ kind: String = "http-01"
    ) async throws -> ACMEOrder {
        let order = try await client.newOrder(NewACMEOrder(identifiers: names))
        for url in order.authorizations {
            let challenges = try await client.authorization(url).challenges
            for challenge in challenges where challenge.type == kind {
                _ = try await client.respond(to: challenge.url)
            }
        }
        return try await client.order(order.url)
    }

    static func request(
        _ names: [GeneralName], commonName: String? = nil, key: PrivateKey? = nil,
        _ change: (inout CertificateExtensions) -> Void = { _ in }
    ) async throws -> SigningRequest {
        let ownKey: PrivateKey
        if let key { ownKey = key } else { ownKey = try await PrivateKey.generate(.ecdsa(.p256)) }
        var extensions = CertificateExtensions()
        extensions.names = names
        change(&extensions)
        return try await SigningRequest.make(
            subject: try DistinguishedName(commonName: commonName), extensions: extensions, key: ownKey)
    }

    /// What the service answers to a request that no client of ours would send.
    func raw(_ request: ServerRequest, _ replica: Int = 0) async -> ServerResponse {
        let service = services.withLock { $0[replica] }
        return await service.handle(request)
    }
}

/// Hands requests to services in this process, each to the next of `turns`.
final class ServiceTransport: HTTPTransport {
    private let services: [ACMEService]
    private let turns: [Int]
    private let count = Mutex(0)

    init(_ services: [ACMEService], turns: [Int]) {
        self.services = services
        self.turns = turns
    }

    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        let turn = count.withLock { count in
            defer { count += 1 }
            return turns[count % turns.count]
        }
        let rest = request.url.dropFirst("https://".count)
        let host = rest.prefix { $0 != "/" }
        var headers = request.headers
        headers[HTTPField.Name("Host")!] = String(host)  // a legal field name
        let answer = await services[turn].handle(
            ServerRequest(
                method: request.method, target: String(rest.dropFirst(host.count)), headers: headers,
                body: request.body ?? []))
        let body = Mutex<[UInt8]?>(answer.body)
        return try await use(
            ResponseHead(status: answer.status, headers: answer.headers, url: request.url),
            ResponseBody { () throws(TransportError) in body.withLock { $0.take() } })
    }
}

final class IssuerTable: IssuerWatch {
    private let sights = Mutex<[IssuerName: IssuerSight]>([:])
    func set(_ issuer: IssuerName, _ sight: IssuerSight) { sights.withLock { $0[issuer] = sight } }
    func sight(of issuer: IssuerName) -> IssuerSight { sights.withLock { $0[issuer] ?? .missing } }
}

/// Answers what a test says; passes by default.
final class TestValidator: ChallengeValidator {
    typealias Answer = @Sendable (ValidationTask) async -> ServerProblem?
    private let answer = Mutex<Answer>({ _ in nil })
    let tasks = Mutex<[ValidationTask]>([])

    func set(_ new: @escaping Answer) { answer.withLock { $0 = new } }

    func problem(of task: ValidationTask) async -> ServerProblem? {
        tasks.withLock { $0.append(task) }
        let answer = answer.withLock { $0 }
        return await answer(task)
    }
}

/// A CA that signs, or does what a test says, and knows all at once what it has signed.
final class TestDesk: IssuanceDesk, RenewalWatch {
    private struct Kept {
        var request: SigningRequest
        var state: IssuanceState
        var order: ServerOrder
        var leaf: X509Certificate?
        var revokedAt: Timestamp?
        var isRevoked: Bool { revokedAt != nil }
    }
    private let kept = Mutex<[String: Kept]>([:])
    let wishes = Mutex<[IssuanceWish]>([])
    let next = Mutex<IssuanceState?>(nil)
    private let key: PrivateKey
    private let authority: X509Certificate
    private let clock: ManualClock

    init(_ clock: ManualClock) async throws {
        self.clock = clock
        key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: true)
        authority = try await CertificateTemplate(
            subject: try DistinguishedName(commonName: "Test CA"), publicKey: key.publicKey,
            notBefore: clock.now() - .seconds(3600), notAfter: clock.now() + .seconds(86_400 * 365),
            extensions: extensions
        ).signed(by: nil, key: key)
    }

    func begin(_ order: ServerOrder, _ wish: IssuanceWish) async throws(KeepingError) {
        if let before = kept.withLock({ $0[order.id] }) {
            guard before.request == wish.request else { throw .exists }
            return
        }
        wishes.withLock { $0.append(wish) }
        var made = Kept(request: wish.request, state: next.withLock { $0 } ?? .pending, order: order)
        if next.withLock({ $0 }) == nil, let leaf = try? await sign(wish.request) {
            made.state = .issued(Array((leaf.pem + authority.pem).utf8))
            made.leaf = leaf
        }
        kept.withLock { [made] in $0[order.id] = made }
    }

    private func sign(_ request: SigningRequest) async throws -> X509Certificate {
        var extensions = CertificateExtensions()
        extensions.names = request.extensions.names
        return try await CertificateTemplate(
            subject: request.subject, publicKey: request.publicKey, notBefore: clock.now(),
            notAfter: clock.now() + .seconds(86_400), extensions: extensions
        ).signed(by: authority, key: key)
    }

    func state(of order: ServerOrder) async throws(KeepingError) -> IssuanceState {
        kept.withLock { kept in kept[order.id].map { $0.isRevoked ? .revoked : $0.state } ?? .none }
    }

    func outcome(of order: ServerOrder, within limit: Duration) async throws(KeepingError) -> IssuanceState {
        try await state(of: order)
    }

    func find(_ certificate: X509Certificate) async throws(KeepingError) -> IssuedRecord? {
        kept.withLock { kept in
            kept.values.first { $0.request.publicKey == certificate.publicKey }.map { one in
                IssuedRecord(
                    account: one.order.account, issuer: one.order.issuer.path, isRevoked: one.isRevoked,
                    place: one.order.id)
            }
        }
    }

    func revoke(
        _ record: IssuedRecord, _ reason: RevocationReason, at now: Timestamp
    ) async throws(KeepingError) {
        kept.withLock { $0[record.place]?.revokedAt = now }
    }

    func sight(of id: RenewalIdentifier) -> RenewalSight? {
        kept.withLock { kept in
            guard let one = kept.values.first(where: { $0.leaf.flatMap(RenewalIdentifier.init) == id }),
                let leaf = one.leaf
            else { return nil }
            let isReplaced = kept.values.contains { other in
                if case .failed = other.state { return false }
                return other.order.replaces == id.text
            }
            return RenewalSight(
                directory: one.order.issuer.path, account: one.order.account, names: leaf.extensions.names,
                notBefore: leaf.notBefore, notAfter: leaf.notAfter, revokedAt: one.revokedAt, isReplaced: isReplaced)
        }
    }
}

/// Keeps values with versions, and refuses to replace one by what was made from an older.
final class MemoryStore: ServerStore {
    private struct Contents {
        var accounts: [String: ServerAccount] = [:]
        var orders: [String: ServerOrder] = [:]
        var created: [String: ServerOrder] = [:]
        var isLate = false
        var credentials: [String: Credential] = [:]
        var version = 0
        var writes = 0
    }
    private let contents = Mutex(Contents())

    var writes: Int { contents.withLock { $0.writes } }

    func add(_ credential: Credential) { contents.withLock { $0.credentials[credential.id] = credential } }
    func removeCredential(_ id: String) { contents.withLock { $0.credentials[id] = nil } }
    func put(_ order: ServerOrder) { contents.withLock { $0.orders[order.id] = order } }
    var allOrders: [ServerOrder] { contents.withLock { Array($0.orders.values) } }

    func account(_ id: String) async throws(KeepingError) -> ServerAccount? { contents.withLock { $0.accounts[id] } }

    func account(of key: PublicKey, at issuer: IssuerName) async throws(KeepingError) -> ServerAccount? {
        contents.withLock { $0.accounts.values.first { $0.key == key && $0.issuer == issuer } }
    }

    func accountCount(of credential: String) -> Int {
        contents.withLock { $0.accounts.values.count { $0.credential == credential } }
    }

    func create(_ account: ServerAccount) async throws(KeepingError) -> ServerAccount {
        let made = contents.withLock { contents -> ServerAccount? in
            guard contents.accounts[account.id] == nil else { return nil }
            contents.version += 1
            contents.writes += 1
            var account = account
            account.version = "\(contents.version)"
            contents.accounts[account.id] = account
            return account
        }
        guard let made else { throw .exists }
        return made
    }

    func replace(_ account: ServerAccount) async throws(KeepingError) -> ServerAccount {
        let made = contents.withLock { contents -> ServerAccount? in
            guard let old = contents.accounts[account.id], old.version == account.version else { return nil }
            contents.version += 1
            contents.writes += 1
            var account = account
            account.version = "\(contents.version)"
            contents.accounts[account.id] = account
            return account
        }
        guard let made else { throw .conflict }
        return made
    }

    func order(_ id: String) async throws(KeepingError) -> ServerOrder? {
        contents.withLock { $0.isLate ? $0.created[id] : $0.orders[id] }
    }

    func latestOrder(_ id: String) async throws(KeepingError) -> ServerOrder? { contents.withLock { $0.orders[id] } }

    /// From now on orders are shown as they were made, as where a watch is late.
    func fallBehind() { contents.withLock { $0.isLate = true } }

    func orders(of account: String) -> [ServerOrder] {
        contents.withLock { $0.orders.values.filter { $0.account == account }.sorted { $0.id < $1.id } }
    }

    var orderCount: Int { contents.withLock { $0.orders.count } }

    func create(_ order: ServerOrder) async throws(KeepingError) -> ServerOrder {
        contents.withLock { contents in
            contents.version += 1
            contents.writes += 1
            var order = order
            order.version = "\(contents.version)"
            contents.orders[order.id] = order
            contents.created[order.id] = order
            return order
        }
    }

    func replace(_ order: ServerOrder) async throws(KeepingError) -> ServerOrder {
        let made = contents.withLock { contents -> ServerOrder? in
            guard let old = contents.orders[order.id], old.version == order.version else { return nil }
            contents.version += 1
            contents.writes += 1
            var order = order
            order.version = "\(contents.version)"
            contents.orders[order.id] = order
            return order
        }
        guard let made else { throw .conflict }
        return made
    }

    func credential(_ id: String) -> Credential? { contents.withLock { $0.credentials[id] } }
}

extension ACMEError {
    var problemType: ProblemType? {
        if case .problem(let refusal) = self { refusal.problem.type } else { nil }
    }
    var status: Int? {
        if case .problem(let refusal) = self { refusal.status } else { nil }
    }
}

/// What refuses `body`.
func refusal(of body: () async throws -> Void) async -> ACMEError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? ACMEError
    }
}

/// For what changes something and says whether it did, which `#expect` cannot call itself.
func expectTrue(_ value: Bool, _ location: SourceLocation = #_sourceLocation) {
    #expect(value, sourceLocation: location)
}
