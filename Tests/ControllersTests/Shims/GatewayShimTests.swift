import CertificateAPI
import KubeModel
import Testing
import Wire

@testable import Controllers

@Suite("The decision about a Gateway and its ListenerSets")
struct GatewayShimTests {
    typealias Key = Names.Annotation

    static func listener(
        _ name: String = "https", _ hostname: String? = "a.example.com", secrets: [String] = ["a-tls"],
        protocol: String = "HTTPS", mode: String? = "Terminate"
    ) -> Listener {
        Listener(
            name: name, hostname: hostname, protocol: `protocol`,
            tls: .init(mode: mode, certificateRefs: secrets.map { .init(name: $0) }))
    }

    static func gateway(
        _ annotations: [String: String] = [Key.issuer: "ca"], _ listeners: [Listener] = [listener()]
    ) -> Gateway {
        var metadata = ObjectMeta(name: "edge", namespace: "infra")
        metadata.uid = "gateway-uid"
        metadata.annotations = annotations
        return Gateway(metadata: metadata, spec: .init(listeners: listeners))
    }

    static func set(_ annotations: [String: String] = [:], _ listeners: [Listener] = [listener()]) -> ListenerSet {
        var metadata = ObjectMeta(name: "shop", namespace: "web")
        metadata.uid = "set-uid"
        metadata.annotations = annotations
        return ListenerSet(
            metadata: metadata,
            spec: .init(parentRef: .init(name: "edge", namespace: "infra"), listeners: listeners))
    }

    static func decide(
        _ source: ShimSource, _ certificates: [Certificate] = [], _ settings: ShimSettings = .init()
    ) -> [ShimAction] {
        Shim.decide(ShimView(source: source, certificates: certificates, settings: settings))
    }

    static func decide(
        _ gateway: Gateway, _ certificates: [Certificate] = [], _ settings: ShimSettings = .init()
    ) -> [ShimAction] {
        decide(ShimSource(gateway, settings: settings), certificates, settings)
    }

    static func certificates(_ actions: [ShimAction]) -> [Certificate] {
        actions.compactMap { if case .create(let certificate) = $0 { certificate } else { nil } }
    }

    static func complaints(_ actions: [ShimAction]) -> [String] {
        actions.compactMap { if case .complain(let problem) = $0 { problem.description } else { nil } }
    }

    static func stored(_ actions: [ShimAction]) -> [Certificate] {
        certificates(actions).map { certificate in
            var certificate = certificate
            certificate.metadata.uid = "certificate-uid"
            certificate.metadata.resourceVersion = "7"
            return certificate
        }
    }

