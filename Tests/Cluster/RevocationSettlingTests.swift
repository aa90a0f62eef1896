import ACME
import CertificateAPI
import HTTPTransport
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@Suite(
    "revoking settles, wherever the program dies",
    .enabled(if: Cluster.isAvailable && Pebble.isInstalled(.next), "\(Cluster.hint)"))
struct RevocationSettlingTests {
    /// A certificate that Pebble has issued, with its key and that of the account.
    private struct Issued {
        let leaf: X509Certificate
        let pem: String
        let key: PrivateKey
        let accountKey: PrivateKey
    }

    private static func issue(_ pebble: Pebble) async throws -> Issued {
        let server = ACMEServer(
            settings: .init(directoryURL: pebble.directoryURL, tls: pebble.tls, userAgent: "certwright-tests libcurl"),
            transport: Cluster.engine, time: SystemTime())
        let accountKey = try await PrivateKey.generate(.ecdsa(.p256))
        let account = try await server.newAccount(NewACMEAccount(agreesToTermsOfService: true), key: accountKey)
        let client = ACMEClient(server: server, accountURL: account.url, key: accountKey)
        var order = try await client.newOrder(NewACMEOrder(identifiers: [.dns("site.example")]))
        for url in order.authorizations {
            let offered = try await client.authorization(url).challenges
            let challenge = try #require(offered.first { $0.type == "http-01" })
            _ = try await client.respond(to: challenge.url)
        }
        while order.status == .pending {
            try await Task.sleep(for: .milliseconds(50))
            order = try await client.order(order.url)
        }
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns("site.example")]
        let request = try await SigningRequest.make(subject: .empty, extensions: extensions, key: key, algorithm: nil)
        order = try await client.finalize(order.finalize, orderURL: order.url, request: request)
        while order.certificate == nil {
            try await Task.sleep(for: .milliseconds(50))
            order = try await client.order(order.url)
        }
        let url = try #require(order.certificate)
        let chain = try await client.certificate(url)
        return Issued(leaf: chain.leaf, pem: chain.pem, key: key, accountKey: accountKey)
    }

    private static func objects(_ pebble: Pebble, _ issued: Issued) throws -> String {
        [
            """
            apiVersion: v1
            kind: Secret
            metadata: {name: account}
            data: {tls.key: \(Base64.encode(try issued.accountKey.pem(.pkcs8)))}
            """,
            """
            apiVersion: v1
            kind: Secret
            metadata:
              name: site-tls
              annotations:
                cert-manager.io/certificate-name: site
                cert-manager.io/issuer-name: acme
                cert-manager.io/issuer-kind: Issuer
                cert-manager.io/issuer-group: cert-manager.io
            type: kubernetes.io/tls
            data:
              tls.crt: \(Base64.encode(Array(issued.pem.utf8)))
              tls.key: \(Base64.encode(try issued.key.pem(.pkcs1)))
            """,
            Manifests.acmeIssuer(pebble, solver: Manifests.blindHTTP01),
            """
            apiVersion: cert-manager.io/v1
            kind: Certificate
            metadata:
              name: site
              annotations:
                certwright.dev/revoke: cessationOfOperation
                certwright.dev/revoke-reissue: never
            spec:
              secretName: site-tls
              dnsNames: [site.example]
              privateKey: {algorithm: ECDSA}
              issuerRef: {name: acme}
            """,
        ].joined(separator: "\n---\n")
    }

    @Test("a certificate is revoked as the annotation asks, once, and the status says so (R1, R4)")
    func settles() async throws {
        var options = Pebble.Options()
        options.version = .next
        options.validatesNothing = true
        options.refusedNoncesPercent = 0
        options.reusedAuthorizationsPercent = 0
        try await Pebble.run(options, over: Cluster.engine) { pebble in
            let issued = try await Self.issue(pebble)
            #expect(try await pebble.revocationReason(of: issued.leaf, over: Cluster.engine) == nil)
            let life = ProgramLife(flags: ["--preflight=off"], outside: Cluster.engine)
            let world = World("a wish to revoke", objects: try Self.objects(pebble, issued)) { cluster in
                let status = try await cluster.certificateStatus("site")
                return status?.conditions[type: "Revocation"]?.status == .yes
                    && status?.conditions[type: "Ready"]?.reason == "Revoked"
            }
            let writes = try await expectSettles(from: world) { client, namespace, pulse in
                try await life.run(client, namespace, pulse)
            }
            #expect(writes.count { $0.contains("/orders") } == 0, "\(writes)")
            #expect(try await pebble.revocationReason(of: issued.leaf, over: Cluster.engine) == 5)
        }
    }
}
