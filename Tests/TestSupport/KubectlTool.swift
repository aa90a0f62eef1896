import Subprocess
import SystemPackage

/// kubectl, against the cluster of this test run: what users type.
package enum KubectlTool {
    package static let isAvailable = TestPrograms.find("kubectl") != nil && Cluster.isAvailable

    /// What it printed. Throws what it complained of where it fails.
    @discardableResult
    package static func run(_ arguments: [String], input: String = "") async throws -> String {
        guard let program = TestPrograms.find("kubectl"), let kubeconfig = Cluster.kubeconfig else {
            throw TestServerError("no kubectl or no cluster")
        }
        let result = try await Subprocess.run(
            .path(FilePath(program)), arguments: Arguments(["--kubeconfig", kubeconfig] + arguments),
            input: try .file(of: input), output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
        guard result.terminationStatus.isSuccess else {
            throw TestServerError("kubectl \(arguments.joined(separator: " ")): \(result.standardError)")
        }
        return result.standardOutput
    }
}
