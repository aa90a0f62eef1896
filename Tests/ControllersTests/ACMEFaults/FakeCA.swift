import ACME
import HTTPTransport
import HTTPTypes
import PKI
import Synchronization
import Testing
import Wire

/// An ACME server in memory that counts what it is asked and misbehaves as told. It gives out nonces and takes each
/// once, keeps orders with one authorization for each name, and signs what is finalized.
final class FakeCA: HTTPTransport {
    /// What a request is for.
    enum Kind: String, Sendable, Hashable, CaseIterable {
        case directory, newNonce, newOrder, authorization, challenge, finalize, order, certificate
        case newAccount, account, orderList, keyChange, revoke, renewalInfo

        /// Those of an order.
        static let ordering: [Kind] = [
            .directory, .newNonce, .newOrder, .authorization, .challenge, .finalize, .order, .certificate,
        ]
    }

    /// How the server misbehaves.
    enum Fault: String, Sendable, Hashable, CaseIterable {
        case connectionRefused, resetBeforeAnswer, resetAfterActing, internalError, unavailable, rateLimited
        case garbage, truncated, wrongContentType, tooLarge, slow, badNonce, wrongLocation
        case orderVanishes, accountVanishes
    }

    struct Plan: Sendable, Hashable {
        var fault: Fault
        var kind: Kind
        /// How many requests of the kind are spoilt.
        var times: Int
    }

    private struct Order {
        var identifiers: [JSONValue]
        var status = "pending"
        var csr: [UInt8]?
        /// How often it is still to be called processing.
        var delay = 1
    }

    private struct State {
        var seen: [Kind] = []
        var nonces: Set<String> = []
        var count = 0
        var orders: [Int: Order] = [:]
        /// Status of challenge and authorization, by order and place.
        var challenges: [String: String] = [:]
        var knowsAccount = true
        /// Account URLs by the thumbprint of their keys.
        var accounts: [String: String] = [:]
        /// As they were sent.
        var revoked: Set<String> = []
        var spoilt = 0
        var tooEarly = 0
    }

    /// What the server says against a member of newOrder, if it has anything against it.
    struct Dislikes: Sendable {
        var replaces: (name: String, status: HTTPResponse.Status)?
        var profile: String?
        var profiles: [String] = []
        /// Whether it tells of renewals.
        var tellsOfRenewals = true
        /// Whether an account has a list of its orders; Let's Encrypt's have none.
        var listsOrders = true
    }

    static let base = "https://ca.example"
    private let dislikes: Dislikes
    private let state = Mutex(State())
    private let plan: Plan?
    private let clock: FaultClock
    private let issuerKey: PrivateKey
    private let issuer: X509Certificate

