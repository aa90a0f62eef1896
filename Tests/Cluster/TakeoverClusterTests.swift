import CertificateAPI
import HTTPTransport
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

/// Objects as cert-manager leaves them, and our controller run over them: nothing is issued anew, no Secret changes.
///
/// What stands in them follows docs/compatibility.md: field managers, labels, annotations and messages of its controllers.
@Suite(
    "what cert-manager has left is gone on with", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"),
    .timeLimit(.minutes(5)))
struct TakeoverClusterTests {
    private static let day = Duration.seconds(86_400)

    @Test("ready certificates stay as they are to the byte; one that is being issued is finished with its key")
    func takeover() async throws {
        try await Cluster.withNamespace("takeover") { cluster in
            let world = try await CertManagerWorld.make(cluster)
            try await world.ready("shop", names: ["shop.example"])
            try await world.ready("old", names: ["old.example", "www.old.example"], isOldVersion: true)
            let nextKey = try await world.issuing("fresh", names: ["fresh.example"])
            let before = try await Self.snapshot(cluster, ["shop", "old"])
            let kubeconfig = try #require(Cluster.kubeconfig)
            try await ControllerProcess.run(
                kubeconfig: kubeconfig, flags: ["--namespace=\(cluster.namespace)"], over: cluster.transport
            ) { _ in
                try await cluster.eventually("the open one is issued", within: .seconds(60)) {
                    try await cluster.isDone("fresh")
                }
                // Time for what would be done wrongly.
                try await Task.sleep(for: .seconds(3))
                let after = try await Self.snapshot(cluster, ["shop", "old"])
                #expect(before.data == after.data)
                #expect(before.versions["shop-tls"] == after.versions["shop-tls"], "the Secret was written")
                #expect(after.revisions == ["shop": 1, "old": 1])
                #expect(after.requests == before.requests.union(["fresh-1"]))
                let fresh = try await cluster.client.get(Secret.self, cluster.key("fresh-tls"))
                let key = try PrivateKey(pem: try #require(fresh["tls.key"]))
                #expect(key.publicKey == nextKey)
                let left = try await cluster.client.find(Secret.self, cluster.key("fresh-x7k2p"))
                #expect(left == nil, "the next key's Secret is left")
            }
        }
    }

    struct Snapshot: Equatable {
        var data: [String: [String: Base64Data]?] = [:]
        var versions: [String: String?] = [:]
        var revisions: [String: Int?] = [:]
        var requests: Set<String> = []
    }

    private static func snapshot(_ cluster: Cluster, _ names: [String]) async throws -> Snapshot {
        var snapshot = Snapshot()
        for name in names {
            let secret = try await cluster.client.get(Secret.self, cluster.key("\(name)-tls"))
            snapshot.data[name] = secret.data
            snapshot.versions["\(name)-tls"] = secret.metadata.resourceVersion
            snapshot.revisions[name] = try await cluster.client.get(Certificate.self, cluster.key(name)).status?
                .revision
        }
        let requests = try await cluster.client.listAll(
            CertificateRequest.self, ListOptions(namespace: cluster.namespace)
        ).items
        snapshot.requests = Set(requests.map(\.metadata.name))
        return snapshot
    }
}

/// Writes what cert-manager's controllers would have written, under their names.
struct CertManagerWorld {
    let cluster: Cluster
    /// Nil where nothing is signed here.
    var root: X509Certificate?
    let rootKey: PrivateKey
    private static let now = Timestamp.now().wholeSeconds

