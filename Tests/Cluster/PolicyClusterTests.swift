import CertificateAPI
import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

/// The program as it is started by default. Policies have no namespace: each selects this test's.
@Suite("Approval policies on a real API server", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct PolicyClusterTests {
    private static let limit = Duration.seconds(60)

    private static func certificate(_ name: String) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: \(name)}
        spec:
          secretName: \(name)
          dnsNames: [\(name).shop.example.com]
          privateKey: {algorithm: ECDSA}
          issuerRef: {name: self}
        """
    }

    @Test(
        "what a policy allows is issued, what it does not is denied with the reason, and the rest of the cluster is free"
    )
    func verdicts() async throws {
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await Cluster.withNamespace("policy") { cluster in
            let policy = """
                apiVersion: policy.certwright.dev/v1alpha1
                kind: CertificatePolicy
                metadata: {name: \(cluster.namespace)}
                spec:
                  selector: {namespaces: [\(cluster.namespace)]}
                  allowed: {dnsNames: [good.shop.example.com], privateKeys: [{algorithm: ECDSA}]}
                """
            try await cluster.apply(policy)
            try await cluster.apply(
                "{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: self}, spec: {selfSigned: {}}}")
            try await ControllerProcess.run(
                kubeconfig: kubeconfig, flags: ["--namespace=\(cluster.namespace)"], over: cluster.transport
            ) { _ in
                try await cluster.apply(Self.certificate("good"))
                try await cluster.apply(Self.certificate("bad"))
                try await cluster.eventually("the allowed one is issued", within: Self.limit) {
                    let status = try await cluster.client.get(Certificate.self, cluster.key("good")).status
                    return status?.conditions.isTrue(Condition.Kind.ready) == true
                }
                try await cluster.eventually("the other is denied", within: Self.limit) {
                    let request = try await cluster.client.find(CertificateRequest.self, cluster.key("bad-1"))
                    let denied = request?.status?.conditions[type: Condition.Kind.denied]
                    return denied?.message
                        == "CertificatePolicy \(cluster.namespace) does not allow the DNS name bad.shop.example.com"
                }
                #expect(try await cluster.client.find(Secret.self, cluster.key("bad")) == nil)
            }
            try await cluster.client.delete(CertificatePolicy.self, ObjectKey(name: cluster.namespace))
        }
    }
}
