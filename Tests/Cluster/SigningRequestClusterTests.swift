import CertificateAPI
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

/// The program as it is started by default, and kubectl as users have it.
@Suite(
    "CertificateSigningRequests on a real API server",
    .enabled(if: KubectlTool.isAvailable, "needs kubectl and a cluster: scripts/test has both"))
struct SigningRequestClusterTests {
    private static let limit = Duration.seconds(60)

    private static func issuers(_ acme: Pebble) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: self}
        spec: {selfSigned: {}}
        ---
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: root}
        spec: {isCA: true, commonName: root, secretName: root, issuerRef: {name: self}}
        ---
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: ca}
        spec: {ca: {secretName: root}}
        ---
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: acme}
        spec:
          acme:
            server: \(acme.directoryURL)
            caBundle: \(Base64.encode(acme.certificatePEM))
            privateKeySecretRef: {name: account}
            profile: short
            solvers: [{http01: {ingress: {ingressClassName: none}}, waitInsteadOfSelfCheck: 10ms}]
        """
    }

    /// A user who may create CertificateSigningRequests, and reference the Issuers named in a namespace.
    private static func rights(_ user: String, in cluster: Cluster) -> String {
        """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: \(user)}
        rules: [{apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests], verbs: [create]}]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: \(user)}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: \(user)}
        subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: \(user)}]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {name: \(user), namespace: \(cluster.namespace)}
        rules: [{apiGroups: [cert-manager.io], resources: [signers], verbs: [reference], resourceNames: [ca, self, acme]}]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {name: \(user), namespace: \(cluster.namespace)}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: \(user)}
        subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: \(user)}]
        """
    }

    @Test(
        "CA, selfSigned and ACME issuers sign what is approved, for those who may reference them",
        .enabled(if: Pebble.isInstalled(.next), "needs Pebble: scripts/test has it"))
    func signs() async throws {
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await Cluster.withNamespace("csr") { cluster in
            var options = Pebble.Options()
            options.version = .next
            options.validatesNothing = true
            options.profiles = ["short": 86_400]
            try await Pebble.run(options, over: cluster.transport) { pebble in
                try await cluster.apply(Self.issuers(pebble))
                let flags = [
                    "--namespace=\(cluster.namespace)", "--cluster-resource-namespace=\(cluster.namespace)",
                ]
                try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { _ in
                    let run = Run(cluster: cluster)
                    do {
                        try await run.everything(rootOfACME: try await pebble.rootPEM(over: cluster.transport))
                    } catch {
                        try? await run.cleanUp()  // the first error is the one to tell
                        throw error
                    }
                    try await run.cleanUp()
                }
            }
        }
    }

    /// One run's users and requests, which have no namespace and so are named after this test's.
    private struct Run {
        let cluster: Cluster

        var jane: String { "\(cluster.namespace)-jane" }
        var john: String { "\(cluster.namespace)-john" }

        func everything(rootOfACME: [UInt8]) async throws {
            try await KubectlTool.run(["apply", "-f", "-"], input: rights(jane))
            // A user without the Role: it is only bound to jane.
            try await KubectlTool.run(
                ["create", "clusterrolebinding", john, "--clusterrole", jane, "--user", john])
            try await cluster.eventually("the issuers are ready", within: limit) {
                for name in ["ca", "self", "acme"] {
                    let status = try await cluster.client.get(Issuer.self, cluster.key(name)).status
                    guard status?.conditions.isTrue("Ready") == true else { return false }
                }
                return true
            }
            try await withCA()
            try await withOwnKey()
            try await withACME(rootOfACME)
            try await refused()
        }

        private func withCA() async throws {
            let name = try await request(
                "ca", as: jane, annotations: ["experimental.cert-manager.io/request-duration": "3h"])
            let certificate = try await certificate(name)
            let root = try await cluster.client.get(Secret.self, cluster.key("root"))
            let rootPEM = try #require(root["tls.crt"])
            #expect(try await verify(certificate, rootPEM))
            let text = try await OpenSSLTool.run(["x509", "-noout", "-text"], input: certificate).output
            #expect(text.contains("DNS:site.example.com"))
            #expect(text.contains("TLS Web Server Authentication"))
            let ends = try await OpenSSLTool.run(
                ["x509", "-noout", "-checkend", "\(3 * 3600 + 60)"], input: certificate)
            #expect(!ends.succeeded, "it ends within three hours: \(ends.output)")
        }

        private func withOwnKey() async throws {
            let key = Secret(
                metadata: ObjectMeta(name: "site-key", namespace: cluster.namespace),
                data: ["tls.key": Base64Data(try await Self.key.value.bytes)])
            _ = try await cluster.client.create(key)
            let annotation = ["experimental.cert-manager.io/private-key-secret-name": "site-key"]
            let certificate = try await certificate(request("self", as: jane, annotations: annotation))
            #expect(try await verify(certificate, certificate))
        }

        private func withACME(_ root: [UInt8]) async throws {
            let name = try await request("acme", as: jane)
            let certificate = try await certificate(name)
            #expect(try await verify(certificate, root))
            let orders = try await cluster.client.listAll(Order.self, ListOptions(namespace: cluster.namespace)).items
            #expect(orders.map(\.spec.profile) == ["short"])
            #expect(orders.map(\.metadata.controller?.kind) == ["CertificateSigningRequest"])
        }

        private func refused() async throws {
            let name = try await request("ca", as: john)
            try await cluster.eventually("who may not reference the issuer is refused", within: limit) {
                let request = try await cluster.client.get(CertificateSigningRequest.self, ObjectKey(name: name))
                return request.status?.conditions?.contains { $0.type == "Failed" && $0.reason == "DeniedReference" }
                    == true
            }
        }

        func cleanUp() async throws {
            try await KubectlTool.run(
                [
                    "delete", "--ignore-not-found", "--wait=false", "csr,clusterrole,clusterrolebinding", "-l",
                    "test=\(cluster.namespace)",
                ])
            try await KubectlTool.run(["delete", "--ignore-not-found", "clusterrolebinding", john, jane])
            try await KubectlTool.run(["delete", "--ignore-not-found", "clusterrole", jane])
        }

        // MARK: Steps

        private var limit: Duration { SigningRequestClusterTests.limit }
        private func rights(_ user: String) -> String { SigningRequestClusterTests.rights(user, in: cluster) }

        /// Made once: what it is for is the same every time.
        private static let key = Task { try await OpenSSLTool.run(["ecparam", "-genkey", "-name", "prime256v1"]) }

        /// Creates the request as a user and approves it as the admin; answers its name.
        private func request(
            _ issuer: String, as user: String, annotations: [String: String] = [:]
        ) async throws -> String {
            let signing = try await OpenSSLTool.run(
                [
                    "req", "-new", "-key", "@key", "-subj", "/", "-addext", "subjectAltName=DNS:site.example.com",
                ], files: ["key": try await Self.key.value.bytes])
            let name = "\(user)-\(issuer)"
            let manifest: JSONValue = [
                "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
                "metadata": [
                    "name": .string(name), "labels": ["test": .string(cluster.namespace)],
                    "annotations": .object(annotations.reduce(into: [:]) { $0[$1.key] = .string($1.value) }),
                ],
                "spec": [
                    "request": .string(Base64.encode(signing.bytes)),
                    "signerName": .string("issuers.cert-manager.io/\(cluster.namespace).\(issuer)"),
                    "usages": ["digital signature", "key encipherment", "server auth"],
                ],
            ]
            try await KubectlTool.run(
                ["create", "--as", user, "-f", "-"], input: String(decoding: manifest.serialized(), as: UTF8.self))
            try await KubectlTool.run(["certificate", "approve", name])
            return name
        }

        private func certificate(_ name: String) async throws -> [UInt8] {
            try await cluster.eventually("\(name) has its certificate", within: limit) {
                try await !KubectlTool.run(["get", "csr", name, "-o", "jsonpath={.status.certificate}"]).isEmpty
            }
            let request = try await cluster.client.get(CertificateSigningRequest.self, ObjectKey(name: name))
            return try #require(request.status?.certificate).bytes
        }

        private func verify(_ chain: [UInt8], _ root: [UInt8]) async throws -> Bool {
            let result = try await OpenSSLTool.run(
                ["verify", "-CAfile", "@root", "-untrusted", "@chain", "@chain"], files: ["root": root, "chain": chain])
            return result.succeeded
        }
    }
}

@Suite(
    "CertificateSigningRequests settle, wherever the program dies",
    .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct SigningRequestSettlingTests {
    private static func request(_ issuer: String) async throws -> String {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns("site.example")]
        let signing = try await SigningRequest.make(subject: .empty, extensions: extensions, key: key)
        return """
            apiVersion: certificates.k8s.io/v1
            kind: CertificateSigningRequest
            metadata: {name: "${namespace}", labels: {settles: "${namespace}"}}
            spec:
              request: \(Base64.encode(Array(signing.pem.utf8)))
              signerName: "issuers.cert-manager.io/${namespace}.\(issuer)"
              usages: [digital signature, key encipherment, server auth]
            """
    }

    /// One that was approved, with what its issuer needs; its end is a certificate with nothing left beside it.
    private func settle(
        _ description: String, _ objects: String..., issuer: String, flags: [String] = []
    ) async throws {
        let all = (objects + [try await Self.request(issuer)]).joined(separator: "\n---\n")
        var world = World(description, objects: all) { cluster in
            let key = ObjectKey(name: cluster.namespace)
            let request = try await cluster.client.get(CertificateSigningRequest.self, key)
            let failure = request.status?.conditions?.first { $0.type == "Failed" }
            if let failure { throw TestServerError(failure.message ?? "failed") }
            let isTidy = try await cluster.isTidy()
            return request.status?.certificate != nil && isTidy
        }
        world.clusterScoped = [CertificateSigningRequest.resource]
        world.prepare = { cluster in
            let approval: JSONValue = [
                "type": "Approved", "status": "True", "reason": "Test", "message": "Approved by the test",
            ]
            _ = try await cluster.client.mergePatch(
                ["status": ["conditions": [approval]]], of: CertificateSigningRequest.self,
                ObjectKey(name: cluster.namespace), subresource: "approval")
        }
        let life = ProgramLife(
            flags: ["--feature-gates=ExperimentalCertificateSigningRequestControllers=true"] + flags,
            outside: Cluster.engine)
        try await expectSettles(from: world, beginning: "/certificatesigningrequests") { client, namespace, pulse in
            try await life.run(client, namespace, pulse)
        }
    }

    @Test("one for a CA whose own certificate is made meanwhile")
    func ca() async throws {
        try await settle(
            "a CertificateSigningRequest for a CA", Manifests.selfSigned,
            Manifests.certificate("root", issuer: "self", names: "root.example", "isCA: true\n  commonName: root"),
            """
            apiVersion: cert-manager.io/v1
            kind: Issuer
            metadata: {name: ca}
            spec: {ca: {secretName: root-tls}}
            """, issuer: "ca")
    }

    @Test("one for an ACME issuer, by an Order of its own")
    func acme() async throws {
        var options = Pebble.Options()
        options.validatesNothing = true
        options.refusedNoncesPercent = 0
        options.reusedAuthorizationsPercent = 0
        try await Pebble.run(options, over: Cluster.engine) { pebble in
            try await settle(
                "a CertificateSigningRequest for an ACME issuer",
                Manifests.acmeIssuer(pebble, solver: Manifests.blindHTTP01), issuer: "acme",
                flags: ["--preflight=off"])
        }
    }
}
