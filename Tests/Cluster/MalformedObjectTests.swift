import CertificateAPI
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

/// What people leave in a cluster, all in one namespace: each is told what is wrong with it, and nobody else suffers.
@Suite("malformed objects", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct MalformedObjectTests {
    private struct Refusal: Sendable {
        var issuer: String
        var spec: String
        /// What the Ready condition's message must hold.
        var message: String
    }

    private static let refusals = [
        Refusal(issuer: "ca-absent", spec: "ca: {secretName: absent}", message: "absent"),
        Refusal(issuer: "ca-junk", spec: "ca: {secretName: junk}", message: "tls.key"),
        Refusal(issuer: "ca-garbage", spec: "ca: {secretName: garbage}", message: "tls.key"),
        Refusal(issuer: "ca-mismatched", spec: "ca: {secretName: mismatched}", message: "is not the key"),
        Refusal(issuer: "ca-wrong-keys", spec: "ca: {secretName: wrong-keys}", message: "tls.key"),
        Refusal(issuer: "ca-empty", spec: "ca: {secretName: empty}", message: "tls.key"),
        Refusal(issuer: "ca-leaf", spec: "ca: {secretName: leaf}", message: "CA"),
        Refusal(
            issuer: "acme-url", spec: "acme: {server: nowhere, privateKeySecretRef: {name: a}, solvers: []}",
            message: "spec.acme.server"),
        Refusal(
            issuer: "acme-http",
            spec: "acme: {server: \"http://a.example\", privateKeySecretRef: {name: a}, solvers: []}",
            message: "https"),
        Refusal(
            issuer: "acme-key",
            spec: "acme: {server: \"https://a.example\", privateKeySecretRef: {name: garbage}, solvers: []}",
            message: "garbage"),
        Refusal(
            issuer: "acme-bundle",
            spec: """
                acme: {server: "https://a.example", caBundle: anVuaw==, privateKeySecretRef: {name: b}, solvers: []}
                """,
            message: ""),
        Refusal(issuer: "nothing", spec: "{}", message: ""),
        Refusal(issuer: "two-kinds", spec: "{selfSigned: {}, ca: {secretName: x}}", message: ""),
    ]

    @Test("Issuers and Certificates on broken Secrets are told so, and the others are issued")
    func everything() async throws {
        try await Cluster.withNamespace { cluster in
            try await makeSecrets(cluster)
            for refusal in Self.refusals {
                let spec = refusal.spec.hasPrefix("{") ? refusal.spec : "{\(refusal.spec)}"
                try await cluster.apply(
                    """
                    apiVersion: cert-manager.io/v1
                    kind: Issuer
                    metadata: {name: \(refusal.issuer)}
                    spec: \(spec)
                    """)
            }
            let good = Self.goodCertificates
            try await cluster.apply(
                ([Manifests.selfSigned] + good.map { Manifests.certificate($0.name, issuer: "self", names: $0.names) })
                    .joined(separator: "\n---\n"))
            try await ProgramLife(outside: Cluster.engine).live(in: cluster) {
                for certificate in good {
                    try await cluster.eventually("\(certificate.name) is issued", within: .seconds(60)) {
                        try await cluster.isDone(certificate.name)
                    }
                }
                for refusal in Self.refusals { try await expect(refusal, in: cluster) }
            }
            let annotation = try await cluster.client.get(Secret.self, cluster.key("unicode-tls")).metadata
                .annotations?[Names.Annotation.altNames]
            #expect(annotation == "xn--bcher-kva.example,*.xn--bcher-kva.example,xn--wgv71a.example")
        }
    }

    /// Certificates over Secrets that hold junk, and with names that are legal and unusual.
    private static let goodCertificates: [(name: String, names: String)] = [
        ("plain", "plain.example"), ("unicode", "bücher.example, \"*.bücher.example\", 日本.example"),
        ("hundred", (1...100).map { "h\($0).example" }.joined(separator: ", ")),
        ("over-junk", "junk.example"), ("over-garbage", "garbage.example"), ("over-mismatched", "m.example"),
        ("over-wrong-keys", "w.example"), ("over-empty", "e.example"),
    ]

    private func expect(_ refusal: Refusal, in cluster: Cluster) async throws {
        var found: Condition?
        do {
            try await cluster.eventually("\(refusal.issuer) is told what is wrong", within: .seconds(60)) {
                let issuer = try await cluster.client.get(Issuer.self, cluster.key(refusal.issuer))
                found = issuer.status?.conditions?.first { $0.type == "Ready" }
                return found?.status == .no
            }
        } catch {
            Issue.record("\(refusal.issuer): \(error); its condition is \(String(describing: found))")
        }
        let message = found?.message ?? ""
        #expect(
            message.contains(refusal.message) || refusal.message.isEmpty, "\(refusal.issuer): \(message)")
        #expect(!message.isEmpty, "\(refusal.issuer)")
    }

    /// Each once for an Issuer, and once for a Certificate that has it as its target.
    private func makeSecrets(_ cluster: Cluster) async throws {
        let (certificate, key) = try await Self.selfSigned(isCA: true)
        let (leaf, leafKey) = try await Self.selfSigned(isCA: false)
        let junk = Base64Data((0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        let text = Base64Data(utf8: "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n")
        let broken: [(String, [String: Base64Data])] = [
            ("junk", ["tls.crt": junk, "tls.key": junk]),
            ("garbage", ["tls.crt": text, "tls.key": text]),
            ("mismatched", ["tls.crt": certificate, "tls.key": leafKey]),
            ("wrong-keys", ["cert": certificate, "key": key]),
            ("empty", [:]),
        ]
        for (name, data) in broken + [("leaf", ["tls.crt": leaf, "tls.key": leafKey])] {
            try await make(name, data, cluster)
            if name != "leaf" { try await make("over-\(name)-tls", data, cluster) }
        }
    }

    private func make(_ name: String, _ data: [String: Base64Data], _ cluster: Cluster) async throws {
        var metadata = ObjectMeta(name: name, namespace: cluster.namespace)
        // Among those whose contents are looked at.
        metadata.labels = [Names.Label.filteredCache: "true"]
        _ = try await cluster.client.create(Secret(metadata: metadata, data: data))
    }

    private static func selfSigned(isCA: Bool) async throws -> (certificate: Base64Data, key: Base64Data) {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns("made.example")]
        if isCA { extensions.basicConstraints = BasicConstraints(isCA: true) }
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: "made"), publicKey: key.publicKey,
            notBefore: .now() - .seconds(60), notAfter: .now() + .seconds(86400), extensions: extensions)
        let certificate = try await template.signed(by: nil, key: key)
        return (Base64Data(utf8: certificate.pem), Base64Data(try key.pem(.pkcs8)))
    }

    @Test("an Issuer that is swapped for another has its Certificate issued anew, once")
    func swapped() async throws {
        try await Cluster.withNamespace { cluster in
            let other = Manifests.selfSigned.replacing("{name: self}", with: "{name: other}")
            try await cluster.apply(
                [Manifests.selfSigned, other, Manifests.certificate("site", issuer: "self", names: "site.example")]
                    .joined(separator: "\n---\n"))
            try await ProgramLife(outside: Cluster.engine).live(in: cluster) {
                try await cluster.eventually("issued", within: .seconds(60)) { try await cluster.isDone("site") }
                try await cluster.apply(Manifests.certificate("site", issuer: "other", names: "site.example"))
                try await cluster.eventually("issued by the other", within: .seconds(60)) {
                    let isDone = try await cluster.isDone("site")
                    return try await cluster.certificateStatus("site")?.revision == 2 && isDone
                }
                let secret = try await cluster.client.get(Secret.self, cluster.key("site-tls"))
                #expect(secret.metadata.annotations?["cert-manager.io/issuer-name"] == "other")
            }
        }
    }
}
