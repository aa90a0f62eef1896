import CertificateAPI
import Controllers
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@Suite(
    "CertificateRequests on a real API server", .serialized, .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct CertificateRequestTests {
    private static let deadline = Duration.seconds(60)

    private func request(_ cluster: Cluster) async throws -> CertificateRequest? {
        try await cluster.client.find(CertificateRequest.self, cluster.key("site-1"))
    }

    @Test("a request of our name that a finalizer holds in its deletion does not hold up the Certificate")
    func heldByFinalizer() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(
                """
                apiVersion: cert-manager.io/v1
                kind: CertificateRequest
                metadata:
                  name: site-1
                  annotations: {cert-manager.io/certificate-name: site, cert-manager.io/certificate-revision: "1"}
                  finalizers: [example.com/hold]
                spec: {request: anVuaw==, issuerRef: {name: self}}
                """)
            try await cluster.client.delete(CertificateRequest.self, cluster.key("site-1"))
            try await cluster.apply(Manifest.all(Manifest.issuer, Manifest.certificate()))
            try await cluster.live {
                try await cluster.eventually("ready", within: Self.deadline) {
                    try await cluster.isReady("site", revision: 1)
                }
            }
            #expect(try await request(cluster)?.metadata.isBeingDeleted == true)
            // The namespace could not go otherwise.
            _ = try await cluster.client.mergePatch(
                ["metadata": ["finalizers": nil]], of: CertificateRequest.self, cluster.key("site-1"))
        }
    }

    @Test("an external issuer's request is approved, left to it, and its answer taken in its own words")
    func externalIssuer() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(
                Manifest.certificate().replacing(
                    "{name: self}", with: "{name: step, kind: StepIssuer, group: certmanager.step.example}"))
            try await cluster.live {
                try await cluster.eventually("approved", within: Self.deadline) {
                    try await request(cluster)?.status?.conditions.isTrue("Approved") == true
                }
                let asked = try #require(try await request(cluster))
                #expect(asked.status?.conditions?.map(\.type) == ["Approved"])
                let certificate = try await sign(asked)
                let answer: JSONValue = [
                    "status": [
                        "certificate": .string(Base64.encode(certificate)),
                        "conditions": .array(
                            try (asked.status?.conditions ?? []).map { try JSONValue(encoding: $0) } + [
                                ["type": "Ready", "status": "True", "reason": "Signed", "message": "here it is"]
                            ]),
                    ]
                ]
                _ = try await cluster.client.mergePatch(
                    answer, of: CertificateRequest.self, cluster.key("site-1"), subresource: "status")
                try await cluster.eventually("ready", within: Self.deadline) {
                    try await cluster.isReady("site", revision: 1)
                }
                let secret = try await cluster.client.get(Secret.self, cluster.key("site-tls"))
                #expect(secret["tls.crt"] == certificate && secret["ca.crt"] == nil)
            }
        }
    }

    /// As a CA of somebody else does.
    private func sign(_ request: CertificateRequest) async throws -> [UInt8] {
        let asked = try SigningRequest(pem: request.spec.request.bytes)
        var extensions = CertificateExtensions()
        extensions.names = asked.extensions.names
        let template = CertificateTemplate(
            subject: asked.subject, publicKey: asked.publicKey, notBefore: .now() - .seconds(60),
            notAfter: .now() + .seconds(86400), extensions: extensions)
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var authority = template
        authority.subject = try DistinguishedName(commonName: "somebody else's CA")
        authority.publicKey = key.publicKey
        authority.extensions = CertificateExtensions()
        authority.extensions.basicConstraints = BasicConstraints(isCA: true)
        let issuer = try await authority.signed(by: nil, key: key)
        return Array(try await template.signed(by: issuer, key: key).pem.utf8)
    }
}
