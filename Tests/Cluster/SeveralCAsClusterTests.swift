import CertificateAPI
import HTTPTransport
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

/// Two real CAs: what one cannot do the other does, and what is tried at one is done at the other.
@Suite(
    "Several CAs on a real API server",
    .enabled(if: Cluster.isAvailable && Knot.isInstalled && Pebble.isInstalled(.next), "\(Cluster.hint)"),
    .timeLimit(.minutes(5)))
struct SeveralCAsClusterTests {
    private static func issuer(
        _ name: String, _ pebble: Pebble, _ knot: Knot, _ annotations: [String: String] = [:]
    ) -> String {
        let written = annotations.map { "\"\($0.key)\": \"\($0.value)\"" }.sorted().joined(separator: ", ")
        return """
            apiVersion: cert-manager.io/v1
            kind: Issuer
            metadata: {name: \(name), annotations: {\(written)}}
            spec:
              acme:
                server: \(pebble.directoryURL)
                caBundle: \(Base64.encode(pebble.certificatePEM))
                privateKeySecretRef: {name: \(name)-account}
                solvers: [{dns01: {rfc2136: {nameserver: "\(knot.endpoint)"}}}]
            """
    }

    private static func pebbles(
        _ cluster: Cluster, blockedAtFirst: [String] = [],
        _ body: @escaping @Sendable (_ first: Pebble, _ second: Pebble, Knot) async throws -> Void
    ) async throws {
        var dns = Knot.Options()
        dns.needsKey = false
        try await Knot.run(dns) { knot in
            var options = Pebble.Options()
            options.version = .next
            options.resolver = "\(knot.endpoint)"
            options.refusedNoncesPercent = 5
            var blocked = options
            blocked.blockedDomains = blockedAtFirst
            try await Pebble.run(blocked, over: cluster.transport) { first in
                try await Pebble.run(options, over: cluster.transport) { second in
                    try await body(first, second, knot)
                }
            }
        }
    }

    private static func flags(_ knot: Knot) -> [String] {
        ["--dns01-recursive-nameservers=\(knot.endpoint)", "--dns01-recursive-nameservers-only"]
    }

    private static func controller(
        _ cluster: Cluster, _ knot: Knot, _ body: (ControllerProcess) async throws -> Void
    ) async throws {
        try await ControllerProcess.run(
            kubeconfig: try #require(Cluster.kubeconfig), flags: ["--namespace=\(cluster.namespace)"] + flags(knot),
            over: cluster.transport, body)
    }

