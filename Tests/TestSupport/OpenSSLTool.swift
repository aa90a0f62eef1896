import Subprocess
import SystemPackage

/// The openssl command line, as a second opinion. It reads everything from its standard input.
package enum OpenSSLTool {
    package struct Result: Sendable {
        package var succeeded: Bool
        package var output: String
        package var bytes: [UInt8]
    }

    package static func run(_ arguments: [String], input: [UInt8] = []) async throws -> Result {
        let result = try await Subprocess.run(
            .name("openssl"), arguments: Arguments(arguments),
            input: try .file(of: input), output: .bytes(limit: 1 << 20),
            error: .string(limit: 1 << 16))
        let output = result.standardOutput
        return Result(
            succeeded: result.terminationStatus.isSuccess,
            output: String(decoding: output, as: UTF8.self) + result.standardError, bytes: output)
    }

    /// Runs with each file in a new directory; "@name" in an argument becomes the path of that file, and the one of the
    /// name `standardInput` is what it reads.
    package static func run(
        _ arguments: [String], files: [String: [UInt8]], standardInput: String? = nil
    ) async throws -> Result {
        let directory = FilePath("/tmp/certwright-pki-\(UInt64.random(in: 0 ... .max))")
        let made = try await Subprocess.run(
            .name("mkdir"), arguments: [directory.string], output: .discarded)
        guard made.terminationStatus.isSuccess else {
            return Result(succeeded: false, output: "mkdir failed", bytes: [])
        }
        for (name, content) in files {
            let file = try FileDescriptor.open(
                directory.appending(name), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
            try file.closeAfter { _ = try file.writeAll(content) }
        }
        let path = directory.string
        let result = try await run(
            arguments.map { $0.hasPrefix("@") ? path + "/" + $0.dropFirst() : $0 },
            input: standardInput.flatMap { files[$0] } ?? [])
        _ = try await Subprocess.run(.name("rm"), arguments: ["-r", path], output: .discarded)
        return result
    }
}
