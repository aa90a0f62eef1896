import CertificateAPI
import KubeClient
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

/// A signer as third parties write them: a kind and a group of its own, which knows of CertificateRequests only what their
/// API says. It signs what is approved, refuses names that begin with `no`, and uses words of its own.
private struct SampleSigner: Sendable {
    static let group = "signers.example.org"
    let cluster: Cluster
    let root: X509Certificate
    let key: PrivateKey

    static let definition = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: sampleissuers.\(group)}
        spec:
          group: \(group)
          names: {kind: SampleIssuer, plural: sampleissuers, singular: sampleissuer, listKind: SampleIssuerList}
          scope: Namespaced
          versions:
            - name: v1
              served: true
              storage: true
              schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
        """

    init(_ cluster: Cluster) async throws {
        self.cluster = cluster
        key = try await PrivateKey.generate(.ecdsa(.p256))
        var extensions = CertificateExtensions()
        extensions.basicConstraints = BasicConstraints(isCA: true)
        extensions.keyUsage = [.certSign]
        let template = CertificateTemplate(
            subject: try DistinguishedName(commonName: "Sample root"), publicKey: key.publicKey,
            notBefore: .now() - .seconds(60), notAfter: .now() + .seconds(86_400 * 365), extensions: extensions)
        root = try await template.signed(by: nil, key: key)
    }

    func run() async throws {
        while true {
            let list = try await cluster.client.listAll(
                CertificateRequest.self, ListOptions(namespace: cluster.namespace))
            for request in list.items where isOpen(request) { try await answer(request) }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func isOpen(_ request: CertificateRequest) -> Bool {
        let reference = request.spec.issuerRef
        return reference.group == Self.group && reference.kind == "SampleIssuer"
            && request.status?.conditions.isTrue(Condition.Kind.approved) == true
            && request.status?.conditions[type: Condition.Kind.ready] == nil
    }

    private func answer(_ request: CertificateRequest) async throws {
        let csr = try SigningRequest(pem: request.spec.request.bytes)
        let conditions = try (request.status?.conditions ?? []).map { try JSONValue(encoding: $0) }
        var status: JSONValue
        if case .dns(let name)? = csr.extensions.names.first, name.hasPrefix("no") {
            status = [
                "failureTime": .string(Timestamp.now().wholeSeconds.rfc3339),
                "conditions": .array(
                    conditions + [
                        [
                            "type": "Ready", "status": "False", "reason": "Failed",
                            "message": "The sample signer says no",
                        ]
                    ]),
            ]
        } else {
            var extensions = CertificateExtensions()
            extensions.names = csr.extensions.names
            extensions.basicConstraints = BasicConstraints(isCA: false)
            let template = CertificateTemplate(
                subject: csr.subject, publicKey: csr.publicKey, notBefore: .now() - .seconds(60),
                notAfter: .now() + .seconds(86_400 * 30), extensions: extensions)
            let leaf = try await template.signed(by: root, key: key)
            status = [
                "certificate": .string(Base64.encode(Array(leaf.pem.utf8))),
                "ca": .string(Base64.encode(Array(root.pem.utf8))),
                "conditions": .array(
                    conditions + [["type": "Ready", "status": "True", "reason": "Signed", "message": "Here it is"]]),
            ]
        }
        _ = try await cluster.client.mergePatch(
            ["status": status], of: CertificateRequest.self, request.key, subresource: "status")
    }
}

@Suite("External issuers on a real API server", .enabled(if: KubectlTool.isAvailable, "\(Cluster.hint)"))
struct ExternalIssuerTests {
    private static let limit = Duration.seconds(60)

    private static func certificate(_ name: String) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: \(name)}
        spec:
          secretName: \(name)
          dnsNames: [\(name).example.com]
          privateKey: {algorithm: ECDSA}
          issuerRef: {name: sample, kind: SampleIssuer, group: \(SampleSigner.group)}
        """
    }

    @Test("a signer of another group signs what this program approves, and its refusal is told on the Certificate")
    func signs() async throws {
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await KubectlTool.run(["apply", "-f", "-"], input: SampleSigner.definition)
        try await Cluster.withNamespace("external") { cluster in
            let signer = try await SampleSigner(cluster)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await signer.run() }
                try await ControllerProcess.run(
                    kubeconfig: kubeconfig, flags: ["--namespace=\(cluster.namespace)"], over: cluster.transport
                ) { _ in try await expectations(cluster, signer) }
                group.cancelAll()
            }
        }
        try await KubectlTool.run(["delete", "customresourcedefinition", "sampleissuers.\(SampleSigner.group)"])
    }

    private func expectations(_ cluster: Cluster, _ signer: SampleSigner) async throws {
        try await cluster.apply(Self.certificate("fine"))
        try await cluster.apply(Self.certificate("nope"))
        try await cluster.eventually("issued", within: Self.limit) {
            let status = try await cluster.client.get(Certificate.self, cluster.key("fine")).status
            return status?.conditions.isTrue(Condition.Kind.ready) == true
        }
        let secret = try await cluster.client.get(Secret.self, cluster.key("fine"))
        #expect(secret["ca.crt"] == Array(signer.root.pem.utf8))
        #expect(secret.metadata.annotations?[Names.Annotation.issuerGroup] == SampleSigner.group)
        #expect(secret.metadata.annotations?[Names.Annotation.issuerKind] == "SampleIssuer")
        try await cluster.eventually("refused", within: Self.limit) {
            let status = try await cluster.client.get(Certificate.self, cluster.key("nope")).status
            let issuing = status?.conditions[type: "Issuing"]
            return issuing?.status == .no && issuing?.message?.contains("The sample signer says no") == true
        }
        // The status is the signer's: nobody else has written into it.
        let request = try await cluster.client.get(CertificateRequest.self, cluster.key("fine-1"))
        #expect(request.status?.conditions?.map(\.reason).contains("Signed") == true)
    }
}
