package import CertificateAPI
package import KubeModel
package import PKI
import Solvers
package import Wire

/// A Certificate and everything that hangs on it, gathered at one moment.
package struct CertificateTree: Sendable {
    package var certificate: Certificate
    package var secret: SecretSight = .unknown("it was not looked at")
    package var issuer: IssuerSight = .unknown("it was not looked at")
    /// Those that the Certificate controls.
    package var requests: [CertificateRequest] = []
    package var orders: [Order] = []
    package var challenges: [Challenge] = []
    /// What answers HTTP-01 challenges, by the label that solver objects carry.
    package var pods: [Pod] = []
    package var services: [Service] = []
    package var ingresses: [Ingress] = []
    package var routes: [HTTPRoute] = []
    /// Of all objects here.
    package var events: [Event] = []
    /// By the API server's clock, where that is known.
    package var now: Timestamp

    package init(certificate: Certificate, now: Timestamp) {
        self.certificate = certificate
        self.now = now
    }

    package var namespace: String { certificate.metadata.namespace ?? "" }
    package var name: String { certificate.metadata.name }

    /// The request of the revision that is being issued, or was tried last; nil where there is none yet.
    package var currentRequest: CertificateRequest? { requests.max { $0.revision < $1.revision } }

    package func orders(of request: CertificateRequest) -> [Order] {
        orders.filter { $0.metadata.controller?.uid == request.metadata.uid }
    }
    package func challenges(of order: Order) -> [Challenge] {
        challenges.filter { $0.metadata.controller?.uid == order.metadata.uid }
    }
    package func pods(of challenge: Challenge) -> [Pod] { pods.filter { $0.answers(challenge) } }
    package func events(of object: some KubeObject) -> [Event] {
        events.filter { event in
            if let uid = event.involvedObject.uid, let own = object.metadata.uid { return uid == own }
            return event.involvedObject.name == object.metadata.name
        }
    }
}

extension KubeObject {
    package func isControlled(by owner: some KubeObject) -> Bool {
        metadata.controller.map { $0.uid == owner.metadata.uid } ?? false
    }
}

extension KubeObject {
    /// Whether it is among what answers the challenge: its own, or shared with others, and then nobody's.
    package func answers(_ challenge: Challenge) -> Bool {
        isControlled(by: challenge) || SolverSet(challenge).map { $0.key == key } ?? false
    }
}

extension CertificateRequest {
    /// 0 where the annotation is absent or no number.
    package var revision: Int {
        metadata.annotations?[Names.Annotation.certificateRevision].flatMap { Int($0) } ?? 0
    }
}

/// What could be seen of the Secret that a Certificate fills.
package enum SecretSight: Sendable {
    case absent
    /// It could not be read; the text says why.
    case unknown(String)
    case found(SecretLook)
}

/// A Secret without its secrets: nothing of the private key is kept but what it is.
package struct SecretLook: Sendable, Hashable {
    package var key: ObjectKey
    package var type: String?
    package var labels: [String: String]
    package var annotations: [String: String]
    package var dataKeys: [String]
    /// From `tls.crt`, in its order; empty where there is none or it cannot be read.
    package var certificates: [X509Certificate]
    /// From `ca.crt`.
    package var authorities: [X509Certificate]
    /// What is wrong with `tls.crt`, `ca.crt` or `tls.key`.
    package var problems: [String]
    package var keyAlgorithm: KeyAlgorithm?
    /// Whether `tls.key` belongs to the leaf; nil where one of them cannot be read.
    package var keyBelongsToLeaf: Bool?

    package var leaf: X509Certificate? { certificates.first }
    package var certificateName: String? { annotations[Names.Annotation.certificateName] }

    package init(_ secret: Secret) {
        key = secret.key
        type = secret.type
        labels = secret.metadata.labels ?? [:]
        annotations = secret.metadata.annotations ?? [:]
        dataKeys = (secret.data ?? [:]).keys.sorted()
        var problems: [String] = []
        func read<T>(_ name: String, _ parse: ([UInt8]) throws(PKIError) -> T) -> T? {
            guard let bytes = secret[name], !bytes.isEmpty else { return nil }
            do throws(PKIError) {
                return try parse(bytes)
            } catch {
                problems.append("\(name) cannot be used: \(error)")
                return nil
            }
        }
        let chain = read(Names.SecretKey.certificate) { pem throws(PKIError) in try Chain.parse(pem: pem) } ?? []
        let roots = read(Names.SecretKey.ca) { pem throws(PKIError) in
            try Chain.parse(pem: pem, limits: PEMLimits(chain: PEMLimits.default.bundle))
        }
        let privateKey = read(Names.SecretKey.privateKey) { pem throws(PKIError) in try PrivateKey(pem: pem) }
        certificates = chain
        authorities = roots ?? []
        keyAlgorithm = privateKey?.algorithm
        keyBelongsToLeaf = privateKey.flatMap { key in chain.first.map { $0.publicKey == key.publicKey } }
        self.problems = problems
    }
}

/// What could be seen of the issuer that a Certificate names.
package enum IssuerSight: Sendable {
    /// Of another API group: its own controller answers.
    case foreign
    case absent
    case unknown(String)
    case found(IssuerLook)
}

package struct IssuerLook: Sendable {
    package var reference: IssuerReference
    package var metadata: ObjectMeta
    package var spec: IssuerSpec
    package var status: IssuerStatus?
    /// The Secret of a CA issuer.
    package var authority: SecretSight?

    package init<Object: IssuerObject>(_ object: Object, as reference: IssuerReference) {
        self.reference = reference
        metadata = object.metadata
        spec = object.spec
        status = object.status
    }

    package var ready: Condition? { status?.conditions[type: Condition.Kind.ready] }
    package var isReady: Bool { ready?.status == .yes }
    /// "Issuer shop/acme".
    package var title: String {
        let place = metadata.namespace.map { "\($0)/" } ?? ""
        return "\(reference.effectiveKind) \(place)\(metadata.name)"
    }
    /// As kubectl names the object.
    package var argument: String { "\(reference.effectiveKind.lowercased()) \(metadata.name)" }
    package var typeName: String {
        if spec.acme != nil { return "acme" }
        if spec.ca != nil { return "ca" }
        if spec.selfSigned != nil { return "selfSigned" }
        if spec.vault != nil { return "vault" }
        return spec.venafi != nil ? "venafi" : "none"
    }
}