    init(plan: Plan?, clock: FaultClock, dislikes: Dislikes = Dislikes()) async throws {
        self.dislikes = dislikes
        self.plan = plan
        self.clock = clock
        issuerKey = try await .generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: true)
        issuer = try await CertificateTemplate(
            subject: try DistinguishedName(commonName: "Fake root"), publicKey: issuerKey.publicKey,
            notBefore: clock.now() - .seconds(86400), notAfter: clock.now() + .seconds(86400 * 900),
            extensions: extensions
        ).signed(by: nil, key: issuerKey)
    }

    var seen: [Kind] { state.withLock { $0.seen } }
    func count(_ kind: Kind) -> Int { seen.count { $0 == kind } }
    var orderCount: Int { state.withLock { $0.orders.count } }
    var revokedCount: Int { state.withLock { $0.revoked.count } }
    var spoilt: Int { state.withLock { $0.spoilt } }
    /// Requests that came before the time the server had named.
    var tooEarly: Int { state.withLock { $0.tooEarly } }
    /// The account is known again, as after a registration.
    func registerAgain() { state.withLock { $0.knowsAccount = true } }

    func withResponse<R: Sendable>(
        to request: TransportRequest, _ use: (ResponseHead, ResponseBody) async throws -> R
    ) async throws -> R {
        let response = try await answer(request)
        let rest = Mutex<[UInt8]?>(response.body)
        let body = ResponseBody { () throws(TransportError) in rest.withLock { $0.take() } }
        return try await use(response.head, body)
    }

    private func answer(_ request: TransportRequest) async throws -> Response {
        let kind = kind(of: request)
        let isSpoilt = state.withLock { state -> Bool in
            state.seen.append(kind)
            guard let plan, plan.kind == kind, state.spoilt < plan.times else { return false }
            state.spoilt += 1
            return true
        }
        guard isSpoilt, let plan else { return try await honest(request, kind) }
        return try await spoil(plan.fault, request, kind)
    }

    private func spoil(_ fault: Fault, _ request: TransportRequest, _ kind: Kind) async throws -> Response {
        switch fault {
        case .connectionRefused: throw TransportError.connect("refused")
        case .resetBeforeAnswer: throw TransportError.truncated("reset")
        case .resetAfterActing:
            _ = try await honest(request, kind)
            throw TransportError.truncated("reset")
        case .slow:
            clock.advance(.seconds(60))
            throw TransportError.timeout
        case .tooLarge: return reply(.ok, [UInt8](repeating: UInt8(ascii: " "), count: 5 << 20))
        case .internalError: return problem("serverInternal", .internalServerError)
        case .unavailable: return problem("serverInternal", .serviceUnavailable, ["Retry-After": "30"])
        case .rateLimited: return problem("rateLimited", .tooManyRequests, ["Retry-After": "300"])
        case .garbage: return reply(.ok, Array("<html>busy</html>".utf8))
        case .badNonce: return problem("badNonce", .badRequest)
        case .orderVanishes: return problem("malformed", .notFound)
        case .accountVanishes:
            state.withLock { $0.knowsAccount = false }
            return problem("accountDoesNotExist", .badRequest)
        case .truncated:
            let whole = try await honest(request, kind)
            return Response(head: whole.head, body: Array(whole.body.prefix(whole.body.count / 2)))
        case .wrongContentType:
            let whole = try await honest(request, kind)
            return with(whole, ["Content-Type": "text/html"])
        case .wrongLocation:
            let whole = try await honest(request, kind)
            return with(whole, ["Location": "\(Self.base)/order/999"])
        }
    }

    private func kind(of request: TransportRequest) -> Kind {
        let path = request.url.dropFirst(Self.base.count)
        switch path.split(separator: "/").first {
        case "dir": return .directory
        case "nonce": return .newNonce
        case "new-acct": return .newAccount
        case "acct": return .account
        case "orders": return .orderList
        case "key-change": return .keyChange
        case "revoke": return .revoke
        case "ari": return .renewalInfo
        case "new-order": return .newOrder
        case "authz": return .authorization
        case "chall": return .challenge
        case "finalize": return .finalize
        case "cert": return .certificate
        default: return .order
        }
    }
}

// MARK: Honest answers

extension FakeCA {
    private func honest(_ request: TransportRequest, _ kind: Kind) async throws -> Response {
        switch kind {
        case .directory:
            return json([
                "newNonce": "https://ca.example/nonce", "newAccount": "https://ca.example/new-acct",
                "newOrder": "https://ca.example/new-order", "keyChange": "https://ca.example/key-change",
                "revokeCert": "https://ca.example/revoke",
                "renewalInfo": dislikes.tellsOfRenewals ? "https://ca.example/ari" : .null,
                "meta": ["profiles": .object(profiles)],
            ])
        case .newNonce: return reply(.ok, [])
        case .renewalInfo:
            let start = clock.now() + .seconds(86400)
            let window: JSONValue = [
                "start": .string(start.rfc3339), "end": .string((start + .seconds(86400)).rfc3339),
            ]
            return json(["suggestedWindow": window], .ok, ["Retry-After": "21600"])
        default: break
        }
        let signed = try JSONValue(parsing: request.body ?? [])
        let header = try JSONValue(
            parsing: signed["protected"]?.stringValue.flatMap { Base64.decodeURL($0) } ?? [])
        let payload = signed["payload"]?.stringValue.flatMap { Base64.decodeURL($0) } ?? []
        guard header["url"]?.stringValue == request.url else { return problem("unauthorized", .unauthorized) }
        let nonce = header["nonce"]?.stringValue ?? ""
        let (isFresh, knows) = state.withLock { ($0.nonces.remove(nonce) != nil, $0.knowsAccount) }
        guard isFresh else { return problem("badNonce", .badRequest) }
        guard knows else { return problem("accountDoesNotExist", .badRequest) }
        let parts = request.url.split(separator: "/").suffix(2).map(String.init)
        switch kind {
        case .newAccount: return try register(header, try JSONValue(parsing: payload))
        case .keyChange: return try changeKey(try JSONValue(parsing: payload))
        case .revoke: return revoke(try JSONValue(parsing: payload))
        case .newOrder: return make(try JSONValue(parsing: payload))
        case .authorization: return authorization(parts[1])
        case .challenge: return accept(parts[1])
        case .finalize: return try finalize(parts[1], payload)
        case .certificate: return try await certificate(parts[1])
        case .account:
            return json(["status": "valid", "orders": dislikes.listsOrders ? "https://ca.example/orders/1" : .null])
        case .orderList: return list()
        case .order, .directory, .newNonce, .renewalInfo: return order(parts[1])
        }
    }

