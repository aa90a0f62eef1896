import Subprocess
import SystemPackage
import TestSupport
import Testing

@testable import certwright_fuzz

@Suite("Readers of untrusted bytes")
struct FuzzTests {
    @Test(
        "trap on nothing, and cost little, whatever they are given", arguments: FuzzTarget.all.map(\.name))
    func survives(name: String) async throws {
        let folder = try TemporaryFolder(named: "fuzz")
        defer { folder.remove() }
        let result = try await Subprocess.run(
            .path(FilePath(try ControllerProcess.program("certwright-fuzz"))),
            arguments: [
                "run", name, "--inputs", "2000", "--corpus", "\(Self.tests)/Fuzz/Corpus", "--keep", folder.root,
            ], output: .string(limit: 1 << 20), error: .combinedWithOutput)
        #expect(result.terminationStatus.isSuccess, "\(result.standardOutput)")
    }

    /// The folder Tests of this checkout.
    private static var tests: String {
        FilePath(#filePath).removingLastComponent().removingLastComponent().string
    }
}
