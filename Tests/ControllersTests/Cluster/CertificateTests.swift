import CertificateAPI
import Controllers
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

/// The real time, and some more.
struct LaterTime: TimeSource {
    var ahead: Duration

    func now() -> Timestamp { .now() + ahead }
    func elapsed() -> Duration { SystemTime().elapsed() }
    func sleep(for duration: Duration) async throws { try await SystemTime().sleep(for: duration) }
}

@Suite("Certificates on a real API server", .serialized, .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct CertificateTests {
    /// Lives while `body` runs.
    private func live(
        _ life: CertificateLife = CertificateLife(), in cluster: Cluster, _ body: () async throws -> Void
    ) async throws {
        try await cluster.live(life, body)
    }

    private func secret(_ cluster: Cluster) async throws -> Secret {
        try await cluster.client.get(Secret.self, cluster.key("site-tls"))
    }

    private func patch(_ patch: JSONValue, _ cluster: Cluster, subresource: String? = nil) async throws {
        _ = try await cluster.client.mergePatch(
            patch, of: Certificate.self, cluster.key("site"), subresource: subresource)
    }

    @Test("what is in the Secret: key and certificate that fit, the CA, labels and annotations")
    func secretContent() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(
                Manifest.all(
                    Manifest.issuer,
                    Manifest.certificate(
                        "site", secret: "site-tls", "secretTemplate: {labels: {a: b}, annotations: {c: d}}")))
            try await live(in: cluster) {
                try await cluster.eventually("ready") { try await cluster.isReady("site", revision: 1) }
            }
            let secret = try await secret(cluster)
            let pem = try #require(secret["tls.key"])
            let key = try PrivateKey(pem: pem)
            let chain = try #require(secret["tls.crt"])
            let leaf = try #require(try Chain.parse(pem: chain).first)
            #expect(leaf.publicKey == key.publicKey)
            #expect(leaf.extensions.dnsNames == ["www.example.com", "*.example.com"])
            #expect(secret["ca.crt"] == secret["tls.crt"])
            #expect(secret.type == "kubernetes.io/tls")
            #expect(secret.metadata.labels == ["a": "b", "controller.cert-manager.io/fao": "true"])
            #expect(
                secret.metadata.annotations
                    == [
                        "c": "d", "cert-manager.io/alt-names": "www.example.com,*.example.com",
                        "cert-manager.io/common-name": "www.example.com", "cert-manager.io/ip-sans": "",
                        "cert-manager.io/uri-sans": "", "cert-manager.io/certificate-name": "site",
                        "cert-manager.io/issuer-name": "self", "cert-manager.io/issuer-kind": "Issuer",
                        "cert-manager.io/issuer-group": "cert-manager.io",
                    ])
            let request = try await cluster.client.get(CertificateRequest.self, cluster.key("site-1"))
            #expect(request.metadata.labels == ["team": "web"])
            #expect(
                request.metadata.annotations
                    == [
                        "note": "kept", "cert-manager.io/certificate-name": "site",
                        "cert-manager.io/certificate-revision": "1",
                        "cert-manager.io/private-key-secret-name": "site-tls",
                    ])
            #expect(request.status?.conditions?.map(\.type) == ["Approved", "Ready"])
        }
    }

    @Test("a template that shrinks takes its labels away from the Secret, and those of others stay")
    func template() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(
                Manifest.all(
                    Manifest.issuer,
                    Manifest.certificate("site", secret: "site-tls", "secretTemplate: {labels: {a: b, x: \"y\"}}")))
            try await live(in: cluster) {
                try await cluster.eventually("ready") { try await cluster.isReady("site", revision: 1) }
            }
            _ = try await cluster.client.mergePatch(
                ["metadata": ["labels": ["theirs": "yes"]]], of: Secret.self, cluster.key("site-tls"))
            try await patch(["spec": ["secretTemplate": ["labels": ["a": nil, "x": "z"]]]], cluster)
            // Another process, which has not seen what the first one wrote.
            try await live(in: cluster) {
                try await cluster.eventually("mended") {
                    try await secret(cluster).metadata.labels
                        == ["x": "z", "theirs": "yes", "controller.cert-manager.io/fao": "true"]
                }
            }
        }
    }

    @Test("what users do to the Secret is mended: labels taken away, data emptied, all of it deleted")
    func vandalism() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(Manifest.all(Manifest.issuer, Manifest.certificate()))
            try await live(in: cluster) {
                try await cluster.eventually("ready") { try await cluster.isReady("site", revision: 1) }
                _ = try await cluster.client.mergePatch(
                    ["metadata": ["labels": nil, "annotations": ["cert-manager.io/alt-names": "else"]]],
                    of: Secret.self,
                    cluster.key("site-tls"))
                try await cluster.eventually("labels and annotations are back") {
                    let metadata = try await secret(cluster).metadata
                    return metadata.labels == ["controller.cert-manager.io/fao": "true"]
                        && metadata.annotations?["cert-manager.io/alt-names"] == "www.example.com,*.example.com"
                }
                try await cluster.eventually("ready again, without a new certificate") {
                    try await cluster.isReady("site", revision: 1)
                }
                let empty: JSONValue = ["data": ["tls.crt": "", "tls.key": ""]]
                _ = try await cluster.client.mergePatch(empty, of: Secret.self, cluster.key("site-tls"))
                try await cluster.eventually("issued anew") { try await cluster.isReady("site", revision: 2) }
                try await cluster.client.delete(Secret.self, cluster.key("site-tls"))
                try await cluster.eventually("issued a third time") { try await cluster.isReady("site", revision: 3) }
                try await cluster.eventually("history is cut") {
                    try await cluster.client.listAll(
                        CertificateRequest.self, ListOptions(namespace: cluster.namespace)
                    ).items.map(\.metadata.name) == ["site-3"]
                }
            }
        }
    }

    @Test("a renewal makes a new key, and keeps it where it must not change", arguments: [false, true])
    func renewal(_ keepsKey: Bool) async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(
                Manifest.all(
                    Manifest.issuer, Manifest.certificate("site", secret: "site-tls", keepsKey ? "rotationPolicy" : ""))
            )
            try await live(in: cluster) {
                try await cluster.eventually("ready") { try await cluster.isReady("site", revision: 1) }
            }
            let before = try await secret(cluster)
            try await live(CertificateLife(time: LaterTime(ahead: .seconds(61 * 86400))), in: cluster) {
                try await cluster.eventually("renewed") { try await cluster.isReady("site", revision: 2) }
            }
            let after = try await secret(cluster)
            #expect((before["tls.key"] == after["tls.key"]) == keepsKey)
            #expect(before["tls.crt"] != after["tls.crt"])
        }
    }

    @Test("an edited spec is issued anew at once, and back-off does not hold it up")
    func edited() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(Manifest.all(Manifest.issuer, Manifest.certificate()))
            try await live(in: cluster) {
                try await cluster.eventually("ready") { try await cluster.isReady("site", revision: 1) }
                try await patch(["spec": ["dnsNames": ["bücher.example"]]], cluster)
                try await cluster.eventually("issued anew") { try await cluster.isReady("site", revision: 2) }
            }
            #expect(
                try await secret(cluster).metadata.annotations?["cert-manager.io/alt-names"] == "xn--bcher-kva.example")
        }
    }

    @Test("somebody asks for a renewal by the Issuing condition, as cmctl does")
    func manualRenewal() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(Manifest.all(Manifest.issuer, Manifest.certificate()))
            try await live(in: cluster) {
                try await cluster.eventually("ready") { try await cluster.isReady("site", revision: 1) }
                let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
                let asked = status?.conditions.setting(
                    Condition(type: "Issuing", status: .yes, reason: "ManuallyTriggered"), now: .now())
                try await patch(
                    ["status": ["conditions": try JSONValue(encoding: asked)]], cluster, subresource: "status")
                try await cluster.eventually("issued anew") { try await cluster.isReady("site", revision: 2) }
            }
        }
    }

    @Test("without an approver the request waits; denied, the Certificate says why and when it tries again")
    func denied() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(Manifest.all(Manifest.issuer, Manifest.certificate()))
            try await live(CertificateLife(approves: false), in: cluster) {
                try await cluster.eventually("a request") {
                    try await cluster.client.find(CertificateRequest.self, cluster.key("site-1")) != nil
                }
                let denial: JSONValue = [
                    "status": [
                        "conditions": [["type": "Denied", "status": "True", "reason": "Policy", "message": "not here"]]
                    ]
                ]
                _ = try await cluster.client.mergePatch(
                    denial, of: CertificateRequest.self, cluster.key("site-1"), subresource: "status")
                try await cluster.eventually("the failure is told") {
                    let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
                    let issuing = status?.conditions[type: "Issuing"]
                    return issuing?.status == .no && issuing?.reason == "Policy"
                        && issuing?.message?.hasSuffix(": not here") == true && status?.failedIssuanceAttempts == 1
                }
                try await cluster.eventually("the stored key is gone, and the request says that it failed") {
                    let secrets = try await cluster.client.listAll(
                        Secret.self, ListOptions(namespace: cluster.namespace))
                    let request = try await cluster.client.get(CertificateRequest.self, cluster.key("site-1"))
                    return !secrets.items.contains { $0.metadata.name.contains("next-key") }
                        && request.status?.failureTime != nil
                }
            }
        }
    }

    @Test("somebody else approves, and the certificate comes")
    func approvedByOthers() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(
                Manifest.all(
                    Manifest.issuer,
                    Manifest.certificate(annotations: "cert-manager.io/issue-temporary-certificate: \"true\"")))
            try await live(CertificateLife(approves: false), in: cluster) {
                try await cluster.eventually("a temporary certificate") {
                    try await cluster.client.find(Secret.self, cluster.key("site-tls"))?["tls.crt"] != nil
                }
                try await cluster.eventually("which is not called ready") {
                    let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
                    return status?.conditions[type: "Ready"]?.reason == "TemporaryCertificate"
                }
                let approval: JSONValue = ["status": ["conditions": [["type": "Approved", "status": "True"]]]]
                _ = try await cluster.client.mergePatch(
                    approval, of: CertificateRequest.self, cluster.key("site-1"), subresource: "status")
                try await cluster.eventually("ready") { try await cluster.isReady("site", revision: 1) }
            }
        }
    }

    @Test("what cannot be issued is told on the Certificate, and stops nobody else", arguments: refused)
    func refusals(_ refusal: Refusal) async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(
                Manifest.all(Manifest.issuer, refusal.objects, Manifest.certificate("good", secret: "good-tls")))
            try await live(in: cluster) {
                try await cluster.eventually("the problem is told") {
                    let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
                    let condition = status?.conditions[type: refusal.condition]
                    return condition?.status == .no && condition?.reason == refusal.reason
                        && condition?.message?.contains(refusal.message) == true
                }
                try await cluster.eventually("the other is ready") { try await cluster.isReady("good", revision: 1) }
            }
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var condition = "Ready"
        var reason = "InvalidSpec"
        var message: String
        var objects: String
        var testDescription: String { message }
    }

    static let refused: [Refusal] = [
        Refusal(
            message: "spec.keystores.jks: Required value",
            objects: Manifest.certificate("site", secret: "site-tls", "keystores: {jks: {create: true}}")),
        Refusal(
            message: "spec.duration: Invalid value: \"90d\"",
            objects: Manifest.certificate("site", secret: "site-tls", "duration: 90d")),
        Refusal(
            message: "spec.ipAddresses[1]: Invalid value: \"1.2.3.400\"",
            objects: Manifest.certificate("site", secret: "site-tls", "ipAddresses: [1.2.3.4, 1.2.3.400]")),
        Refusal(
            message: "spec.issuerRef.kind: Invalid value: \"Signer\"",
            objects: Manifest.certificate().replacing("{name: self}", with: "{name: self, kind: Signer}")),
        Refusal(
            condition: "Issuing", reason: "SecretNotWritten", message: "immutable",
            objects: Manifest.certificate() + """

                ---
                apiVersion: v1
                kind: Secret
                metadata: {name: site-tls}
                immutable: true
                data: {tls.crt: anVuaw==}
                """),
    ]

    @Test("a hundred names, names at their limits, and every kind of key")
    func extremes() async throws {
        let hundred = (1...100).map { "host-\($0).example.com" }.joined(separator: ", ")
        let long =
            Array(repeating: String(repeating: "a", count: 63), count: 3).joined(separator: ".") + "."
            + String(repeating: "b", count: 61)
        try await Cluster.withNamespace { cluster in
            var documents = [Manifest.issuer]
            for (name, algorithm) in [("site", "ECDSA, size: 521"), ("ed", "Ed25519"), ("rsa", "RSA, size: 3072")] {
                documents.append(
                    """
                    apiVersion: cert-manager.io/v1
                    kind: Certificate
                    metadata: {name: \(name)}
                    spec:
                      secretName: \(name)-tls
                      commonName: \(String(repeating: "c", count: 64))
                      dnsNames: [\(hundred), \(long)]
                      ipAddresses: ["::1", 10.0.0.1]
                      uris: ["spiffe://example.com/a"]
                      emailAddresses: [a@example.com]
                      isCA: true
                      usages: [server auth, client auth, cert sign]
                      subject: {organizations: [One, "Two, Ltd"], countries: [NZ], serialNumber: "7"}
                      privateKey: {algorithm: \(algorithm), encoding: PKCS8}
                      issuerRef: {name: self}
                    """)
            }
            try await cluster.apply(documents.joined(separator: "\n---\n"))
            try await live(in: cluster) {
                for name in ["site", "ed", "rsa"] {
                    try await cluster.eventually("\(name) is ready") { try await cluster.isReady(name, revision: 1) }
                }
            }
        }
    }

    @Test("the owner reference comes and goes with the flag")
    func ownerReference() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(Manifest.all(Manifest.issuer, Manifest.certificate()))
            var life = CertificateLife()
            life.settings.setsOwnerReference = true
            try await live(life, in: cluster) {
                try await cluster.eventually("ready") { try await cluster.isReady("site", revision: 1) }
            }
            #expect(try await secret(cluster).metadata.ownerReferences?.map(\.kind) == ["Certificate"])
            try await live(in: cluster) {
                try await cluster.eventually("the owner is taken away") {
                    try await secret(cluster).metadata.ownerReferences == nil
                }
            }
        }
    }

    @Test("a request made by a user waits for its key, and is signed when the key comes")
    func userRequest() async throws {
        try await Cluster.withNamespace { cluster in
            let key = try await PrivateKey.generate(.ecdsa(.p256))
            var extensions = CertificateExtensions()
            extensions.names = [.dns("a.example")]
            let signing = try await SigningRequest.make(
                subject: try DistinguishedName(commonName: "a.example"), extensions: extensions, key: key)
            try await cluster.apply(
                Manifest.all(
                    Manifest.issuer,
                    """
                    apiVersion: cert-manager.io/v1
                    kind: CertificateRequest
                    metadata: {name: mine, annotations: {cert-manager.io/private-key-secret-name: my-key}}
                    spec: {request: \(Base64.encode(Array(signing.pem.utf8))), issuerRef: {name: self}}
                    """))
            func ready() async throws -> Condition? {
                try await cluster.client.get(CertificateRequest.self, cluster.key("mine")).status?.conditions[
                    type: "Ready"]
            }
            try await live(in: cluster) {
                try await cluster.eventually("it waits") { try await ready()?.reason == "Pending" }
                var secret = Secret(metadata: ObjectMeta(name: "my-key", namespace: cluster.namespace))
                secret.data = ["tls.key": Base64Data(try key.pem(.pkcs8))]
                _ = try await cluster.client.create(secret)
                try await cluster.eventually("it is signed") { try await ready()?.reason == "Issued" }
            }
        }
    }
}
