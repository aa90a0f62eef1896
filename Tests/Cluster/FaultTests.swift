import CertificateAPI
import HTTPTransport
import HTTPTypes
import KubeClient
import KubeModel
import TestSupport
import Testing
import Wire

/// The program as users run it, on a control plane that fails in ways that real ones do.
@Suite("the controller outlives a failing control plane", .enabled(if: Testbed.isAvailable, "\(Cluster.hint)"))
struct FaultTests {
    static func certificate(_ name: String) -> String {
        """
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: \(name)}
        spec:
          secretName: \(name)
          commonName: \(name)
          privateKey: {algorithm: ECDSA}
          issuerRef: {name: self}
        """
    }

    /// Applies a Certificate, where the API server may still be coming up, and waits until it is Ready.
    static func issue(_ name: String, in cluster: Cluster) async throws {
        try await cluster.eventually("\(name) is applied", within: .seconds(90)) {
            try await cluster.apply(certificate(name))
            return true
        }
        try await cluster.eventually("\(name) is Ready", within: .seconds(90)) {
            try await cluster.certificateStatus(name)?.conditions?.isTrue("Ready") ?? false
        }
    }

    @Test("the API server restarts, etcd is gone for 20 s, etcd's disk is full: the same process goes on each time")
    func controlPlane() async throws {
        try await Testbed.run(["--etcd-disk", "192m"]) { testbed, cluster in
            try await cluster.apply(Manifests.selfSigned)
            try await ControllerProcess.run(kubeconfig: testbed.kubeconfig, over: cluster.transport) { controller in
                try await Self.issue("before", in: cluster)
                try await Self.restart(testbed, cluster, controller)
                try await Self.withoutEtcd(testbed, cluster, controller)
                try await Self.fullDisk(testbed, cluster)
                #expect(try await controller.health("/livez").status == .ok)
            }
        }
    }

    private static func restart(
        _ testbed: Testbed, _ cluster: Cluster, _ controller: ControllerProcess
    ) async throws {
        try await testbed.command(["stop", "apiserver"])
        try await cluster.eventually("the log says what is waited for", within: .seconds(60)) {
            try controller.log().contains("The API server could not be reached")
        }
        try await cluster.eventually("/readyz says what is waited for", within: .seconds(60)) {
            let answer = try await controller.health("/readyz")
            return answer.status == .internalServerError
                && String(decoding: answer.body, as: UTF8.self).contains("The API server could not be reached")
        }
        #expect(try await controller.health("/livez").status == .ok)
        try await testbed.command(["start", "apiserver"])
        try await issue("restarted", in: cluster)
        try await cluster.eventually("/readyz is well again", within: .seconds(60)) {
            try await controller.health("/readyz").status == .ok
        }
    }

    private static func withoutEtcd(
        _ testbed: Testbed, _ cluster: Cluster, _ controller: ControllerProcess
    ) async throws {
        let secret = cluster.key("before")
        // The controller has to write this Secret again, and cannot.
        try await cluster.client.delete(Secret.self, secret)
        try await testbed.command(["pause", "etcd"])
        try await Task.sleep(for: .seconds(20))
        #expect(try await controller.health("/livez").status == .ok)
        try await testbed.command(["resume", "etcd"])
        try await cluster.eventually("the Secret is back", within: .seconds(90)) {
            try await cluster.client.find(Secret.self, secret) != nil
        }
        try await issue("resumed", in: cluster)
    }

    private static func fullDisk(_ testbed: Testbed, _ cluster: Cluster) async throws {
        try await testbed.command(["fill"])
        try await writeUntilRefused(cluster)
        try await testbed.command(["drain"])
        try await issue("drained", in: cluster)
    }

    /// etcd has some pages left; large objects use them up, and then it ends.
    private static func writeUntilRefused(_ cluster: Cluster) async throws {
        let junk = Base64Data([UInt8](repeating: 7, count: 500_000))
        for number in 0..<300 {
            let metadata = ObjectMeta(name: "junk-\(number)", namespace: cluster.namespace)
            let request = Task {
                _ = try await cluster.client.create(Secret(metadata: metadata, data: ["junk": junk]))
            }
            // Where nobody answers, that is a refusal as well.
            let limit = Task {
                try? await Task.sleep(for: .seconds(10))
                request.cancel()
            }
            defer { limit.cancel() }
            guard case .success = await request.result else { return }
        }
        Issue.record("the disk did not fill up")
    }
}

/// The same controllers in this process, behind a connection that fails.
@Suite("the controllers outlive a bad connection", .enabled(if: Cluster.isAvailable, "\(Cluster.hint)"))
struct ConnectionTests {
    @Test("watches are cut mid-body, one request in four is refused with 429, all take their time: all is issued")
    func badConnection() async throws {
        try await Cluster.withNamespace { cluster in
            try await cluster.apply(Manifests.selfSigned)
            let number = Counter()
            let transport = FaultyTransport(
                cluster.transport,
                plan: { request in
                    if request.url.contains("watch=true") { return .cut(afterBytes: 20_000) }
                    switch number.next() % 8 {
                    case 1, 5: return Self.busy
                    case 3: return .delay(.milliseconds(700))
                    case 6: return .loseAnswer(.truncated("lost by the test"))
                    default: return nil
                    }
                })
            let names = (1...8).map { "site\($0)" }
            try await ProgramLife(outside: Cluster.engine).live(in: cluster, over: transport) {
                for name in names {
                    try await cluster.apply(Manifests.certificate(name, issuer: "self", names: "\(name).example"))
                }
                for name in names {
                    try await cluster.eventually("\(name) is issued", within: .seconds(90)) {
                        try await cluster.isDone(name)
                    }
                }
            }
            // Nothing was made twice.
            let requests = try await cluster.client.listAll(
                CertificateRequest.self, ListOptions(namespace: cluster.namespace)
            ).items
            #expect(requests.map(\.metadata.name).sorted() == names.map { "\($0)-1" })
        }
    }

    private static let busy: FaultyTransport.Fault = {
        var headers = HTTPFields()
        headers[.retryAfter] = "1"
        let body = #"{"kind":"Status","status":"Failure","reason":"TooManyRequests","code":429}"#
        return .answer(Response(head: ResponseHead(status: .tooManyRequests, headers: headers), body: Array(body.utf8)))
    }()
}
