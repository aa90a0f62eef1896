import CertificateAPI
import Controllers
import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

/// Manifests of these tests.
enum Manifest {
    static let issuer = """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: self}
        spec: {selfSigned: {}}
        """

    /// `spec` holds further lines of the spec, flow style.
    static func certificate(
        _ name: String = "site", secret: String = "site-tls", _ spec: String = "", annotations: String = "note: kept"
    ) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: \(name), labels: {team: web}, annotations: {\(annotations)}}
        spec:
          secretName: \(secret)
          commonName: www.example.com
          dnsNames: [www.example.com, "*.example.com"]
          privateKey: {algorithm: ECDSA\(spec.contains("rotationPolicy") ? ", rotationPolicy: Never" : "")}
          issuerRef: {name: self}
          \(spec.contains("rotationPolicy") ? "" : spec)
        """
    }

    static func all(_ documents: String...) -> String { documents.joined(separator: "\n---\n") }
}

extension World {
    /// The Certificate `site` is Ready, and nothing of its making is left.
    static func ready(_ description: String, _ objects: String..., revision: Int = 1) -> World {
        World(description, objects: objects.joined(separator: "\n---\n")) { cluster in
            try await cluster.isReady("site", revision: revision)
        }
    }
}

extension Cluster {
    func isReady(_ name: String, revision: Int) async throws -> Bool {
        let status = try await client.get(Certificate.self, key(name)).status
        guard status?.conditions.isTrue("Ready") == true, status?.revision == revision,
            status?.conditions[type: "Issuing"] == nil, status?.nextPrivateKeySecretName == nil
        else { return false }
        let secrets = try await client.listAll(Secret.self, ListOptions(namespace: namespace)).items
        return !secrets.contains { $0.metadata.labels?[Names.Label.nextPrivateKey] != nil }
    }
}

@Suite(
    "Certificates settle, wherever their controller dies", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct CertificateSettlingTests {
    private func life(_ life: CertificateLife) -> ControllerLife {
        { client, namespace, pulse in try await life.run(client, namespace, pulse) }
    }

    @Test("an issuer that answers at once takes four writes")
    func atOnce() async throws {
        let world = World.ready("a new Certificate", Manifest.issuer, Manifest.certificate())
        let writes = try await expectSettles(from: world, life(CertificateLife()))
        #expect(writes.count == 4, "\(writes)")
    }

    @Test("an issuer that takes its time: key, request and answer apart")
    func apart() async throws {
        let world = World.ready("a new Certificate, step by step", Manifest.issuer, Manifest.certificate())
        try await expectSettles(from: world, life(CertificateLife(signsAtOnce: false)))
    }

    @Test("from worlds that others left", arguments: leftovers)
    func fromLeftovers(_ world: World) async throws {
        try await expectSettles(from: world, life(CertificateLife()))
    }

    @Test("the same worlds, step by step", arguments: leftovers)
    func fromLeftoversApart(_ world: World) async throws {
        try await expectSettles(from: world, life(CertificateLife(signsAtOnce: false)))
    }

    static let leftovers: [World] = [
        .ready(
            "a Secret of somebody else", Manifest.issuer, Manifest.certificate(),
            """
            apiVersion: v1
            kind: Secret
            metadata: {name: site-tls, labels: {theirs: "yes"}}
            data: {tls.crt: anVuaw==, tls.key: anVuaw==, other: anVuaw==}
            """),
        .ready(
            "a request that a backup brought back, of an owner that is no more", Manifest.issuer,
            Manifest.certificate(),
            """
            apiVersion: cert-manager.io/v1
            kind: CertificateRequest
            metadata:
              name: site-1
              annotations: {cert-manager.io/certificate-name: site, cert-manager.io/certificate-revision: "1"}
            spec: {request: anVuaw==, issuerRef: {name: self}}
            """),
        .ready(
            "a request of somebody else under our name", Manifest.issuer, Manifest.certificate(),
            """
            apiVersion: cert-manager.io/v1
            kind: CertificateRequest
            metadata: {name: site-1}
            spec: {request: anVuaw==, issuerRef: {name: elsewhere, kind: Signer, group: example.com}}
            """),
        .ready(
            "a key that is never rotated", Manifest.issuer,
            Manifest.certificate("site", secret: "site-tls", "rotationPolicy")),
        .ready(
            "another Certificate names the same Secret", Manifest.issuer, Manifest.certificate(),
            Manifest.certificate("zweit")),
    ]
}
