import KubeClient
import KubeModel
import Subprocess
import SystemPackage
import TestSupport
import Testing
import Wire

/// CA injection as users run it: from a Certificate that our controller issues into a webhook configuration.
@Suite("CA injection by the program", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct InjectionProgramTests {
    private static let webhooks = ResourceType(
        group: "admissionregistration.k8s.io", version: "v1", kind: "MutatingWebhookConfiguration",
        plural: "mutatingwebhookconfigurations", isNamespaced: false)

    @Test("one process issues a CA and injects it, and holds a lease for each")
    func together() async throws {
        try await inject { cluster, kubeconfig, body in
            let flags = [
                "--namespace=\(cluster.namespace)", "--with=cainjector", "--leader-elect=true",
                "--leader-election-namespace=\(cluster.namespace)",
            ]
            try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { process in
                try await body()
                for name in ["cert-manager-controller", "cert-manager-cainjector-leader-election"] {
                    let lease = try await cluster.client.get(Lease.self, cluster.key(name))
                    #expect(lease.spec?.holderIdentity?.isEmpty == false)
                }
                #expect(try await process.metrics().contains("controller=\"cainjector-mutatingwebhookconfigurations\""))
            }
        }
    }

    @Test("a process of its own injects what another issues")
    func apart() async throws {
        try await inject { cluster, kubeconfig, body in
            let flags = ["--namespace=\(cluster.namespace)"]
            try await ControllerProcess.run(kubeconfig: kubeconfig, flags: flags, over: cluster.transport) { _ in
                try await ControllerProcess.run(
                    "cainjector", kubeconfig: kubeconfig, flags: flags, over: cluster.transport
                ) { _ in try await body() }
            }
        }
    }

    private func inject(
        _ run: (Cluster, String, _ body: () async throws -> Void) async throws -> Void
    ) async throws {
        let kubeconfig = try #require(Cluster.kubeconfig)
        try await Cluster.withNamespace("inject") { cluster in
            let name = ObjectKey(name: cluster.namespace)
            do {
                try await cluster.apply(objects(cluster.namespace))
                try await run(cluster, kubeconfig) {
                    try await cluster.eventually("the CA is injected", within: .seconds(60)) {
                        let secret = try await cluster.client.find(Secret.self, cluster.key("ca"))
                        let object = try await cluster.client.send(.get(Self.webhooks, name))
                        guard let ca = secret?["ca.crt"] else { return false }
                        return object["webhooks"]?[0]?["clientConfig"]?["caBundle"]?.stringValue == Base64.encode(ca)
                    }
                }
            } catch {
                _ = try? await cluster.client.send(.delete(Self.webhooks, name))  // the first error is the one to tell
                throw error
            }
            _ = try await cluster.client.send(.delete(Self.webhooks, name))
        }
    }

    private func objects(_ name: String) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: self}
        spec: {selfSigned: {}}
        ---
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: authority}
        spec:
          isCA: true
          commonName: authority
          secretName: ca
          privateKey: {algorithm: ECDSA}
          issuerRef: {name: self}
        ---
        apiVersion: admissionregistration.k8s.io/v1
        kind: MutatingWebhookConfiguration
        metadata: {name: \(name), annotations: {cert-manager.io/inject-ca-from: \(name)/authority}}
        webhooks:
        - name: nothing.\(name).example.com
          clientConfig: {service: {name: nobody, namespace: \(name)}}
          rules: [{apiGroups: [\(name).example.com], apiVersions: [v1], operations: [CREATE], resources: [nothings]}]
          sideEffects: None
          admissionReviewVersions: [v1]
        """
    }

    @Test("a check that cannot succeed ends in time with 1, and says why")
    func check() async throws {
        let result = try await Subprocess.run(
            .path(FilePath(try ControllerProcess.program("certwright"))),
            arguments: [
                "check", "api", "--kubeconfig=\(try #require(Cluster.kubeconfig))", "--master=https://127.0.0.1:1",
                "--wait=1s", "--interval=100ms",
            ], output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
        #expect(result.terminationStatus == .exited(1))
        #expect(
            result.standardOutput == """
                Waiting: The API server does not answer: no connection can be made.
                Not ready: The API server does not answer: no connection can be made.

                """)
    }
}
