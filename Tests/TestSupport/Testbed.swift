import Subprocess
import SystemPackage

/// A control plane of a test's own, which it may break: `scripts/testbed/cluster`, about ten seconds to start.
///
/// A suite that needs one says `.enabled(if: Testbed.isAvailable, "\(Cluster.hint)")` and `.serialized`.
package struct Testbed: Sendable {
    /// Where the tools are there and a cluster is wanted at all.
    package static let isAvailable = Cluster.isAvailable && TestPrograms.find("kube-apiserver") != nil

    private let folder: String

    /// Starts a cluster with those options of `cluster up`, lends it with the definitions of `crds/` in it, and ends it.
    package static func run<R: Sendable>(
        _ options: [String] = [], _ body: (Testbed, Cluster) async throws -> R
    ) async throws -> R {
        let parent = try TemporaryFolder(named: "testbed")
        let testbed = Testbed(folder: parent.path("cluster"))
        do {
            try await testbed.command(["up"] + options)
            try await testbed.kubectl(["apply", "--validate=false", "-f", repository + "/crds"])
            let result = try await Cluster.withNamespace(kubeconfig: testbed.kubeconfig) { cluster in
                try await cluster.waitForDefinitions()
                return try await body(testbed, cluster)
            }
            try await testbed.end(parent)
            return result
        } catch {
            try? await testbed.end(parent)  // the first error is the one to tell
            throw error
        }
    }

    package var kubeconfig: String { folder + "/admin.kubeconfig" }

    /// A command of `scripts/testbed/cluster`: `["restart", "apiserver"]`, `["pause", "etcd"]`, `["fill"]`.
    package func command(_ arguments: [String]) async throws {
        try await run(Self.repository + "/scripts/testbed/cluster", arguments)
    }

    /// Runs the real kubectl as the admin; answers what it prints.
    @discardableResult
    package func kubectl(_ arguments: [String]) async throws -> String {
        guard let path = TestPrograms.find("kubectl") else { throw TestServerError("kubectl is not installed") }
        return try await run(path, arguments)
    }

    /// Has etcd forget what was before that version, as the API server has it do every five minutes.
    package func forget(before version: String) async throws {
        let endpoint = ". '\(folder)/env'; exec env ETCDCTL_API=3 etcdctl --endpoints=http://127.0.0.1:$etcd_port"
        try await run("/bin/sh", ["-c", "\(endpoint) compact --physical \(version)"])
    }

    @discardableResult
    private func run(_ program: String, _ arguments: [String]) async throws -> String {
        let result = try await Subprocess.run(
            .path(FilePath(program)), arguments: Arguments(arguments),
            environment: .inherit.updating(["TESTBED_RUN": folder, "KUBECONFIG": kubeconfig]),
            output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
        guard result.terminationStatus.isSuccess else {
            throw TestServerError("\(program) \(arguments.joined(separator: " ")): \(result.standardError)")
        }
        return result.standardOutput
    }

    private func end(_ parent: TemporaryFolder) async throws {
        try await command(["down"])
        parent.remove()
    }

    /// The checkout that these tests were built from.
    package static let repository = String(#filePath.dropLast("/Tests/TestSupport/Testbed.swift".count))
}