    private func register(_ header: JSONValue, _ payload: JSONValue) throws -> Response {
        let key = try PublicKey(jwk: header["jwk"] ?? .null).thumbprint
        let mayBeNew = payload["onlyReturnExisting"] == nil
        let (url, isNew) = state.withLock { state -> (String?, Bool) in
            if let known = state.accounts[key] { return (known, false) }
            guard mayBeNew else { return (nil, false) }
            let url = "\(Self.base)/acct/\(state.accounts.count + 1)"
            state.accounts[key] = url
            return (url, true)
        }
        guard let url else { return problem("accountDoesNotExist", .badRequest) }
        return with(json(["status": "valid"], isNew ? .created : .ok), ["Location": url])
    }

    private func changeKey(_ inner: JSONValue) throws -> Response {
        func part(_ name: String) throws -> JSONValue {
            try JSONValue(parsing: inner[name]?.stringValue.flatMap { Base64.decodeURL($0) } ?? [])
        }
        let new = try PublicKey(jwk: try part("protected")["jwk"] ?? .null).thumbprint
        let old = try PublicKey(jwk: try part("payload")["oldKey"] ?? .null).thumbprint
        let isTaken = state.withLock { $0.accounts[new] != nil }
        guard !isTaken else { return problem("conflict", .conflict) }
        let isDone = state.withLock { state -> Bool in
            guard let url = state.accounts.removeValue(forKey: old) else { return false }
            state.accounts[new] = url
            return true
        }
        // Who signs with a key that is no account's is told no more than that.
        return isDone ? json(["status": "valid"]) : problem("unauthorized", .forbidden)
    }

    private func revoke(_ payload: JSONValue) -> Response {
        let certificate = payload["certificate"]?.stringValue ?? ""
        let isNew = state.withLock { $0.revoked.insert(certificate).inserted }
        return isNew ? reply(.ok, []) : problem("alreadyRevoked", .badRequest)
    }

    /// The account of this key.
    func account(of key: PublicKey) -> String? { state.withLock { $0.accounts[key.thumbprint] } }
    var accountCount: Int { state.withLock { $0.accounts.count } }

    private var profiles: JSONObject {
        var object: JSONObject = [:]
        for name in dislikes.profiles { object[name] = "for tests" }
        return object
    }

    private func make(_ payload: JSONValue) -> Response {
        if let dislike = dislikes.replaces, payload["replaces"] != nil { return problem(dislike.name, dislike.status) }
        if let profile = dislikes.profile, payload["profile"]?.stringValue == profile {
            return problem("invalidProfile", .badRequest)
        }
        let identifiers = payload["identifiers"]?.arrayValue ?? []
        let number = state.withLock { state in
            let number = state.orders.count + 1
            state.orders[number] = Order(identifiers: identifiers)
            return number
        }
        return with(order("\(number)", status: .created), ["Location": "\(Self.base)/order/\(number)"])
    }

    private func list() -> Response {
        let numbers = state.withLock { $0.orders.keys.sorted() }
        return json(["orders": .array(numbers.map { .string("\(Self.base)/order/\($0)") })])
    }

    private func order(_ name: String, status: HTTPResponse.Status = .ok) -> Response {
        let found = state.withLock { state -> Order? in
            guard let number = Int(name), var order = state.orders[number] else { return nil }
            let proofs = order.identifiers.indices.map { state.challenges["\(number)-\($0)"] ?? "pending" }
            if order.status == "pending", proofs.allSatisfy({ $0 == "valid" }) { order.status = "ready" }
            if order.status == "processing" {
                order.delay -= 1
                if order.delay < 0 { order.status = "valid" }
            }
            state.orders[number] = order
            return order
        }
        guard let found else { return problem("malformed", .notFound) }
        var body: JSONValue = [
            "status": .string(found.status), "identifiers": .array(found.identifiers),
            "authorizations": .array(
                found.identifiers.indices.map { .string("\(Self.base)/authz/\(name)-\($0)") }),
            "finalize": .string("\(Self.base)/finalize/\(name)"),
            "expires": .string((clock.now() + .seconds(86400 * 7)).wholeSeconds.rfc3339),
        ]
        if found.status == "valid" { body["certificate"] = .string("\(Self.base)/cert/\(name)") }
        return json(body, status, found.status == "processing" ? ["Retry-After": "3"] : [:])
    }

