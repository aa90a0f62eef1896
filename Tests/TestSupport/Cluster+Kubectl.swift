import Subprocess
import SystemPackage

extension Cluster {
    /// Whether `kubectl` below can be used.
    package static let hasKubectl = isAvailable && TestPrograms.find("kubectl") != nil

    /// Runs the real kubectl as the admin, in this test's namespace; answers what it prints.
    @discardableResult
    package func kubectl(_ arguments: [String], input: String = "") async throws -> String {
        guard let path = TestPrograms.find("kubectl") else { throw TestServerError("kubectl is not installed") }
        let result = try await Subprocess.run(
            .path(FilePath(path)), arguments: Arguments(["--namespace", namespace] + arguments),
            environment: .inherit.updating(["KUBECONFIG": Self.kubeconfig ?? ""]), input: try .file(of: input),
            output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
        guard result.terminationStatus.isSuccess else {
            throw TestServerError("kubectl \(arguments.joined(separator: " ")): \(result.standardError)")
        }
        return result.standardOutput
    }
}