    static func make(_ cluster: Cluster) async throws -> CertManagerWorld {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: true)
        extensions.keyUsage = [.certSign, .digitalSignature]
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: "root"), publicKey: key.publicKey,
            notBefore: now - .seconds(86_400), notAfter: now + .seconds(3650 * 86_400), extensions: extensions)
        let root = try await template.signed(by: nil, key: key)
        let world = CertManagerWorld(cluster: cluster, root: root, rootKey: key)
        var secret = Secret(
            metadata: ObjectMeta(name: "root", namespace: cluster.namespace), type: "kubernetes.io/tls",
            data: ["tls.crt": Base64Data(utf8: root.pem), "tls.key": Base64Data(try key.pem(.pkcs8))])
        secret.metadata.labels = nil
        _ = try await cluster.client.create(secret)
        try await cluster.apply(
            "{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: ca}, spec: {ca: {secretName: root}}}")
        return world
    }

    /// Issued twenty days ago for ninety.
    func ready(_ name: String, names: [String], isOldVersion: Bool = false) async throws {
        let certificate = try await certificate(name, names)
        let (chain, key, signing) = try await leaf(names)
        let request = try await request(certificate, signing, keySecret: "\(name)-9kq2d")
        try await status(
            of: CertificateRequest.self, request.key, manager: "cert-manager-certificaterequests-issuer-ca",
            [
                "conditions": [
                    condition(
                        "Approved", "True", "cert-manager.io",
                        "Certificate request has been approved by cert-manager.io"),
                    condition("Ready", "True", "Issued", "Certificate fetched from issuer successfully"),
                ],
                "certificate": .string(Base64.encode(Array(chain.pem.utf8))),
                "ca": .string(Base64.encode(Array((root?.pem ?? "").utf8))),
            ])
        try await target(name, chain, key, names, isOldVersion: isOldVersion)
        try await status(
            of: Certificate.self, certificate.key, manager: "cert-manager-certificates-readiness",
            [
                "conditions": [
                    condition("Ready", "True", "Ready", "Certificate is up to date and has not expired", generation: 1)
                ],
                "notBefore": .string(chain.notBefore.rfc3339), "notAfter": .string(chain.notAfter.rfc3339),
                "renewalTime": .string((chain.notAfter - .seconds(30 * 86_400)).rfc3339), "revision": 1,
            ])
    }

    /// Its key is made, its request is not signed yet. Answers the key.
    func issuing(_ name: String, names: [String]) async throws -> PublicKey {
        let certificate = try await certificate(name, names)
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var secret = Secret(
            metadata: ObjectMeta(name: "\(name)-x7k2p", namespace: cluster.namespace), type: "Opaque",
            data: ["tls.key": Base64Data(try key.pem(.pkcs8))])
        secret.metadata.generateName = "\(name)-"
        secret.metadata.labels = ["cert-manager.io/next-private-key": "true", "controller.cert-manager.io/fao": "true"]
        secret.metadata.ownerReferences = [OwnerReference(controller: certificate)]
        _ = try await cluster.client.create(secret, manager: "cert-manager-certificates-key-manager")
        _ = try await request(certificate, try await signing(names, key), keySecret: "\(name)-x7k2p")
        let message = "Issuing certificate as Secret does not exist"
        try await status(
            of: Certificate.self, certificate.key, manager: "cert-manager-certificates-trigger",
            [
                "conditions": [
                    condition("Ready", "False", "DoesNotExist", message, generation: 1),
                    condition("Issuing", "True", "DoesNotExist", message, generation: 1),
                ],
                "nextPrivateKeySecretName": .string("\(name)-x7k2p"),
            ])
        return key.publicKey
    }

    // MARK: Parts

    private func certificate(_ name: String, _ names: [String]) async throws -> Certificate {
        try await cluster.apply(Manifests.certificate(name, issuer: "ca", names: names.joined(separator: ", ")))
        return try await cluster.client.get(Certificate.self, cluster.key(name))
    }

    private func signing(_ names: [String], _ key: PrivateKey) async throws -> SigningRequest {
        var extensions = CertificateExtensions()
        extensions.names = names.map { .dns($0) }
        extensions.keyUsage = [.digitalSignature, .keyEncipherment]
        return try await SigningRequest.make(subject: .empty, extensions: extensions, key: key)
    }

    private func leaf(_ names: [String]) async throws -> (X509Certificate, PrivateKey, SigningRequest) {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let signing = try await signing(names, key)
        var extensions = signing.extensions
        extensions.basicConstraints = BasicConstraints(isCA: false)
        let template = CertificateTemplate(
            subject: .empty, publicKey: key.publicKey, notBefore: Self.now - .seconds(20 * 86_400),
            notAfter: Self.now + .seconds(70 * 86_400), extensions: extensions)
        return (try await template.signed(by: root, key: rootKey), key, signing)
    }

    private func request(
        _ certificate: Certificate, _ signing: SigningRequest, keySecret: String
    ) async throws -> CertificateRequest {
        var request = CertificateRequest(
            metadata: ObjectMeta(name: "\(certificate.metadata.name)-1", namespace: cluster.namespace),
            spec: .init(request: Base64Data(utf8: signing.pem), issuerRef: certificate.spec.issuerRef))
        request.metadata.annotations = [
            "cert-manager.io/certificate-name": certificate.metadata.name,
            "cert-manager.io/certificate-revision": "1", "cert-manager.io/private-key-secret-name": keySecret,
        ]
        request.metadata.ownerReferences = [OwnerReference(controller: certificate)]
        return try await cluster.client.create(request, manager: "cert-manager-certificates-request-manager")
    }

    /// Applied as cert-manager does since 1.8; before 1.12 without the label and the annotations of the names.
    private func target(
        _ name: String, _ leaf: X509Certificate, _ key: PrivateKey, _ names: [String], isOldVersion: Bool
    ) async throws {
        var annotations: JSONObject = [
            "cert-manager.io/certificate-name": .string(name), "cert-manager.io/issuer-name": "ca",
            "cert-manager.io/issuer-kind": isOldVersion ? "Issuer" : "", "cert-manager.io/issuer-group": "",
            "cert-manager.io/common-name": "", "cert-manager.io/alt-names": .string(names.joined(separator: ",")),
            "cert-manager.io/ip-sans": "", "cert-manager.io/uri-sans": "",
        ]
        if !isOldVersion {
            annotations["cert-manager.io/issuer-kind"] = "Issuer"
            annotations["cert-manager.io/issuer-group"] = "cert-manager.io"
        }
        var metadata: JSONValue = ["annotations": .object(annotations)]
        if !isOldVersion { metadata["labels"] = ["controller.cert-manager.io/fao": "true"] }
        let manifest: JSONValue = [
            "metadata": metadata, "type": "kubernetes.io/tls",
            "data": [
                "tls.crt": .string(Base64.encode(Array(leaf.pem.utf8))),
                "tls.key": .string(Base64.encode(try key.pem(.pkcs1))),
                "ca.crt": .string(Base64.encode(Array((root?.pem ?? "").utf8))),
            ],
        ]
        _ = try await cluster.client.apply(
            manifest, of: Secret.self, cluster.key("\(name)-tls"), manager: "cert-manager-certificates-issuing")
    }

    func condition(
        _ type: String, _ status: String, _ reason: String, _ message: String, generation: Int64? = nil
    ) -> JSONValue {
        var value: JSONValue = [
            "type": .string(type), "status": .string(status), "reason": .string(reason), "message": .string(message),
            "lastTransitionTime": .string((Self.now - .seconds(20 * 86_400)).rfc3339),
        ]
        if let generation { value["observedGeneration"] = .integer(generation) }
        return value
    }

    func status<T: KubeObject>(
        of type: T.Type, _ key: ObjectKey, manager: String, _ status: JSONValue
    ) async throws {
        _ = try await cluster.client.mergePatch(
            ["status": status], of: type, key, subresource: "status", manager: manager)
    }
}
