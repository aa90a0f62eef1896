import CertificateAPI
import HTTPTransport
import KubeClient
import KubeModel
import PKI
import Subprocess
import SystemPackage
import TestSupport
import Testing
import Wire

/// The commands that change something or ask somebody else, as a user types them, against real servers.
@Suite(
    "kubectl cert, command by command", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"), .timeLimit(.minutes(5)))
struct KubectlCertCommandTests {
    typealias Outcome = KubectlCertClusterTests.Outcome

    /// Those words and no others, in a folder of its own.
    static func run(
        _ arguments: [String], input: String = "", in folder: String = "/tmp"
    ) async throws -> Outcome {
        let program = try ControllerProcess.program("kubectl-cert")
        let result = try await Subprocess.run(
            .path(FilePath(program)), arguments: Arguments(arguments),
            environment: .inherit.updating(["KUBECONFIG": Cluster.kubeconfig ?? ""]),
            workingDirectory: FilePath(folder), input: try .file(of: input),
            output: .string(limit: 4 << 20),
            error: .string(limit: 1 << 20))
        var code: Int32 = -1
        if case .exited(let status) = result.terminationStatus { code = status }
        return Outcome(code: code, output: result.standardOutput, complaint: result.standardError)
    }

    private static let flags = ["--dns01-recursive-nameservers-only"]

    private static func manifests(_ pebble: Pebble, _ knot: Knot) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: acme, annotations: {certwright.dev/order-limit: "5/1h", certwright.dev/same-names-limit: "3/1h"}}
        spec:
          acme:
            server: \(pebble.directoryURL)
            caBundle: \(Base64.encode(pebble.certificatePEM))
            privateKeySecretRef: {name: account}
            solvers: [{dns01: {rfc2136: {nameserver: "\(knot.endpoint)"}}}]
        ---
        \(Manifests.certificate("site", issuer: "acme", names: "a.example.test"))
        ---
        \(Manifests.selfSigned)
        """
    }

    // MARK: Accounts, revocation, requests, what a server shows, plans

    @Test(
        "accounts, revocation, a request of one's own, a server's certificate, and a plan, with a real ACME CA",
        .enabled(if: Knot.isInstalled && Pebble.isInstalled(.next), "no Knot or Pebble: scripts/test installs them"))
    func acme() async throws {
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await Cluster.withNamespace("commands") { cluster in
            var dns = Knot.Options()
            dns.needsKey = false
            dns.zone = "test"
            dns.records = ["closed.example CAA 0 issue \"other.example\""]
            try await Knot.run(dns) { knot in
                var options = Pebble.Options()
                options.version = .next
                options.resolver = "\(knot.endpoint)"
                try await Pebble.run(options, over: cluster.transport) { pebble in
                    let flags = [
                        "--namespace=\(cluster.namespace)", "--dns01-recursive-nameservers=\(knot.endpoint)",
                    ]
                    try await ControllerProcess.run(
                        kubeconfig: kubeconfig, flags: flags + Self.flags, over: cluster.transport
                    ) { _ in
                        try await cluster.apply(Self.manifests(pebble, knot))
                        try await cluster.eventually("issued", within: .seconds(90)) {
                            try await cluster.certificateStatus("site")?.conditions.isTrue("Ready") == true
                        }
                        try await plan(cluster, knot)
                        try await server(cluster)
                        try await request(cluster)
                        try await revoke(cluster, pebble)
                        try await account(cluster)
                    }
                }
            }
        }
    }

    private func plan(_ cluster: Cluster, _ knot: Knot) async throws {
        let two = """
            \(Manifests.certificate("site", issuer: "acme", names: "a.example.test, b.example.test"))
            ---
            \(Manifests.certificate("other", issuer: "acme", names: "a.example.test"))
            ---
            \(Manifests.certificate("far", issuer: "acme", names: "closed.example.test"))
            """
        let plan = try await KubectlCertClusterTests.cert(
            cluster, "plan", "-f", "-", "--nameserver", "\(knot.endpoint)", "-o", "json", input: two)
        let items = try plan.json()["items"]?.arrayValue ?? []
        func texts(_ index: Int, _ label: String) -> [String] {
            guard items.indices.contains(index) else { return [] }
            return (items[index]["lines"]?.arrayValue ?? []).filter { $0["name"]?.stringValue == label }
                .compactMap { $0["text"]?.stringValue }
        }
        #expect(texts(0, "CA budget") == ["4 new orders left, of 5 in 60m"], "\(plan.output) \(plan.complaint)")
        #expect(
            texts(1, "CA budget") == [
                "3 new orders left, of 5 in 60m", "2 left for exactly these names, of 3 in 60m",
            ])
        #expect(texts(0, "Preflight") == ["nothing is in the way of the order"])
        #expect(texts(2, "Preflight").first?.hasPrefix("closed.example.test: ") == true)
        #expect(texts(2, "Preflight").first?.contains("allow only other.example") == true, "\(plan.output)")
        #expect(plan.code == 1, "an order that would fail is a problem")
        let quick = try await KubectlCertClusterTests.cert(
            cluster, "plan", "-f", "-", "--no-preflight",
            input: Manifests.certificate("x", issuer: "acme", names: "x.example.test"))
        #expect(quick.code == 0 && !quick.output.contains("Preflight"), "\(quick.output)")
    }

    /// A server that speaks TLS and nothing after it.
    private func server(_ cluster: Cluster) async throws {
        let secret = try await cluster.client.get(Secret.self, cluster.key("site-tls"))
        let folder = try TemporaryFolder(named: "server")
        defer { folder.remove() }
        try folder.write("tls.crt", try #require(secret["tls.crt"]))
        try folder.write("tls.key", try #require(secret["tls.key"]))
        let port = try FreePorts.take(1)[0]
        try await withProcess(
            "openssl",
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", folder.path("tls.crt"), "-cert_chain",
                folder.path("tls.crt"), "-key", folder.path("tls.key"), "-rev",
            ], log: folder.path("log")
        ) {
            try await cluster.eventually("it listens") { try folder.text("log").contains("ACCEPT") }
            let shown = try await KubectlCertClusterTests.cert(
                cluster, "inspect", "url", "a.example.test:\(port)", "--connect", "127.0.0.1", "--secret", "site-tls")
            // Nobody here trusts Pebble's root.
            #expect(shown.code == 1, "\(shown.complaint)")
            #expect(shown.output.contains("the server shows the certificate of \(cluster.namespace)/site-tls"))
            #expect(shown.output.contains("a.example.test") && shown.output.contains("Verified"))
            let plain = try await KubectlCertClusterTests.cert(cluster, "inspect", "url", "http://a.example.test")
            #expect(plain.code == 64)
        }
        let nobody = try await KubectlCertClusterTests.cert(
            cluster, "inspect", "url", "a.example.test:\(port)", "--connect", "127.0.0.1")
        #expect(nobody.code == 2 && nobody.complaint.contains("no connection could be made"))
    }

    private func request(_ cluster: Cluster) async throws {
        let folder = try TemporaryFolder(named: "request")
        defer { folder.remove() }
        try folder.write(
            "once.yaml", Array(Manifests.certificate("once", issuer: "acme", names: "a.example.test").utf8))
        let words = [
            "create", "certificaterequest", "once", "--from-certificate-file", "once.yaml", "--fetch-certificate",
            "--timeout", "90s", "-n", cluster.namespace,
        ]
        let made = try await Self.run(words, in: folder.root)
        #expect(made.code == 0, "\(made.output) \(made.complaint)")
        let key = try PrivateKey(pem: Array(try folder.text("once.key").utf8))
        let chain = try Chain.parse(pem: Array(try folder.text("once.crt").utf8))
        #expect(chain.first?.publicKey == key.publicKey)
        #expect(!made.output.contains("PRIVATE"))
        let again = try await Self.run(words, in: folder.root)
        #expect(again.code == 2 && again.complaint.contains("once.key cannot be written"))
        let verdict = try await KubectlCertClusterTests.cert(cluster, "deny", "once")
        #expect(verdict.code == 1 && verdict.complaint.contains("approved already"))
    }

    private func revoke(_ cluster: Cluster, _ pebble: Pebble) async throws {
        let old = try await cluster.leaf(in: "site-tls")
        let asked = try await KubectlCertClusterTests.cert(cluster, "revoke", "site", "--reason", "keyCompromise")
        #expect(asked.code == 1 && asked.complaint.contains("Say --yes to do it"))
        #expect(try await pebble.revocationReason(of: old, over: cluster.transport) == nil)
        let done = try await KubectlCertClusterTests.cert(
            cluster, "revoke", "site", "--reason", "keyCompromise", "--yes", "--timeout", "90s")
        #expect(done.code == 0, "\(done.output) \(done.complaint)")
        #expect(try await pebble.revocationReason(of: old, over: cluster.transport) == 1)
        let new = try await cluster.leaf(in: "site-tls")
        #expect(new != old)
        let own = try await KubectlCertClusterTests.cert(
            cluster, "revoke", "site", "--with-certificate-key", "--no-renew", "--yes")
        #expect(own.code == 0, "\(own.complaint)")
        #expect(try await pebble.revocationReason(of: new, over: cluster.transport) == 0)
        let unknown = try await KubectlCertClusterTests.cert(cluster, "revoke", "site", "--reason", "boredom", "--yes")
        #expect(unknown.code == 64)
    }

    private func account(_ cluster: Cluster) async throws {
        let shown = try await KubectlCertClusterTests.cert(cluster, "account", "show", "-o", "json")
        let own = (try shown.json()["items"]?.arrayValue ?? []).first { $0["kind"]?.stringValue == "Issuer" }
        #expect(own?["ready"] == true)
        #expect(own?["account"]?.stringValue?.hasPrefix("https://") == true)
        #expect(!shown.output.contains("PRIVATE"))
        let before = try await cluster.client.get(Secret.self, cluster.key("account"))
        let rolled = try await KubectlCertClusterTests.cert(cluster, "account", "rollover", "issuer/acme")
        #expect(rolled.code == 0, "\(rolled.complaint)")
        try await cluster.eventually("another key", within: .seconds(60)) {
            let now = try await cluster.client.get(Secret.self, cluster.key("account"))
            return now["tls.key"] != before["tls.key"] && now["tls.key.next"] == nil
        }
        let other = try await KubectlCertClusterTests.cert(cluster, "account", "rollover", "issuer/self")
        #expect(other.code == 1 && other.complaint.contains("is no ACME issuer"))
        let asked = try await KubectlCertClusterTests.cert(cluster, "account", "deactivate", "acme")
        #expect(asked.code == 1 && asked.complaint.contains("--yes"))
        let ended = try await KubectlCertClusterTests.cert(cluster, "account", "deactivate", "acme", "--yes")
        #expect(ended.code == 0, "\(ended.complaint)")
        try await cluster.eventually("ended", within: .seconds(60)) {
            let issuer = try await cluster.client.get(Issuer.self, cluster.key("acme"))
            return issuer.status?.conditions[type: "Ready"]?.message?.contains("was deactivated") == true
        }
    }

    // MARK: Without a CA

    @Test("requests that nobody has judged are approved and denied, once and for all")
    func verdicts() async throws {
        try await Cluster.withNamespace("commands") { cluster in
            let text = Base64.encode(Array(String(repeating: "none", count: 4).utf8))
            for name in ["one", "two"] {
                try await cluster.apply(
                    """
                    apiVersion: cert-manager.io/v1
                    kind: CertificateRequest
                    metadata: {name: \(name)}
                    spec: {request: \(text), issuerRef: {name: nowhere}}
                    """)
            }
            let yes = try await KubectlCertClusterTests.cert(
                cluster, "approve", "one", "--reason", "Checked", "--message", "ticket 4711")
            #expect(yes.code == 0, "\(yes.complaint)")
            let one = try await cluster.client.get(CertificateRequest.self, cluster.key("one"))
            let approved = one.status?.conditions[type: Condition.Kind.approved]
            #expect(approved?.reason == "Checked" && approved?.message == "ticket 4711" && approved?.status == .yes)
            #expect(try await KubectlCertClusterTests.cert(cluster, "approve", "one").output.contains("already"))
            #expect(try await KubectlCertClusterTests.cert(cluster, "deny", "one").code == 1)
            #expect(try await KubectlCertClusterTests.cert(cluster, "deny", "two").code == 0)
            let two = try await cluster.client.get(CertificateRequest.self, cluster.key("two"))
            #expect(two.status?.conditions.isTrue(Condition.Kind.denied) == true)
            #expect(try await KubectlCertClusterTests.cert(cluster, "approve", "two").code == 1)
            #expect(try await KubectlCertClusterTests.cert(cluster, "approve", "two", "--reason", "no word").code == 64)
            #expect(try await KubectlCertClusterTests.cert(cluster, "approve", "three").code == 1)
        }
    }

    @Test("an old manifest is converted into one that the API server takes")
    func convert() async throws {
        let old = """
            apiVersion: cert-manager.io/v1alpha2
            kind: Certificate
            metadata: {name: old}
            spec: {secretName: old, dnsNames: [old.example], organization: [Shop], keyAlgorithm: ecdsa, keySize: 256, issuerRef: {name: ca}}
            """
        let new = try await Self.run(["convert", "-f", "-"], input: old)
        #expect(new.code == 0, "\(new.complaint)")
        try await Cluster.withNamespace("commands") { cluster in
            try await cluster.apply(new.output)
            let stored = try await cluster.client.get(Certificate.self, cluster.key("old"))
            #expect(stored.spec.subject?.organizations == ["Shop"])
            #expect(stored.spec.privateKey?.algorithm == "ECDSA" && stored.spec.privateKey?.size == 256)
        }
        #expect(try await Self.run(["convert", "-f", "-", "--output-version", "x/v2"], input: old).code == 64)
        #expect(try await Self.run(["convert", "-f", "/nothing.yaml"]).code == 2)
    }

    @Test("shells and kubectl complete command lines, with names that the cluster knows")
    func completion() async throws {
        try await Cluster.withNamespace("commands") { cluster in
            try await cluster.apply(Manifests.certificate("shop", issuer: "ca", names: "shop.example"))
            let folder = try TemporaryFolder(named: "completion")
            defer { folder.remove() }
            let bash = try await Self.run(["completion", "bash"])
            try folder.write("cert.bash", Array(bash.output.utf8))
            let script = """
                source \(folder.path("cert.bash"))
                complete_with=$(complete -p kubectl-cert | sed 's/.*-F //;s/ .*//')
                COMP_WORDS=(kubectl-cert insp) COMP_CWORD=1 COMP_LINE='kubectl-cert insp' COMP_POINT=17
                $complete_with kubectl-cert insp kubectl-cert
                echo "${COMPREPLY[@]}"
                """
            let completed = try await Subprocess.run(
                .name("bash"), arguments: ["-c", script], output: .string(limit: 4096), error: .string(limit: 4096))
            #expect(completed.standardOutput == "inspect\n", "\(completed.standardError)")
            for shell in ["zsh", "fish"] {
                #expect(try await Self.run(["completion", shell]).output.contains("inspect"))
            }
            // As kubectl asks: the script that the documentation has users save calls this.
            #expect(try await Self.run(["completion", "kubectl"]).output.contains("kubectl-cert __complete"))
            let names = try await Self.run(["__complete", "why", "-n", cluster.namespace, "sh"])
            #expect(names.output == "shop\n:4\n")
            let commands = try await Self.run(["__complete", ""])
            #expect(commands.output.contains("dashboard\n") && commands.output.hasSuffix(":4\n"))
        }
    }

    @Test("the API is ready with a real webhook behind the API server, and not without")
    func check() async throws {
        try await Cluster.withNamespace("commands") { cluster in
            let without = try await KubectlCertClusterTests.cert(cluster, "check", "api")
            #expect(without.code == 1 && without.complaint.contains("Not ready:"), "\(without.output)")
        }
        try await WebhookClusterTests().withReplicas { cluster, replicas in
            for replica in replicas { try await replica.register() }
            let with = try await KubectlCertClusterTests.cert(
                cluster, "check", "api", "--wait", "30s", "--interval", "1s")
            #expect(with.code == 0, "\(with.complaint)")
            #expect(with.output == "The cert-manager API is ready\n")
        }
    }
}
