package import CertificateAPI
package import KubeModel
import PKI
import Wire

/// The objects that answer one HTTP-01 challenge, as they are to be; nothing is sent by making them.
///
/// Their names follow from the challenge's, or from what those have in common that share them, so that the same
/// challenge never has two of a kind.
package struct SolverObjects: Sendable, Hashable {
    package static let port = 8089
    package static let namePrefix = "cm-acme-http-solver-"

    /// What leads from the outside to the Service.
    package enum Way: Sendable, Hashable {
        case ingress(Solver.IngressSolver)
        case gateway(Solver.GatewaySolver)
    }

    package let challenge: Challenge
    package let way: Way
    package let options: HTTP01Options
    /// Whom it shares pod, Service and Ingress with; nil when they are its own.
    package let shared: SolverSet?

    package init(challenge: Challenge, way: Way, options: HTTP01Options) {
        self.challenge = challenge
        self.way = way
        self.options = options
        shared = SolverSet(challenge)
    }

    /// The Ingress of the user's that is edited instead of making one.
    var editedIngress: ObjectKey? {
        guard case .ingress(let solver) = way, let name = solver.name.nonEmpty else { return nil }
        return ObjectKey(namespace: ownKey.namespace, name: name)
    }

    var isRouted: Bool {
        if case .gateway = way { true } else { false }
    }

    var serviceType: String? {
        switch way {
        case .ingress(let solver): solver.serviceType
        case .gateway(let solver): solver.serviceType
        }
    }

    var podTemplate: PodTemplate? {
        switch way {
        case .ingress(let solver): solver.podTemplate
        case .gateway(let solver): solver.podTemplate
        }
    }

    /// The name of what is the challenge's own: short enough for a Service, different for different challenges.
    package static func name(for challenge: Challenge) -> String {
        namePrefix + Hex.encode(Array(Digest.sha256(Array(challenge.metadata.name.utf8)).prefix(8)))
    }

    /// Of pod, Service and Ingress.
    package var key: ObjectKey { shared?.key ?? ownKey }

    /// Of what no other challenge shares: an HTTPRoute has one list of hosts for all its rules, of at most sixteen.
    package var ownKey: ObjectKey {
        ObjectKey(namespace: challenge.metadata.namespace ?? "", name: Self.name(for: challenge))
    }

    static let folder = "/.well-known/acme-challenge/"

    /// The path that the CA asks for (RFC 8555 §8.3).
    package static func path(for challenge: Challenge) -> String {
        folder + challenge.spec.token
    }

    var isTLS: Bool { challenge.method == .tlsALPN01 }

    /// Of the Service: what is exposed as it is should be where the CA looks (RFC 8737 §3).
    var servicePort: Int { isTLS ? 443 : Self.port }
    var portName: String { isTLS ? "tls-alpn" : "http" }

    package var service: Service {
        let spec: JSONValue = [
            "type": .string(serviceType.nonEmpty ?? "NodePort"),
            "ports": [
                [
                    "name": .string(portName), "port": .integer(Int64(servicePort)),
                    "targetPort": .integer(Int64(Self.port)), "protocol": "TCP",
                ]
            ],
            "selector": .object(object(selector)),
        ]
        return Service(metadata: metadata(annotations: ["auth.istio.io/8089": "NONE"]), spec: spec)
    }

    package func ingress(as solver: Solver.IngressSolver, rules: [Ingress.Rule]? = nil) -> Ingress {
        var annotations = ["nginx.ingress.kubernetes.io/whitelist-source-range": "0.0.0.0/0,::/0"]
        if let name = solver.class.nonEmpty { annotations[Names.Annotation.ingressClass] = name }
        let template = solver.ingressTemplate?.metadata
        let spec = Ingress.Spec(ingressClassName: solver.ingressClassName.nonEmpty, rules: rules ?? [rule])
        return Ingress(
            metadata: metadata(
                annotations: annotations.merging(template?.annotations ?? [:]) { $1 }, labels: template?.labels),
            spec: spec)
    }

    /// An address stands in no `Host` that an Ingress could match, so such a rule has none.
    package var rule: Ingress.Rule {
        Ingress.Rule(host: host, http: Ingress.HTTP(paths: [ingressPath]))
    }

    var host: String? { Self.host(of: challenge) }

    static func host(of challenge: Challenge) -> String? {
        IPAddress(challenge.spec.dnsName) == nil ? challenge.spec.dnsName : nil
    }

    var ingressPath: Ingress.Path {
        Ingress.Path(
            path: Self.path(for: challenge), pathType: "Exact",
            backend: [
                "service": ["name": .string(key.name), "port": ["number": .integer(Int64(Self.port))]]
            ])
    }

    /// What the Service finds the pod by: the labels as they stand on the pod, a template's included.
    private var selector: [String: String] {
        let labels = pod.metadata.labels ?? [:]
        return identity.reduce(into: [:]) { $0[$1.key] = labels[$1.key] }
    }

    /// The labels that say what an object is for.
    private var identity: [String: String] {
        guard let shared else { return ownIdentity }
        return [Names.Label.http01Solver: "true", Names.Label.solverSet: shared.digest]
    }

    private var ownIdentity: [String: String] {
        var labels = [
            Names.Label.httpDomain: String(Adler32.checksum(challenge.spec.dnsName)),
            Names.Label.httpToken: String(Adler32.checksum(challenge.spec.token)),
            Names.Label.http01Solver: "true",
        ]
        if isTLS { labels[Names.Label.tlsALPN01Solver] = "true" }
        return labels
    }

    /// What is shared has no owner, since the first of the challenges would take it away from the others.
    func metadata(annotations: [String: String], labels: [String: String]? = nil) -> ObjectMeta {
        var metadata = ObjectMeta(name: key.name, namespace: key.namespace)
        metadata.labels = identity.merging(options.extraLabels) { own, _ in own }.merging(labels ?? [:]) { $1 }
        metadata.annotations = annotations
        if shared == nil { metadata.ownerReferences = [OwnerReference(controller: challenge)] }
        return metadata
    }

    func ownMetadata(labels: [String: String]?) -> ObjectMeta {
        var metadata = ObjectMeta(name: ownKey.name, namespace: ownKey.namespace)
        metadata.labels = ownIdentity.merging(options.extraLabels) { own, _ in own }.merging(labels ?? [:]) { $1 }
        metadata.ownerReferences = [OwnerReference(controller: challenge)]
        return metadata
    }

    func object(_ map: [String: String]) -> JSONObject {
        map.sorted { $0.key < $1.key }.reduce(into: JSONObject()) { $0[$1.key] = .string($1.value) }
    }
}

/// The checksum of RFC 1950 §9, by which solver objects are labelled.
enum Adler32 {
    static func checksum(_ text: String) -> UInt32 {
        var low: UInt32 = 1
        var high: UInt32 = 0
        for octet in text.utf8 {
            low = (low + UInt32(octet)) % 65_521
            high = (high + low) % 65_521
        }
        return high << 16 | low
    }
}
