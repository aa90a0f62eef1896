import ACME
import CertificateAPI
import DNSProviders
import Issuers
import KubeModel
import PKI
import Wire

@testable import Controllers

/// Objects of one ACME issuance that fit together.
enum ACMEExamples {
    static let now = Parts.now
    static let token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ"
    static let base = "https://ca.example"

    static var solver: Solver {
        var solver = Solver()
        var dns01 = Solver.DNS01()
        dns01.providers = ["rfc2136": ["nameserver": "192.0.2.53:53"]]
        solver.dns01 = dns01
        return solver
    }

    static func issuer(_ change: (inout ACMEIssuer) -> Void = { _ in }) -> ACMEIssuer {
        var issuer = ACMEIssuer(server: "\(base)/dir", privateKeySecretRef: SecretKeySelector(name: "account"))
        issuer.solvers = [solver]
        change(&issuer)
        return issuer
    }

    static func order(_ change: (inout Order) -> Void = { _ in }) -> Order {
        var metadata = ObjectMeta(name: "site-1-abc", namespace: "web")
        metadata.uid = "uid-order"
        metadata.resourceVersion = "20"
        metadata.creationTimestamp = now
        var spec = Order.Spec(request: Base64Data(utf8: "csr"), issuerRef: IssuerReference(name: "le"))
        spec.dnsNames = ["a.example", "b.example"]
        var order = Order(metadata: metadata, spec: spec)
        change(&order)
        return order
    }

    /// Made at the server, with one authorization for each name.
    static func madeOrder(_ change: (inout Order) -> Void = { _ in }) -> Order {
        order { order in
            var status = Order.Status()
            status.url = "\(base)/order/1"
            status.finalizeURL = "\(base)/order/1/finalize"
            status.state = .pending
            status.authorizations = [authorization("a.example", "1"), authorization("b.example", "2")]
            order.status = status
            change(&order)
        }
    }

    static func authorization(_ name: String, _ number: String) -> Order.Authorization {
        var authorization = Order.Authorization(url: "\(base)/authz/\(number)")
        authorization.identifier = name
        authorization.wildcard = false
        authorization.initialState = .pending
        authorization.challenges = [
            .init(url: "\(base)/chall/\(number)/http", token: token, type: "http-01"),
            .init(url: "\(base)/chall/\(number)/dns", token: token, type: "dns-01"),
        ]
        return authorization
    }

    /// What the Order makes for its authorization of that number.
    static func challenge(
        _ number: String, of order: Order = madeOrder(), state: ACMEState? = nil,
        _ change: (inout Challenge) -> Void = { _ in }
    ) async throws -> Challenge {
        let key = try await Parts.shared.key.publicKey
        let authorization = order.status!.authorizations!.first { $0.url.hasSuffix("/\(number)") }!
        var metadata = ObjectMeta(name: ChallengePlan.name(of: authorization, in: order), namespace: "web")
        metadata.ownerReferences = [OwnerReference(controller: order)]
        metadata.finalizers = [Names.Finalizer.challenge]
        var challenge = Challenge(
            metadata: metadata,
            spec: Challenge.Spec(
                url: "\(base)/chall/\(number)/dns", authorizationURL: authorization.url,
                dnsName: authorization.identifier!, type: .dns01, token: token,
                key: try ChallengeToken(token).keyAuthorization(for: key).dnsValue, solver: solver,
                issuerRef: order.spec.issuerRef))
        if let state {
            challenge.metadata.uid = "uid-challenge-\(number)"
            challenge.metadata.resourceVersion = "30"
            var status = Challenge.Status()
            status.state = state
            challenge.status = status
        }
        change(&challenge)
        return challenge
    }

    static func access(_ issuer: ACMEIssuer = issuer()) async throws -> IssuerAccess {
        .ready(ACMEIssuerFacts(issuer: issuer, accountKey: try await Parts.shared.key.publicKey))
    }

    static func refusal(
        _ name: String, _ status: Int, retryAt: Timestamp? = nil, action: ACMEAction = .authorizeOrder
    ) -> ACMEError {
        .problem(
            Refusal(
                problem: Problem(type: ProblemType(rawValue: "urn:ietf:params:acme:error:\(name)"), detail: "no"),
                status: status, action: action, retryAt: retryAt, answeredAt: now))
    }
}
