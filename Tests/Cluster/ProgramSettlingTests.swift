import CertificateAPI
import DNSWire
import HTTPTransport
import KubeClient
import KubeModel
import NIOPosix
import PKI
import TestSupport
import Testing
import Wire

/// Manifests and looks that several suites share.
enum Manifests {
    static func certificate(_ name: String, issuer: String, names: String, _ more: String = "") -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: \(name)}
        spec:
          secretName: \(name)-tls
          dnsNames: [\(names)]
          privateKey: {algorithm: ECDSA}
          issuerRef: {name: \(issuer)}
          \(more)
        """
    }

    /// `solver` is the one entry of `solvers`, flow style.
    static func acmeIssuer(_ pebble: Pebble, solver: String) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: acme}
        spec:
          acme:
            server: \(pebble.directoryURL)
            caBundle: \(Base64.encode(pebble.certificatePEM))
            privateKeySecretRef: {name: account}
            solvers: [\(solver)]
        """
    }

    /// Real solver pods, Services and Ingresses; nobody looks whether they serve.
    static let blindHTTP01 = "{http01: {ingress: {ingressClassName: nobody}}, waitInsteadOfSelfCheck: 1ms}"
    static let selfSigned = """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: self}
        spec: {selfSigned: {}}
        """
}

extension Cluster {
    func certificateStatus(_ name: String) async throws -> Certificate.Status? {
        try await client.get(Certificate.self, key(name)).status
    }

    /// Whether the Certificate is Ready and nothing of its making is left.
    func isDone(_ name: String) async throws -> Bool {
        let status = try await client.find(Certificate.self, key(name))?.status
        guard let conditions = status?.conditions, conditions.isTrue("Ready"), conditions[type: "Issuing"] == nil else {
            return false
        }
        let challenges = try await client.listAll(Challenge.self, ListOptions(namespace: namespace)).items
        return try await isTidy() && challenges.isEmpty
    }

    /// Whether nothing that answers a challenge, none that waits for being cleaned up, and no key of an issuance under
    /// way is there.
    func isTidy() async throws -> Bool {
        let here = ListOptions(namespace: namespace)
        let challenges = try await client.listAll(Challenge.self, here).items
        guard challenges.allSatisfy({ $0.metadata.finalizers?.isEmpty ?? true }),
            // Where there are nodes, a pod takes its time to end.
            try await client.listAll(Pod.self, here).items.allSatisfy(\.metadata.isBeingDeleted),
            try await client.listAll(Service.self, here).items.isEmpty,
            try await client.listAll(
                Ingress.self, ListOptions(namespace: namespace, labelSelector: Names.Label.http01Solver)
            ).items.isEmpty
        else { return false }
        let keys = ListOptions(namespace: namespace, labelSelector: Names.Label.nextPrivateKey)
        return try await client.listAll(Secret.self, keys).items.isEmpty
    }
}

