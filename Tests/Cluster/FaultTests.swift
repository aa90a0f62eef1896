import HTTPTypes
import CertificateAPI
import HTTPTransport
import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

/// The program as users run it, on a control plane that fails in ways that real ones do.
@Suite("the controller outlives a failing control plane", .enabled(if: Testbed.isAvailable, "\(Cluster.hint)"))
struct FaultTests {
    static func issuer(_ name: String = "issuer") -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Issuer
        metadata: {name: \(name)}
        spec: {selfSigned: {}}
        """
    }

    static func certificate(_ name: String) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: \(name)}
        spec:
          secretName: \(name)
          commonName: \(name)
          privateKey: {algorithm: ECDSA}
          issuerRef: {name: issuer}
        """
    }

    static func isReady(_ name: String, in cluster: Cluster) async throws -> Bool {
        let certificate = try await cluster.client.get(Certificate.self, cluster.key(name))
        return certificate.status?.conditions?.isTrue("Ready") ?? false
    }

    /// Applies a Certificate, where the API server may still be coming up, and waits until it is Ready.
    static func issue(_ name: String, in cluster: Cluster) async throws {
        try await cluster.eventually("\(name) is applied", within: .seconds(60)) {
            try await cluster.apply(certificate(name))
            return true
        }
        try await cluster.eventually("\(name) is Ready", within: .seconds(60)) { try await isReady(name, in: cluster) }
    }

    @Test("the API server restarts: the same process goes on")
    func apiServerRestarts() async throws {
        try await Testbed.run { testbed, cluster in
            try await cluster.apply(Self.issuer())
            try await ControllerProcess.run(kubeconfig: testbed.kubeconfig, over: cluster.transport) { controller in
                try await Self.issue("before", in: cluster)
                try await testbed.command(["restart", "apiserver"])
                try await Self.issue("after", in: cluster)
                #expect(try await controller.health("/livez").status == .ok)
            }
        }
    }

    @Test("etcd is gone for 20 s: what was asked for meanwhile is done when it is back")
    func etcdGone() async throws {
        try await Testbed.run { testbed, cluster in
            try await cluster.apply(Self.issuer())
            try await ControllerProcess.run(kubeconfig: testbed.kubeconfig, over: cluster.transport) { controller in
                try await Self.issue("before", in: cluster)
                let secret = cluster.key("before")
                // The controller has to write this Secret again, and cannot.
                try await cluster.client.delete(Secret.self, secret)
                try await testbed.command(["pause", "etcd"])
                try await Task.sleep(for: .seconds(20))
                try await testbed.command(["resume", "etcd"])
                try await cluster.eventually("the Secret is back", within: .seconds(60)) {
                    try await cluster.client.find(Secret.self, secret) != nil
                }
                try await Self.issue("after", in: cluster)
                #expect(try await controller.health("/livez").status == .ok)
            }
        }
    }

    @Test("etcd's disk is full: refused writes are made again when there is space")
    func diskFull() async throws {
        try await Testbed.run(["--etcd-disk", "160m"]) { testbed, cluster in
            try await cluster.apply(Self.issuer())
            try await ControllerProcess.run(kubeconfig: testbed.kubeconfig, over: cluster.transport) { controller in
                try await Self.issue("before", in: cluster)
                try await testbed.command(["fill"])
                try await Self.writeUntilRefused(cluster)
                try await testbed.command(["drain"])
                try await Self.issue("after", in: cluster)
                #expect(try await controller.health("/livez").status == .ok)
            }
        }
    }

    /// etcd has some pages left; large objects use them up.
    static func writeUntilRefused(_ cluster: Cluster) async throws {
        let junk = Base64Data([UInt8](repeating: 7, count: 500_000))
        for number in 0..<100 {
            let metadata = ObjectMeta(name: "junk-\(number)", namespace: cluster.namespace)
            do {
                _ = try await cluster.client.create(Secret(metadata: metadata, data: ["junk": junk]))
            } catch {
                return
            }
        }
        Issue.record("the disk did not fill up")
    }
}
