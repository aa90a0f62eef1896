import CurlTransport
import Subprocess
import SystemPackage

/// Runs small programs of the system.
enum Shell {
    /// Whether it succeeded.
    static func run(_ path: String, _ arguments: [String]) async throws -> Bool {
        try await Subprocess.run(
            .path(FilePath(path)), arguments: Arguments(arguments), input: .none, output: .discarded, error: .discarded
        ).terminationStatus.isSuccess
    }
}

/// The real transport, running while `body` does.
func withCurl(_ body: (CurlTransport) async throws -> Void) async throws {
    let transport = CurlTransport(.init(userAgent: "tests"))
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await transport.run() }
        defer { transport.shutDown() }
        try await body(transport)
    }
}
