import CertificateAPI
import HTTPTransport
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

/// The program as it is started by default, beside a real OpenBao that asks the real API server who logs in.
@Suite(
    "Vault issuers on a real API server",
    .enabled(
        if: Cluster.isAvailable && OpenBao.isInstalled && KubectlTool.isAvailable,
        "needs bao, kubectl and a cluster: scripts/test has them"))
struct VaultClusterTests {
    private static let limit = Duration.seconds(60)

    @Test(
        "Certificates and CertificateSigningRequests are signed by a service account's login, and go on after a refusal"
    )
    func kubernetesLogin() async throws {
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await Cluster.withNamespace("vault") { cluster in
            try await OpenBao.run(tls: true, over: cluster.transport) { bao in
                try await prepare(bao, cluster)
                try await cluster.apply(Self.manifests(bao, cluster))
                let flags = [
                    "--namespace=\(cluster.namespace)", "--cluster-resource-namespace=\(cluster.namespace)",
                ]
                try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { _ in
                    try await certificates(bao, cluster)
                    try await signingRequest(cluster)
                }
            }
        }
    }

    /// The role is bound to the account in this namespace, and to the issuer's own audience.
    private func prepare(_ bao: OpenBao, _ cluster: Cluster) async throws {
        try await bao.write(
            "pki/roles/web", ["allow_any_name": true, "key_type": "any", "require_cn": false, "max_ttl": "2400h"])
        try await bao.write("sys/auth/kubernetes", ["type": "kubernetes"])
        try await bao.write(
            "auth/kubernetes/config",
            [
                "kubernetes_host": .string(cluster.configuration.server), "disable_local_ca_jwt": true,
                "kubernetes_ca_cert": .string(String(decoding: Self.authority(cluster), as: UTF8.self)),
                "token_reviewer_jwt": .string(try await reviewer(cluster)),
            ])
        try await bao.write(
            "auth/kubernetes/role/web",
            [
                "bound_service_account_names": "vault-issuer",
                "bound_service_account_namespaces": .string(cluster.namespace),
                "audience": .string("vault://\(cluster.namespace)/vault"), "token_policies": "default,signer",
                "token_ttl": "20m",
            ])
    }

    private static func authority(_ cluster: Cluster) -> [UInt8] {
        switch cluster.configuration.tls.trust {
        case .only(let pem), .systemAnd(let pem): pem
        case .system, .insecure: []
        }
    }

    /// A token of an account that may have tokens reviewed.
    private func reviewer(_ cluster: Cluster) async throws -> String {
        try await cluster.apply(
            """
            apiVersion: v1
            kind: ServiceAccount
            metadata: {name: reviewer}
            ---
            apiVersion: v1
            kind: ServiceAccount
            metadata: {name: vault-issuer}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: {name: vault-issuer}
            rules: [{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [vault-issuer], verbs: [create]}]
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: {name: vault-issuer}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: vault-issuer}
            subjects: [{kind: ServiceAccount, name: certwright, namespace: cert-manager}]
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: \(cluster.namespace)-reviewer}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:auth-delegator"}
            subjects: [{kind: ServiceAccount, name: reviewer, namespace: \(cluster.namespace)}]
            """)
        let request = try TokenRequest.request(for: cluster.key("reviewer"), audiences: [], expirationSeconds: 3600)
        return try #require(try await cluster.client.send(request)["status"]?["token"]?.stringValue)
    }

    private static func manifests(_ bao: OpenBao, _ cluster: Cluster) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: vault}
        spec:
          vault:
            server: \(bao.url)
            path: pki/sign/web
            caBundle: \(Base64.encode(bao.authority ?? []))
            auth: {kubernetes: {role: web, serviceAccountRef: {name: vault-issuer}}}
        ---
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: site}
        spec:
          secretName: site-tls
          dnsNames: [site.example.com]
          privateKey: {algorithm: ECDSA}
          issuerRef: {name: vault}
        """
    }

    private func certificates(_ bao: OpenBao, _ cluster: Cluster) async throws {
        // The policy is not there yet: the issuer says which, and the request waits.
        try await cluster.eventually("the missing policy is named", within: Self.limit) {
            let status = try await cluster.client.get(Issuer.self, cluster.key("vault")).status
            let ready = status?.conditions[type: Condition.Kind.ready]
            return ready?.reason == "VaultError"
                && ready?.message?.contains("path \"pki/sign/web\" { capabilities = [\"create\", \"update\"] }") == true
        }
        try await bao.write(
            "sys/policies/acl/signer",
            ["policy": "path \"pki/sign/web\" { capabilities = [\"create\", \"update\"] }"])
        try await cluster.eventually("issued", within: Self.limit) {
            let status = try await cluster.client.get(Certificate.self, cluster.key("site")).status
            return status?.conditions.isTrue(Condition.Kind.ready) == true
        }
        let secret = try await cluster.client.get(Secret.self, cluster.key("site-tls"))
        let verified = try await OpenSSLTool.run(
            ["verify", "-CAfile", "@root", "@leaf"],
            files: ["root": try #require(secret["ca.crt"]), "leaf": try #require(secret["tls.crt"])])
        #expect(verified.succeeded, "\(verified.output)")
    }

    private func signingRequest(_ cluster: Cluster) async throws {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.names = [.dns("csr.example.com")]
        let csr = try await SigningRequest.make(
            subject: try DistinguishedName(commonName: "csr.example.com"), extensions: extensions, key: key)
        let name = "\(cluster.namespace)-csr"
        try await KubectlTool.run(
            ["apply", "-f", "-"],
            input: """
                apiVersion: certificates.k8s.io/v1
                kind: CertificateSigningRequest
                metadata: {name: \(name)}
                spec:
                  request: \(Base64.encode(Array(csr.pem.utf8)))
                  signerName: issuers.cert-manager.io/\(cluster.namespace).vault
                  usages: [digital signature, server auth]
                """)
        try await KubectlTool.run(["certificate", "approve", name])
        try await cluster.eventually("the signing request has its certificate", within: Self.limit) {
            let request = try await cluster.client.get(CertificateSigningRequest.self, ObjectKey(name: name))
            guard let pem = request.status?.certificate?.bytes, !pem.isEmpty else { return false }
            return try Chain.parse(pem: pem).first?.publicKey == key.publicKey
        }
        try await KubectlTool.run(["delete", "certificatesigningrequest", name])
        try await KubectlTool.run(["delete", "clusterrolebinding", "\(cluster.namespace)-reviewer"])
    }
}