    private func authorization(_ name: String) -> Response {
        let parts = name.split(separator: "-").compactMap { Int($0) }
        let found = state.withLock { state -> (JSONValue, String)? in
            guard parts.count == 2, let order = state.orders[parts[0]], order.identifiers.indices.contains(parts[1])
            else { return nil }
            let status = state.challenges[name] ?? "pending"
            // It was looked at once while it was processing.
            if status == "processing" { state.challenges[name] = "valid" }
            return (order.identifiers[parts[1]], status)
        }
        guard let (identifier, status) = found else { return problem("malformed", .notFound) }
        return json([
            "status": .string(status == "processing" ? "pending" : status), "identifier": identifier,
            "challenges": [
                [
                    "type": "dns-01", "url": .string("\(Self.base)/chall/\(name)"), "status": .string(status),
                    "token": .string(ACMEExamples.token),
                ]
            ],
        ])
    }

    private func accept(_ name: String) -> Response {
        let status = state.withLock { state -> String in
            let status = state.challenges[name] ?? "pending"
            if status == "pending" { state.challenges[name] = "processing" }
            return status
        }
        // As Pebble does.
        guard status == "pending" else { return problem("malformed", .badRequest) }
        return json([
            "type": "dns-01", "url": .string("\(Self.base)/chall/\(name)"), "status": "processing",
            "token": .string(ACMEExamples.token),
        ])
    }

    private func finalize(_ name: String, _ payload: [UInt8]) throws -> Response {
        _ = order(name)  // brings it up to date
        let csr = try JSONValue(parsing: payload)["csr"]?.stringValue.flatMap { Base64.decodeURL($0) }
        let isReady = state.withLock { state -> Bool in
            guard let number = Int(name), state.orders[number]?.status == "ready" else { return false }
            state.orders[number]?.status = "processing"
            state.orders[number]?.csr = csr
            return true
        }
        return isReady ? order(name) : problem("orderNotReady", .forbidden)
    }

    private func certificate(_ name: String) async throws -> Response {
        guard let csr = state.withLock({ state in Int(name).flatMap { state.orders[$0]?.csr } }) else {
            return problem("malformed", .notFound)
        }
        let request = try SigningRequest(der: csr)
        var extensions = CertificateExtensions()
        extensions.names = request.extensions.names
        let leaf = try await CertificateTemplate(
            subject: .empty, publicKey: request.publicKey, notBefore: clock.now() - .seconds(3600),
            notAfter: clock.now() + .seconds(86400 * 90), extensions: extensions
        ).signed(by: issuer, key: issuerKey)
        return reply(.ok, Array((leaf.pem + issuer.pem).utf8), ["Content-Type": "application/pem-certificate-chain"])
    }
}

// MARK: Responses

extension FakeCA {
    private func json(
        _ value: JSONValue, _ status: HTTPResponse.Status = .ok, _ headers: [String: String] = [:]
    ) -> Response {
        reply(status, value.serialized(), headers.merging(["Content-Type": "application/json"]) { own, _ in own })
    }

    private func problem(
        _ name: String, _ status: HTTPResponse.Status, _ headers: [String: String] = [:]
    ) -> Response {
        json(
            ["type": .string("urn:ietf:params:acme:error:\(name)"), "detail": .string("\(name) for a test")], status,
            headers)
    }

    private func reply(
        _ status: HTTPResponse.Status, _ body: [UInt8], _ headers: [String: String] = [:]
    ) -> Response {
        let nonce = state.withLock { state -> String in
            state.count += 1
            state.nonces.insert("nonce-\(state.count)")
            return "nonce-\(state.count)"
        }
        return with(
            Response(head: ResponseHead(status: status), body: body), headers.merging(["Replay-Nonce": nonce]) { $1 })
    }

    private func with(_ response: Response, _ headers: [String: String]) -> Response {
        var fields = response.headers
        for (name, value) in headers { fields[HTTPField.Name(name)!] = value }  // legal names by construction
        return Response(head: ResponseHead(status: response.status, headers: fields), body: response.body)
    }
}

/// Time that moves when a test moves it.
final class FaultClock: TimeSource {
    private let time = Mutex(ACMEExamples.now)

    func now() -> Timestamp { time.withLock { $0 } }
    func elapsed() -> Duration { now() - ACMEExamples.now }
    func sleep(for duration: Duration) async throws { advance(duration) }
    func advance(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
    func advance(to other: Timestamp) { time.withLock { $0 = max($0, other) } }
}