@Suite("the whole program settles, wherever it dies", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct ProgramSettlingTests {
    private static let transport = Cluster.engine
    /// For names that nobody has: whether DNS says so in time is chance.
    private static let blind = ["--preflight=off"]

    private func settle(_ world: World, beginning: String = "", flags: [String] = []) async throws {
        let life = ProgramLife(flags: flags, outside: Self.transport)
        try await expectSettles(from: world, beginning: beginning) { client, namespace, pulse in
            try await life.run(client, namespace, pulse)
        }
    }

    @Test("an Ingress that asks a CA of our own making, and a request that a user made")
    func atOnce() async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns("user.example")]
        let signing = try await SigningRequest.make(subject: .empty, extensions: extensions, key: key)
        let objects = [
            Manifests.selfSigned,
            Manifests.certificate("root", issuer: "self", names: "root.example", "isCA: true\n  commonName: root"),
            """
            apiVersion: cert-manager.io/v1
            kind: Issuer
            metadata: {name: ca}
            spec: {ca: {secretName: root-tls}}
            """,
            """
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: {name: shop, annotations: {cert-manager.io/issuer: ca}}
            spec:
              defaultBackend: {service: {name: shop, port: {number: 80}}}
              tls: [{hosts: [shop.example], secretName: shop-tls}]
            """,
            """
            apiVersion: cert-manager.io/v1
            kind: CertificateRequest
            metadata: {name: user}
            spec: {request: \(Base64.encode(Array(signing.pem.utf8))), issuerRef: {name: ca}}
            """,
        ]
        let world = World("an Ingress, a CA and a request", objects: objects.joined(separator: "\n---\n")) { cluster in
            let request = try await cluster.client.get(CertificateRequest.self, cluster.key("user"))
            let condition = request.status?.conditions[type: "Ready"]
            guard condition?.status == .yes else {
                if condition?.reason == "Failed" { throw TestServerError(condition?.message ?? "failed") }
                return false
            }
            let isDone = try await cluster.isDone("root")
            return try await cluster.isDone("shop-tls") && isDone
        }
        try await settle(world)
    }

    @Test("an ACME order for two names proved by http-01, which share a pod, a Service and an Ingress")
    func http01() async throws {
        var options = Pebble.Options()
        options.validatesNothing = true
        options.refusedNoncesPercent = 0
        options.reusedAuthorizationsPercent = 0
        try await Pebble.run(options, over: Self.transport) { pebble in
            let objects = [
                Manifests.acmeIssuer(pebble, solver: Manifests.blindHTTP01),
                Manifests.certificate("site", issuer: "acme", names: "site.example, shop.example"),
            ]
            try await settle(
                World("a Certificate of an ACME issuer", objects: objects.joined(separator: "\n---\n")) { cluster in
                    try await cluster.isDone("site")
                }, flags: Self.blind)
        }
    }

    @Test("an ACME order that fails for a name that nobody answers for")
    func failure() async throws {
        var options = Pebble.Options()
        options.refusedNoncesPercent = 0
        options.reusedAuthorizationsPercent = 0
        try await Pebble.run(options, over: Self.transport) { pebble in
            let objects = [
                Manifests.acmeIssuer(pebble, solver: Manifests.blindHTTP01),
                Manifests.certificate("site", issuer: "acme", names: "site.example"),
            ]
            try await settle(
                World("a name that is not ours", objects: objects.joined(separator: "\n---\n")) { cluster in
                    let status = try await cluster.certificateStatus("site")
                    let isTidy = try await cluster.isTidy()
                    return status?.failedIssuanceAttempts == 1 && isTidy
                }, beginning: "/challenges", flags: Self.blind)
        }
    }

    @Test("an ACME order for a name and its wildcard proved by dns-01: no record is left in the zone")
    func dns01() async throws {
        let secret = "azN5VDBrZW4tdHNpZy0wMTIzNDU2Nzg5YWJjZGVmMDE="
        var zone = Knot.Options()
        zone.keys = [Knot.Key(name: "k1", algorithm: "hmac-sha256", secret: secret)]
        try await Knot.run(zone) { knot in
            var options = Pebble.Options()
            options.refusedNoncesPercent = 0
            options.reusedAuthorizationsPercent = 0
            options.resolver = knot.endpoint.description
            try await Pebble.run(options, over: Self.transport) { pebble in
                try await settle(
                    Self.dns01World(pebble, knot, secret: secret), beginning: "/challenges",
                    flags: [
                        "--dns01-recursive-nameservers-only", "--dns01-recursive-nameservers=\(knot.endpoint)",
                    ])
            }
        }
    }

    private static func dns01World(_ pebble: Pebble, _ knot: Knot, secret: String) -> World {
        let solver = """
            {dns01: {rfc2136: {nameserver: "\(knot.endpoint)", tsigAlgorithm: HMACSHA256, tsigKeyName: k1, \
            tsigSecretSecretRef: {name: tsig, key: secret}}}}
            """
        let objects = [
            """
            apiVersion: v1
            kind: Secret
            metadata: {name: tsig}
            stringData: {secret: \(secret)}
            """,
            Manifests.acmeIssuer(pebble, solver: solver),
            Manifests.certificate(
                "site", issuer: "acme", names: "${namespace}.\(knot.zone), \"*.${namespace}.\(knot.zone)\""),
        ]
        let client = DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(5))
        return World("a Certificate proved by DNS", objects: objects.joined(separator: "\n---\n")) { cluster in
            guard try await cluster.isDone("site") else { return false }
            let name = try DNSName("_acme-challenge.\(cluster.namespace).\(knot.zone)")
            let answer = try await client.query(name, .txt, at: .plain(knot.endpoint))
            return answer.answers.isEmpty
        }
    }
}