    /// Whether the certificate in the Secret ends at that CA's root.
    private static func isFrom(_ pebble: Pebble, _ secret: String, _ cluster: Cluster) async throws -> Bool {
        let stored = try await cluster.client.get(Secret.self, cluster.key(secret))
        let chain = try Chain.parse(pem: try #require(stored["tls.crt"]))
        let root = try X509Certificate(pem: try await pebble.rootPEM(over: cluster.transport))
        return chain.last?.issuer == root.subject
    }

    private static func requests(_ cluster: Cluster) async throws -> [CertificateRequest] {
        try await cluster.client.listAll(CertificateRequest.self, ListOptions(namespace: cluster.namespace)).items
    }

    @Test("a name that the first CA does not certify is certified by the second, and it is said who was asked and why")
    func fallback() async throws {
        try await Cluster.withNamespace("fallback") { cluster in
            try await Self.pebbles(cluster, blockedAtFirst: ["blocked.example.test"]) { first, second, knot in
                try await Self.controller(cluster, knot) { _ in
                    try await cluster.apply(
                        """
                        \(Self.issuer("first", first, knot, [Names.Annotation.fallbackIssuers: "second"]))
                        ---
                        \(Self.issuer("second", second, knot))
                        ---
                        \(Manifests.certificate("refused", issuer: "first", names: "blocked.example.test"))
                        ---
                        \(Manifests.certificate("taken", issuer: "first", names: "free.example.test"))
                        """)
                    for name in ["refused", "taken"] {
                        try await cluster.eventually("\(name) issued", within: .seconds(90)) {
                            try await cluster.certificateStatus(name)?.conditions.isTrue(Condition.Kind.ready) == true
                        }
                    }
                    #expect(try await Self.isFrom(second, "refused-tls", cluster))
                    #expect(try await Self.isFrom(first, "taken-tls", cluster))
                    // The Secret belongs to the issuer that the Certificate names.
                    let secret = try await cluster.client.get(Secret.self, cluster.key("refused-tls"))
                    #expect(secret.metadata.annotations?["cert-manager.io/issuer-name"] == "first")
                    try await cluster.eventually("an Event says who is asked", within: .seconds(20)) {
                        try await KubectlTool.run([
                            "-n", cluster.namespace, "get", "events", "-o",
                            "jsonpath={range .items[*]}{.reason} {.message}{\"\\n\"}{end}",
                        ]).split(separator: "\n").contains { $0.hasPrefix("FallbackIssuer") && $0.contains("second") }
                    }
                }
            }
        }
    }

    @Test("a CA that went away is passed over once five requests in a row have failed")
    func outage() async throws {
        try await Cluster.withNamespace("outage") { cluster in
            try await Self.pebbles(cluster) { _, second, knot in
                // Whoever listened there is gone: an account that was made before makes the issuer ready.
                var options = Pebble.Options()
                options.version = .next
                options.resolver = "\(knot.endpoint)"
                options.refusedNoncesPercent = 0
                // Five attempts take more than a minute, all of it waiting.
                let life = ProgramLife(
                    flags: Self.flags(knot), outside: Cluster.engine, time: HurriedTime(times: 20))
                try await life.live(in: cluster) {
                    try await Pebble.run(options, over: cluster.transport) { doomed in
                        try await cluster.apply(
                            """
                            \(Self.issuer("first", doomed, knot, [Names.Annotation.fallbackIssuers: "second"]))
                            ---
                            \(Self.issuer("second", second, knot))
                            """)
                        for name in ["first", "second"] {
                            try await cluster.eventually("\(name) ready", within: .seconds(60)) {
                                try await cluster.client.get(Issuer.self, cluster.key(name)).status?.conditions
                                    .isTrue(Condition.Kind.ready) == true
                            }
                        }
                    }
                    try await cluster.apply(Manifests.certificate("site", issuer: "first", names: "out.example.test"))
                    try await cluster.eventually("issued by the second", within: .seconds(200)) {
                        try await cluster.certificateStatus("site")?.conditions.isTrue(Condition.Kind.ready) == true
                    }
                    #expect(try await Self.isFrom(second, "site-tls", cluster))
                }
            }
        }
    }

    @Test("the first order is rehearsed at a staging CA; what fails there never reaches the real one")
    func rehearsal() async throws {
        try await Cluster.withNamespace("rehearsal") { cluster in
            try await Self.pebbles(cluster, blockedAtFirst: ["wrong.example.test"]) { staging, real, knot in
                try await Self.controller(cluster, knot) { _ in
                    try await cluster.apply(
                        """
                        \(Self.issuer(
                            "real", real, knot,
                            [Names.Annotation.rehearsalIssuer: "staging", Names.Annotation.rehearse: "true"]))
                        ---
                        \(Manifests.certificate("good", issuer: "real", names: "good.example.test"))
                        ---
                        \(Manifests.certificate("wrong", issuer: "real", names: "wrong.example.test"))
                        """)
                    try await cluster.eventually("the issuer for the rehearsal is waited for", within: .seconds(60)) {
                        let waiting = try await Self.requests(cluster).filter { request in
                            let condition = request.status?.conditions?[type: Condition.Kind.ready]
                            return condition?.message?.contains("for the rehearsal is not there") == true
                        }
                        return waiting.count == 2
                    }
                    // Nothing else changes: that it is there now has to be heard.
                    try await cluster.apply(Self.issuer("staging", staging, knot))
                    try await cluster.eventually("issued", within: .seconds(90)) {
                        try await cluster.certificateStatus("good")?.conditions.isTrue(Condition.Kind.ready) == true
                    }
                    try await cluster.eventually("the rehearsal failed", within: .seconds(90)) {
                        try await Self.requests(cluster).contains { request in
                            request.metadata.name.hasPrefix("wrong")
                                && request.status?.conditions?[type: Condition.Kind.ready]?.message?.hasPrefix(
                                    "The rehearsal at Issuer \"staging\" failed") == true
                        }
                    }
                    #expect(try await Self.isFrom(real, "good-tls", cluster))
                    let orders = try await cluster.client.listAll(Order.self, ListOptions(namespace: cluster.namespace))
                        .items
                    let asked = Dictionary(grouping: orders) { $0.spec.dnsNames?.first ?? "" }
                        .mapValues { Set($0.map(\.spec.issuerRef.name)) }
                    #expect(asked["good.example.test"] == ["staging", "real"])
                    #expect(asked["wrong.example.test"] == ["staging"])
                    let status = try await cluster.certificateStatus("wrong")
                    #expect(status?.conditions.isTrue(Condition.Kind.ready) != true)
                }
            }
        }
    }
}
