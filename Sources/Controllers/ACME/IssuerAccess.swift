import ACME
package import CertificateAPI
import DNSProviders
package import Issuers
import KubeModel
package import KubeRuntime
import PKI
import Synchronization
import Wire

/// What an order or challenge may know of its issuer.
enum IssuerAccess: Sendable, Equatable {
    /// The sentence says what is waited for.
    case waiting(String)
    case ready(ACMEIssuerFacts)
}

/// The parts of an ACME issuer that orders and challenges go by.
struct ACMEIssuerFacts: Sendable, Equatable {
    var issuer: ACMEIssuer
    /// Who signs the requests; the thumbprint of it goes into every response.
    var accountKey: PublicKey
    /// As the server gave it.
    var accountURL: String
    /// As far as it is known.
    var directory: ACMEDirectory?
    var options: IssuerOptions

    init(
        issuer: ACMEIssuer, accountKey: PublicKey, accountURL: String = "", directory: ACMEDirectory? = nil,
        annotations: [String: String]? = nil
    ) {
        self.issuer = issuer
        self.accountKey = accountKey
        self.accountURL = accountURL
        self.directory = directory
        options = IssuerOptions(annotations, server: issuer.server)
    }

    /// What the annotations say, else `preferredChain` of the spec.
    var chainPreference: ChainPreference {
        options.chain ?? issuer.preferredChain.nonEmpty.map { .issuer(commonName: $0) } ?? .standard
    }
}

/// Finds the ACME account behind an issuer reference.
package struct ACMEAccess: Sendable {
    package let lookup: IssuerLookup
    let clients: ACMEClients
    private let challenges: Cache<Challenge>
    private let accounts = AccountListeners()

    package init(lookup: IssuerLookup, clients: ACMEClients, challenges: Cache<Challenge>) {
        self.lookup = lookup
        self.clients = clients
        self.challenges = challenges
    }

    /// Whether challenges of the issuer wait to be answered or looked at.
    func hasOpenChallenges(of issuer: ObjectReference) -> Bool {
        let reference = IssuerReference(name: issuer.name, kind: issuer.kind)
        let value = IssuerLookup.indexValue(reference, namespace: issuer.namespace ?? "")
        return !challenges.matching(index: ACMECaches.open, value: value).isEmpty
    }

    func find(_ reference: IssuerReference, namespace: String) -> (IssuerAccess, ACMEClient?) {
        let name = "\(reference.effectiveKind) \"\(reference.name)\""
        guard let found = lookup.find(reference, namespace: namespace) else {
            return (.waiting("waiting for \(name), which does not exist"), nil)
        }
        guard let issuer = found.spec.acme else {
            return (.waiting("waiting for \(name) to be an ACME issuer"), nil)
        }
        guard ACMEReadiness(found.status).isUsable, let client = clients.account(ofIssuer: found.reference.uid ?? "")
        else { return (.waiting("waiting for \(name) to be ready"), nil) }
        let facts = ACMEIssuerFacts(
            issuer: issuer, accountKey: client.accountKey, accountURL: client.accountURL,
            directory: client.server.knownDirectory, annotations: found.annotations)
        return (.ready(facts), client)
    }

    func doubtAccount(of reference: IssuerReference, namespace: String) -> ObjectReference? {
        guard let found = lookup.find(reference, namespace: namespace) else { return nil }
        clients.doubt(issuer: found.reference.uid ?? "")
        return found.reference
    }
}

extension ACMEAccess {
    /// The server wants a person to do something first: the issuer says so. Answers which one it is.
    func requireAction(
        _ refusal: Refusal, of reference: IssuerReference, namespace: String
    ) -> ObjectReference? {
        guard let found = lookup.find(reference, namespace: namespace) else { return nil }
        clients.requireAction(refusal, issuer: found.reference.uid ?? "")
        return found.reference
    }

    /// Calls `handler` with the index value of an issuer that changed, or whose account came into order.
    func onIssuerChange(_ handler: @escaping @Sendable (String) -> Void) {
        lookup.onChange(handler)
        accounts.add(handler)
    }

    /// The account of this issuer has come into order.
    func accountIsReady(_ issuer: ObjectReference) {
        let reference = IssuerReference(name: issuer.name, kind: issuer.kind)
        accounts.tell(IssuerLookup.indexValue(reference, namespace: issuer.namespace ?? ""))
    }
}

extension IssuerLookup {
    /// The issuers whose requests may be taken to the one of that index value, by theirs.
    func leading(to value: String) -> [String] {
        issuers.matching(index: ACMECaches.others, value: value).map { Self.indexValue(of: $0) }
            + (clusterIssuers?.matching(index: ACMECaches.others, value: value) ?? []).map { Self.indexValue(of: $0) }
    }

    private static func indexValue(of issuer: some IssuerObject) -> String {
        let kind = type(of: issuer).resource.kind
        return indexValue(IssuerReference(name: issuer.key.name, kind: kind), namespace: issuer.key.namespace)
    }

    /// Calls `handler` with the index value of every issuer that changes.
    func onChange(_ handler: @escaping @Sendable (String) -> Void) {
        issuers.onChange { old, new in
            guard let issuer = new ?? old else { return }
            handler(Self.indexValue(of: issuer))
        }
        clusterIssuers?.onChange { old, new in
            guard let issuer = new ?? old else { return }
            handler(Self.indexValue(of: issuer))
        }
    }
}

/// Who wants to know of issuers whose account came into order.
final class AccountListeners: Sendable {
    private let handlers = Mutex<[@Sendable (String) -> Void]>([])

    func add(_ handler: @escaping @Sendable (String) -> Void) { handlers.withLock { $0.append(handler) } }

    func tell(_ value: String) {
        for handler in handlers.withLock({ $0 }) { handler(value) }
    }
}
