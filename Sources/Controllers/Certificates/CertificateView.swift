import CertificateAPI
import KubeModel
package import PKI
import Wire

/// What flags say about Certificates.
package struct CertificateSettings: Sendable, Equatable {
    /// Whether a Secret goes when its Certificate does.
    package var setsOwnerReference = false
    package var minimumBackoff = Duration.seconds(3600)
    package var maximumBackoff = Duration.seconds(32 * 3600)
    package var copiedAnnotations = AnnotationFilter.default
    package var limits = PEMLimits.default

    package init() {}
}

/// Everything the decisions about one Certificate look at, gathered once so that they can be replayed.
struct CertificateView: Sendable, Equatable {
    var certificate: Certificate
    /// What the spec means, or every rule it breaks.
    let desired: Result<DesiredCertificate, FieldProblems>
    /// What a request for it would ask; nil where the spec breaks rules.
    let shape: RequestShape?
    /// Nil when the cluster has no Secret of the name in `spec.secretName`.
    var secret: SecretFacts?
    /// Secrets that hold the key of an issuance under way, by name.
    var nextKeys: [SecretFacts]
    /// The requests this Certificate controls.
    var requests: [RequestFacts]
    /// Other Certificates that name the same Secret, not being deleted.
    var rivals: [Rival]
    /// Whether the issuer answers at once: the request can be approved, signed and stored in one go.
    var issuesAtOnce: Bool
    /// Whether the keystores in the Secret are as wanted.
    var keystores: KeystoreFinding
    /// What is in the way of the ACME order under way.
    var obstacle: String?
    /// What the issuance under way waits for.
    var hindrance: Hindrance?
    /// Whether that is an ACME order.
    var waitsForOrder = false
    var settings: CertificateSettings
    var now: Timestamp

    init(
        certificate: Certificate, secret: SecretFacts?, nextKeys: [SecretFacts] = [], requests: [RequestFacts] = [],
        rivals: [Rival] = [], issuesAtOnce: Bool = false, keystores: KeystoreFinding = .right,
        obstacle: String? = nil, hindrance: Hindrance? = nil, settings: CertificateSettings = .init(), now: Timestamp
    ) {
        self.certificate = certificate
        do throws(FieldProblems) {
            let wanted = try DesiredCertificate(certificate.spec)
            desired = .success(wanted)
            shape = RequestShape(wanted, issuerRef: certificate.spec.issuerRef)
        } catch {
            desired = .failure(error)
            shape = nil
        }
        self.secret = secret
        self.nextKeys = nextKeys
        self.requests = requests
        self.rivals = rivals
        self.issuesAtOnce = issuesAtOnce
        self.keystores = keystores
        self.obstacle = obstacle
        self.hindrance = hindrance
        self.settings = settings
        self.now = now
    }

    var status: Certificate.Status { certificate.status ?? .init() }
    var name: String { certificate.metadata.name }
    var issuing: Condition? {
        status.conditions[type: Condition.Kind.issuing].flatMap { $0.status == .yes ? $0 : nil }
    }
    var nextRevision: Int { (status.revision ?? 0) + 1 }

    /// The request behind the certificate that is in the Secret.
    var currentRequest: RequestFacts? {
        guard let revision = status.revision else { return nil }
        return requests.first { $0.revision == revision }
    }
    /// Requests of the issuance that is under way or was tried last.
    var nextRequests: [RequestFacts] { requests.filter { $0.revision == nextRevision } }
}

/// Another Certificate that wants to write the same Secret.
struct Rival: Sendable, Equatable {
    var name: String
    var createdAt: Timestamp?
}

/// Something is not as the spec wants it: the reason in one word, and a sentence.
struct Violation: Error, Sendable, Equatable {
    var reason: String
    var message: String
}

/// Where a private key comes from.
enum KeySource: Sendable, Equatable {
    case new
    /// The key in the target Secret is used again.
    case targetSecret
}

/// One thing to do for a Certificate, in the order of the decision.
enum CertificateAction: Sendable, Equatable {
    case deleteRequest(name: String, uid: String)
    case deleteNextKey(name: String, uid: String)
    case storeNextKey(name: String, KeySource)
    /// Asks with the key in the next-key Secret of this name.
    case createRequest(revision: Int, nextKey: String)
    /// The whole way for an issuer that answers at once, with a key that only this process knows until it is stored.
    /// `opening` says why; the Event of its end takes that along, so that a certificate has one and not two.
    case issueAtOnce(revision: Int, KeySource, opening: Notice?)
    /// Puts what the request got, and the key in the next-key Secret, into the target Secret.
    case complete(request: String, nextKey: String)
    /// Puts a throw-away certificate for the key in the next-key Secret into the target Secret.
    case storeTemporary(nextKey: String)
    /// Brings labels, annotations, owner and the other forms of key and certificate in the target Secret up to date.
    case mendSecret
    /// The whole status; written only when it differs from the one observed.
    case setStatus(Certificate.Status)
    case tell(Notice)
    case lookAgain(at: Timestamp)
}

/// An Event in the making.
struct Notice: Sendable, Equatable {
    enum Kind: Sendable { case normal, warning }
    var kind: Kind
    var reason: String
    var message: String

    static func normal(_ reason: String, _ message: String) -> Notice {
        .init(kind: .normal, reason: reason, message: message)
    }
    static func warning(_ reason: String, _ message: String) -> Notice {
        .init(kind: .warning, reason: reason, message: message)
    }
}