    @Test("a Gateway gets a Certificate for each Secret, whose names are those of all the listeners that share it")
    func creates() {
        var gateway = Self.gateway(
            [Key.clusterIssuer: "acme", Key.duration: "48h"],
            [
                Listener(name: "http", hostname: "a.example.com", protocol: "HTTP"),
                Self.listener("one", "a.example.com"),
                Self.listener("two", "*.b.example.com", secrets: ["a-tls", "b"]),
                Self.listener("tls", "c.example.com", secrets: ["c"], protocol: "TLS", mode: nil),
                Self.listener("again", "a.example.com"),
            ])
        gateway.metadata.labels = ["app": "edge", "applyset.kubernetes.io/part-of": "x"]
        func expected(_ name: String, _ names: [String]) -> ShimAction {
            var metadata = ObjectMeta(name: name, namespace: "infra")
            metadata.labels = ["app": "edge"]
            metadata.annotations = [Key.http01ParentRefKind: "Gateway", Key.http01ParentRefName: "edge"]
            metadata.ownerReferences = [
                OwnerReference(
                    apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", name: "edge", uid: "gateway-uid",
                    controller: true, blockOwnerDeletion: true)
            ]
            var spec = Certificate.Spec(
                secretName: name,
                issuerRef: IssuerReference(name: "acme", kind: "ClusterIssuer", group: "cert-manager.io"))
            spec.dnsNames = names
            spec.usages = ["digital signature", "key encipherment"]
            spec.duration = "48h0m0s"
            return .create(Certificate(metadata: metadata, spec: spec))
        }
        #expect(
            Self.decide(gateway) == [
                expected("a-tls", ["a.example.com", "*.b.example.com"]), expected("b", ["*.b.example.com"]),
                expected("c", ["c.example.com"]),
            ])
    }

    @Test("what was made is never written again, and follows the Gateway")
    func follows() {
        let gateway = Self.gateway()
        let present = Self.stored(Self.decide(gateway))
        #expect(Self.decide(gateway, present) == [])
        let changed = Self.gateway([Key.issuer: "ca"], [Self.listener("https", "new.example.com")])
        let patch: JSONValue = [
            "metadata": ["resourceVersion": "7"], "spec": ["dnsNames": ["new.example.com"]],
        ]
        #expect(Self.decide(changed, present) == [.change(patch, present[0])])
        #expect(Self.decide(Self.gateway([Key.issuer: "ca"], []), present) == [.delete(present[0])])
    }

    @Test(
        "listeners that terminate no TLS, or are to be ignored, are passed over",
        arguments: [
            Listener(name: "http", hostname: "a", protocol: "HTTP"), listener(protocol: "TCP"),
            listener(mode: "Passthrough"), listener("manual"), listener("other", protocol: "example.com/quic"),
        ])
    func passedOver(listener: Listener) {
        let gateway = Self.gateway([Key.issuer: "ca", Key.ignoreTLSListeners: "x, manual ,y"], [listener])
        #expect(Self.decide(gateway) == [])
    }

    @Test("another protocol counts as TLS where the flag names it")
    func extraProtocol() {
        let gateway = Self.gateway([Key.issuer: "ca"], [Self.listener(protocol: "example.com/quic")])
        let actions = Self.decide(gateway, [], ShimSettings(extraProtocols: ["example.com/quic"]))
        #expect(Self.certificates(actions).map(\.metadata.name) == ["a-tls"])
    }

    @Test("a listener that cannot be served is told about, and the others are served")
    func problems() {
        func reference(_ reference: Listener.CertificateReference) -> Listener {
            Listener(
                name: "bad", hostname: "a", protocol: "HTTPS", tls: .init(mode: nil, certificateRefs: [reference]))
        }
        let gateway = Self.gateway(
            [Key.issuer: "ca"],
            [
                Self.listener("bad", nil), Listener(name: "bad", hostname: "a", protocol: "HTTPS"),
                Self.listener("bad", secrets: []), Self.listener("bad", mode: "Other"),
                reference(.init(name: "x", group: "example.com")), reference(.init(name: "x", kind: "ConfigMap")),
                reference(.init(name: "x", namespace: "other")), reference(.init(name: "x", namespace: "infra")),
            ])
        let actions = Self.decide(gateway)
        let prefix = "skipped the listener \"bad\": spec.listeners"
        #expect(
            Self.complaints(actions) == [
                prefix + "[0].hostname: Required value: name the host that a certificate is to be for",
                prefix + "[1].tls: Required value: say under certificateRefs which Secret to fill",
                prefix + "[2].tls.certificateRefs: Required value: name the Secret to fill",
                prefix + "[3].tls.mode: Unsupported value: \"Other\": supported values: \"Terminate\"",
                prefix
                    + "[4].tls.certificateRefs[0].group: Unsupported value: \"example.com\": supported values: "
                    + "\"core\", \"\"",
                prefix
                    + "[5].tls.certificateRefs[0].kind: Unsupported value: \"ConfigMap\": supported values: "
                    + "\"Secret\", \"\"",
                prefix
                    + "[6].tls.certificateRefs[0].namespace: Invalid value: \"other\": cross-namespace secret "
                    + "references are not allowed in listeners",
            ])
        #expect(Self.certificates(actions).map(\.metadata.name) == ["x"])
    }

    @Test("a Gateway heeds no annotation that stands for the default issuer")
    func automatic() {
        let settings = ShimSettings(defaultIssuer: IssuerReference(name: "d"))
        #expect(Self.decide(Self.gateway([Key.tlsACME: "true"]), [], settings) == [])
    }

    @Test(
        "a ListenerSet takes over the issuer of its Gateway whole, or names its own",
        arguments: [
            ([:], [:], nil),
            ([:], [Key.clusterIssuer: "acme"], IssuerReference(name: "acme", kind: "ClusterIssuer")),
            (
                [:], [Key.issuer: "x", Key.issuerKind: "Pool", Key.issuerGroup: "example.com"],
                IssuerReference(name: "x", kind: "Pool", group: "example.com")
            ),
            ([Key.issuer: "own"], [Key.clusterIssuer: "acme", Key.issuerKind: "Pool"], IssuerReference(name: "own")),
        ] as [([String: String], [String: String], IssuerReference?)])
    func inherits(own: [String: String], gateway: [String: String], issuer: IssuerReference?) {
        let source = ShimSource(Self.set(own), of: Self.gateway(gateway), settings: .init())
        #expect(
            Self.certificates(Self.decide(source)).map(\.spec.issuerRef) == [issuer?.normalized].compactMap(\.self))
    }

    @Test(
        "the challenge of a ListenerSet that has no plain listener goes to its Gateway, and the annotation decides",
        arguments: [(false, nil, true), (true, nil, false), (true, "true", true), (false, "false", false)])
    func route(hasPlainListener: Bool, fallback: String?, goesToGateway: Bool) throws {
        let plain = Listener(name: "http", hostname: "a.example.com", protocol: "HTTP")
        var set = Self.set([Key.issuer: "ca"], [Self.listener()] + (hasPlainListener ? [plain] : []))
        set.metadata.annotations?[Key.http01ParentRefFallback] = fallback
        let source = ShimSource(set, of: Self.gateway(), settings: .init())
        let expected =
            goesToGateway
            ? [
                Key.http01ParentRefKind: "Gateway", Key.http01ParentRefName: "edge",
                Key.http01ParentRefNamespace: "infra",
            ] : [Key.http01ParentRefKind: "ListenerSet", Key.http01ParentRefName: "shop"]
        #expect(Self.certificates(Self.decide(source)).map(\.metadata.annotations) == [expected])
        // Turned the other way, the Certificate follows, and nothing of the old way stays.
        set.metadata.annotations?[Key.http01ParentRefFallback] = goesToGateway ? "false" : "true"
        let present = Self.stored(Self.decide(source))
        let turned = Self.decide(ShimSource(set, of: Self.gateway(), settings: .init()), present)
        guard case .change(let patch, let old)? = turned.first, turned.count == 1 else {
            Issue.record("expected one change, got \(turned)")
            return
        }
        let patched = try old.manifest().merging(patch: patch).decode(Certificate.self)
        #expect(patched.metadata.annotations?.keys.contains(Key.http01ParentRefNamespace) == !goesToGateway)
    }

    @Test("the parent of a ListenerSet is a Gateway, beside it unless it says otherwise")
    func parents() {
        var set = Self.set()
        #expect(set.gateway == ObjectKey(namespace: "infra", name: "edge"))
        set.spec?.parentRef?.namespace = nil
        #expect(set.gateway == ObjectKey(namespace: "web", name: "edge"))
        set.spec?.parentRef?.kind = "Service"
        #expect(set.gateway == nil)
    }

    @Test("an experimental ListenerSet is the controller of its Certificates under its own name")
    func experimental() {
        let plain = Self.set([Key.issuer: "ca"])
        let set = ExperimentalListenerSet(metadata: plain.metadata, spec: plain.spec)
        let made = Self.certificates(Self.decide(ShimSource(set, of: Self.gateway(), settings: .init())))
        #expect(made.map(\.metadata.controller?.kind) == ["XListenerSet"])
        #expect(made.map(\.metadata.controller?.apiVersion) == ["gateway.networking.x-k8s.io/v1alpha1"])
        let index = ShimIndex.certificates[ShimIndex.owner]
        #expect(made.map { index?($0) } == [["set-uid"]])
    }
}
